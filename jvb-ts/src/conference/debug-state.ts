/** Debug states of conferences and endpoints (jvb-control 6.3, 9.1), with upstream's key names. */
import { pii } from "#shared/logging/pii";
import type { Millis } from "#shared/runtime/runtime";
import type { EndpointSnapshot } from "../media/media-statistics.ts";
import type { EndpointTransportState } from "../transport/endpoint-transport.ts";
import type { Conference } from "./conference.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ConferencePorts } from "./ports.ts";

/** Any JSON value. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** `short`: names and ids; `full`: everything; `stats`: what the statistics collector polls. */
export type DebugMode = "short" | "full" | "stats";

/** One conference; with `endpoint` only that endpoint is shown. */
export function conferenceState(
  conference: Conference,
  ports: ConferencePorts,
  mode: DebugMode,
  endpoint: string | undefined,
  now: Millis,
): Json {
  const base = {
    id: conference.id,
    rtcstatsEnabled: conference.rtcstatsEnabled,
    name: conference.name ?? null,
    meeting_id: conference.meetingId,
  };
  const shown = [...conference.endpoints.values()].filter(
    ({ id }) => endpoint === undefined || id === endpoint,
  );
  if (mode === "short") {
    return {
      ...base,
      endpoints: Object.fromEntries(shown.map(({ id, statsId }) => [id, statsId ?? null])),
      relays: {},
    };
  }
  return {
    ...base,
    expired: conference.isExpired,
    creation_time: Math.round(ports.clock.wallNow() - (now - conference.createdAt)),
    speech_activity: speechActivity(conference.id, ports),
    exporter: conference.exporters.state(now),
    endpoints: Object.fromEntries(
      shown.map((one) => [one.id, endpointState(one, ports, mode, now)]),
    ),
    relays: {},
  };
}

/** `dominant-speaker-identification` (jvb-control 2.12). */
export function speechActivity(conference: string, { engine }: ConferencePorts): Json {
  const order = engine.speechOrder(conference);
  return {
    dominantEndpoint: engine.dominantSpeaker(conference) ?? "null",
    dominantSpeakerIdentification: null,
    endpointsBySpeechActivity: order,
    endpointsInLastNOrder: order,
  };
}

function endpointState(
  endpoint: Endpoint,
  ports: ConferencePorts,
  mode: DebugMode,
  now: Millis,
): Json {
  const snapshot = endpoint.media.snapshot(now);
  const last = endpoint.lastActivity();
  const transceiver = transceiverState(snapshot);
  const bitrate_controller = {
    forwarded_sources: endpoint.media.forwardedSources(),
    last_n: snapshot.lastN,
    oversending: snapshot.oversending,
    has_suspended_sources: snapshot.hasSuspendedSources,
    bwe_bps: snapshot.estimatedBandwidthBps ?? null,
    target_bps: snapshot.targetBps,
    ideal_bps: snapshot.idealBps,
  };
  if (mode === "stats")
    return { stats_id: endpoint.statsId ?? null, bitrate_controller, transceiver };
  return {
    expired: endpoint.isExpired,
    stats_id: endpoint.statsId ?? null,
    visitor: endpoint.visitor,
    diarize: endpoint.diarize,
    accept_audio: snapshot.acceptAudio,
    accept_video: snapshot.acceptVideo,
    last_activity_ms_ago: last === undefined ? null : Math.round(now - last),
    bitrate_controller,
    ...ssrcMaps(endpoint),
    bandwidth_probing: { num_packets: snapshot.probePackets, num_bytes: snapshot.probeBytes },
    cryptex: endpoint.transport.state.cryptex,
    ...transportState(endpoint.transport.state, ports),
    sctp: endpoint.hasSctp
      ? { ready: endpoint.transport.channelReady, ...endpoint.transport.state.sctp }
      : null,
    message_transport: {
      received_counts: Object.fromEntries(endpoint.receivedCounts),
      sent_counts: Object.fromEntries(endpoint.sentCounts),
      numOutgoingMessagesDropped: endpoint.messagesDropped,
      numIncomingMessagesRefused: endpoint.messagesRefused,
    },
    transceiver,
  };
}

/** With SSRC rewriting: which source the endpoint gets under which SSRC. */
function ssrcMaps({ media }: Endpoint) {
  const { video, audio } = media.sourceMappings();
  const bySource = (list: readonly { readonly source: string; readonly ssrc: number }[]) =>
    Object.fromEntries(list.map(({ source, ssrc }) => [source, ssrc]));
  if (video.length === 0 && audio.length === 0) return {};
  return { audio_ssrcs: bySource(audio), video_ssrcs: bySource(video) };
}

/** ICE and DTLS; addresses of participants go through `pii`. */
function transportState(state: EndpointTransportState, ports: ConferencePorts) {
  const { settings } = ports;
  return {
    ice_transport: {
      keepAliveStrategy: settings.ice.keepAliveStrategy,
      nominationStrategy: settings.ice.nominationStrategy,
      advertisePrivateCandidates: settings.ice.advertisePrivateCandidates,
      closed: state.closed,
      iceWriteable: state.iceWritable,
      iceConnected: state.iceConnected,
      iceFailed: state.iceFailed,
      iceState: state.iceState,
      consentLost: state.consentLost,
      localUfrag: state.localUfrag,
      remote: state.remote === undefined ? null : pii(`${state.remote.ip}:${state.remote.port}`),
      iceGeneration: state.iceGeneration,
      restartPending: state.restartPending,
      pendingIceGeneration: state.pendingIceGeneration ?? null,
      pendingLocalUfrag: state.pendingLocalUfrag ?? null,
      pendingChecksStarted: state.pendingChecksStarted,
      num_packets_received: state.ice.received,
      num_packets_sent: state.ice.sent,
      num_incoming_packets_dropped_no_handler: state.ice.dropped,
    },
    dtls_transport: {
      num_packets_received: state.dtls.received,
      num_packets_sent: state.dtls.sent,
      num_incoming_packets_dropped_no_handler: state.dtls.dropped,
      running: state.dtlsRunning,
      role: state.dtlsRole,
      is_connected: state.dtlsConnected,
    },
  };
}

/** The snapshot as JSON; what is not known is null. */
function transceiverState(snapshot: EndpointSnapshot): Json {
  return {
    ...snapshot,
    rttMs: snapshot.rttMs ?? null,
    estimatedBandwidthBps: snapshot.estimatedBandwidthBps ?? null,
    drops: { ...snapshot.drops },
    receiving: snapshot.receiving.map((stream) => ({
      ...stream,
      sourceName: stream.sourceName ?? null,
    })),
    sending: snapshot.sending.map((stream) => ({ ...stream })),
  };
}
