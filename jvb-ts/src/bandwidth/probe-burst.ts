/**
 * One probe on its way: how much of it is due when. Media that goes out meanwhile counts in it
 * (spec jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";

const BURST_MS = 15;
const MIN_PACKETS = 5;
const MIN_SPACING_MS = 2;
/** So late the rate means nothing any more. */
const MAX_LATE_MS = 20;
const MAX_CLUSTER = 255;
const NEVER = Number.POSITIVE_INFINITY;

export class ProbeBurst {
  /** Number of the running cluster, 0 none. */
  cluster = 0;
  /** What the running cluster consists of at least. */
  readonly packets = MIN_PACKETS;
  bytes = 0;
  nextAt: Millis = NEVER;
  #last = 0;
  #bps = 0;
  #startedAt: Millis = 0;
  #sentBytes = 0;
  #sentPackets = 0;

  begin(bps: number, now: Millis): void {
    this.#last = this.#last >= MAX_CLUSTER ? 1 : this.#last + 1;
    this.cluster = this.#last;
    this.bytes = (bps * BURST_MS) / 8000;
    this.#bps = bps;
    this.#startedAt = now;
    this.#sentBytes = 0;
    this.#sentPackets = 0;
    this.nextAt = now;
  }

  handleSent(sizeBytes: number): void {
    this.#sentBytes += sizeBytes;
    this.#sentPackets++;
    this.#plan();
  }

  /** Bytes to send now. The packets that they become come back through `handleSent`. */
  due(now: Millis): number {
    if (this.cluster === 0 || now < this.nextAt || this.isOver(now)) return 0;
    return Math.ceil((2 * this.#bps * MIN_SPACING_MS) / 8000);
  }

  /** Everything was sent, or it can not be in time. */
  isOver(now: Millis): boolean {
    if (this.cluster === 0) return true;
    const complete = this.#sentBytes >= this.bytes && this.#sentPackets >= MIN_PACKETS;
    return complete || now > this.nextAt + MAX_LATE_MS;
  }

  end(): void {
    this.cluster = 0;
    this.nextAt = NEVER;
  }

  #plan(): void {
    this.nextAt = this.#startedAt + (8000 * this.#sentBytes) / this.#bps;
  }
}
