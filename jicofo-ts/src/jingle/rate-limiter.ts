import type { Millis } from "#shared/runtime/runtime";

/** Limits of restart requests (`restart-request-rate-limits`). */
export interface RateLimits {
  /** Least time between two accepted requests. */
  readonly minInterval: Millis;
  /** Most accepted requests within `interval`. */
  readonly maxRequests: number;
  readonly interval: Millis;
}

/** Accepts a request unless it comes too soon or too often; refused ones do not count (spec jicofo 4.11). */
export class RateLimiter {
  readonly #limits: RateLimits;
  #accepted: Millis[] = [];

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  accept(now: Millis): boolean {
    const last = this.#accepted.at(-1);
    if (last !== undefined && now - last < this.#limits.minInterval) return false;
    this.#accepted = this.#accepted.filter((at) => now - at < this.#limits.interval);
    if (this.#accepted.length >= this.#limits.maxRequests) return false;
    this.#accepted.push(now);
    return true;
  }
}
