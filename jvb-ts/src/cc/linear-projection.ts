/**
 * Numbers and times of frames that keep their distance: within an encoding ids and timestamps are
 * shifted by a constant, and sequence numbers close over what is filtered out (spec jvb-media 7.2,
 * 7.4, 7.5). VP9 and described streams share it; what may be forwarded is decided by their filters.
 *
 * A frame is decided upon with its first packet; its projection is a constant shift for all its
 * packets. A stretch that ids run through without a seam is a run; it begins with a key frame.
 */
import { isNewerSeq, isNewerTimestamp, seqDelta } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import type { FrameFacts, VideoPacket } from "../media/video-packet.ts";
import { frameGap } from "./frame-gap.ts";
import type { RtpState } from "./rtp-state.ts";
import { TICKS_PER_FRAME, ticksOf } from "./rtp-state.ts";

const RING = 512;
/** Room before a frame whose beginning has not come, when nothing tells how much it needs. */
const UNKNOWN_GAP = 16;
const MAX_GAP = 64;

/** Decisions about the frames of one encoding; only accepted frames have an entry. */
class Decisions {
  readonly frame = new Int32Array(RING).fill(-1);
  readonly seqShift = new Uint16Array(RING);
  readonly timestampShift = new Int32Array(RING);
  readonly idShift = new Uint16Array(RING);
  readonly auxShift = new Uint8Array(RING);
  readonly note = new Uint8Array(RING);
  /** Where the run began: frame and the lowest outgoing number it may use. */
  startFrame = -1;
  floor = 0;
  /** Of this frame packets at or after the number came too late; -1 none. */
  closedFrame = -1;
  closedAt = 0;

  accepted(frame: number): boolean {
    return this.frame[frame & (RING - 1)] === frame;
  }
}

export class LinearProjection {
  /** Of the packet passed last. */
  outSeq = 0;
  timestampDelta = 0;
  /** To be added to its frame's ids, and what the filter noted about the frame. */
  idShift = 0;
  auxShift = 0;
  note = 0;
  /** The encoding projected last, -1 none yet. */
  lastEncoding = -1;
  readonly #state: RtpState;
  readonly #decisions: (Decisions | undefined)[] = [];
  /** The frame projected last. */
  #lastFrame = -1;
  #lastLatestIn = 0;
  #lastLatestOut = 0;
  #lastTimestampOut = 0;
  #lastEndSeen = false;
  #lastCreatedAt: Millis = -1;
  #lastSeqShift = 0;
  /** Of the current run. */
  #timestampShift = 0;
  #idShift = 0;
  #auxShift = 0;

  constructor(state: RtpState) {
    this.#state = state;
  }

  accepted(encoding: number, frame: number): boolean {
    return this.#decisions[encoding]?.accepted(frame) === true;
  }

