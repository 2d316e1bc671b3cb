/**
 * Messages of the bridge channel (WebSocket or data channel, clients and relays) as typed values:
 * spec xmpp-wire A23, jvb-control 4.5. `kind` is the `colibriClass` of the wire.
 *
 * `parseBridgeMessage` in `parse.ts`, `encodeBridgeMessage` in `encode.ts`.
 */

/** `maxHeight`: -1 unlimited, 0 nothing, else the ideal height. `maxFrameRate`: -1 unlimited. */
export interface VideoConstraints {
  readonly maxHeight: number;
  readonly maxFrameRate: number;
}

/** `videoType`, upper case as in the maps; on the wire compared without case. */
export type WireVideoType = "CAMERA" | "DESKTOP" | "DESKTOP_HIGH_FPS" | "DISABLED" | "NONE";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface ClientHello {
  readonly kind: "ClientHello";
}
export interface ServerHello {
  readonly kind: "ServerHello";
  /** Only when `videobridge.version.announce`. */
  readonly version: string | undefined;
}
export interface EndpointMessage {
  readonly kind: "EndpointMessage";
  /** Blank: everyone. */
  readonly to: string;
  /** Set by the bridge; what a client wrote is overwritten. */
  readonly from: string | undefined;
  /** All other fields, in their order (normally `msgPayload`). */
  readonly fields: JsonObject;
}
export interface EndpointStats {
  readonly kind: "EndpointStats";
  readonly from: string | undefined;
  readonly fields: JsonObject;
}
export interface LastNChangedEvent {
  readonly kind: "LastNChangedEvent";
  /** -1 unlimited. */
  readonly lastN: number;
}
/** An absent field leaves the value as it was; present ones replace it whole. */
export interface ReceiverVideoConstraints {
  readonly kind: "ReceiverVideoConstraints";
  readonly lastN: number | undefined;
  readonly selectedSources: readonly string[] | undefined;
  readonly onStageSources: readonly string[] | undefined;
  readonly defaultConstraints: VideoConstraints | undefined;
  readonly constraints: ReadonlyMap<string, VideoConstraints> | undefined;
  /** -1 clears. */
  readonly assumedBandwidthBps: number | undefined;
}
/** The legacy `mode`/`list` form is turned into this one. */
export interface ReceiverAudioSubscription {
  readonly kind: "ReceiverAudioSubscription";
  readonly all: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}
export interface SourceVideoTypeMessage {
  readonly kind: "SourceVideoTypeMessage";
  readonly sourceName: string;
  readonly videoType: WireVideoType;
  /** Between bridges: whose source. */
  readonly endpointId: string | undefined;
}
/** Legacy: equals `SourceVideoTypeMessage` for `<endpoint>-v0`. */
export interface VideoTypeMessage {
  readonly kind: "VideoTypeMessage";
  readonly videoType: WireVideoType;
  readonly endpointId: string | undefined;
}
export interface DominantSpeakerEndpointChangeEvent {
  readonly kind: "DominantSpeakerEndpointChangeEvent";
  readonly dominantSpeakerEndpoint: string;
  /** Most recent first, without the dominant one. */
  readonly previousSpeakers: readonly string[];
  readonly silence: boolean;
}
export interface EndpointConnectivityStatusChangeEvent {
  readonly kind: "EndpointConnectivityStatusChangeEvent";
  readonly endpoint: string;
  /** A *string* `"true"`/`"false"` on the wire. */
  readonly active: boolean;
}
export interface ForwardedSources {
  readonly kind: "ForwardedSources";
  readonly forwardedSources: readonly string[];
}
export interface VideoSourceMapping {
  readonly source: string;
  readonly owner: string | undefined;
  readonly ssrc: number;
  readonly rtx: number;
  readonly videoType: WireVideoType;
  readonly mid: string | undefined;
}
export interface VideoSourcesMap {
  readonly kind: "VideoSourcesMap";
  readonly mappedSources: readonly VideoSourceMapping[];
}
export interface AudioSourceMapping {
  readonly source: string;
  readonly owner: string | undefined;
  readonly ssrc: number;
  readonly mid: string | undefined;
}
export interface AudioSourcesMap {
  readonly kind: "AudioSourcesMap";
  readonly mappedSources: readonly AudioSourceMapping[];
}
export interface SenderSourceConstraints {
  readonly kind: "SenderSourceConstraints";
  readonly sourceName: string;
  /** -1 unlimited, 0 nobody wants it. */
  readonly maxHeight: number;
}
export interface ConnectionStats {
  readonly kind: "ConnectionStats";
  /** bps */
  readonly estimatedDownlinkBandwidth: number;
}
export interface SyntheticSourceSendingChangeEvent {
  readonly kind: "SyntheticSourceSendingChangeEvent";
  readonly sourceName: string;
  readonly sending: boolean;
  /** RTP time, unsigned 32 bits. */
  readonly timestamp: number;
}
export interface AddReceiver {
  readonly kind: "AddReceiver";
  readonly bridgeId: string;
  readonly sourceName: string;
  readonly videoConstraints: VideoConstraints;
}
/** Parsed for compatibility; never sent, no effect. */
export interface RemoveReceiver {
  readonly kind: "RemoveReceiver";
  readonly bridgeId: string;
  readonly endpointId: string;
}

export type BridgeMessage =
  | ClientHello
  | ServerHello
  | EndpointMessage
  | EndpointStats
  | LastNChangedEvent
  | ReceiverVideoConstraints
  | ReceiverAudioSubscription
  | SourceVideoTypeMessage
  | VideoTypeMessage
  | DominantSpeakerEndpointChangeEvent
  | EndpointConnectivityStatusChangeEvent
  | ForwardedSources
  | VideoSourcesMap
  | AudioSourcesMap
  | SenderSourceConstraints
  | ConnectionStats
  | SyntheticSourceSendingChangeEvent
  | AddReceiver
  | RemoveReceiver;

/** Why a text is no bridge message. `text` says it in words, for the log. */
export interface BridgeMessageFault {
  readonly reason: "notJson" | "notObject" | "noClass" | "unknownClass" | "badField";
  readonly text: string;
}
