/**
 * Where the outgoing stream of one projection stands, handed from one codec's context to the next
 * (spec jvb-media 7.1). A fresh stream is at number 1, time 1.
 */
import { isNewerSeq, isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import type { StreamEnd } from "../media/projection.ts";

/** Clock ticks and milliseconds of one frame at 30 frames per second. */
export const TICKS_PER_FRAME = 3000;
const MS_PER_FRAME = 33;

/** Ticks from one frame to the next when `elapsedMs` lie between, at least one frame. */
export function ticksOf(elapsedMs: number): number {
  return TICKS_PER_FRAME * Math.max(1, Math.floor(elapsedMs / MS_PER_FRAME));
}

export class RtpState {
  /** Nothing was sent yet. */
  fresh = true;
  maxSeq = 1;
  /** Signed 32 bits. */
  maxTimestamp = 1;
  /** Of the last VP8 or VP9 frame, -1 none: what comes next goes on from there. */
  pictureId = -1;
  tl0 = -1;
  /** Of the last described frame, and the template id behind its structure's, -1 none. */
  frameNumber = -1;
  nextTemplateId = -1;
  /** When the stream stopped that this one goes on from, -1 none. */
  endedAt: Millis = -1;

  constructor(after?: StreamEnd) {
    if (after === undefined) return;
    this.sent(after.seq, after.timestamp);
    this.pictureId = after.pictureId ?? -1;
    this.tl0 = after.tl0 ?? -1;
    this.frameNumber = after.frameNumber ?? -1;
    this.nextTemplateId = after.nextTemplateId ?? -1;
    this.endedAt = after.at ?? -1;
  }

  sent(seq: number, timestamp: number): void {
    if (this.fresh || isNewerSeq(seq, this.maxSeq)) this.maxSeq = seq;
    if (this.fresh || isNewerTimestamp(timestamp, this.maxTimestamp)) this.maxTimestamp = timestamp;
    this.fresh = false;
  }

  /** Time of a frame that goes on behind everything sent so far. */
  nextTimestamp(now: Millis): number {
    const elapsed = this.endedAt < 0 ? 0 : now - this.endedAt;
    return (this.maxTimestamp + ticksOf(elapsed)) | 0;
  }
}
