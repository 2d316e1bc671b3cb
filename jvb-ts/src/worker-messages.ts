/**
 * The whole vocabulary between the main thread (signalling, HTTP, statistics) and the media
 * workers (conferences). Plain structured-cloneable data; nothing else crosses the line, so no
 * burst of XMPP or JSON delays a packet. A conference lives in one worker from birth to end, and
 * messages about it arrive in the order they were sent.
 */
import type { LogSettings } from "#shared/config/log-settings";
import type { ColibriError, ConferenceModified, ConferenceModify } from "#shared/stanza/colibri2";
import { conferenceCounters } from "./conference/counters.ts";
import type { DebugMode, Json } from "./conference/debug-state.ts";
import type { SocketId } from "./conference/ports.ts";
import type { BridgeSettings } from "./conference/settings.ts";
import type { CaptureRequest } from "./export/captures.ts";
import type { DropCounts, EngineTotals } from "./media/media-statistics.ts";
import type { PacketCounters } from "./media/packet-io.ts";

/** Marks a request, so that its answer finds the asker. Unique in the process. */
export type Tag = number;

/** `workerData` of a media worker. */
export interface WorkerStart {
  /** 0 .. workers − 1 */
  readonly index: number;
  readonly workers: number;
  readonly settings: BridgeSettings;
  readonly logging: LogSettings;
}

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
  | {
      /** Begins or ends the capture of an endpoint, or asks; answered with whether it is captured. */
      readonly kind: "capture";
      readonly tag: Tag;
      readonly request: CaptureRequest;
    }
  /** Wants a `stats` message now; answered after it, without a value. */
  | { readonly kind: "statsNow"; readonly tag: Tag }
  | { readonly kind: "speakers"; readonly tag: Tag; readonly conference: string }
  | { readonly kind: "mappings"; readonly mappings: BridgeSettings["sockets"]["mappings"] }
  /** Bridge-wide last-n from now on, -1 unlimited. */
  | { readonly kind: "bridgeLastN"; readonly lastN: number }
  | { readonly kind: "stop" };

/** Outcome of one COLIBRI2 request. */
export type ColibriOutcome =
  | { readonly ok: true; readonly modified: ConferenceModified }
  | { readonly ok: false; readonly error: ColibriError };

/** Worker to main thread. */
export type FromWorker =
  | {
      /** Sockets are open. None at all: health fails with `Failed to bind single-port`. */
      readonly kind: "ready";
      readonly localAddresses: readonly { readonly ip: string; readonly port: number }[];
      /** `ip:port ERRNO` of each that could not be bound. */
      readonly bindFailures: readonly string[];
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
  | { readonly kind: "stats"; readonly stats: WorkerStats };

/** Totals a worker counts since its start, by upstream's metric name (jvb-control 6.6). */
export const workerCounters = [
  ...conferenceCounters,
  "dominant_speaker_changes",
  "packets_received",
  "packets_sent",
  "bytes_received",
  "bytes_sent",
  "video_milliseconds_received",
  "keyframes_received",
  "layering_changes_received",
  "preemptive_keyframe_requests_sent",
  "preemptive_keyframe_requests_suppressed",
  "standstills",
  "standstill_packets_dropped",
] as const;
export type WorkerCounter = (typeof workerCounters)[number];

/** What one conference looks like to the statistics. */
export interface ConferenceStats {
  readonly localEndpoints: number;
  readonly visitors: number;
  readonly sendingAudio: number;
  readonly sendingVideo: number;
  readonly receiveOnly: number;
  /** Video sources forwarded to the endpoint that gets most. */
  readonly mostForwarded: number;
}

/** Figures of one worker that add up over workers; rates are averages over the last interval. */
export const workerSums = [
  "incomingBps",
  "outgoingBps",
  /** Packets per second. */
  "incomingPps",
  "outgoingPps",
  /** Sum and number of endpoints with a round-trip time, ms. */
  "rttSumMs",
  "rttCount",
  /** Packets of the last interval: lost and expected, from and to endpoints. */
  "incomingLost",
  "incomingExpected",
  "outgoingLost",
  "outgoingExpected",
  "highOutgoingLoss",
  "oversending",
  "suspendedSources",
  "spuriousRemb",
  "unmatchedTccFeedback",
] as const;
export type WorkerSums = Record<(typeof workerSums)[number], number>;

/** Zero for every sum. */
export function zeroSums(): WorkerSums {
  return Object.fromEntries(workerSums.map((name) => [name, 0])) as WorkerSums;
}

/** Snapshot of one worker. */
export interface WorkerStats extends Readonly<WorkerSums> {
  readonly counters: Readonly<Record<WorkerCounter, number>>;
  readonly conferences: readonly ConferenceStats[];
  /** Datagrams of this worker, dropped ones by reason. */
  readonly sockets: PacketCounters;
  /** Packets that went no further, by reason, of the endpoints that are there. */
  readonly drops: DropCounts;
  /** What the packet path counted since the start. */
  readonly engine: EngineTotals;
}
