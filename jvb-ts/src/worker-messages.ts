/**
 * The whole vocabulary between the main thread (signalling, HTTP, statistics) and the media
 * workers (conferences). Plain structured-cloneable data; nothing else crosses the line, so no
 * burst of XMPP or JSON delays a packet. A conference lives in one worker from birth to end, and
 * messages about it arrive in the order they were sent.
 */
import type { LogContext, LogLevel } from "#shared/logging/logger";
import type {
  ColibriError,
  ConferenceModified,
  ConferenceModify,
} from "#shared/stanza/colibri2";
import type { BridgeSettings } from "./conference/settings.ts";

/** Any JSON value; debug states are built in the worker and printed by the main thread. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Marks a request, so that its answer finds the asker. Unique in the process. */
export type Tag = number;
/** One accepted or pending bridge-channel WebSocket of the public server. */
export type SocketId = number;

/** `workerData` of a media worker. */
export interface WorkerStart {
  /** 0 .. workers − 1 */
  readonly index: number;
  readonly workers: number;
  readonly settings: BridgeSettings;
  readonly logLevel: LogLevel;
}

/** How much a debug state tells (jvb-control 6.3, 9.1). */
export type DebugMode = "short" | "full" | "stats";

/** Main thread to worker. */
export type ToWorker =
  | {
      readonly kind: "createConference";
      /** Bridge-local id, 16 hex digits (jvb-control 2.2). */
      readonly conference: string;
      readonly meetingId: string;
      readonly name: string | undefined;
      readonly rtcstatsEnabled: boolean;
    }
  | {
      readonly kind: "colibri";
      readonly tag: Tag;
      readonly conference: string;
      readonly request: ConferenceModify;
    }
  | {
      /** A WebSocket asks for the bridge channel of an endpoint; answered by `channelVerdict`. */
      readonly kind: "channelOpen";
      readonly socket: SocketId;
      readonly conference: string;
      readonly endpoint: string;
      readonly password: string;
    }
  | { readonly kind: "channelReady"; readonly socket: SocketId }
  | { readonly kind: "channelText"; readonly socket: SocketId; readonly text: string }
  | { readonly kind: "channelClosed"; readonly socket: SocketId; readonly code: number }
  | {
      readonly kind: "debug";
      readonly tag: Tag;
      /** Undefined: every conference of the worker. */
      readonly conference: string | undefined;
      readonly endpoint: string | undefined;
      readonly mode: DebugMode;
    }
  | { readonly kind: "speakers"; readonly tag: Tag; readonly conference: string }
  | {
      readonly kind: "muteSsrc";
      readonly tag: Tag;
      readonly conference: string;
      readonly endpoint: string;
      readonly ssrc: number;
      readonly mute: boolean;
    }
  | { readonly kind: "jvbLastN"; readonly lastN: number }
  | { readonly kind: "mappings"; readonly mappings: BridgeSettings["ice"]["mappings"] }
  | { readonly kind: "stop" };

/** Outcome of one COLIBRI2 request. */
export type ColibriOutcome =
  | { readonly ok: true; readonly modified: ConferenceModified }
  | { readonly ok: false; readonly error: ColibriError };

/** Worker to main thread. */
export type FromWorker =
  | {
      /** Sockets are open (or failed: then `bindError` says why and health fails). */
      readonly kind: "ready";
      readonly localAddresses: readonly { readonly ip: string; readonly port: number }[];
      readonly bindError: string | undefined;
    }
  | {
      readonly kind: "fatal";
      /** One line for the operator; the process ends with `status`. */
      readonly message: string;
      readonly status: number;
    }
  | {
      readonly kind: "colibriDone";
      readonly tag: Tag;
      readonly outcome: ColibriOutcome;
      /** The conference ended with this request. */
      readonly expired: boolean;
    }
  | {
      /** The conference ended by itself: inactivity, or a bug that ended it. */
      readonly kind: "conferenceExpired";
      readonly conference: string;
    }
  | { readonly kind: "localEndpoints"; readonly count: number }
  | { readonly kind: "channelVerdict"; readonly socket: SocketId; readonly accepted: boolean }
  | { readonly kind: "channelSend"; readonly socket: SocketId; readonly text: string }
  | {
      readonly kind: "channelClose";
      readonly socket: SocketId;
      readonly code: number;
      readonly reason: string;
    }
  | { readonly kind: "answer"; readonly tag: Tag; readonly value: Json | undefined }
  | { readonly kind: "stats"; readonly stats: WorkerStats }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly component: string | undefined;
      readonly message: string;
      readonly context: LogContext;
      readonly cause: string | undefined;
    };

/** Totals a worker counts since its start, by upstream's metric name (jvb-control 6.6). */
export const workerCounters = [
  "conferences_created",
  "conferences_completed",
  "conference_seconds",
  "endpoints",
  "visitors",
  "endpoints_no_message_transport_after_delay",
  "dominant_speaker_changes",
  "data_channel_messages_received",
  "data_channel_messages_sent",
  "colibri_web_socket_messages_received",
  "colibri_web_socket_messages_sent",
  "rejected_data_channels",
  "packets_received",
  "packets_sent",
  "bytes_received",
  "bytes_sent",
  "video_milliseconds_received",
  "keyframes_received",
  "layering_changes_received",
  "ice_succeeded",
  "ice_succeeded_relayed",
  "ice_failed",
  "ice_restarts_started",
  "ice_restarts_rejected",
  "ice_restarts_not_established",
  "ice_restarts_agent_creation_failed",
  "ice_restarts_succeeded",
  "ice_restarts_superseded",
  "ice_restarts_failed",
  "endpoints_ice_failed",
  "endpoints_dtls_failed",
  "endpoints_disconnected",
  "endpoints_reconnected",
  "preemptive_keyframe_requests_sent",
  "preemptive_keyframe_requests_suppressed",
  "endpoint_receive_message_queue_dropped_packets",
  "colibri_queue_exceptions",
] as const;
export type WorkerCounter = (typeof workerCounters)[number];

/** What one conference looks like to the statistics. */
export interface ConferenceStats {
  readonly localEndpoints: number;
  readonly visitors: number;
  readonly sendingAudio: number;
  readonly sendingVideo: number;
  readonly receiveOnly: number;
}

/** Snapshot of one worker; rates are averages over the last interval. */
export interface WorkerStats {
  readonly counters: Readonly<Record<WorkerCounter, number>>;
  readonly conferences: readonly ConferenceStats[];
  readonly incomingBps: number;
  readonly outgoingBps: number;
  /** Packets per second. */
  readonly incomingPps: number;
  readonly outgoingPps: number;
  /** Sum and number of endpoints with a round-trip time, ms. */
  readonly rttSumMs: number;
  readonly rttCount: number;
  /** Packets of the last interval: lost and expected, from and to endpoints. */
  readonly incomingLost: number;
  readonly incomingExpected: number;
  readonly outgoingLost: number;
  readonly outgoingExpected: number;
  readonly highOutgoingLoss: number;
  readonly oversending: number;
  readonly suspendedSources: number;
  readonly spuriousRemb: number;
  readonly unmatchedTccFeedback: number;
}
