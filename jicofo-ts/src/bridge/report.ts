/** What a bridge says of itself in its brewery presence. Absent means "not said", which keeps the last value. */
export interface BridgeReport {
  readonly stress: number | undefined;
  readonly averageParticipantStress: number | undefined;
  readonly gracefulShutdown: boolean | undefined;
  readonly shuttingDown: boolean | undefined;
  readonly draining: boolean | undefined;
  readonly healthy: boolean | undefined;
  readonly version: string | undefined;
  readonly release: string | undefined;
  readonly region: string | undefined;
  readonly relayId: string | undefined;
}

/**
 * Picks what the focus uses out of a bridge's statistics (spec jicofo 6.1). Anything else, and any
 * number that is none, is ignored.
 */
export function readReport(stats: ReadonlyMap<string, string>): BridgeReport {
  return {
    stress: number(stats.get("stress_level")),
    averageParticipantStress: number(stats.get("average_participant_stress")),
    gracefulShutdown: flag(stats.get("graceful_shutdown")),
    shuttingDown: flag(stats.get("shutting_down")),
    draining: flag(stats.get("drain")),
    healthy: flag(stats.get("healthy")),
    version: stats.get("version"),
    release: stats.get("release"),
    region: stats.get("region"),
    relayId: stats.get("relay_id"),
  };
}

function number(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : undefined;
}

// COMPAT(jvb): Java reads any spelling of "true" as true and everything else as false.
function flag(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value.trim().toLowerCase() === "true";
}
