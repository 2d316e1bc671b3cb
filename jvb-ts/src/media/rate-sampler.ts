/**
 * Rate of a growing counter from samples taken on the report tick: nothing to do per packet.
 */
import type { Millis } from "#shared/runtime/runtime";

const MIN_SPAN_MS = 900;

export class RateSampler {
  /** Counter units per second over about the last second. */
  perSecond = 0;
  #value = 0;
  #at: Millis = -1;

  sample(value: number, now: Millis): void {
    if (this.#at < 0) {
      this.#at = now;
      this.#value = value;
      return;
    }
    const span = now - this.#at;
    if (span < MIN_SPAN_MS) return;
    this.perSecond = ((value - this.#value) * 1000) / span;
    this.#value = value;
    this.#at = now;
  }
}
