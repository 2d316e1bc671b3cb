/**
 * Whether one endpoint is connected, as the others are told (jvb-control 5.4). Inactive after it
 * never sent anything for `firstTransferTimeoutMs`, or fell silent for `maxInactivityMs`; active
 * again at the first activity after that.
 */
import type { Millis } from "#shared/runtime/runtime";

export interface ConnectionStatusSettings {
  readonly firstTransferTimeoutMs: Millis;
  readonly maxInactivityMs: Millis;
}

/** What a check found. `isFirst`: it never was active, so no disconnect is counted. */
export type StatusChange =
  | { readonly kind: "inactive"; readonly isFirst: boolean }
  | { readonly kind: "active" };

export class ConnectionStatus {
  readonly #settings: ConnectionStatusSettings;
  /** From when on its first sign is waited for. */
  #since: Millis;
  #active = true;

  constructor(settings: ConnectionStatusSettings, createdAt: Millis) {
    this.#settings = settings;
    this.#since = createdAt;
  }

  /** False once the others were told so. */
  get isActive(): boolean {
    return this.#active;
  }

  /** We could not listen for that long. */
  handleStandstill(stood: Millis): void {
    this.#since += stood;
  }

  /** One check; `lastActivity` is undefined while nothing was ever received. */
  handleCheck(lastActivity: Millis | undefined, now: Millis): StatusChange | undefined {
    const active = this.#judge(lastActivity, now);
    if (active === this.#active) return undefined;
    this.#active = active;
    if (active) return { kind: "active" };
    return { kind: "inactive", isFirst: lastActivity === undefined };
  }

  #judge(lastActivity: Millis | undefined, now: Millis): boolean {
    const { firstTransferTimeoutMs, maxInactivityMs } = this.#settings;
    if (lastActivity === undefined) return now - this.#since <= firstTransferTimeoutMs;
    return now - lastActivity <= maxInactivityMs;
  }
}
