/**
 * Projects the VP8 encodings of one source onto one stream for one receiver (spec jvb-media 7.2,
 * 7.3): encodings switch at key frames, temporal layers are filtered, and sequence numbers,
 * timestamps, picture ids and TL0PICIDX continue without a seam.
 *
 * A frame is decided upon with its first packet; its projection is a constant shift for all its
 * packets. Facts about frames are kept by the source's stream (`FrameFacts`), decisions here.
 */
import { isNewerSeq, timestampDelta } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import { encodingOf, temporalOf } from "../media/projection.ts";
import type { FrameFacts, VideoPacket } from "../media/video-packet.ts";
import { frameGap } from "./frame-gap.ts";
import type { RtpState } from "./rtp-state.ts";
import { TICKS_PER_FRAME, ticksOf } from "./rtp-state.ts";
import { Vp8QualityFilter } from "./vp8-quality-filter.ts";

const RING = 512;
const PICTURE_ID_MASK = 0x7fff;

/** Decisions about the frames of one encoding; only accepted frames have an entry. */
class Decisions {
  readonly frame = new Int32Array(RING).fill(-1);
  readonly seqShift = new Uint16Array(RING);
  readonly timestampShift = new Int32Array(RING);
  readonly pictureId = new Int16Array(RING);
  readonly tl0 = new Int16Array(RING);
  /** Packets of the frame at or after this number came too late, -1 open. */
  readonly closedAt = new Int32Array(RING);
  /** The key frame with which the encoding last began to flow; what is older stays outside. */
  startFrame = -1;

  accepted(frame: number): boolean {
    return this.frame[frame & (RING - 1)] === frame;
  }
}

export class Vp8Projection {
  outSeq = 0;
  timestampDelta = 0;
  outPictureId = -1;
  outTl0 = -1;
  readonly setsMarker = false;
  readonly templateShift = 0;
  readonly writesTargets = false;
  readonly activeTargets = 0;
  readonly #state: RtpState;
  readonly #filter = new Vp8QualityFilter();
  readonly #decisions: (Decisions | undefined)[] = [];
  #targetIndex = -1;
  /** The frame projected last: encoding (-1 none), index, outgoing fields. */
  #lastEncoding = -1;
  #lastFrame = -1;
  #lastEarliestOut = 0;
  #lastLatestIn = 0;
  #lastLatestOut = 0;
  #lastTimestampOut = 0;
  #lastPictureId = -1;
  #lastTl0 = -1;
  #lastSeqShift = 0;
  #lastTimestampShift = 0;
  #lastPictureIdIn = -1;
  #lastTl0In = -1;
  #lastEndSeen = false;
  #lastCreatedAt: Millis = -1;

  constructor(state: RtpState) {
    this.#state = state;
  }

  get currentEncoding(): number {
    return this.#filter.currentEncoding;
  }

  get needsKeyframe(): boolean {
    return this.#filter.needsKeyframe || this.#lastEncoding < 0;
  }

  setTarget(index: number): void {
    this.#targetIndex = index;
    if (index < 0) this.#filter.suspend();
  }