  /** Passes one packet of a decided frame; false when it was not accepted or is too late. */
  pass(packet: VideoPacket): boolean {
    const { encoding, frame } = packet;
    const decisions = this.#decisions[encoding];
    if (decisions === undefined || !decisions.accepted(frame)) return false;
    if (frame === decisions.closedFrame && !isNewerSeq(decisions.closedAt, packet.seq))
      return false;
    const slot = frame & (RING - 1);
    const outSeq = (packet.seq + decisions.seqShift[slot]!) & 0xffff;
    if (frame === decisions.startFrame && isNewerSeq(decisions.floor, outSeq)) return false;
    this.outSeq = outSeq;
    this.timestampDelta = decisions.timestampShift[slot]!;
    this.idShift = decisions.idShift[slot]!;
    this.auxShift = decisions.auxShift[slot]!;
    this.note = decisions.note[slot]!;
    this.#state.sent(outSeq, (packet.timestamp + this.timestampDelta) | 0);
    if (encoding !== this.lastEncoding || frame !== this.#lastFrame) return true;
    if (isNewerSeq(outSeq, this.#lastLatestOut)) {
      this.#lastLatestOut = outSeq;
      this.#lastLatestIn = packet.seq;
    }
    if (packet.endOfFrame) this.#lastEndSeen = true;
    return true;
  }

  /** Begins a run behind everything sent: another encoding, or the first of all. */
  begin(packet: VideoPacket, idShift: number, auxShift: number, note: number, now: Millis): void {
    const state = this.#state;
    const timestamp =
      this.lastEncoding < 0
        ? state.nextTimestamp(now)
        : (this.#lastTimestampOut + ticksOf(now - this.#lastCreatedAt)) | 0;
    this.#start(packet, timestamp, idShift, auxShift, note, now);
  }

  /** Begins a run of the same encoding after a pause: the time goes on as its source counts it. */
  resume(packet: VideoPacket, idShift: number, auxShift: number, note: number, now: Millis): void {
    const linear = (packet.timestamp + this.#timestampShift) | 0;
    const next = (this.#lastTimestampOut + TICKS_PER_FRAME) | 0;
    const timestamp = isNewerTimestamp(linear, this.#lastTimestampOut) ? linear : next;
    this.#start(packet, timestamp, idShift, auxShift, note, now);
  }

  /** The frame is older than the run of its encoding. */
  precedesRun(packet: VideoPacket): boolean {
    const decisions = this.#decisions[packet.encoding];
    return decisions !== undefined && packet.frame < decisions.startFrame;
  }

  /** Goes on with the run. */
  goOn(packet: VideoPacket, note: number, now: Millis): void {
    const decisions = this.#decisionsOf(packet.encoding);
    const seq = packet.frameIsReset
      ? (packet.seq + this.#lastSeqShift) & 0xffff
      : this.#seqWithin(packet.frames!, packet, decisions);
    this.#store(packet, decisions, seq, note, now);
  }

  #start(
    packet: VideoPacket,
    timestamp: number,
    idShift: number,
    auxShift: number,
    note: number,
    now: Millis,
  ): void {
    const isFirst = this.lastEncoding < 0;
    let last = isFirst ? this.#state.maxSeq : this.#lastLatestOut;
    if (!isFirst && !this.#lastEndSeen) {
      last++;
      this.#closeLast();
    }
    const decisions = this.#decisionsOf(packet.encoding);
    decisions.startFrame = packet.frame;
    decisions.floor = (last + 1) & 0xffff;
    this.#timestampShift = (timestamp - packet.timestamp) | 0;
    this.#idShift = idShift;
    this.#auxShift = auxShift;
    this.#store(packet, decisions, (last + this.#roomBefore(packet)) & 0xffff, note, now);
  }

  /** What the rest of a frame needs whose beginning has not come yet. */
  #roomBefore(packet: VideoPacket): number {
    if (packet.startOfFrame) return 1;
    const frames = packet.frames!;
    const before = frames.previous(packet.frame);
    if (before < 0) return UNKNOWN_GAP;
    const gap = seqDelta(packet.seq, frames.latestSeq(before));
    return Math.min(MAX_GAP, Math.max(1, gap));
  }

  /** Later packets of the last frame pass only if older than what was seen of it. */
  #closeLast(): void {
    const decisions = this.#decisions[this.lastEncoding]!;
    decisions.closedFrame = this.#lastFrame;
    decisions.closedAt = this.#lastLatestIn;
  }

  #seqWithin(frames: FrameFacts, packet: VideoPacket, decisions: Decisions): number {
    const { frame } = packet;
    const { startFrame } = decisions;
    let sum = 0;
    let newer = frame;
    for (let older = frames.previous(frame); older >= startFrame; older = frames.previous(older)) {
      const accepted = decisions.accepted(older);
      sum += frameGap(frames, older, accepted, newer, newer === frame || decisions.accepted(newer));
      if (accepted)
        return (frames.latestSeq(older) + decisions.seqShift[older & (RING - 1)]! + sum) & 0xffff;
      newer = older;
    }
    return this.#seqBefore(frames, packet, decisions);
  }

  /** No accepted frame before this one is remembered: one behind it, or nothing at all. */
  #seqBefore(frames: FrameFacts, packet: VideoPacket, decisions: Decisions): number {
    let sum = 0;
    let older = packet.frame;
    for (let newer = frames.following(older); newer >= 0; newer = frames.following(newer)) {
      const accepted = decisions.accepted(newer);
      const acceptedBefore = older === packet.frame || decisions.accepted(older);
      sum += frameGap(frames, older, acceptedBefore, newer, accepted);
      if (accepted)
        return (frames.earliest(newer) + decisions.seqShift[newer & (RING - 1)]! - sum) & 0xffff;
      older = newer;
    }
    return (this.#lastLatestOut + (this.#lastEndSeen ? 1 : 2)) & 0xffff;
  }

  #store(packet: VideoPacket, decisions: Decisions, seq: number, note: number, now: Millis): void {
    const { frame } = packet;
    const slot = frame & (RING - 1);
    decisions.frame[slot] = frame;
    decisions.seqShift[slot] = seq - packet.seq;
    decisions.timestampShift[slot] = this.#timestampShift;
    decisions.idShift[slot] = this.#idShift;
    decisions.auxShift[slot] = this.#auxShift;
    decisions.note[slot] = note;
    if (this.lastEncoding >= 0 && !isNewerSeq(seq, this.#lastLatestOut)) return;
    this.lastEncoding = packet.encoding;
    this.#lastFrame = frame;
    this.#lastLatestIn = packet.seq;
    this.#lastLatestOut = seq;
    this.#lastTimestampOut = (packet.timestamp + this.#timestampShift) | 0;
    this.#lastSeqShift = (seq - packet.seq) & 0xffff;
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
