/**
 * Frames of one VP8 SSRC as they arrive (spec jvb-media 7.2): facts that are the same for all
 * receivers and therefore kept once per stream. What each receiver decided about a frame is kept
 * by its projection under the frame's index.
 */
import { counterDelta, isNewerSeq, isNewerTimestamp, timestampDelta } from "#shared/rtp/arithmetic";
import type { FrameFacts, VideoPacket } from "./video-packet.ts";

const RING = 512;
/** Frames remembered, and the largest jump of picture ids that is no restart. */
export const FRAME_WINDOW = 500;
const MAX_TIMESTAMP_JUMP = 500 * 90_000 * 2;
/** Added to indices at a restart, so that nothing before it looks like a neighbour. */
const RESTART_GAP = 2 * RING;

const SEEN_START = 1;
const SEEN_END = 2;
const KEYFRAME = 4;

export class Vp8Frames implements FrameFacts {
  /** Index and picture id of the newest frame; -1 before the first. */
  latest = -1;
  #latestPictureId = 0;
  readonly #index = new Int32Array(RING).fill(-1);
  readonly #timestamp = new Int32Array(RING);
  readonly #earliest = new Uint16Array(RING);
  readonly #latestSeq = new Uint16Array(RING);
  readonly #flags = new Uint8Array(RING);
  readonly #tid = new Int8Array(RING);
  readonly #pictureId = new Uint16Array(RING);

  /**
   * Notes one packet and sets its `frame` fields. False when the packet must be dropped: same
   * picture id as another frame, or too old.
   */
  observe(packet: VideoPacket): boolean {
    packet.frames = this;
    packet.frameIsNew = false;
    packet.frameIsReset = false;
    if (this.latest < 0) {
      this.#insert(RING, packet);
      return true;
    }
    const delta = counterDelta(packet.pictureId, this.#latestPictureId, packet.pictureIdBits);
    const index = this.latest + delta;
    const newest = this.latest & (RING - 1);
    const movedOn =
      isNewerTimestamp(packet.timestamp, this.#timestamp[newest]!) ||
      isNewerSeq(packet.seq, this.#latestSeq[newest]!);
    const jump = Math.abs(timestampDelta(packet.timestamp, this.#timestamp[newest]!));
    const isFar = jump > MAX_TIMESTAMP_JUMP;
    if (this.has(index) && !isFar) return this.#extend(index, packet);
    if (delta > FRAME_WINDOW || (delta < 0 && movedOn) || isFar) {
      packet.frameIsReset = true;
      this.#insert(this.latest + RESTART_GAP, packet);
      return true;
    }
    if (delta < -FRAME_WINDOW) return false;
    this.#insert(index, packet);
    return true;
  }

  has(index: number): boolean {
    return this.#index[index & (RING - 1)] === index;
  }

  /** Index of the nearest older known frame within the window, or -1. */
  previous(index: number): number {
    const stop = Math.max(0, index - FRAME_WINDOW);
    for (let i = index - 1; i >= stop; i--) if (this.has(i)) return i;
    return -1;
  }

  /** Index of the nearest newer known frame, or -1. */
  following(index: number): number {
    for (let i = index + 1; i <= this.latest; i++) if (this.has(i)) return i;
    return -1;
  }

  timestamp(index: number): number {
    return this.#timestamp[index & (RING - 1)]!;
  }

  earliest(index: number): number {
    return this.#earliest[index & (RING - 1)]!;
  }

  latestSeq(index: number): number {
    return this.#latestSeq[index & (RING - 1)]!;
  }

  seenStart(index: number): boolean {
    return (this.#flags[index & (RING - 1)]! & SEEN_START) !== 0;
  }

  seenEnd(index: number): boolean {
    return (this.#flags[index & (RING - 1)]! & SEEN_END) !== 0;
  }

  isKeyframe(index: number): boolean {
    return (this.#flags[index & (RING - 1)]! & KEYFRAME) !== 0;
  }

  tid(index: number): number {
    return this.#tid[index & (RING - 1)]!;
  }

  pictureId(index: number): number {
    return this.#pictureId[index & (RING - 1)]!;
  }

  #insert(index: number, packet: VideoPacket): void {
    const slot = index & (RING - 1);
    this.#index[slot] = index;
    this.#timestamp[slot] = packet.timestamp;
    this.#earliest[slot] = packet.seq;
    this.#latestSeq[slot] = packet.seq;
    this.#flags[slot] = flagsOf(packet);
    this.#tid[slot] = packet.tid;
    this.#pictureId[slot] = packet.pictureId;
    packet.frame = index;
    packet.frameIsNew = true;
    if (index > this.latest) {
      this.latest = index;
      this.#latestPictureId = packet.pictureId;
    }
  }

  #extend(index: number, packet: VideoPacket): boolean {
    const slot = index & (RING - 1);
    if (this.#timestamp[slot] !== packet.timestamp) return false;
    if (isNewerSeq(this.#earliest[slot]!, packet.seq)) this.#earliest[slot] = packet.seq;
    if (isNewerSeq(packet.seq, this.#latestSeq[slot]!)) this.#latestSeq[slot] = packet.seq;
    this.#flags[slot] = this.#flags[slot]! | flagsOf(packet);
    packet.frame = index;
    return true;
  }
}

function flagsOf(packet: VideoPacket): number {
  return (
    (packet.startOfFrame ? SEEN_START : 0) |
    (packet.endOfFrame ? SEEN_END : 0) |
    (packet.keyframe ? KEYFRAME : 0)
  );
}
