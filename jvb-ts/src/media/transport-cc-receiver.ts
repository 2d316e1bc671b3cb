/**
 * Records arrivals of transport-wide sequence numbers and says when feedback is due (spec
 * jvb-media 8.9): 100 ms after the last report, or 20 ms when a packet has its marker set.
 *
 * Input: `handlePacket`. When `due` is set, `write` feedback packets until it returns 0.
 */
import { Unwrapper } from "#shared/rtp/arithmetic";
import { TwccEncoder } from "#shared/rtp/twcc";
import type { Millis } from "#shared/runtime/runtime";

const MAX_INTERVAL_MS = 100;
const MIN_INTERVAL_MS = 20;
const MAX_PENDING = 2048;
export const MAX_FEEDBACK_BYTES = 1200;
/** Of a receiver that has not got a packet yet: 32 kB are a lot for an endpoint that never sends. */
const none = new Float64Array(0);

export class TransportCcReceiver {
  /** Feedback is to be written now. */
  due = false;
  /** Received and never received numbers over reported ranges, for loss statistics. */
  received = 0;
  lost = 0;
  readonly #unwrapper = new Unwrapper(16);
  readonly #encoder = new TwccEncoder();
  /** Not yet reported arrivals by ascending unwrapped number. */
  #indices = none;
  #arrivals = none;
  #count = 0;
  #windowStart = -1;
  #lastReport: Millis = -1;
  #mediaSsrc = 0;
  #feedbackCount = 0;

  handlePacket(seq: number, marker: boolean, ssrc: number, arrival: Millis, now: Millis): void {
    // 65536 keeps the first numbers positive when older ones follow.
    if (this.#indices === none) {
      this.#indices = new Float64Array(MAX_PENDING);
      this.#arrivals = new Float64Array(MAX_PENDING);
    }
    const index = this.#unwrapper.unwrap(seq) + 0x10000;
    this.#insert(index, arrival);
    if (this.#windowStart < 0 || index < this.#windowStart) this.#windowStart = index;
    this.#mediaSsrc = ssrc;
    if (this.#lastReport < 0) {
      this.#lastReport = now;
      return;
    }
    const since = now - this.#lastReport;
    if (since >= MAX_INTERVAL_MS || (marker && since >= MIN_INTERVAL_MS) || this.#isFull())
      this.due = true;
  }

  /** Writes one feedback packet and returns its length, 0 when nothing is left to report. */
  write(bytes: Uint8Array, at: number, senderSsrc: number, now: Millis): number {
    if (this.#count === 0) {
      this.due = false;
      return 0;
    }
    this.#lastReport = now;
    const encoder = this.#encoder;
    const base = Math.max(this.#windowStart, this.#indices[0]! - 0xfff0);
    encoder.begin(bytes, at, MAX_FEEDBACK_BYTES, base, this.#arrivals[0]!);
    let taken = 0;
    while (taken < this.#count && encoder.add(this.#indices[taken]!, this.#arrivals[taken]!))
      taken++;
    if (taken === 0) {
      // Too far from the base to be expressed: report from this packet on.
      this.lost += this.#indices[0]! - base;
      this.#windowStart = this.#indices[0]!;
      encoder.begin(bytes, at, MAX_FEEDBACK_BYTES, this.#windowStart, this.#arrivals[0]!);
      encoder.add(this.#indices[0]!, this.#arrivals[0]!);
      taken = 1;
    }
    const last = this.#indices[taken - 1]!;
    this.received += taken;
    this.lost += last - Math.max(base, this.#windowStart) + 1 - taken;
    this.#windowStart = last + 1;
    this.#indices.copyWithin(0, taken, this.#count);
    this.#arrivals.copyWithin(0, taken, this.#count);
    this.#count -= taken;
    if (this.#count === 0) this.due = false;
    const length = encoder.finish(senderSsrc, this.#mediaSsrc, this.#feedbackCount);
    this.#feedbackCount = (this.#feedbackCount + 1) & 0xff;
    return length;
  }

  #isFull(): boolean {
    return this.#count >= MAX_PENDING - 1;
  }

  #insert(index: number, arrival: Millis): void {
    if (this.#count >= MAX_PENDING) return;
    let at = this.#count;
    while (at > 0 && this.#indices[at - 1]! > index) at--;
    if (at > 0 && this.#indices[at - 1] === index) return;
    if (at < this.#count) {
      this.#indices.copyWithin(at + 1, at, this.#count);
      this.#arrivals.copyWithin(at + 1, at, this.#count);
    }
    this.#indices[at] = index;
    this.#arrivals[at] = arrival;
    this.#count++;
  }
}