  /** `packet.frames` must be set. */
  project(packet: VideoPacket, now: Millis): boolean {
    const frames = packet.frames!;
    const { frame, encoding } = packet;
    if (packet.frameIsNew && !this.#decide(packet, frames, now)) return false;
    const decisions = this.#decisions[encoding];
    if (decisions === undefined || !decisions.accepted(frame)) return false;
    const slot = frame & (RING - 1);
    const closedAt = decisions.closedAt[slot]!;
    if (closedAt >= 0 && !isNewerSeq(closedAt, packet.seq)) return false;
    this.outSeq = (packet.seq + decisions.seqShift[slot]!) & 0xffff;
    this.timestampDelta = decisions.timestampShift[slot]!;
    this.outPictureId = decisions.pictureId[slot]!;
    this.outTl0 = decisions.tl0[slot]!;
    this.#state.sent(this.outSeq, (packet.timestamp + this.timestampDelta) | 0);
    if (encoding === this.#lastEncoding && frame === this.#lastFrame) this.#noteLast(packet);
    return true;
  }

  /** Follows how far the last projected frame has come. */
  #noteLast(packet: VideoPacket): void {
    if (isNewerSeq(this.outSeq, this.#lastLatestOut)) {
      this.#lastLatestOut = this.outSeq;
      this.#lastLatestIn = packet.seq;
    }
    if (isNewerSeq(this.#lastEarliestOut, this.outSeq)) this.#lastEarliestOut = this.outSeq;
    if (packet.endOfFrame) this.#lastEndSeen = true;
  }

  /** Filters and projects a frame with its first packet; false when it is not for this receiver. */
  #decide(packet: VideoPacket, frames: FrameFacts, now: Millis): boolean {
    const { encoding, frame } = packet;
    const start = this.#decisions[encoding]?.startFrame ?? -1;
    if (encoding === this.#lastEncoding && frame < start) return false;
    let isKeyframe = packet.keyframe;
    // Decoding would break at the TL0 frame that was passed over already.
    const flows = encoding === this.#lastEncoding && this.#filter.flows;
    if (isKeyframe && !flows && this.#missedTl0(frames, frame)) isKeyframe = false;
    const target = this.#targetIndex;
    const accepted = this.#filter.acceptFrame(
      isKeyframe,
      encoding,
      packet.tid,
      encodingOf(target),
      temporalOf(target),
      now,
    );
    if (!accepted) return false;
    const startsDecoding = isKeyframe && packet.startOfFrame;
    if (this.#lastEncoding < 0) {
      if (!startsDecoding) return false;
      this.#projectFirst(packet, now);
    } else if (encoding !== this.#lastEncoding) {
      if (!startsDecoding) return false;
      this.#projectSwitch(packet, now);
    } else if (packet.frameIsReset) {
      this.#projectReset(packet, now);
    } else {
      // After a pause what is older stays outside, too.
      if (isKeyframe && !flows) this.#decisionsOf(encoding).startFrame = frame;
      if (!isKeyframe && packet.tid > 0 && !this.#isDecodable(frames, packet)) return false;
      this.#projectWithin(frames, packet, now);
    }
    return true;
  }

  #accepted(encoding: number, frame: number): boolean {
    return this.#decisions[encoding]?.accepted(frame) === true;
  }

  #missedTl0(frames: FrameFacts, frame: number): boolean {
    let next = frames.following(frame);
    while (next >= 0 && frames.tid(next) > 0) next = frames.following(next);
    return next >= 0;
  }

  /** The newest frame this one may depend on was accepted; a hole in picture ids: assume so. */
  #isDecodable(frames: FrameFacts, packet: VideoPacket): boolean {
    for (let i = packet.frame - 1; packet.frame - i < RING; i--) {
      if (!frames.has(i)) return true;
      if (frames.isKeyframe(i) || frames.tid(i) <= packet.tid)
        return this.#accepted(packet.encoding, i);
    }
    return true;
  }

  #projectFirst(packet: VideoPacket, now: Millis): void {
    const state = this.#state;
    const seq = (state.maxSeq + 1) & 0xffff;
    const timestamp = state.nextTimestamp(now);
    const pictureId =
      state.pictureId < 0 ? packet.pictureId : (state.pictureId + 1) & PICTURE_ID_MASK;
    const tl0 = state.tl0 < 0 ? packet.tl0 : (state.tl0 + 1) & 0xff;
    this.#store(packet, seq, timestamp, pictureId, tl0, now);
  }

  #projectSwitch(packet: VideoPacket, now: Millis): void {
    let seq = this.#lastLatestOut + 1;
    if (!this.#lastEndSeen) {
      seq++;
      this.#closeLast();
    }
    const elapsed = this.#lastCreatedAt < 0 ? 0 : now - this.#lastCreatedAt;
    const timestamp = (this.#lastTimestampOut + ticksOf(elapsed)) | 0;
    this.#decisionsOf(packet.encoding).startFrame = packet.frame;
    this.#store(packet, seq & 0xffff, timestamp, this.#nextPictureId(), this.#nextTl0(), now);
  }

  /** Later packets of the last frame pass only if older than what was seen of it. */
  #closeLast(): void {
    const decisions = this.#decisions[this.#lastEncoding];
    if (decisions?.accepted(this.#lastFrame) !== true) return;
    decisions.closedAt[this.#lastFrame & (RING - 1)] = this.#lastLatestIn;
  }

  #nextPictureId(): number {
    return this.#lastPictureId < 0 ? -1 : (this.#lastPictureId + 1) & PICTURE_ID_MASK;
  }

  #nextTl0(): number {
    return this.#lastTl0 < 0 ? -1 : (this.#lastTl0 + 1) & 0xff;
  }

  /** After a jump of the source all shifts of the last projected frame are kept. */
  #projectReset(packet: VideoPacket, now: Millis): void {
    const seq = (packet.seq + this.#lastSeqShift) & 0xffff;
    const timestamp = (packet.timestamp + this.#lastTimestampShift) | 0;
    const pictureId = shifted(packet.pictureId, this.#lastPictureId, this.#lastPictureIdIn, 0x7fff);
    const tl0 = shifted(packet.tl0, this.#lastTl0, this.#lastTl0In, 0xff);
    this.#store(packet, seq, timestamp, pictureId, tl0, now);
  }

  #projectWithin(frames: FrameFacts, packet: VideoPacket, now: Millis): void {
    const { encoding, frame } = packet;
    let reference = frames.previous(frame);
    while (reference >= 0 && !this.#accepted(encoding, reference))
      reference = frames.previous(reference);
    if (reference >= 0) {
      this.#projectFrom(frames, packet, reference, now);
      return;
    }
    reference = frames.following(frame);
    while (reference >= 0 && !this.#accepted(encoding, reference))
      reference = frames.following(reference);
    if (reference >= 0) this.#projectBefore(frames, packet, reference, now);
    else this.#projectAfterLong(packet, now);
  }

  /** Walks from the accepted `reference` to a newer frame and adds up what lies between. */
  #projectFrom(frames: FrameFacts, packet: VideoPacket, reference: number, now: Millis): void {
    const { encoding, frame } = packet;
    let seqGap = 0;
    let pictureGap = 0;
    for (let f1 = reference; f1 < frame; ) {
      const f2 = frames.following(f1);
      seqGap += this.#gap(frames, packet, f1, f2);
      // Ids stay contiguous over filtered frames and keep gaps for lost ones.
      pictureGap += f2 - f1 - (this.#accepted(encoding, f1) ? 0 : 1);
      f1 = f2;
    }
    const decisions = this.#decisions[encoding]!;
    const slot = reference & (RING - 1);
    const seq = frames.latestSeq(reference) + decisions.seqShift[slot]! + seqGap;
    const timestamp = (packet.timestamp + decisions.timestampShift[slot]!) | 0;
    const refPicture = decisions.pictureId[slot]!;
    const pictureId = refPicture < 0 ? -1 : (refPicture + pictureGap) & PICTURE_ID_MASK;
    this.#store(packet, seq & 0xffff, timestamp, pictureId, this.#tl0From(packet), now);
  }

  /** A frame older than everything accepted of its encoding. */
  #projectBefore(frames: FrameFacts, packet: VideoPacket, reference: number, now: Millis): void {
    const { encoding, frame } = packet;
    let seqGap = 0;
    for (let f1 = frame; f1 < reference; ) {
      const f2 = frames.following(f1);
      seqGap += this.#gap(frames, packet, f1, f2);
      f1 = f2;
    }
    const decisions = this.#decisions[encoding]!;
    const slot = reference & (RING - 1);
    const seq = frames.earliest(reference) + decisions.seqShift[slot]! - seqGap;
    const timestamp = (packet.timestamp + decisions.timestampShift[slot]!) | 0;
    const refPicture = decisions.pictureId[slot]!;
    const pictureId = refPicture < 0 ? -1 : (refPicture - (reference - frame)) & PICTURE_ID_MASK;
    this.#store(packet, seq & 0xffff, timestamp, pictureId, this.#tl0From(packet), now);
  }

  /** The last projected frame is out of memory (a long suspension): go on right behind it. */
  #projectAfterLong(packet: VideoPacket, now: Millis): void {
    const seq = (this.#lastLatestOut + (this.#lastEndSeen ? 1 : 2)) & 0xffff;
    const elapsed = (packet.timestamp + this.#lastTimestampShift) | 0;
    const timestamp =
      timestampDelta(elapsed, this.#lastTimestampOut) > 0
        ? elapsed
        : (this.#lastTimestampOut + TICKS_PER_FRAME) | 0;
    this.#store(packet, seq, timestamp, this.#nextPictureId(), this.#nextTl0(), now);
  }

  #gap(frames: FrameFacts, packet: VideoPacket, f1: number, f2: number): number {
    const { encoding, frame } = packet;
    const accepted1 = f1 === frame || this.#accepted(encoding, f1);
    const accepted2 = f2 === frame || this.#accepted(encoding, f2);
    return frameGap(frames, f1, accepted1, f2, accepted2);
  }

  #tl0From(packet: VideoPacket): number {
    return shifted(packet.tl0, this.#lastTl0, this.#lastTl0In, 0xff);
  }

  #store(
    packet: VideoPacket,
    seq: number,
    timestamp: number,
    pictureId: number,
    tl0: number,
    now: Millis,
  ): void {
    const { encoding, frame } = packet;
    const decisions = this.#decisionsOf(encoding);
    const slot = frame & (RING - 1);
    decisions.frame[slot] = frame;
    decisions.seqShift[slot] = seq - packet.seq;
    decisions.timestampShift[slot] = timestamp - packet.timestamp;
    decisions.pictureId[slot] = pictureId;
    decisions.tl0[slot] = tl0;
    decisions.closedAt[slot] = -1;
    const isNewer = this.#lastEncoding < 0 || isNewerSeq(seq, this.#lastLatestOut);
    if (!isNewer) return;
    this.#lastEncoding = encoding;
    this.#lastFrame = frame;
    this.#lastEarliestOut = seq;
    this.#lastLatestIn = packet.seq;
    this.#lastLatestOut = seq;
    this.#lastTimestampOut = timestamp;
    this.#lastPictureId = pictureId;
    this.#lastTl0 = tl0;
    this.#state.pictureId = pictureId;
    this.#state.tl0 = tl0;
    this.#lastSeqShift = (seq - packet.seq) & 0xffff;
    this.#lastTimestampShift = (timestamp - packet.timestamp) | 0;
    this.#lastPictureIdIn = packet.pictureId;
    this.#lastTl0In = packet.tl0;
    this.#state.pictureId = pictureId;
    this.#state.tl0 = tl0;
    this.#lastEndSeen = packet.endOfFrame;
    this.#lastCreatedAt = now;
  }

  #decisionsOf(encoding: number): Decisions {
    let decisions = this.#decisions[encoding];
    if (decisions === undefined) {
      decisions = new Decisions();
      this.#decisions[encoding] = decisions;
    }
    return decisions;
  }
}

/** `value` moved by `out - in`, -1 when any part is absent. */
function shifted(value: number, out: number, incoming: number, mask: number): number {
  return value < 0 || out < 0 || incoming < 0 ? -1 : (value + out - incoming) & mask;
}
