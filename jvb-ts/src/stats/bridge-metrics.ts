/** The bridge's metrics under upstream's names, fed from the joined statistics (jvb-control 6.6). */
import type { Counter, Gauge, MetricsRegistry } from "#shared/metrics/registry";
import { exportCounters } from "../export/export-counters.ts";
import { type WorkerCounter, workerCounters } from "../worker-messages.ts";
import { type BridgeFacts, type BridgeTotals, fraction } from "./bridge-stats.ts";

const counterHelp: Readonly<Record<WorkerCounter, string>> = {
  conferences_created: "Conferences created.",
  conferences_completed: "Conferences that have ended.",
  conference_seconds: "Seconds that ended conferences lasted, together.",
  endpoints: "Endpoints created.",
  visitors: "Visitor endpoints created.",
  endpoints_no_message_transport_after_delay: "Endpoints without a bridge channel after a while.",
  data_channel_messages_received: "Messages received over data channels.",
  data_channel_messages_sent: "Messages sent over data channels.",
  colibri_web_socket_messages_received: "Messages received over WebSockets.",
  colibri_web_socket_messages_sent: "Messages sent over WebSockets.",
  rejected_data_channels: "Further data channels refused.",
  data_channel_slowed: "Times a data channel sent more messages than its budget.",
  data_channel_flooded: "Data channels closed because they would not stop sending too much.",
  dtls_handshakes_delayed: "DTLS handshakes that waited because too many were half open.",
  taken_ssrcs_refused: "SSRCs claimed by an endpoint that are another's, refused.",
  ice_succeeded: "ICE agents that connected.",
  ice_succeeded_relayed: "ICE agents that connected over a relayed candidate.",
  ice_failed: "ICE agents that failed.",
  ice_restarts_started: "ICE restarts begun.",
  ice_restarts_rejected: "ICE restarts refused because they are off.",
  ice_restarts_not_established: "ICE restarts asked for before ICE was established.",
  ice_restarts_agent_creation_failed: "ICE restarts for which no agent could be made.",
  ice_restarts_succeeded: "ICE restarts that connected.",
  ice_restarts_superseded: "ICE restarts replaced by a newer one.",
  ice_restarts_failed: "ICE restarts that did not connect.",
  endpoints_ice_failed: "Endpoints whose ICE had failed when they expired.",
  endpoints_dtls_failed: "Endpoints whose ICE had connected, but not DTLS, when they expired.",
  endpoints_disconnected: "Endpoints found silent.",
  endpoints_reconnected: "Endpoints found active again.",
  colibri_queue_exceptions: "Conferences ended because of a bug.",
  dominant_speaker_changes: "Changes of a dominant speaker.",
  packets_received: "RTP and RTCP packets received.",
  packets_sent: "RTP and RTCP packets sent.",
  bytes_received: "Bytes of RTP and RTCP received.",
  bytes_sent: "Bytes of RTP and RTCP sent.",
  video_milliseconds_received: "Milliseconds of video received, each SSRC by itself.",
  keyframes_received: "Key frames received.",
  layering_changes_received: "Changes of the layering of received video.",
  preemptive_keyframe_requests_sent: "Key frames asked for when the speaker changed.",
  preemptive_keyframe_requests_suppressed: "Key frame requests saved because nobody has a stage.",
  standstills: "Times that a media worker got no CPU for a second or more.",
  exporter_websocket_failures: "Connections to recorders and transcribers that failed.",
  exporter_websocket_internal_errors: "Such connections that the peer ended with 1011.",
  exporter_starts: "Sources begun toward recorders and transcribers.",
  exporter_packets_sent: "Packets of audio sent to recorders and transcribers.",
  exporter_transcripts_received: "Transcripts received.",
  exporter_media_events_received: "Packets of audio received from translators.",
  exporter_sending_changes_received: "Times that a translator began or ended a source.",
  exporter_other_messages_received: "Unknown messages of recorders and transcribers.",
  exporter_parse_failures: "Messages of recorders and transcribers that were malformed.",
  exporter_info_received: "Messages in which such a peer says what it is.",
  standstill_packets_dropped: "Media packets left out because they waited in a standstill.",
};

/** COMPAT(jvb): absent until an exporter was used. */
const onceUsed: ReadonlySet<WorkerCounter> = new Set(exportCounters);

