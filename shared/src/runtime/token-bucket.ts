import type { Millis } from "./runtime.ts";

/** How many things somebody may do: `burst` at once, `rate` a second over time. Both positive. */
export interface Allowance {
  readonly rate: number;
  readonly burst: number;
}

/** Counts what somebody does against an allowance. Starts full; time may only go forward. */
export class TokenBucket {
  readonly #allowance: Allowance;
  #tokens: number;
  #at: Millis;

  constructor(allowance: Allowance, now: Millis) {
    this.#allowance = allowance;
    this.#tokens = allowance.burst;
    this.#at = now;
  }

  /** Takes one token if there is one. */
  take(now: Millis): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** When the next token is there: `now` or later. */
  nextAt(now: Millis): Millis {
    this.#fill(now);
    if (this.#tokens >= 1) return now;
    // Rounded up, lest a timer come a fraction too early and find nothing.
    return now + Math.ceil(((1 - this.#tokens) * 1_000) / this.#allowance.rate);
  }

  /** Whether nothing was taken lately: forgetting the bucket changes nothing then. */
  isFull(now: Millis): boolean {
    this.#fill(now);
    return this.#tokens >= this.#allowance.burst;
  }

  #fill(now: Millis): void {
    const { rate, burst } = this.#allowance;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * rate) / 1_000);
    this.#at = now;
  }
}

/**
 * A bucket for each of many keys that strangers choose. Holds at most `most` keys: those whose
 * bucket is full again are forgotten first, then the one longest unseen.
 */
export class TokenBuckets {
  readonly #allowance: Allowance;
  readonly #most: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(allowance: Allowance, most: number) {
    this.#allowance = allowance;
    this.#most = most;
  }

  get size(): number {
    return this.#buckets.size;
  }

  take(key: string, now: Millis): boolean {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#most) this.#makeRoom(now);
      bucket = new TokenBucket(this.#allowance, now);
    } else {
      this.#buckets.delete(key);
    }
    this.#buckets.set(key, bucket);
    return bucket.take(now);
  }

  #makeRoom(now: Millis): void {
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      // A few at a time: one call must not walk through all of them.
      if (++looked > 16) break;
      if (bucket.isFull(now)) this.#buckets.delete(key);
    }
    if (this.#buckets.size < this.#most) return;
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      break;
    }
  }
}
