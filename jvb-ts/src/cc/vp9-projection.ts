/**
 * Projects the VP9 encodings of one source onto one stream for one receiver (spec jvb-media 7.4):
 * simulcast, spatial layers of one encoding (SVC, k-SVC) and temporal layers. Picture ids and
 * TL0PICIDX go on linearly, with the gaps of what was filtered out.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { FrameFacts, VideoPacket } from "../media/video-packet.ts";
import { LinearProjection } from "./linear-projection.ts";
import type { RtpState } from "./rtp-state.ts";
import { Vp9QualityFilter } from "./vp9-quality-filter.ts";

/** Indices of one picture, see `FrameHistory`. */
const STRIDE = 8;
/** Pictures that a temporal layer's reference is looked for in: no pattern is longer. */
const MAX_PATTERN = 16;
const PICTURE_ID_MASK = 0x7fff;
const MARK = 1;

export class Vp9Projection {
  outSeq = 0;
  timestampDelta = 0;
  outPictureId = -1;
  outTl0 = -1;
  setsMarker = false;
  readonly templateShift = 0;
  readonly writesTargets = false;
  readonly activeTargets = 0;
  readonly #state: RtpState;
  readonly #filter = new Vp9QualityFilter();
  readonly #linear: LinearProjection;
  #targetIndex = -1;

  constructor(state: RtpState) {
    this.#state = state;
    this.#linear = new LinearProjection(state);
  }

  get currentEncoding(): number {
    return this.#filter.currentEncoding;
  }

  get needsKeyframe(): boolean {
    const { currentEncoding, needsKeyframe } = this.#filter;
    const { lastEncoding } = this.#linear;
    return (
      needsKeyframe ||
      lastEncoding < 0 ||
      (currentEncoding >= 0 && currentEncoding !== lastEncoding)
    );
  }

  setTarget(index: number): void {
    this.#targetIndex = index;
    if (index < 0) this.#filter.suspend();
  }

  /** `packet.frames` must be set. */
  project(packet: VideoPacket, now: Millis): boolean {
    if (packet.frameIsNew && !this.#decide(packet, packet.frames!, now)) return false;
    const linear = this.#linear;
    if (!linear.pass(packet)) return false;
    this.outSeq = linear.outSeq;
    this.timestampDelta = linear.timestampDelta;
    this.outPictureId = (packet.pictureId + linear.idShift) & PICTURE_ID_MASK;
    this.outTl0 = packet.tl0 < 0 ? -1 : (packet.tl0 + linear.auxShift) & 0xff;
    this.setsMarker = packet.endOfFrame && linear.note === MARK;
    this.#noteIds();
    return true;
  }

  #noteIds(): void {
    const state = this.#state;
    if (state.maxSeq !== this.outSeq) return;
    state.pictureId = this.outPictureId;
    if (this.outTl0 >= 0) state.tl0 = this.outTl0;
  }

  #decide(packet: VideoPacket, frames: FrameFacts, now: Millis): boolean {
    const filter = this.#filter;
    const linear = this.#linear;
    const { encoding } = packet;
    const isOther = encoding !== linear.lastEncoding;
    const wasSuspended = filter.currentEncoding < 0;
    const isKeyframe =
      packet.keyframe && !((isOther || wasSuspended) && missedBase(packet, frames));
    if (!isOther && linear.precedesRun(packet)) return false;
    const decodable = isKeyframe || isOther || this.#isDecodable(packet, frames);
    const isLate = packet.frame < frames.latest - (frames.latest % STRIDE);
    if (!filter.acceptFrame(packet, isKeyframe, decodable, isLate, this.#targetIndex, now))
      return false;
    const note = filter.mark ? MARK : 0;
    if (!isOther && !(isKeyframe && wasSuspended)) {
      linear.goOn(packet, note, now);
      return true;
    }
    if (!isKeyframe) return false;
    const { pictureId, tl0 } = this.#state;
    const idShift = pictureId < 0 ? 0 : (pictureId + 1 - packet.pictureId) & PICTURE_ID_MASK;
    const tl0Shift = tl0 < 0 || packet.tl0 < 0 ? 0 : (tl0 + 1 - packet.tl0) & 0xff;
    if (isOther) linear.begin(packet, idShift, tl0Shift, note, now);
    else linear.resume(packet, idShift, tl0Shift, note, now);
    return true;
  }

  /** No frame that this one refers to was seen and kept from the receiver. */
  #isDecodable(packet: VideoPacket, frames: FrameFacts): boolean {
    const { encoding, frame } = packet;
    const linear = this.#linear;
    if (packet.interLayer && frames.has(frame - 1) && !linear.accepted(encoding, frame - 1))
      return false;
    if (!packet.interPicture) return true;
    if (packet.flexible) {
      for (let i = 0; i < packet.referenceCount; i++) {
        const reference = frame - STRIDE * packet.references[i]!;
        if (frames.has(reference) && !linear.accepted(encoding, reference)) return false;
      }
      return true;
    }
    return this.#hasTemporalReference(packet, frames);
  }

  /** The newest known picture this one may depend on was accepted; none known: assume so. */
  #hasTemporalReference(packet: VideoPacket, frames: FrameFacts): boolean {
    const { encoding, frame } = packet;
    for (let back = 1; back <= MAX_PATTERN; back++) {
      const reference = frame - STRIDE * back;
      if (!frames.has(reference)) continue;
      if (frames.isKeyframe(reference) || frames.tid(reference) <= packet.tid)
        return this.#linear.accepted(encoding, reference);
    }
    return true;
  }
}

/** A later picture of temporal layer 0 was passed over already: decoding would break there. */
function missedBase(packet: VideoPacket, frames: FrameFacts): boolean {
  const picture = packet.frame - (packet.frame % STRIDE);
  let next = frames.following(packet.frame);
  while (next >= 0 && (next < picture + STRIDE || frames.tid(next) > 0))
    next = frames.following(next);
  return next >= 0;
}
