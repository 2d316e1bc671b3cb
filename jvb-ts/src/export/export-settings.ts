/** How the bridge reaches recorders and transcribers: `videobridge.exporter`. */
import type { Millis } from "#shared/runtime/runtime";

export interface ExportSettings {
  /** Attempts in a row to reach one again; undefined: no bound. */
  readonly maxReconnectAttempts: number | undefined;
  /** Pause before the first such attempt; it doubles from one to the next. */
  readonly baseDelayMs: Millis;
  readonly maxDelayMs: Millis;
  /** A connection that lasted longer counts as good: attempts are counted anew. */
  readonly stableConnectionMs: Millis;
  /** Told to the peer. */
  readonly version: string;
  readonly region: string | undefined;
}

/** Upstream's. */
export const defaultExportSettings: ExportSettings = {
  maxReconnectAttempts: undefined,
  baseDelayMs: 1_000,
  maxDelayMs: 30_000,
  stableConnectionMs: 30_000,
  version: "",
  region: undefined,
};
