/**
 * Statistics of the whole bridge: what the workers report and what the main thread knows, joined
 * under the names of `/colibri/stats` and of the brewery presence (jvb-control 6.5).
 */
import {
  type ConferenceStats,
  type WorkerCounter,
  type WorkerStats,
  type WorkerSums,
  workerCounters,
  workerSums,
  zeroSums,
} from "../worker-messages.ts";

/** One statistic. `double`: printed with a decimal point as text, as upstream does. */
export interface Stat {
  readonly name: string;
  readonly value: number | boolean | string;
  readonly double?: true;
}

/** What the main thread contributes, as of now. */
export interface BridgeFacts {
  readonly stress: number;
  readonly averageParticipantStress: number;
  readonly gracefulShutdown: boolean;
  readonly shuttingDown: boolean;
  readonly drain: boolean;
  readonly healthy: boolean;
  readonly version: string;
  readonly release: string | undefined;
  readonly region: string | undefined;
  readonly relayId: string | undefined;
  /** Threads of the process, when `stats.jvm.enabled`. */
  readonly threads: number | undefined;
  readonly mucClientsConfigured: number;
  readonly mucClientsConnected: number;
  readonly mucsConfigured: number;
  readonly mucsJoined: number;
  /** Now, ms since the epoch. */
  readonly wallNow: number;
}

/** Sums over all workers and their conferences. */
export interface BridgeTotals extends Readonly<WorkerSums> {
  readonly conferences: readonly ConferenceStats[];
  readonly counters: Readonly<Record<WorkerCounter, number>>;
  readonly localEndpoints: number;
  readonly visitors: number;
  readonly sendingAudio: number;
  readonly sendingVideo: number;
  readonly receiveOnly: number;
  readonly inactiveConferences: number;
  readonly p2pConferences: number;
  readonly inactiveEndpoints: number;
  readonly largestConference: number;
}

/** Keeps the latest report of each worker; what a worker that died had counted stays. */
export class BridgeStats {
  readonly #latest = new Map<number, WorkerStats>();
  readonly #departed = zeroCounters();

  handleReport(worker: number, stats: WorkerStats): void {
    this.#latest.set(worker, stats);
  }

  /** The worker died: its conferences are gone, its counters start again at zero. */
  handleWorkerGone(worker: number): void {
    const last = this.#latest.get(worker);
    if (last === undefined) return;
    for (const name of workerCounters) this.#departed[name] += last.counters[name];
    this.#latest.delete(worker);
  }

  /** Datagrams of all workers: received, sent, and dropped by reason. */
  sockets(): Readonly<Record<string, number>> {
    return this.#sumOf(({ sockets }) => sockets);
  }

  /** Packets that went no further, by reason, of the endpoints that are there. */
  drops(): Readonly<Record<string, number>> {
    return this.#sumOf(({ drops }) => drops);
  }

  /** What the packet paths counted. */
  engine(): Readonly<Record<string, number>> {
    return this.#sumOf(({ engine }) => engine);
  }

