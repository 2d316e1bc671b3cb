/**
 * The rate at which packets are known to have arrived. Over a second or more, what was sent in that
 * time bounds it, and one pause of the way (packets held up and delivered together) does not raise it
 * (spec jvb-media 9.2). Over the last moments it tells what a full way lets through.
 */
import type { Millis } from "#shared/runtime/runtime";

const ENTRIES = 512;
const MAX_PACKETS = 500;
const MIN_PACKETS = 20;
const NEEDED_PACKETS = 10;
const MIN_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 5_000;
const RECENT_MS = 150;
const MIN_RECENT_MS = 60;
/** What was sent over more than this much of the time in which it arrived leaves a queue behind that shrinks. */
const DRAINING_SPAN = 1.15;
/** Nothing is overtaken by so much: the receiver's clock was set back. */
const BACKWARDS_MS = 3_000;
/** Of a receiver that has not acknowledged anything: 10 kB are a lot for nothing. */
const none = new Float64Array(0);

export class AcknowledgedRate {
  /**
   * A queue became shorter while that arrived which `recentBps` told last: its rate is what was sent,
   * not what the way carries.
   */
  isDraining = false;
  #sentAt = none;
  #arrival = none;
  #size = none;
  /** Packets ever taken, and the first of those in the window. */
  #end = 0;
  #start = 0;
  #newest: Millis = Number.NEGATIVE_INFINITY;

  add(sentAt: Millis, arrival: Millis, sizeBytes: number): void {
    if (this.#sentAt === none) {
      this.#sentAt = new Float64Array(ENTRIES);
      this.#arrival = new Float64Array(ENTRIES);
      this.#size = new Float64Array(ENTRIES);
    }
    if (arrival < this.#newest - BACKWARDS_MS) this.reset();
    this.#newest = arrival;
    const slot = this.#end++ & (ENTRIES - 1);
    this.#sentAt[slot] = sentAt;
    this.#arrival[slot] = arrival;
    this.#size[slot] = sizeBytes;
    while (this.#isTooMuch(arrival)) this.#start++;
  }

  reset(): void {
    this.#start = this.#end;
  }

  /** Bits per second over the window, -1 unknown. */
  bps(): number {
    const count = this.#end - this.#start;
    if (count < NEEDED_PACKETS) return -1;
    let firstSent = Number.POSITIVE_INFINITY;
    let lastSent = Number.NEGATIVE_INFINITY;
    let firstArrival = Number.POSITIVE_INFINITY;
    let lastArrival = Number.NEGATIVE_INFINITY;
    let sentLast = 0;
    let arrivedFirst = 0;
    let bytes = 0;
    let gap = 0;
    let secondGap = 0;
    for (let i = this.#start; i < this.#end; i++) {
      const slot = i & (ENTRIES - 1);
      const sent = this.#sentAt[slot]!;
      const arrival = this.#arrival[slot]!;
      const size = this.#size[slot]!;
      bytes += size;
      if (sent < firstSent) firstSent = sent;
      if (sent >= lastSent) {
        lastSent = sent;
        sentLast = size;
      }
      const since = arrival - lastArrival;
      if (lastArrival > Number.NEGATIVE_INFINITY && since > secondGap) {
        if (since > gap) {
          secondGap = gap;
          gap = since;
        } else secondGap = since;
      }
      if (arrival < firstArrival) {
        firstArrival = arrival;
        arrivedFirst = size;
      }
      if (arrival > lastArrival) lastArrival = arrival;
    }
    const sendSpan = Math.max(1, lastSent - firstSent);
    const arrivalSpan = Math.max(1, lastArrival - firstArrival - gap + secondGap);
    const sentRate = (8000 * (bytes - sentLast)) / sendSpan;
    return Math.min(sentRate, (8000 * (bytes - arrivedFirst)) / arrivalSpan);
  }

  /**
   * Bits per second of what arrived in the last moments, -1 when that was too little. `isDraining`
   * tells then whether it came closer together than it was sent.
   */
  recentBps(): number {
    this.isDraining = false;
    if (this.#end === this.#start) return -1;
    const newest = (this.#end - 1) & (ENTRIES - 1);
    const last = this.#arrival[newest]!;
    let bytes = 0;
    let first = last;
    let firstSize = 0;
    let firstSent = this.#sentAt[newest]!;
    for (let i = this.#end - 1; i >= this.#start; i--) {
      const slot = i & (ENTRIES - 1);
      const arrival = this.#arrival[slot]!;
      if (last - arrival > RECENT_MS) break;
      if (arrival <= first) {
        first = arrival;
        firstSize = this.#size[slot]!;
        firstSent = this.#sentAt[slot]!;
      }
      bytes += this.#size[slot]!;
    }
    // The first one's bytes came before its arrival.
    bytes -= firstSize;
    const span = last - first;
    if (span < MIN_RECENT_MS) return -1;
    this.isDraining = this.#sentAt[newest]! - firstSent > DRAINING_SPAN * span;
    return (8000 * bytes) / span;
  }

  #isTooMuch(newest: Millis): boolean {
    const count = this.#end - this.#start;
    if (count > MAX_PACKETS) return true;
    if (count <= MIN_PACKETS) return newest - this.#oldest() > MAX_WINDOW_MS && count > 1;
    return newest - this.#oldest(1) > MIN_WINDOW_MS;
  }

  #oldest(after = 0): Millis {
    return this.#arrival[(this.#start + after) & (ENTRIES - 1)]!;
  }
}
