/**
 * Scalability structure of a VP9 payload descriptor (RFC 9628 4.2.1), read in place into an object
 * that is reused from packet to packet.
 */
import { readUint16 } from "#shared/rtp/rtp-header";

/** Spatial and temporal layers that three bits can name. */
export const MAX_LAYERS = 8;
/** Frame rate of all temporal layers together, which no descriptor tells. */
const FULL_FRAME_RATE = 30;

/** Scalability structure: what a stream consists of. Valid until the next packet is parsed. */
export class Vp9Structure {
  spatialLayers = 0;
  /** Temporal layers of the picture group, 0 without one. */
  temporalLayers = 0;
  /** By spatial layer: the smaller of width and height, 0 when it does not tell. */
  readonly heights = new Uint16Array(MAX_LAYERS);
  /** By temporal layer: frames a second of it and those below; without a group unknown (-1). */
  readonly frameRates = new Float64Array(MAX_LAYERS);

  /** Reads the structure at `at`; returns where it ends, -1 when it does not by `end`. */
  parse(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    const first = bytes[at]!;
    let p = at + 1;
    this.spatialLayers = (first >> 5) + 1;
    this.heights.fill(0);
    if ((first & 0x10) !== 0) {
      if (p + 4 * this.spatialLayers > end) return -1;
      for (let sid = 0; sid < this.spatialLayers; sid++) {
        const width = readUint16(bytes, p);
        const height = readUint16(bytes, p + 2);
        this.heights[sid] = Math.min(width, height);
        p += 4;
      }
    }
    this.temporalLayers = 0;
    this.frameRates.fill(-1);
    return (first & 0x08) === 0 ? p : this.#parseGroup(bytes, p, end);
  }

  #parseGroup(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    const size = bytes[at]!;
    const { frameRates } = this;
    frameRates.fill(0);
    let p = at + 1;
    for (let i = 0; i < size; i++) {
      if (p >= end) return -1;
      const picture = bytes[p]!;
      const tid = picture >> 5;
      frameRates[tid] = frameRates[tid]! + 1;
      if (tid >= this.temporalLayers) this.temporalLayers = tid + 1;
      p += 1 + ((picture >> 2) & 3);
    }
    for (let tid = 1; tid < MAX_LAYERS; tid++)
      frameRates[tid] = frameRates[tid]! + frameRates[tid - 1]!;
    for (let tid = 0; tid < MAX_LAYERS; tid++)
      frameRates[tid] = size === 0 ? -1 : (FULL_FRAME_RATE * frameRates[tid]!) / size;
    return p > end ? -1 : p;
  }
}
