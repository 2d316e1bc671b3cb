/**
 * Stress of the bridge (jvb-control 7.1): measured load divided by its threshold. 0 before the
 * first sample; may exceed 1. The focus uses it to choose bridges; nothing is refused because of it.
 */

export interface LoadThresholds {
  readonly load: number;
  readonly recovery: number;
}

export type LoadMeasurement = "cpu-usage" | "packet-rate";

/** Where the last sample lies: at or above the threshold, below the one of recovery, or between. */
export type LoadLevel = "above" | "between" | "below";

export type LoadState = "NOT_OVERLOADED" | "OVERLOADED";

/** Upstream samples every 10 s, first at start. */
export const LOAD_SAMPLE_PERIOD_MS = 10_000;

export class LoadMonitor {
  readonly #thresholds: LoadThresholds;
  #load: number | undefined;
  #state: LoadState = "NOT_OVERLOADED";

  constructor(thresholds: LoadThresholds) {
    this.#thresholds = thresholds;
  }

  /** Takes one sample in the unit of the thresholds. */
  handleSample(load: number): void {
    this.#load = load;
    if (load >= this.#thresholds.load) this.#state = "OVERLOADED";
    else if (load < this.#thresholds.recovery) this.#state = "NOT_OVERLOADED";
  }

  /** `between` before the first sample. */
  get level(): LoadLevel {
    if (this.#load === undefined) return "between";
    if (this.#load >= this.#thresholds.load) return "above";
    return this.#load < this.#thresholds.recovery ? "below" : "between";
  }

  get stress(): number {
    return this.#load === undefined ? 0 : this.#load / this.#thresholds.load;
  }

  get state(): LoadState {
    return this.#state;
  }
}
