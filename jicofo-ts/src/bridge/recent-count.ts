import type { Millis } from "#shared/runtime/runtime";

/** Resolution of the window; upstream's too (spec jicofo 6.2). */
const bucketMs = 100;

/**
 * How many things happened in the last `window` milliseconds, in buckets of 100 ms.
 *
 * `add` and `count` must be given a `now` that never goes back.
 */
export class RecentCount {
  readonly #window: Millis;
  /** Oldest first: bucket number and how many fell into it. */
  readonly #buckets: { at: number; n: number }[] = [];
  #total = 0;

  constructor(window: Millis) {
    this.#window = window;
  }

  /** Something happened `n` times at `now`. */
  add(now: Millis, n = 1): void {
    const at = Math.floor(now / bucketMs);
    const last = this.#buckets.at(-1);
    if (last?.at === at) last.n += n;
    else this.#buckets.push({ at, n });
    this.#total += n;
    this.#forget(now);
  }

  /** How many within the window that ends at `now`. */
  count(now: Millis): number {
    this.#forget(now);
    return this.#total;
  }

  #forget(now: Millis): void {
    const oldest = Math.floor((now - this.#window) / bucketMs);
    for (let first = this.#buckets[0]; first && first.at <= oldest; first = this.#buckets[0]) {
      this.#buckets.shift();
      this.#total -= first.n;
    }
  }
}
