/**
 * Statistics of the whole bridge: what the workers report and what the main thread knows, joined
 * under the names of `/colibri/stats` and of the brewery presence (jvb-control 6.5).
 */
import { type WorkerCounter, type WorkerStats, workerCounters } from "../worker-messages.ts";

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
export interface BridgeTotals extends Omit<WorkerStats, "counters" | "sockets"> {
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

const summed = [
  "incomingBps",
  "outgoingBps",
  "incomingPps",
  "outgoingPps",
  "rttSumMs",
  "rttCount",
  "incomingLost",
  "incomingExpected",
  "outgoingLost",
  "outgoingExpected",
  "highOutgoingLoss",
  "oversending",
  "suspendedSources",
  "spuriousRemb",
  "unmatchedTccFeedback",
] as const satisfies readonly (keyof WorkerStats)[];

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
    const sums: Record<string, number> = {};
    for (const { sockets } of this.#latest.values()) {
      const counters: Readonly<Record<string, number>> = { ...sockets };
      for (const [name, value] of Object.entries(counters)) sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  }

  totals(): BridgeTotals {
    const sums = Object.fromEntries(summed.map((name) => [name, 0])) as Record<
      (typeof summed)[number],
      number
    >;
    const counters = { ...this.#departed };
    const conferences = [...this.#latest.values()].flatMap((stats) => stats.conferences);
    for (const stats of this.#latest.values()) {
      for (const name of summed) sums[name] += stats[name];
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

/** All statistics in upstream's order. */
export function bridgeStatistics(totals: BridgeTotals, facts: BridgeFacts): Stat[] {
  const { counters } = totals;
  const stats: Stat[] = [];
  const put = (name: string, value: number | boolean | string): void => {
    stats.push({ name, value });
  };
  const double = (name: string, value: number): void => {
    stats.push({ name, value, double: true });
  };
  const whole = (name: string, value: number): void => put(name, Math.round(value));
  const optional = (name: string, value: number | string | undefined): void => {
    if (value !== undefined) put(name, value);
  };
  double("incoming_loss", fraction(totals.incomingLost, totals.incomingExpected));
  double("outgoing_loss", fraction(totals.outgoingLost, totals.outgoingExpected));
  const lost = totals.incomingLost + totals.outgoingLost;
  double("overall_loss", fraction(lost, totals.incomingExpected + totals.outgoingExpected));
  put("endpoints_with_high_outgoing_loss", totals.highOutgoingLoss);
  put("tcc_unmatched_feedback", totals.unmatchedTccFeedback);
  put("local_active_endpoints", totals.localEndpoints - totals.inactiveEndpoints);
  whole("bit_rate_download", totals.incomingBps / 1000);
  whole("bit_rate_upload", totals.outgoingBps / 1000);
  whole("packet_rate_download", totals.incomingPps);
  whole("packet_rate_upload", totals.outgoingPps);
  double("rtt_aggregate", fraction(totals.rttSumMs, totals.rttCount));
  put("num_eps_oversending", totals.oversending);
  put("octo_conferences", 0);
  put("inactive_conferences", totals.inactiveConferences);
  put("p2p_conferences", totals.p2pConferences);
  put("endpoints", totals.localEndpoints);
  put("participants", totals.localEndpoints);
  put("receive_only_endpoints", totals.receiveOnly);
  put("inactive_endpoints", totals.inactiveEndpoints);
  put("octo_endpoints", 0);
  put("endpoints_sending_audio", totals.sendingAudio);
  put("endpoints_sending_video", totals.sendingVideo);
  put("largest_conference", totals.largestConference);
  put("octo_receive_bitrate", 0);
  put("octo_receive_packet_rate", 0);
  put("octo_send_bitrate", 0);
  put("octo_send_packet_rate", 0);
  put("endpoints_with_suspended_sources", totals.suspendedSources);
  put("total_conferences_created", counters.conferences_created);
  put("total_conferences_completed", counters.conferences_completed);
  put("total_conference_seconds", counters.conference_seconds);
  put("total_participants", counters.endpoints);
  put("total_visitors", counters.visitors);
  put("num_eps_no_msg_transport_after_delay", counters.endpoints_no_message_transport_after_delay);
  put("total_relays", 0);
  put("num_relays_no_msg_transport_after_delay", 0);
  put("total_keyframes_received", counters.keyframes_received);
  put("total_layering_changes_received", counters.layering_changes_received);
  put("total_video_stream_milliseconds_received", counters.video_milliseconds_received);
  double("stress_level", facts.stress);
  put("conferences", totals.conferences.length);
  put("visitors", totals.visitors);
  put("local_endpoints", totals.localEndpoints);
  put("total_data_channel_messages_received", counters.data_channel_messages_received);
  put("total_data_channel_messages_sent", counters.data_channel_messages_sent);
  put("total_colibri_web_socket_messages_received", counters.colibri_web_socket_messages_received);
  put("total_colibri_web_socket_messages_sent", counters.colibri_web_socket_messages_sent);
  put("total_bytes_received", counters.bytes_received);
  put("endpoints_ice_failed", counters.endpoints_ice_failed);
  put("dtls_failed_endpoints", counters.endpoints_dtls_failed);
  put("relays_ice_failed", 0);
  put("dtls_failed_relays", 0);
  put("total_bytes_sent", counters.bytes_sent);
  put("total_packets_received", counters.packets_received);
  put("total_packets_sent", counters.packets_sent);
  put("total_bytes_received_octo", 0);
  put("total_bytes_sent_octo", 0);
  put("total_packets_received_octo", 0);
  put("total_packets_sent_octo", 0);
  put("total_dominant_speaker_changes", counters.dominant_speaker_changes);
  put("preemptive_kfr_sent", counters.preemptive_keyframe_requests_sent);
  put("preemptive_kfr_suppressed", counters.preemptive_keyframe_requests_suppressed);
  put("total_ice_failed", counters.ice_failed);
  put("total_ice_succeeded", counters.ice_succeeded);
  put("total_ice_succeeded_relayed", counters.ice_succeeded_relayed);
  double("average_participant_stress", facts.averageParticipantStress);
  optional("threads", facts.threads);
  put("graceful_shutdown", facts.gracefulShutdown);
  put("shutting_down", facts.shuttingDown);
  put("drain", facts.drain);
  put("current_timestamp", timestamp(facts.wallNow));
  optional("relay_id", facts.relayId);
  put("muc_clients_configured", facts.mucClientsConfigured);
  put("muc_clients_connected", facts.mucClientsConnected);
  put("mucs_configured", facts.mucsConfigured);
  put("mucs_joined", facts.mucsJoined);
  put("endpoints_with_spurious_remb", totals.spuriousRemb);
  put("healthy", facts.healthy);
  put("endpoints_disconnected", counters.endpoints_disconnected);
  put("endpoints_reconnected", counters.endpoints_reconnected);
  put("version", facts.version);
  optional("release", facts.release);
  optional("region", facts.region);
  return stats;
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
