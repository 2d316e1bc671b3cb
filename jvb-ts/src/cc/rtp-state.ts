/**
 * Where the outgoing stream of one projection stands, handed from one codec's context to the next
 * (spec jvb-media 7.1). A fresh stream is at number 1, time 1.
 */
import { isNewerSeq, isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { StreamEnd } from "../media/projection.ts";

export class RtpState {
  /** Nothing was sent yet. */
  fresh = true;
  maxSeq = 1;
  /** Signed 32 bits. */
  maxTimestamp = 1;

  constructor(after?: StreamEnd) {
    if (after !== undefined) this.sent(after.seq, after.timestamp);
  }

  sent(seq: number, timestamp: number): void {
    if (this.fresh || isNewerSeq(seq, this.maxSeq)) this.maxSeq = seq;
    if (this.fresh || isNewerTimestamp(timestamp, this.maxTimestamp)) this.maxTimestamp = timestamp;
    this.fresh = false;
  }
}
