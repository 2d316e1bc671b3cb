/**
 * The frames of one camera as VP8 simulcast (RFC 7741): three temporal layers in the usual pattern
 * of four, sizes that vary around the rate, key frames at the start and when asked, payload
 * descriptors with a 15-bit picture id, TL0PICIDX and TID.
 */
import { type Seeded, seeded } from "./seeded.ts";

/** One encoding of a camera. */
export interface Encoding {
  readonly ssrc: number;
  readonly height: number;
  readonly bps: number;
}

export const FRAMES_PER_SECOND = 30;
/** Bytes of a packet's payload at most, descriptor included. */
export const MAX_PAYLOAD = 1100;
export const DESCRIPTOR_BYTES = 6;
const KEY_HEADER_BYTES = 10;
const DELTA_HEADER_BYTES = 3;
/** A key frame takes so many mean frames, and there is at most one each so often. */
const KEY_FRAME_SIZE = 6;
const KEY_FRAME_EVERY_MS = 300;
const temporalIds = [0, 2, 1, 2];
/** Share of the mean size by temporal layer; over one pattern the mean is 1. */
const sizes = [1.6, 1, 0.7];

/** One encoding while it is sent. */
export interface EncodingState {
  readonly encoding: Encoding;
  readonly random: Seeded;
  pictureId: number;
  tl0: number;
  /** Of the frame that is on its way. */
  frameBytes: number;
  packets: number;
  temporalId: number;
  keyFrame: boolean;
}

export class Vp8Camera {
  readonly encodings: readonly EncodingState[];
  #frame = -1;
  #asked = true;
  #lastKeyFrame = Number.NEGATIVE_INFINITY;
  keyFrames = 0;

  constructor(encodings: readonly Encoding[], seed: number) {
    this.encodings = encodings.map((encoding, at) => {
      const random = seeded(seed * 31 + at);
      return {
        encoding,
        random,
        pictureId: Math.floor(random() * 0x8000),
        tl0: Math.floor(random() * 256),
        frameBytes: 0,
        packets: 0,
        temporalId: 0,
        keyFrame: false,
      };
    });
  }

  /** A receiver asks; all encodings answer with their next frame. */
  requestKeyFrame(): void {
    this.#asked = true;
  }

  /** Makes the next frame of every encoding; `at` in ms. */
  nextFrame(at: number): void {
    this.#frame++;
    const keyFrame = this.#asked && at - this.#lastKeyFrame >= KEY_FRAME_EVERY_MS;
    if (keyFrame) {
      this.#asked = false;
      this.#lastKeyFrame = at;
      this.#frame = 0;
      this.keyFrames++;
    }
    const temporalId = temporalIds[this.#frame % temporalIds.length]!;
    for (const state of this.encodings) {
      const mean = state.encoding.bps / 8 / FRAMES_PER_SECOND;
      // Drawn for every frame, so that key frames do not change what comes after them.
      const varied = mean * sizes[temporalId]! * (0.8 + 0.4 * state.random());
      const bytes = Math.round(keyFrame ? mean * KEY_FRAME_SIZE : varied);
      const packets = Math.ceil(bytes / (MAX_PAYLOAD - DESCRIPTOR_BYTES - KEY_HEADER_BYTES));
      state.frameBytes = bytes;
      state.packets = packets;
      state.temporalId = temporalId;
      state.keyFrame = keyFrame;
      state.pictureId = (state.pictureId + 1) & 0x7fff;
      if (temporalId === 0) state.tl0 = (state.tl0 + 1) & 0xff;
    }
  }
}

/** Bytes of the frame in its packet `at` of all; they differ by one at most. */
export function packetBytes(state: EncodingState, at: number): number {
  const { frameBytes, packets } = state;
  return Math.floor(((at + 1) * frameBytes) / packets) - Math.floor((at * frameBytes) / packets);
}

/**
 * Writes the payload descriptor and, in the frame's first packet, the VP8 header; returns where the
 * rest begins.
 */
export function writeVp8Header(
  bytes: Uint8Array,
  at: number,
  state: EncodingState,
  packet: number,
): number {
  const { pictureId, tl0, temporalId, keyFrame } = state;
  const { height } = state.encoding;
  // X and S (only the first packet begins partition 0); N where nothing refers to the frame.
  bytes[at] = 0x80 | (packet === 0 ? 0x10 : 0) | (temporalId === 2 ? 0x20 : 0);
  bytes[at + 1] = 0xe0;
  bytes[at + 2] = 0x80 | (pictureId >> 8);
  bytes[at + 3] = pictureId & 0xff;
  bytes[at + 4] = tl0;
  // TID and Y: the frame depends on the base layer only.
  bytes[at + 5] = (temporalId << 6) | (temporalId === 0 ? 0 : 0x20);
  let next = at + DESCRIPTOR_BYTES;
  if (packet > 0) return next;
  const partition = Math.min(0x7ffff, state.frameBytes >> 2);
  bytes[next] = (keyFrame ? 0 : 1) | 0x10 | ((partition & 7) << 5);
  bytes[next + 1] = (partition >> 3) & 0xff;
  bytes[next + 2] = partition >> 11;
  next += DELTA_HEADER_BYTES;
  if (!keyFrame) return next;
  const width = (height * 16) / 9;
  bytes[next] = 0x9d;
  bytes[next + 1] = 0x01;
  bytes[next + 2] = 0x2a;
  bytes[next + 3] = width & 0xff;
  bytes[next + 4] = width >> 8;
  bytes[next + 5] = height & 0xff;
  bytes[next + 6] = height >> 8;
  return next + KEY_HEADER_BYTES - DELTA_HEADER_BYTES;
}

/**
 * Where what follows the descriptor begins, in a payload from `at` to `end`; -1 when it is none.
 */
export function endOfDescriptor(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  let next = at + 1;
  if ((first & 0x80) !== 0) {
    const fields = bytes[next++]!;
    if ((fields & 0x80) !== 0) next += (bytes[next]! & 0x80) !== 0 ? 2 : 1;
    if ((fields & 0x40) !== 0) next++;
    if ((fields & 0x30) !== 0) next++;
  }
  return next < end ? next : -1;
}
