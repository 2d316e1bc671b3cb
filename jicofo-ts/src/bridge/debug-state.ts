import type { Bridge } from "./bridge.ts";

/** A bridge in `/debug` (spec jicofo 10.5). COMPAT(jicofo): what is not known is the text `null`. */
export function bridgeDebugState(
  bridge: Bridge,
): Readonly<Record<string, string | number | boolean>> {
  return {
    "corrected-stress": bridge.correctedStress,
    drain: bridge.draining,
    endpoints: bridge.endpoints,
    "endpoint-restart-requests": bridge.restartRequests,
    "failing-ice": bridge.failingIce,
    "graceful-shutdown": bridge.gracefulShutdown,
    healthy: bridge.healthy,
    operational: bridge.operational,
    overloaded: bridge.overloaded,
    region: bridge.region ?? "null",
    "relay-id": bridge.relayId ?? "null",
    release: bridge.release ?? "null",
    "shutting-down": bridge.shuttingDown,
    stress: bridge.stress,
    version: bridge.version ?? "null",
  };
}
