/**
 * `/debug/stats/jvb/NAME` (jvb-control 6.4): this bridge's own figures under upstream's names. Upstream's
 * schemas describe its engine, and nobody but people reads them.
 */
import type { Json } from "../conference/debug-state.ts";
import { type BridgeStats, fraction } from "./bridge-stats.ts";

export interface DebugSources {
  readonly stats: BridgeStats;
  /** Delays of what came over XMPP, by kind. */
  readonly delays: Readonly<Record<string, Json>>;
  /** COLIBRI2 requests not answered yet. */
  readonly waitingRequests: number;
  /** Local endpoints by worker. */
  readonly localEndpoints: readonly number[];
  /** Bytes of packets that each worker has in fixed memory. */
  readonly slabBytes: number;
}

/** The figures of one name, or undefined for an unknown one. */
export function debugStatistics(name: string, sources: DebugSources): Json | undefined {
  const { stats } = sources;
  switch (name) {
    case "xmpp-delay-stats":
      return sources.delays;
    case "node-stats":
      return { packets: stats.engine(), dropped: stats.drops() };
    case "payload-verification":
      return { num_payload_verification_failures: 0 };
    case "queue-stats":
      return { udp: stats.sockets() };
    case "pool-stats":
      return { workers: sources.localEndpoints.length, bytes_per_worker: sources.slabBytes };
    case "transit-stats": {
      const { counters } = stats.totals();
      return {
        standstills: counters.standstills,
        packets_dropped: counters.standstill_packets_dropped,
      };
    }
    case "task-pool-stats":
      return {
        colibri_requests_waiting: sources.waitingRequests,
        local_endpoints_by_worker: sources.localEndpoints,
      };
    case "ice-stats":
      return iceStatistics(stats);
    case "conference-packet-stats":
      return packetsBySize(stats);
    case "tossed-packet-stats": {
      const { muted, silence, notLoudest } = stats.drops();
      return { muted: muted ?? 0, silence: silence ?? 0, not_loudest: notLoudest ?? 0 };
    }
    default:
      return undefined;
  }
}

function iceStatistics(stats: BridgeStats): Json {
  const { counters, rttSumMs, rttCount } = stats.totals();
  const ice = Object.entries(counters).filter(([name]) => name.startsWith("ice_"));
  const all = { average_rtt_ms: fraction(rttSumMs, rttCount), endpoints: rttCount };
  return { all, ...Object.fromEntries(ice) };
}

/** How many conferences there are of each size, and what all of them carry. */
function packetsBySize(stats: BridgeStats): Json {
  const { conferences, incomingPps, outgoingPps } = stats.totals();
  const sizes: Record<string, number> = {};
  for (const { localEndpoints } of conferences) {
    sizes[localEndpoints] = (sizes[localEndpoints] ?? 0) + 1;
  }
  return {
    conferences_by_size: sizes,
    incoming_packet_rate: incomingPps,
    outgoing_packet_rate: outgoingPps,
  };
}
