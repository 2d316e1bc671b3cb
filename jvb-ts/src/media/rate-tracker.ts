/**
 * A sliding window over bits or packets (spec jvb-media 5.3): buckets of `bucketMs`, the rate is
 * `sum / clamp(now - first insert, bucket, window)`.
 */
import type { Millis } from "#shared/runtime/runtime";

export class RateTracker {
  readonly #buckets: Float64Array;
  readonly #bucketMs: number;
  readonly #windowMs: number;
  #newest = -1;
  #sum = 0;
  #first = -1;

  constructor(windowMs = 1000, bucketMs = 20) {
    this.#windowMs = windowMs;
    this.#bucketMs = bucketMs;
    this.#buckets = new Float64Array(Math.ceil(windowMs / bucketMs));
  }

  add(amount: number, now: Millis): void {
    this.#advance(now);
    if (this.#first < 0) this.#first = now;
    const slot = this.#newest % this.#buckets.length;
    this.#buckets[slot] = this.#buckets[slot]! + amount;
    this.#sum += amount;
  }

  /** Amount per second. */
  rate(now: Millis): number {
    this.#advance(now);
    if (this.#sum === 0) return 0;
    const elapsed = now - this.#first;
    const span = Math.min(this.#windowMs, Math.max(this.#bucketMs, elapsed));
    return (this.#sum * 1000) / span;
  }

  #advance(now: Millis): void {
    const bucket = Math.floor(now / this.#bucketMs);
    const count = this.#buckets.length;
    if (this.#newest < 0) this.#newest = bucket;
    if (bucket <= this.#newest) return;
    const steps = Math.min(count, bucket - this.#newest);
    for (let i = 1; i <= steps; i++) {
      const slot = (this.#newest + i) % count;
      this.#sum -= this.#buckets[slot]!;
      this.#buckets[slot] = 0;
    }
    if (steps === count) this.#sum = 0;
    // An empty window starts anew, so that a resumed layer is not averaged over its silence.
    if (this.#sum === 0) this.#first = -1;
    this.#newest = bucket;
  }
}
