/**
 * Frames of one SSRC as they arrive (spec jvb-media 7.2): facts that are the same for all receivers
 * and therefore kept once per stream. What each receiver decided about a frame is kept by its
 * projection under the frame's index.
 *
 * Frames are told apart by picture id (VP8) or frame number (described); a VP9 picture has a frame
 * for each of up to eight spatial layers.
 */
import { counterDelta, isNewerSeq, isNewerTimestamp, timestampDelta } from "#shared/rtp/arithmetic";
import type { FormId, FrameFacts, VideoPacket } from "./video-packet.ts";
import { Form } from "./video-packet.ts";

/** Frames remembered; a power of two. */
export const FRAME_RING = 512;
/** How far back neighbours are looked for, and the largest jump of frames that is no restart. */
const FRAME_WINDOW = 500;
const MAX_TIMESTAMP_JUMP = 500 * 90_000 * 2;
/** Added to indices at a restart, so that nothing before it looks like a neighbour. */
const RESTART_GAP = 2 * FRAME_RING;
/** Indices of one VP9 picture. */
const VP9_STRIDE = 8;

const SEEN_START = 1;
const SEEN_END = 2;
const KEYFRAME = 4;
/** The last frame of its picture. */
const LAST_OF_PICTURE = 8;

export class FrameHistory implements FrameFacts {
  /** Index of the newest frame; -1 before the first. */
  latest = -1;
  /** Picture id and first index of the newest picture. */
  #latestPictureId = 0;
  #latestPicture = 0;
  readonly #stride: number;
  readonly #index = new Int32Array(FRAME_RING).fill(-1);
  readonly #timestamp = new Int32Array(FRAME_RING);
  readonly #earliest = new Uint16Array(FRAME_RING);
  readonly #latestSeq = new Uint16Array(FRAME_RING);
  readonly #flags = new Uint8Array(FRAME_RING);
  readonly #tid = new Int8Array(FRAME_RING);
  readonly #pictureId = new Uint16Array(FRAME_RING);
  readonly #targets: Int32Array | undefined;

  readonly #base: number;

  /**
   * For packets of one form other than `generic`. Indices begin behind `after`, so that projections
   * take no frame for one of a history that was given up.
   */
  constructor(form: FormId, after = -1) {
    this.#base = RESTART_GAP * (Math.floor(after / RESTART_GAP) + 2);
    this.#stride = form === Form.vp9 ? VP9_STRIDE : 1;
    this.#targets = form === Form.described ? new Int32Array(FRAME_RING) : undefined;
  }

  /**
   * Notes one packet and sets its `frame` fields. False when the packet must be dropped: same
   * picture id as another frame, or too old.
   */
  observe(packet: VideoPacket): boolean {
    packet.frames = this;
    packet.frameIsNew = false;
    packet.frameIsReset = false;
    const layer = this.#stride === 1 ? 0 : Math.max(0, packet.sid);
    if (this.latest < 0) {
      this.#insert(this.#base, layer, packet);
      return true;
    }
    const delta = counterDelta(packet.pictureId, this.#latestPictureId, packet.pictureIdBits);
    const picture = this.#latestPicture + delta * this.#stride;
    const newest = this.latest & (FRAME_RING - 1);
    const movedOn =
      isNewerTimestamp(packet.timestamp, this.#timestamp[newest]!) ||
      isNewerSeq(packet.seq, this.#latestSeq[newest]!);
    const jump = Math.abs(timestampDelta(packet.timestamp, this.#timestamp[newest]!));
    const isFar = jump > MAX_TIMESTAMP_JUMP;
    if (this.has(picture + layer) && !isFar) return this.#extend(picture + layer, packet);
    const distance = picture - this.#latestPicture;
    if (distance > FRAME_WINDOW || (distance < 0 && movedOn) || isFar) {
      packet.frameIsReset = true;
      this.#insert(this.#latestPicture + RESTART_GAP, layer, packet);
      return true;
    }
    if (distance < -FRAME_WINDOW || this.#isOfAnotherPicture(picture, packet)) return false;
    this.#insert(picture, layer, packet);
    return true;
  }

  has(index: number): boolean {
    return this.#index[index & (FRAME_RING - 1)] === index;
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

  adjacent(older: number, newer: number): boolean {
    if (newer === older + 1) return true;
    if (this.#stride === 1 || (newer & (VP9_STRIDE - 1)) !== 0) return false;
    const isLast = (this.#flags[older & (FRAME_RING - 1)]! & LAST_OF_PICTURE) !== 0;
    return isLast && newer - older <= VP9_STRIDE;
  }

  timestamp(index: number): number {
    return this.#timestamp[index & (FRAME_RING - 1)]!;
  }

  earliest(index: number): number {
    return this.#earliest[index & (FRAME_RING - 1)]!;
  }

  latestSeq(index: number): number {
    return this.#latestSeq[index & (FRAME_RING - 1)]!;
  }

  seenStart(index: number): boolean {
    return (this.#flags[index & (FRAME_RING - 1)]! & SEEN_START) !== 0;
  }

  seenEnd(index: number): boolean {
    return (this.#flags[index & (FRAME_RING - 1)]! & SEEN_END) !== 0;
  }

  isKeyframe(index: number): boolean {
    return (this.#flags[index & (FRAME_RING - 1)]! & KEYFRAME) !== 0;
  }

  tid(index: number): number {
    return this.#tid[index & (FRAME_RING - 1)]!;
  }

  pictureId(index: number): number {
    return this.#pictureId[index & (FRAME_RING - 1)]!;
  }

  targets(index: number): number {
    return this.#targets === undefined ? 0 : this.#targets[index & (FRAME_RING - 1)]!;
  }

  /** The id is taken by a picture of another time. */
  #isOfAnotherPicture(picture: number, packet: VideoPacket): boolean {
    if (this.#stride === 1) return false;
    for (let i = picture; i < picture + this.#stride; i++)
      if (this.has(i) && this.timestamp(i) !== packet.timestamp) return true;
    return false;
  }

  #insert(picture: number, layer: number, packet: VideoPacket): void {
    const index = picture + layer;
    const slot = index & (FRAME_RING - 1);
    this.#index[slot] = index;
    this.#timestamp[slot] = packet.timestamp;
    this.#earliest[slot] = packet.seq;
    this.#latestSeq[slot] = packet.seq;
    this.#flags[slot] = flagsOf(packet);
    this.#tid[slot] = packet.tid;
    this.#pictureId[slot] = packet.pictureId;
    const { descriptor } = packet;
    if (this.#targets !== undefined && descriptor !== undefined)
      this.#targets[slot] = descriptor.hasFrame ? descriptor.present : 0;
    packet.frame = index;
    packet.frameIsNew = true;
    if (index <= this.latest) return;
    this.latest = index;
    this.#latestPicture = picture;
    this.#latestPictureId = packet.pictureId;
  }

  #extend(index: number, packet: VideoPacket): boolean {
    const slot = index & (FRAME_RING - 1);
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
    (packet.keyframe ? KEYFRAME : 0) |
    (packet.marker ? LAST_OF_PICTURE : 0)
  );
}
