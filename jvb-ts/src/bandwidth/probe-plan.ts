/**
 * When to send a burst faster than the estimate, and how fast (spec jvb-media 9.2): at the start,
 * on from a probe that went well, and back after a fall. While more is wanted than the estimate
 * allows, also every few seconds (decision 0025).
 */
import type { Millis } from "#shared/runtime/runtime";

const FIRST_SCALE = 3;
const SECOND_SCALE = 6;
const FURTHER_SCALE = 2;
/** A result above this share of the probe asks for the next. */
const FURTHER_SHARE = 0.7;
const RESULT_WAIT_MS = 1_000;
const MAX_PENDING = 5;
const SEARCH_SCALE = 1.8;
const SEARCH_MS = 2_500;
/** A burst of less is a few bytes, whose rate says little. */
const LEAST_SEARCH_BPS = 120_000;
/** A fall below this share of the estimate, this long ago at most, is probed for. */
const FALL_SHARE = 0.66;
const FALL_MS = 5_000;
const FALL_SPACING_MS = 5_000;
const FALL_IDLE_MS = 3_000;
const RECOVERY_SHARE = 0.85;

export class ProbePlan {
  readonly #maxBps: number;
  readonly #pending = new Float64Array(MAX_PENDING);
  #count = 0;
  #started = false;
  /** Results above this ask for a further probe until then. */
  #furtherAbove = Number.POSITIVE_INFINITY;
  #furtherUntil: Millis = Number.NEGATIVE_INFINITY;
  #lastProbeAt: Millis = Number.NEGATIVE_INFINITY;
  #estimate = 0;
  /** The rate before the last fall. */
  #before = 0;
  #fellAt: Millis = Number.NEGATIVE_INFINITY;
  #recoveredAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(maxBps: number) {
    this.#maxBps = maxBps;
  }

  /** The first packet goes out. */
  handleStart(startBps: number, now: Millis): void {
    if (this.#started) return;
    this.#started = true;
    this.#estimate = startBps;
    this.#probe(FIRST_SCALE * startBps, now);
    this.#probe(SECOND_SCALE * startBps, now);
  }

  /** The estimate after a report; `byProbe` when a probe raised it. */
  handleEstimate(bps: number, now: Millis): void {
    if (bps < FALL_SHARE * this.#estimate) {
      this.#before = this.#estimate;
      this.#fellAt = now;
    }
    this.#estimate = bps;
    if (now > this.#furtherUntil || bps <= this.#furtherAbove) return;
    this.#probe(FURTHER_SCALE * bps, now);
  }

  /**
   * Once a report, when the way is not full. `wantedBps`: what would be sent if it could;
   * `capBps`: what a probe may try at most. `isIdle`: far less is sent than allowed.
   */
  handleClear(wantedBps: number, capBps: number, isIdle: boolean, now: Millis): void {
    if (this.#count > 0 || now <= this.#furtherUntil) return;
    if (this.#mayRecover(isIdle, now)) {
      this.#recoveredAt = now;
      this.#probe(Math.min(capBps, RECOVERY_SHARE * this.#before), now);
      return;
    }
    if (wantedBps <= this.#estimate || now - this.#lastProbeAt < SEARCH_MS) return;
    const searchBps = Math.max(LEAST_SEARCH_BPS, SEARCH_SCALE * this.#estimate);
    this.#probe(Math.min(capBps, searchBps), now);
  }

  /** What a probe showed is to be shown once more, at `bps`. */
  confirm(bps: number, now: Millis): void {
    if (this.#count === 0) this.#probe(bps, now);
  }

  /** The next probe to send in bits per second, 0 none; taken from the list. */
  take(): number {
    if (this.#count === 0) return 0;
    const bps = this.#pending[0]!;
    this.#pending.copyWithin(0, 1, this.#count);
    this.#count--;
    return bps;
  }

  /** The way is full: what was planned makes it worse. */
  cancel(): void {
    this.#count = 0;
    this.#furtherUntil = Number.NEGATIVE_INFINITY;
  }

  #mayRecover(isIdle: boolean, now: Millis): boolean {
    const since = now - this.#fellAt;
    if (since > FALL_MS || now - this.#recoveredAt < FALL_SPACING_MS) return false;
    return (isIdle || since <= FALL_IDLE_MS) && this.#before > this.#estimate;
  }

  #probe(bps: number, now: Millis): void {
    if (this.#count >= MAX_PENDING) return;
    const rate = Math.min(bps, this.#maxBps);
    // Nothing is to be found above the greatest estimate.
    if (rate <= this.#estimate) return;
    this.#pending[this.#count++] = rate;
    this.#lastProbeAt = now;
    this.#furtherUntil = rate < this.#maxBps ? now + RESULT_WAIT_MS : Number.NEGATIVE_INFINITY;
    this.#furtherAbove = FURTHER_SHARE * rate;
  }
}
