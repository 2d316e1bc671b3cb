/** What the way carried each time it was found full: mean and deviation (spec jvb-media 9.2). */

const SMOOTHING = 0.05;
const MIN_DEVIATION = 0.4;
const MAX_DEVIATION = 2.5;
const INITIAL_DEVIATION = 0.4;
/** A capacity is known when it lies within so many deviations. */
const BOUND = 3;

export class LinkCapacity {
  /** Kilobits per second, -1 unknown. */
  #estimate = -1;
  /** Variance over the mean. */
  #deviation = INITIAL_DEVIATION;

  get isKnown(): boolean {
    return this.#estimate >= 0;
  }

  /** Bits per second; only when known. */
  get bps(): number {
    return 1000 * this.#estimate;
  }

  get upperBps(): number {
    if (!this.isKnown) return Number.POSITIVE_INFINITY;
    return 1000 * (this.#estimate + BOUND * this.#spread());
  }

  get lowerBps(): number {
    if (!this.isKnown) return 0;
    return 1000 * Math.max(0, this.#estimate - BOUND * this.#spread());
  }

  /** The way was full while this much arrived. */
  add(bps: number): void {
    const sample = bps / 1000;
    if (!this.isKnown) this.#estimate = sample;
    else this.#estimate += SMOOTHING * (sample - this.#estimate);
    const norm = Math.max(this.#estimate, 1);
    const error = this.#estimate - sample;
    this.#deviation += SMOOTHING * ((error * error) / norm - this.#deviation);
    this.#deviation = Math.min(MAX_DEVIATION, Math.max(MIN_DEVIATION, this.#deviation));
  }

  reset(): void {
    this.#estimate = -1;
  }

  #spread(): number {
    return Math.sqrt(this.#deviation * this.#estimate);
  }
}
