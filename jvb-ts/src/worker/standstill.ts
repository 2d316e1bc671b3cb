/**
 * Notices that this thread stood still (SIGSTOP, a paused machine, no CPU for a second) and what to
 * do with the media that waited meanwhile (spec benchmarks-and-faults R3).
 *
 * Nobody's silence may be judged by a time in which we could not listen, and the receivers must not
 * get all that waited at once: of a long standstill the oldest media is left out, so that the
 * rate of the first second after it is at most twice the usual one.
 */
import type { Millis } from "#shared/runtime/runtime";

/** No turn for this long, although the thread asked to be woken earlier. */
const STANDSTILL_MS = 1000;
/**
 * Media of this long is forwarded late rather than left out: with the second that is live, 1.9 of the
 * rate. The rest to twice the rate is for what arrives bunched.
 */
const KEPT_MS = 900;
/** Shortest span over which the usual rate is measured. */
const RATE_SPAN_MS = 1000;
const RATE_SPANS = 5;
/** Empty sockets mean that all that waited was read only after this long: other threads read too. */
const SETTLE_MS = 100;

export class Standstill {
  #lastTurn: Millis;
  #rateSince: Millis;
  #packets = 0;
  /** Media packets per ms in each of the last spans; the usual rate is the highest of them. */
  readonly #rates: number[] = [];
  #toSkip = 0;
  #wokeAt: Millis = Number.NEGATIVE_INFINITY;
  /** Standstills, and media packets left out after them, since the start. */
  count = 0;
  skipped = 0;
  #told = 0;

  constructor(now: Millis) {
    this.#lastTurn = now;
    this.#rateSince = now;
  }

  /** To be called first in each turn: for how long the thread stood still just now, else 0. */
  handleTurn(now: Millis): Millis {
    const passed = now - this.#lastTurn;
    this.#lastTurn = now;
    if (passed < STANDSTILL_MS) {
      this.#measure(now);
      return 0;
    }
    this.count++;
    this.#wokeAt = now;
    this.#toSkip = Math.max(0, Math.round((passed - KEPT_MS) * Math.max(0, ...this.#rates)));
    // What waited says nothing about the usual rate.
    this.#rateSince = now;
    this.#packets = 0;
    return passed;
  }

  /** Counts one media packet; false: it waited for too long, leave it out. */
  admit(): boolean {
    this.#packets++;
    if (this.#toSkip === 0) return true;
    this.#toSkip--;
    this.skipped++;
    return false;
  }

  /** The sockets are empty, so what comes now is live: how much was left out since the last time. */
  handleDry(now: Millis): number {
    if (this.#toSkip > 0 && now - this.#wokeAt < SETTLE_MS) return 0;
    const untold = this.skipped - this.#told;
    this.#toSkip = 0;
    this.#told = this.skipped;
    return untold;
  }

  #measure(now: Millis): void {
    const span = now - this.#rateSince;
    if (span < RATE_SPAN_MS) return;
    this.#rates.push(this.#packets / span);
    if (this.#rates.length > RATE_SPANS) this.#rates.shift();
    this.#packets = 0;
    this.#rateSince = now;
  }
}
