/** Histogram of delays with upstream's JSON (jvb-control 1.8, `/debug/stats/jvb/xmpp-delay-stats`). */
import type { Json } from "../conference/debug-state.ts";

const bounds = [0, 5, 50, 100, 1000] as const;

export class DelayStats {
  readonly #counts = new Array<number>(bounds.length).fill(0);
  #total = 0;
  #count = 0;
  #max = 0;
  #min = 0;

  /** Takes one delay in ms. */
  add(delayMs: number): void {
    const delay = Math.max(0, Math.round(delayMs));
    const bucket = bounds.findLastIndex((bound) => delay >= bound);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#min = this.#count === 0 ? delay : Math.min(this.#min, delay);
    this.#max = Math.max(this.#max, delay);
    this.#total += delay;
    this.#count++;
  }

  json(): Json {
    const buckets: Record<string, Json> = {};
    for (const [at, bound] of bounds.entries()) {
      buckets[`${bound}_to_${bounds[at + 1] ?? "max"}_ms`] = this.#counts[at] ?? 0;
    }
    buckets["p99_upper_bound"] = this.#bound(0.99, 100);
    buckets["p999_upper_bound"] = this.#bound(0.999, 1000);
    return {
      average_delay_ms: this.#count === 0 ? "NaN" : this.#total / this.#count,
      max_delay_ms: this.#max,
      min_delay_ms: this.#min,
      total_value: this.#total,
      total_count: this.#count,
      discarded: 0,
      buckets,
    };
  }

  /** Upper bound of the bucket that holds the quantile; -1 without enough samples. */
  #bound(quantile: number, least: number): number {
    if (this.#count < least) return -1;
    let seen = 0;
    for (const [at, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= quantile * this.#count) return bounds[at + 1] ?? this.#max;
    }
    return this.#max;
  }
}
