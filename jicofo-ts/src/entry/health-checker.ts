import type { Logger } from "#shared/logging/logger";
import type { Millis, Runtime, Timer } from "#shared/runtime/runtime";

/** Result of one part of a check. `soft`: somebody else's fault, 503 instead of 500. */
export type CheckResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly hard: boolean; readonly message: string };

/** What `/about/health` and `/stats` say. */
export interface HealthReport {
  readonly success: boolean;
  readonly hardFailure: boolean;
  readonly responseCode: number;
  readonly message: string;
  /** Checks so far that took longer than allowed. */
  readonly slow: number;
}

/** What the checker is built from. */
export interface HealthCheckerOptions {
  readonly interval: Millis;
  /** Age of the last result that is too old. */
  readonly timeout: Millis;
  readonly maxCheckDuration: Millis;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** The parts of a check, in order; the first failure ends it. */
  readonly parts: readonly (() => Promise<CheckResult>)[];
}

const passed: CheckResult = { ok: true };

/** Checks this focus each `interval` (spec jicofo 10.3). Failures are not sticky. */
export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  #result: CheckResult = passed;
  #resultAt: Millis | undefined;
  #running = false;
  #slow = 0;
  #timer: Timer | undefined;

  constructor(options: HealthCheckerOptions) {
    this.#options = options;
  }

  start(): void {
    const { runtime, interval } = this.#options;
    this.#timer = runtime.timers.every(interval, () => {
      if (!this.#running) void this.#check();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Before the first check ends the answer is good. */
  report(): HealthReport {
    const { runtime, timeout } = this.#options;
    const age = this.#resultAt === undefined ? 0 : runtime.clock.now() - this.#resultAt;
    const result: CheckResult =
      age > timeout
        ? { ok: false, hard: true, message: `No health check result for ${timeout} ms.` }
        : this.#result;
    if (result.ok)
      return {
        success: true,
        hardFailure: false,
        responseCode: 200,
        message: "",
        slow: this.#slow,
      };
    return {
      success: false,
      hardFailure: result.hard,
      responseCode: result.hard ? 500 : 503,
      message: result.message,
      slow: this.#slow,
    };
  }

  async #check(): Promise<void> {
    const { runtime, maxCheckDuration, log } = this.#options;
    this.#running = true;
    const startedAt = runtime.clock.now();
    let result = await this.#runParts();
    const took = runtime.clock.now() - startedAt;
    if (took > maxCheckDuration) {
      this.#slow += 1;
      if (result.ok)
        result = {
          ok: false,
          hard: true,
          message: `The health check took ${Math.round(took)} ms.`,
        };
    }
    if (!result.ok && this.#result.ok) log.warn(`Health check failed: ${result.message}`);
    if (result.ok && !this.#result.ok) log.info("Health check passed again");
    this.#result = result;
    this.#resultAt = runtime.clock.now();
    this.#running = false;
  }

  async #runParts(): Promise<CheckResult> {
    for (const part of this.#options.parts) {
      const result = await part();
      if (!result.ok) return result;
    }
    return passed;
  }
}
