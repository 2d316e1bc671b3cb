/**
 * Video layers allocation (header extension `video-layers-allocation00`, spec jvb-media 6.5): what a
 * sender says it sends, by simulcast stream, spatial and temporal layer.
 */

export const MAX_STREAMS = 4;
const MAX_SPATIAL = 4;
const MAX_TEMPORAL = 4;
/** Bytes of the longest number that is read: 35 bits, more than any bitrate has. */
const MAX_NUMBER_BYTES = 5;

/** Reused from packet to packet. */
export class LayersAllocation {
  /** Simulcast streams, 0 when nothing is sent. */
  streams = 0;
  /** By stream: its active spatial layers, bit by bit. */
  readonly spatialMask = new Uint8Array(MAX_STREAMS);
  /** By stream * 4 + spatial layer: its temporal layers. */
  readonly temporalLayers = new Uint8Array(MAX_STREAMS * MAX_SPATIAL);
  /** By (stream * 4 + spatial layer) * 4 + temporal layer: bits per second with those below. */
  readonly bitrateBps = new Float64Array(MAX_STREAMS * MAX_SPATIAL * MAX_TEMPORAL);
  /** The sender also told sizes and frame rates, by stream * 4 + spatial layer. */
  hasResolutions = false;
  readonly width = new Uint32Array(MAX_STREAMS * MAX_SPATIAL);
  readonly height = new Uint32Array(MAX_STREAMS * MAX_SPATIAL);
  readonly frameRate = new Uint8Array(MAX_STREAMS * MAX_SPATIAL);
  #at = 0;
  #end = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  /** False when the element is malformed. */
  parse(bytes: Uint8Array, at: number, length: number): boolean {
    this.streams = 0;
    this.hasResolutions = false;
    if (length < 1) return false;
    if (length === 1 && bytes[at] === 0) return true;
    this.#bytes = bytes;
    this.#at = at;
    this.#end = at + length;
    const streams = ((bytes[at]! >> 4) & 3) + 1;
    if (!this.#readMasks(streams) || !this.#readTemporal(streams)) return false;
    if (!this.#readBitrates(streams)) return false;
    if (this.#at < this.#end && !this.#readResolutions(streams)) return false;
    this.streams = streams;
    return true;
  }

  /** Whether a stream has the spatial layer `sid`. */
  has(stream: number, sid: number): boolean {
    return sid < MAX_SPATIAL && ((this.spatialMask[stream]! >> sid) & 1) === 1;
  }

  #readMasks(streams: number): boolean {
    const bytes = this.#bytes;
    const common = bytes[this.#at]! & 15;
    this.#at++;
    if (common !== 0) {
      this.spatialMask.fill(common, 0, streams);
      return true;
    }
    for (let i = 0; i < streams; i += 2) {
      if (this.#at >= this.#end) return false;
      const both = bytes[this.#at++]!;
      this.spatialMask[i] = both >> 4;
      if (i + 1 < streams) this.spatialMask[i + 1] = both & 15;
    }
    return true;
  }

  #readTemporal(streams: number): boolean {
    let shift = 6;
    for (let stream = 0; stream < streams; stream++) {
      for (let sid = 0; sid < MAX_SPATIAL; sid++) {
        if (!this.has(stream, sid)) continue;
        if (this.#at >= this.#end) return false;
        const layers = ((this.#bytes[this.#at]! >> shift) & 3) + 1;
        this.temporalLayers[stream * MAX_SPATIAL + sid] = layers;
        shift -= 2;
        if (shift >= 0) continue;
        shift = 6;
        this.#at++;
      }
    }
    if (shift < 6) this.#at++;
    return true;
  }

  #readBitrates(streams: number): boolean {
    for (let stream = 0; stream < streams; stream++) {
      for (let sid = 0; sid < MAX_SPATIAL; sid++) {
        if (!this.has(stream, sid)) continue;
        const place = stream * MAX_SPATIAL + sid;
        for (let tid = 0; tid < this.temporalLayers[place]!; tid++) {
          const kbps = this.#readNumber();
          if (kbps < 0) return false;
          this.bitrateBps[place * MAX_TEMPORAL + tid] = 1000 * kbps;
        }
      }
    }
    return true;
  }

  /** LEB128, -1 when it does not end. */
  #readNumber(): number {
    let value = 0;
    let weight = 1;
    for (let i = 0; i < MAX_NUMBER_BYTES; i++) {
      if (this.#at >= this.#end) return -1;
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * weight;
      if ((byte & 0x80) === 0) return value;
      weight *= 128;
    }
    return -1;
  }

  #readResolutions(streams: number): boolean {
    const bytes = this.#bytes;
    for (let stream = 0; stream < streams; stream++) {
      for (let sid = 0; sid < MAX_SPATIAL; sid++) {
        if (!this.has(stream, sid)) continue;
        const at = this.#at;
        if (at + 5 > this.#end) return false;
        const place = stream * MAX_SPATIAL + sid;
        this.width[place] = ((bytes[at]! << 8) | bytes[at + 1]!) + 1;
        this.height[place] = ((bytes[at + 2]! << 8) | bytes[at + 3]!) + 1;
        this.frameRate[place] = bytes[at + 4]!;
        this.#at = at + 5;
      }
    }
    this.hasResolutions = true;
    return true;
  }
}
