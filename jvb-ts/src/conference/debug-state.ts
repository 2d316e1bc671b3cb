/** Debug states of conferences and endpoints (jvb-control 6.3, 9.1), with upstream's key names. */
import type { Millis } from "#shared/runtime/runtime";
import type { EndpointSnapshot } from "../media/media-statistics.ts";
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
    endpoints: Object.fromEntries(shown.map((one) => [one.id, endpointState(one, mode, now)])),
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

function endpointState(endpoint: Endpoint, mode: DebugMode, now: Millis): Json {
  const snapshot = endpoint.media.snapshot(now);
  const last = endpoint.lastActivity();
  const transceiver = transceiverState(snapshot);
  if (mode === "stats") return { stats_id: endpoint.statsId ?? null, transceiver };
  return {
    expired: endpoint.isExpired,
    stats_id: endpoint.statsId ?? null,
    visitor: endpoint.visitor,
    diarize: endpoint.diarize,
    accept_audio: snapshot.acceptAudio,
    accept_video: snapshot.acceptVideo,
    last_activity_ms_ago: last === undefined ? null : Math.round(now - last),
    bitrate_controller: {
      forwarded_sources: endpoint.media.forwardedSources(),
      last_n: snapshot.lastN,
      oversending: snapshot.oversending,
      has_suspended_sources: snapshot.hasSuspendedSources,
    },
    ice_transport: {
      iceConnected: endpoint.transport.iceConnected,
      iceFailed: endpoint.transport.iceFailed,
    },
    dtls_transport: { is_connected: endpoint.transport.dtlsConnected },
    sctp: endpoint.hasSctp ? { ready: endpoint.transport.channelReady } : null,
    message_transport: {
      received_counts: Object.fromEntries(endpoint.receivedCounts),
      sent_counts: Object.fromEntries(endpoint.sentCounts),
      numOutgoingMessagesDropped: endpoint.messagesDropped,
    },
    transceiver,
  };
}

/** The snapshot as JSON; what is not known is null. */
function transceiverState(snapshot: EndpointSnapshot): Json {
  return {
    ...snapshot,
    rttMs: snapshot.rttMs ?? null,
    drops: { ...snapshot.drops },
    receiving: snapshot.receiving.map((stream) => ({
      ...stream,
      sourceName: stream.sourceName ?? null,
    })),
    sending: snapshot.sending.map((stream) => ({ ...stream })),
  };
}
