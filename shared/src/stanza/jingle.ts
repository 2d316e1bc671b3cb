/** Jingle (`urn:xmpp:jingle:1`), focus to client and back: spec xmpp-wire A3 to A8. */
import type {
  HeaderExtension,
  IceTransport,
  MediaType,
  PayloadType,
  Source,
  SourceGroup,
} from "./media.ts";

/** What a Jingle IQ asks for. The legacy `addsource`/`removesource` read as their modern names. */
export const jingleActions = [
  "session-initiate",
  "session-accept",
  "session-terminate",
  "session-info",
  "transport-info",
  "transport-replace",
  "transport-accept",
  "transport-reject",
  "source-add",
  "source-remove",
  "content-modify",
  "content-add",
  "content-accept",
  "content-reject",
  "content-remove",
  "description-info",
  "security-info",
] as const;

/** One of `jingleActions`. */
export type JingleAction = (typeof jingleActions)[number];

/** `senders` of a content; `rejected` is lib-jitsi-meet's own word for a port-0 m-line. */
export type Senders = "both" | "initiator" | "responder" | "none" | "rejected";

/** `<description xmlns='urn:xmpp:jingle:apps:rtp:1'>` */
export interface RtpDescription {
  readonly media: MediaType;
  readonly ssrc: number | undefined;
  /** ms; printed on the audio description. */
  readonly maxptime: number | undefined;
  readonly payloadTypes: readonly PayloadType[];
  readonly headerExtensions: readonly HeaderExtension[];
  readonly extmapAllowMixed: boolean;
  readonly rtcpMux: boolean;
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

/** `<sctpmap>` (XEP-0343). */
export interface SctpMap {
  /** SCTP port, normally 5000. */
  readonly number: number;
  /** Normally `webrtc-datachannel`. */
  readonly protocol: string;
  readonly streams: number | undefined;
}

/** `<content>` */
export interface JingleContent {
  readonly creator: "initiator" | "responder";
  /** `audio`, `video`, `data` on our leg; clients also write `application`. Names may repeat. */
  readonly name: string;
  readonly senders: Senders | undefined;
  readonly description: RtpDescription | undefined;
  readonly transport: IceTransport | undefined;
  readonly sctpMap: SctpMap | undefined;
  /** `<initial-last-n>` in the video content of session-accept. */
  readonly initialLastN: number | undefined;
}

/** `<reason>`; an unknown condition reads as `undefined`. */
export interface JingleReason {
  readonly condition: JingleReasonCondition | undefined;
  readonly text: string | undefined;
}

/** Conditions of `<reason>` (XEP-0166 §7.4). */
export const jingleReasonConditions = [
  "alternative-session",
  "busy",
  "cancel",
  "connectivity-error",
  "decline",
  "expired",
  "failed-application",
  "failed-transport",
  "general-error",
  "gone",
  "incompatible-parameters",
  "media-error",
  "security-error",
  "success",
  "timeout",
  "unsupported-applications",
  "unsupported-transports",
] as const;

/** One of `jingleReasonConditions`. */
export type JingleReasonCondition = (typeof jingleReasonConditions)[number];

/** `<group xmlns='urn:xmpp:jingle:apps:grouping:0'>` */
export interface JingleGroup {
  readonly semantics: string;
  readonly contents: readonly string[];
}

/** `<bridge-session xmlns='http://jitsi.org/protocol/focus'>` */
export interface BridgeSession {
  readonly id: string | undefined;
  readonly region: string | undefined;
  readonly restart: boolean;
  readonly iceRestart: boolean;
}

/** `<startmuted>` */
export interface StartMuted {
  readonly audio: boolean;
  readonly video: boolean;
}

/** `<traceparent xmlns='jitsi:opentelemetry'>`; upstream sends all zeros with tracing off. */
export interface TraceParent {
  /** 32 hex digits */
  readonly traceId: string;
  /** 16 hex digits */
  readonly parentId: string;
  /** 2 hex digits */
  readonly traceFlags: string;
}

/** Sources of one endpoint, as the compact JSON form and source-add carry them. */
export interface EndpointSources {
  readonly audio: MediaSources;
  readonly video: MediaSources;
}

/** Sources of one kind with their groups. */
export interface MediaSources {
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

/** Owner (endpoint id, or `jvb`) to sources. */
export type CompactSources = ReadonlyMap<string, EndpointSources>;

/** `<jingle>` */
export interface Jingle {
  readonly action: JingleAction;
  readonly sid: string;
  /** As written; never validated (A3). */
  readonly initiator: string | undefined;
  readonly responder: string | undefined;
  readonly contents: readonly JingleContent[];
  readonly reason: JingleReason | undefined;
  readonly groups: readonly JingleGroup[];
  readonly bridgeSession: BridgeSession | undefined;
  readonly startMuted: StartMuted | undefined;
  /** `<json-message>` with sources, focus to client only. */
  readonly compactSources: CompactSources | undefined;
  /** Text of `<ice-state>`, such as `failed`. */
  readonly iceState: string | undefined;
  readonly traceParent: TraceParent | undefined;
}

/** A Jingle element with nothing but its action and session; spread it to build one. */
export function emptyJingle(action: JingleAction, sid: string): Jingle {
  return {
    action,
    sid,
    initiator: undefined,
    responder: undefined,
    contents: [],
    reason: undefined,
    groups: [],
    bridgeSession: undefined,
    startMuted: undefined,
    compactSources: undefined,
    iceState: undefined,
    traceParent: undefined,
  };
}
