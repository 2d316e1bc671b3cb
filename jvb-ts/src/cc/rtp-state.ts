/**
 * Where the outgoing stream of one projection stands, handed from one codec's context to the next
 * (spec jvb-media 7.1). A fresh stream is at number 1, time 1.
 */
import { isNewerSeq, isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import type { StreamEnd } from "../media/projection.ts";

export class RtpState {
  /** Nothing was sent yet. */
  fresh = true;
  maxSeq = 1;
  /** Signed 32 bits. */
  maxTimestamp = 1;

  /** Of the last VP8 frame, -1 none: what comes next goes on from there. */
  pictureId = -1;
  tl0 = -1;
  /** When the stream stopped that this one goes on from, -1 none. */
  endedAt: Millis = -1;

  constructor(after?: StreamEnd) {
    if (after === undefined) return;
    this.sent(after.seq, after.timestamp);
    this.pictureId = after.pictureId ?? -1;
    this.tl0 = after.tl0 ?? -1;
    this.endedAt = after.at ?? -1;
  }

  sent(seq: number, timestamp: number): void {
    if (this.fresh || isNewerSeq(seq, this.maxSeq)) this.maxSeq = seq;
    if (this.fresh || isNewerTimestamp(timestamp, this.maxTimestamp)) this.maxTimestamp = timestamp;
    this.fresh = false;
  }
}
