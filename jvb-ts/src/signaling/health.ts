/**
 * Health of the bridge (jvb-control 7.3): one shared result, refreshed on an interval, asked for by
 * `/about/health`, the health-check IQ and the statistics. XMPP is never considered.
 */
import type { Millis } from "#shared/runtime/runtime";

export interface HealthResult {
  readonly success: boolean;
  /** Hard failures answer 500 over HTTP, soft ones 503. */
  readonly hardFailure: boolean;
  readonly message: string | undefined;
}

export interface HealthSettings {
  readonly timeoutMs: Millis;
  readonly requireValidAddress: boolean;
  readonly requireStun: boolean;
}

/** What a check looks at. */
export interface HealthFacts {
  /** A local or mapped address that is not private. */
  readonly hasValidAddress: boolean;
  readonly stunSucceeded: boolean;
  readonly bindError: string | undefined;
}

const healthy: HealthResult = { success: true, hardFailure: true, message: undefined };

function failure(message: string): HealthResult {
  return { success: false, hardFailure: true, message };
}

export class Health {
  readonly #settings: HealthSettings;
  #result: HealthResult = healthy;
  #checkedAt: Millis;

  /** `now` starts the clock of staleness; the bridge is healthy until the first check. */
  constructor(settings: HealthSettings, now: Millis) {
    this.#settings = settings;
    this.#checkedAt = now;
  }

  /** One check; to be called each `health.interval`. */
  handleCheck(facts: HealthFacts, now: Millis): void {
    this.#checkedAt = now;
    this.#result = this.#judge(facts);
  }

  result(now: Millis): HealthResult {
    if (now - this.#checkedAt <= this.#settings.timeoutMs) return this.#result;
    const last = this.#result.success ? "success" : (this.#result.message ?? "failure");
    return failure(`No health checks performed recently, the last result was ${last}`);
  }

  #judge(facts: HealthFacts): HealthResult {
    if (facts.bindError !== undefined) return failure("Failed to bind single-port");
    if (this.#settings.requireValidAddress && !facts.hasValidAddress) {
      return failure("No valid IP addresses available for harvesting.");
    }
    if (this.#settings.requireStun && !facts.stunSucceeded) {
      return failure("Address discovery through STUN failed");
    }
    return healthy;
  }
}