/** Known upstream and always 0 here: no relays, no queues. */
const alwaysZero = [
  "relays",
  "relays_no_message_transport_after_delay",
  "relays_ice_failed",
  "relays_dtls_failed",
  "relay_packets_received",
  "relay_packets_sent",
  "relay_bytes_received",
  "relay_bytes_sent",
  "queue_dropped_packets",
  "queue_exceptions",
  "colibri_queue_dropped_packets",
  "endpoint_receive_message_queue_exceptions",
  "srtp_send_queue_dropped_packets",
  "srtp_send_queue_exceptions",
  "relay_srtp_send_queue_dropped_packets",
  "relay_srtp_send_queue_exceptions",
  "relay_endpoint_srtp_send_queue_dropped_packets",
  "relay_endpoint_srtp_send_queue_exceptions",
  "rtp_receiver_dropped_packets",
  "rtp_receiver_exceptions",
  "rtp_sender_dropped_packets",
  "rtp_sender_exceptions",
] as const;
const alwaysZeroGauges = [
  "endpoints_relayed",
  "conferences_with_relay",
  "relay_incoming_bitrate",
  "relay_outgoing_bitrate",
  "relay_incoming_packet_rate",
  "relay_outgoing_packet_rate",
] as const;

const gaugeHelp = {
  stress: "Stress of the bridge, 1 at its threshold.",
  incoming_loss_fraction: "Fraction of packets lost on the way here.",
  outgoing_loss_fraction: "Fraction of packets lost on the way to endpoints.",
  loss_fraction: "Fraction of packets lost, both ways.",
  average_rtt: "Mean round-trip time of endpoints in ms.",
  cpu_steal: "Fraction of CPU time stolen by the hypervisor.",
  conferences: "Conferences now.",
  local_endpoints: "Local endpoints now.",
  current_endpoints: "Endpoints now, local and relayed.",
  current_visitors: "Visitors now.",
  active_endpoints: "Endpoints in conferences in which somebody sends.",
  endpoints_sending_audio: "Endpoints that send audio.",
  endpoints_sending_video: "Endpoints that send video.",
  endpoints_oversending: "Endpoints that are sent more than their estimate.",
  endpoints_recvonly: "Endpoints that send nothing.",
  endpoints_inactive: "Endpoints in conferences in which nobody sends.",
  endpoints_with_high_outgoing_loss: "Endpoints that lose more than a tenth.",
  endpoints_with_spurious_remb: "Endpoints that send REMB without agreement.",
  endpoints_with_suspended_sources: "Endpoints from which video is withheld for bandwidth.",
  largest_conference: "Endpoints in the largest conference.",
  conferences_inactive: "Conferences in which nobody sends.",
  conferences_p2p: "Conferences of two in which nobody sends.",
  tcc_unmatched_feedback: "Transport-cc reports for packets not remembered.",
  incoming_bitrate: "Bit rate from endpoints in bit/s.",
  outgoing_bitrate: "Bit rate to endpoints in bit/s.",
  incoming_packet_rate: "Packets per second from endpoints.",
  outgoing_packet_rate: "Packets per second to endpoints.",
  startup_time: "When the bridge started, ms since the epoch.",
  muc_clients_configured: "XMPP connections configured.",
  muc_clients_connected: "XMPP connections connected.",
  mucs_connected: "Rooms configured.",
  mucs_joined: "Rooms joined.",
} as const;
type GaugeName = keyof typeof gaugeHelp;

/** Counters of the main thread. */
export type MainCounter =
  | "colibri_web_socket_close_normal"
  | "colibri_web_socket_close_abnormal"
  | "colibri_web_socket_error"
  | "endpoint_receive_message_queue_dropped_packets"
  | "colibri_web_socket_slowed"
  | "colibri_web_socket_flooded"
  | "colibri_web_socket_refused"
  | "xmpp_disconnects"
  | "xmpp_late_replies";
const mainCounterHelp: Readonly<Record<MainCounter, string>> = {
  colibri_web_socket_close_normal: "WebSockets closed in order.",
  colibri_web_socket_close_abnormal: "WebSockets that broke.",
  colibri_web_socket_error: "Errors of WebSockets.",
  endpoint_receive_message_queue_dropped_packets: "Bridge-channel messages dropped unread.",
  colibri_web_socket_slowed: "Times a WebSocket sent more messages than its budget.",
  colibri_web_socket_flooded: "WebSockets closed because they would not stop sending too much.",
  colibri_web_socket_refused: "WebSockets refused for a wrong path, id or password.",
  xmpp_disconnects: "XMPP connections lost or closed.",
  xmpp_late_replies: "Answers to requests over XMPP that came after they had been given up.",
};

const sizes = Array.from({ length: 21 }, (_, size) => size);
const energies = [0, ...Array.from({ length: 16 }, (_, at) => 7 + 8 * at)];

export interface MetricsSources {
  totals(): BridgeTotals;
  facts(): BridgeFacts;
  cpuSteal(): number;
  readonly startedAt: number;
}

/** Declares everything and brings it up to date before each view. */
export class BridgeMetrics {
  readonly #main: Readonly<Record<MainCounter, Counter>>;

