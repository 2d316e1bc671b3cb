/**
 * Lowers the bridge-wide last-n under overload and raises it again afterwards (spec jvb-control 7.2).
 * Decides with each load sample; what it decided takes a while to show, so it waits between steps.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { LoadLevel } from "./load-monitor.ts";

export interface LastNReducerSettings {
  readonly reductionScale: number;
  readonly recoverScale: number;
  /** Time between two steps. */
  readonly impactTimeMs: Millis;
  /** Never reduced below this. */
  readonly minimum: number;
  /** A limit this high is none. */
  readonly maximum: number;
}

/** Upstream's. */
export const defaultReducerSettings: LastNReducerSettings = {
  reductionScale: 0.75,
  recoverScale: 1.25,
  impactTimeMs: 60_000,
  minimum: 1,
  maximum: 40,
};

export class LastNReducer {
  readonly #settings: LastNReducerSettings;
  /** What the operator configured: -1 unlimited. */
  readonly #configured: number;
  /** Limit of the reducer, -1 while it has set none. */
  #limit = -1;
  #steppedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(settings: LastNReducerSettings, configured: number) {
    this.#settings = settings;
    this.#configured = configured;
  }

  /** The bridge-wide last-n that holds now, -1 unlimited. */
  get lastN(): number {
    if (this.#limit < 0) return this.#configured;
    return this.#configured < 0 ? this.#limit : Math.min(this.#limit, this.#configured);
  }

  /**
   * Takes a load sample; `mostForwarded` is how many sources the endpoint gets that gets most,
   * undefined without conferences. True when `lastN` changed.
   */
  handleSample(level: LoadLevel, mostForwarded: number | undefined, now: Millis): boolean {
    if (level === "between" || now - this.#steppedAt < this.#settings.impactTimeMs) return false;
    const before = this.lastN;
    const stepped = level === "above" ? this.#reduce(mostForwarded) : this.#recover();
    if (stepped) this.#steppedAt = now;
    return this.lastN !== before;
  }

  #reduce(mostForwarded: number | undefined): boolean {
    if (mostForwarded === undefined) return false;
    const { minimum, reductionScale } = this.#settings;
    this.#limit = Math.max(minimum, Math.floor(mostForwarded * reductionScale));
    return true;
  }

  #recover(): boolean {
    if (this.#limit < 0) return false;
    const raised = Math.max(this.#limit + 1, Math.floor(this.#limit * this.#settings.recoverScale));
    this.#limit = raised >= this.#settings.maximum ? -1 : raised;
    return true;
  }
}