  #sumOf(pick: (stats: WorkerStats) => object): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const stats of this.#latest.values()) {
      const figures: Readonly<Record<string, number>> = { ...pick(stats) };
      for (const [name, value] of Object.entries(figures)) sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  }

  totals(): BridgeTotals {
    const sums = zeroSums();
    const counters = { ...this.#departed };
    const conferences = [...this.#latest.values()].flatMap((stats) => stats.conferences);
    for (const stats of this.#latest.values()) {
      for (const name of workerSums) sums[name] += stats[name];
      for (const name of workerCounters) counters[name] += stats.counters[name];
    }
    const add = (pick: (one: (typeof conferences)[number]) => number): number =>
      conferences.reduce((sum, one) => sum + pick(one), 0);
    const inactive = conferences.filter((one) => one.sendingAudio + one.sendingVideo === 0);
    return {
      ...sums,
      counters,
      conferences,
      localEndpoints: add((one) => one.localEndpoints),
      visitors: add((one) => one.visitors),
      sendingAudio: add((one) => one.sendingAudio),
      sendingVideo: add((one) => one.sendingVideo),
      receiveOnly: add((one) => one.receiveOnly),
      inactiveConferences: inactive.length,
      p2pConferences: inactive.filter((one) => one.localEndpoints === 2).length,
      inactiveEndpoints: inactive.reduce((sum, one) => sum + one.localEndpoints, 0),
      largestConference: Math.max(0, ...conferences.map((one) => one.localEndpoints)),
    };
  }
}

function zeroCounters(): Record<WorkerCounter, number> {
  const zeros = workerCounters.map((name) => [name, 0]);
  return Object.fromEntries(zeros) as Record<WorkerCounter, number>;
}

export function fraction(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

/** Prints with a decimal point even where it is whole. */
const double = (value: number): Figure => ({ value, double: true });
type Figure = { readonly value: number; readonly double: true };

/** All statistics in upstream's order; those that are undefined do not apply. */
export function bridgeStatistics(totals: BridgeTotals, facts: BridgeFacts): Stat[] {
  const { counters } = totals;
  const lost = totals.incomingLost + totals.outgoingLost;
  const figures: Readonly<Record<string, Figure | number | boolean | string | undefined>> = {
    incoming_loss: double(fraction(totals.incomingLost, totals.incomingExpected)),
    outgoing_loss: double(fraction(totals.outgoingLost, totals.outgoingExpected)),
    overall_loss: double(fraction(lost, totals.incomingExpected + totals.outgoingExpected)),
    endpoints_with_high_outgoing_loss: totals.highOutgoingLoss,
    tcc_unmatched_feedback: totals.unmatchedTccFeedback,
    local_active_endpoints: totals.localEndpoints - totals.inactiveEndpoints,
    bit_rate_download: Math.round(totals.incomingBps / 1000),
    bit_rate_upload: Math.round(totals.outgoingBps / 1000),
    packet_rate_download: Math.round(totals.incomingPps),
    packet_rate_upload: Math.round(totals.outgoingPps),
    rtt_aggregate: double(fraction(totals.rttSumMs, totals.rttCount)),
    num_eps_oversending: totals.oversending,
    octo_conferences: 0,
    inactive_conferences: totals.inactiveConferences,
    p2p_conferences: totals.p2pConferences,
    endpoints: totals.localEndpoints,
    participants: totals.localEndpoints,
    receive_only_endpoints: totals.receiveOnly,
    inactive_endpoints: totals.inactiveEndpoints,
    octo_endpoints: 0,
    endpoints_sending_audio: totals.sendingAudio,
    endpoints_sending_video: totals.sendingVideo,
    largest_conference: totals.largestConference,
    octo_receive_bitrate: 0,
    octo_receive_packet_rate: 0,
    octo_send_bitrate: 0,
    octo_send_packet_rate: 0,
    endpoints_with_suspended_sources: totals.suspendedSources,
    total_conferences_created: counters.conferences_created,
    total_conferences_completed: counters.conferences_completed,
    total_conference_seconds: counters.conference_seconds,
    total_participants: counters.endpoints,
    total_visitors: counters.visitors,
    num_eps_no_msg_transport_after_delay: counters.endpoints_no_message_transport_after_delay,
    total_relays: 0,
    num_relays_no_msg_transport_after_delay: 0,
    total_keyframes_received: counters.keyframes_received,
    total_layering_changes_received: counters.layering_changes_received,
    total_video_stream_milliseconds_received: counters.video_milliseconds_received,
    stress_level: double(facts.stress),
    conferences: totals.conferences.length,
    visitors: totals.visitors,
    local_endpoints: totals.localEndpoints,
    total_data_channel_messages_received: counters.data_channel_messages_received,
    total_data_channel_messages_sent: counters.data_channel_messages_sent,
    total_colibri_web_socket_messages_received: counters.colibri_web_socket_messages_received,
    total_colibri_web_socket_messages_sent: counters.colibri_web_socket_messages_sent,
    total_bytes_received: counters.bytes_received,
    endpoints_ice_failed: counters.endpoints_ice_failed,
    dtls_failed_endpoints: counters.endpoints_dtls_failed,
    relays_ice_failed: 0,
    dtls_failed_relays: 0,
    total_bytes_sent: counters.bytes_sent,
    total_packets_received: counters.packets_received,
    total_packets_sent: counters.packets_sent,
    total_bytes_received_octo: 0,
    total_bytes_sent_octo: 0,
    total_packets_received_octo: 0,
    total_packets_sent_octo: 0,
    total_dominant_speaker_changes: counters.dominant_speaker_changes,
    preemptive_kfr_sent: counters.preemptive_keyframe_requests_sent,
    preemptive_kfr_suppressed: counters.preemptive_keyframe_requests_suppressed,
    total_ice_failed: counters.ice_failed,
    total_ice_succeeded: counters.ice_succeeded,
    total_ice_succeeded_relayed: counters.ice_succeeded_relayed,
    average_participant_stress: double(facts.averageParticipantStress),
    threads: facts.threads,
    graceful_shutdown: facts.gracefulShutdown,
    shutting_down: facts.shuttingDown,
    drain: facts.drain,
    current_timestamp: timestamp(facts.wallNow),
    relay_id: facts.relayId,
    muc_clients_configured: facts.mucClientsConfigured,
    muc_clients_connected: facts.mucClientsConnected,
    mucs_configured: facts.mucsConfigured,
    mucs_joined: facts.mucsJoined,
    endpoints_with_spurious_remb: totals.spuriousRemb,
    healthy: facts.healthy,
    endpoints_disconnected: counters.endpoints_disconnected,
    endpoints_reconnected: counters.endpoints_reconnected,
    version: facts.version,
    release: facts.release,
    region: facts.region,
  };
  return Object.entries(figures).flatMap(([name, value]): Stat[] => {
    if (value === undefined) return [];
    return [typeof value === "object" ? { name, ...value } : { name, value }];
  });
}

/** `yyyy-MM-dd HH:mm:ss.SSS` in UTC. */
function timestamp(wallNow: number): string {
  return new Date(wallNow).toISOString().replace("T", " ").replace("Z", "");
}

/** The text of one value as the presence carries it: doubles keep a decimal point. */
export function statText({ value, double }: Stat): string {
  if (double === true && Number.isInteger(value)) return `${value}.0`;
  return String(value);
}

/** The statistics as the object of `/colibri/stats`. */
export function statisticsJson(stats: readonly Stat[]): Record<string, number | boolean | string> {
  return Object.fromEntries(stats.map(({ name, value }) => [name, value]));
}

/** Names and texts for the presence; with a whitelist only its names, in its order. */
export function presenceStatistics(
  stats: readonly Stat[],
  whitelist: readonly string[] | undefined,
): (readonly [string, string])[] {
  if (whitelist === undefined) return stats.map((stat) => [stat.name, statText(stat)]);
  const byName = new Map(stats.map((stat) => [stat.name, stat]));
  return whitelist.flatMap((name) => {
    const stat = byName.get(name);
    return stat === undefined ? [] : [[name, statText(stat)] as const];
  });
}
