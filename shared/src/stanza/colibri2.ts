/**
 * COLIBRI2 (`jitsi:colibri2`), focus to bridge: spec xmpp-wire A9, jvb-control 2.
 *
 * Types; they are read and written by `colibri2-request.ts` and `colibri2-reply.ts`.
 */
import type {
  HeaderExtension,
  IceTransport,
  MediaType,
  PayloadType,
  Source,
  SourceGroup,
} from "./media.ts";
import type { TraceParent } from "./trace-parent.ts";

/** `<media type>`: what an endpoint can send and receive. */
export interface ColibriMedia {
  readonly type: MediaType;
  readonly payloadTypes: readonly PayloadType[];
  readonly headerExtensions: readonly HeaderExtension[];
  readonly extmapAllowMixed: boolean;
}

/** `<sctp port? role?>`; empty in a request asks for an association. */
export interface ColibriSctp {
  readonly port: number | undefined;
  readonly role: "client" | "server" | undefined;
}

/** The outer `<transport>` of COLIBRI2. */
export interface ColibriTransport {
  readonly iceControlling: boolean;
  readonly useUniquePort: boolean;
  readonly iceRestart: boolean;
  readonly sctp: ColibriSctp | undefined;
  readonly ice: IceTransport | undefined;
}

/** `<media-source>`: one named source with its SSRCs and groups. */
export interface ColibriMediaSource {
  readonly type: MediaType;
  /** Source name. */
  readonly id: string;
  readonly synthetic: boolean;
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

/** `<force-mute>` */
export interface ForceMute {
  readonly audio: boolean;
  readonly video: boolean;
}

/** `<endpoint>` in a request. `undefined` means absent, which means "no change". */
export interface ColibriEndpoint {
  readonly id: string;
  readonly statsId: string | undefined;
  readonly mucRole: string | undefined;
  readonly create: boolean;
  readonly expire: boolean;
  readonly diarize: boolean | undefined;
  readonly media: readonly ColibriMedia[];
  readonly transport: ColibriTransport | undefined;
  /** Absent: unchanged. Present: replaces all sources of the endpoint. */
  readonly sources: readonly ColibriMediaSource[] | undefined;
  readonly forceMute: ForceMute | undefined;
  readonly capabilities: readonly string[];
  readonly initialLastN: number | undefined;
}

/** `<relay>` in a request; carried whole so that a bridge without relays can refuse it by name. */
export interface ColibriRelay {
  readonly id: string;
  readonly meshId: string | undefined;
  readonly create: boolean;
  readonly expire: boolean;
  readonly media: readonly ColibriMedia[];
  readonly transport: ColibriTransport | undefined;
  readonly endpoints: readonly ColibriEndpoint[];
}

/** `<connect>`: an exporter connection (jvb-control 2.9). */
export interface ColibriConnect {
  readonly id: string | undefined;
  readonly create: boolean;
  readonly expire: boolean;
  readonly url: string | undefined;
  readonly protocol: string | undefined;
  readonly type: string | undefined;
  readonly audio: boolean;
  readonly video: boolean;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
  /** `<ping>`: both in ms. */
  readonly ping?: { readonly interval: number; readonly timeout: number } | undefined;
  /** Source names to send; empty: every audio source. */
  readonly exports?: readonly string[];
  /** Names of synthetic sources wanted back. */
  readonly requests?: readonly string[];
}

/** `<conference-modify>` */
export interface ConferenceModify {
  readonly meetingId: string;
  /** Room JID, for logs and statistics. */
  readonly name: string | undefined;
  readonly create: boolean;
  readonly expire: boolean;
  readonly rtcstatsEnabled: boolean;
  readonly endpoints: readonly ColibriEndpoint[];
  readonly relays: readonly ColibriRelay[];
  readonly connects: readonly ColibriConnect[];
  readonly traceParent?: TraceParent | undefined;
}

/** `<endpoint>` or `<relay>` in a reply. */
export interface ColibriEndpointReply {
  readonly id: string;
  /** Echo of an expire. */
  readonly expire: boolean;
  readonly transport: ColibriTransport | undefined;
}

/** `<conference-modified>` */
export interface ConferenceModified {
  readonly endpoints: readonly ColibriEndpointReply[];
  readonly relays: readonly ColibriEndpointReply[];
  /** The bridge's feedback sources (`jvb-a0`, `jvb-v0`), when a conference or relay needs them. */
  readonly sources: readonly ColibriMediaSource[] | undefined;
}

/** `reason` of `<error xmlns='jitsi:colibri2'>`. */
export type ColibriErrorReason =
  | "conference_not_found"
  | "conference_already_exists"
  | "feature_not_implemented"
  | "graceful_shutdown"
  | "unknown_endpoint"
  | "unspecified";

/** A refusal as data: stanza condition, COLIBRI2 reason (if any) and text. */
export interface ColibriError {
  /** Defined condition of `urn:ietf:params:xml:ns:xmpp-stanzas`. */
  readonly condition: string;
  /** `type` of the stanza error. */
  readonly type: "cancel" | "modify" | "auth" | "wait";
  readonly reason: ColibriErrorReason | undefined;
  readonly text: string | undefined;
  /** Id in the `<endpoint>` beside the reason `unknown_endpoint`: the focus re-invites by it. */
  readonly endpointId: string | undefined;
}