  constructor(registry: MetricsRegistry, sources: MetricsSources) {
    const counter = (name: string, help: string): Counter => registry.counter(name, { help });
    this.#main = Object.fromEntries(
      Object.entries(mainCounterHelp).map(([name, help]) => [name, counter(name, help)]),
    ) as Record<MainCounter, Counter>;
    const counters = new Map<WorkerCounter, Counter>();
    for (const name of workerCounters)
      if (!onceUsed.has(name)) counters.set(name, counter(name, counterHelp[name]));
    for (const name of alwaysZero) counter(name, "Not used by this bridge.");
    for (const name of alwaysZeroGauges) registry.gauge(name, { help: "Not used by this bridge." });
    const gauges = Object.fromEntries(
      Object.entries(gaugeHelp).map(([name, help]) => [name, registry.gauge(name, { help })]),
    ) as Record<GaugeName, Gauge>;
    const healthy = registry.boolean("healthy", "Whether the bridge is healthy.", true);
    const graceful = registry.boolean("graceful_shutdown", "Whether it is in graceful shutdown.");
    const shutting = registry.boolean("shutting_down", "Whether it is shutting down.");
    const drain = registry.boolean("drain_mode", "Whether it is in drain mode.");
    const { region } = sources.facts();
    if (region !== undefined) registry.info("region", "Region of the bridge.", region);
    const bySize = registry.histogram("conferences_by_size", "Conferences by endpoints.", sizes);
    const byAudio = registry.histogram(
      "conferences_by_audio_sender",
      "Conferences by endpoints that send audio.",
      sizes,
    );
    const byVideo = registry.histogram(
      "conferences_by_video_sender",
      "Conferences by endpoints that send video.",
      sizes,
    );
    registry.histogram("tossed_packets_energy", "Energy of audio packets not forwarded.", energies);
    registry.onCollect(() => {
      const totals = sources.totals();
      const facts = sources.facts();
      for (const name of workerCounters) {
        if (!counters.has(name) && totals.counters[name] > 0)
          counters.set(name, counter(name, counterHelp[name]));
        const one = counters.get(name);
        one?.add(Math.max(0, totals.counters[name] - one.get()));
      }
      for (const [name, value] of Object.entries(gaugeValues(totals, facts, sources))) {
        gauges[name as GaugeName].set(value);
      }
      healthy.set(facts.healthy);
      graceful.set(facts.gracefulShutdown);
      shutting.set(facts.shuttingDown);
      drain.set(facts.drain);
      for (const histogram of [bySize, byAudio, byVideo]) histogram.reset();
      for (const conference of totals.conferences) {
        bySize.observe(conference.localEndpoints);
        byAudio.observe(conference.sendingAudio);
        byVideo.observe(conference.sendingVideo);
      }
    });
  }

  count(name: MainCounter): void {
    this.#main[name].inc();
  }
}

function gaugeValues(
  totals: BridgeTotals,
  facts: BridgeFacts,
  sources: MetricsSources,
): Record<GaugeName, number> {
  const lost = totals.incomingLost + totals.outgoingLost;
  return {
    stress: facts.stress,
    incoming_loss_fraction: fraction(totals.incomingLost, totals.incomingExpected),
    outgoing_loss_fraction: fraction(totals.outgoingLost, totals.outgoingExpected),
    loss_fraction: fraction(lost, totals.incomingExpected + totals.outgoingExpected),
    average_rtt: fraction(totals.rttSumMs, totals.rttCount),
    cpu_steal: sources.cpuSteal(),
    conferences: totals.conferences.length,
    local_endpoints: totals.localEndpoints,
    current_endpoints: totals.localEndpoints,
    current_visitors: totals.visitors,
    active_endpoints: totals.localEndpoints - totals.inactiveEndpoints,
    endpoints_sending_audio: totals.sendingAudio,
    endpoints_sending_video: totals.sendingVideo,
    endpoints_oversending: totals.oversending,
    endpoints_recvonly: totals.receiveOnly,
    endpoints_inactive: totals.inactiveEndpoints,
    endpoints_with_high_outgoing_loss: totals.highOutgoingLoss,
    endpoints_with_spurious_remb: totals.spuriousRemb,
    endpoints_with_suspended_sources: totals.suspendedSources,
    largest_conference: totals.largestConference,
    conferences_inactive: totals.inactiveConferences,
    conferences_p2p: totals.p2pConferences,
    tcc_unmatched_feedback: totals.unmatchedTccFeedback,
    incoming_bitrate: Math.round(totals.incomingBps),
    outgoing_bitrate: Math.round(totals.outgoingBps),
    incoming_packet_rate: Math.round(totals.incomingPps),
    outgoing_packet_rate: Math.round(totals.outgoingPps),
    startup_time: sources.startedAt,
    muc_clients_configured: facts.mucClientsConfigured,
    muc_clients_connected: facts.mucClientsConnected,
    mucs_connected: facts.mucsConfigured,
    mucs_joined: facts.mucsJoined,
  };
}
