/**
 * The media vocabulary that Jingle and COLIBRI2 have in common, as plain readonly data: payload
 * types, header extensions, sources, groups and ICE-UDP transports. Parsers and builders for each
 * namespace sit in the file of that namespace: `rtp.ts`, `ssma.ts`, `ice-udp.ts`.
 */

/** Kinds of media on the wire. `application` is the data channel. */
export type MediaType = "audio" | "video" | "application";

/** `<parameter name? value>`: one fmtp item; without a name a raw value (RED `111/111`). */
export interface PayloadParameter {
  readonly name: string | undefined;
  readonly value: string;
}

/** `<rtcp-fb type subtype?>` (XEP-0293). */
export interface RtcpFeedback {
  readonly type: string;
  readonly subtype: string | undefined;
}

/** `<payload-type>` (XEP-0167). */
export interface PayloadType {
  /** 0..127 */
  readonly id: number;
  readonly name: string;
  /** Hz */
  readonly clockrate: number;
  readonly channels: number;
  readonly parameters: readonly PayloadParameter[];
  readonly rtcpFeedback: readonly RtcpFeedback[];
}

/** `<rtp-hdrext>` (XEP-0294). */
export interface HeaderExtension {
  /** 1..255 */
  readonly id: number;
  readonly uri: string;
  readonly senders: "both" | "initiator" | "responder" | "none" | undefined;
}

/** `<source>` (XEP-0339 with Jitsi's attributes). */
export interface Source {
  /** Unsigned 32 bits. */
  readonly ssrc: number;
  /** Source name, `<endpoint>-<a|v><index>`. */
  readonly name: string | undefined;
  /** Value of the `msid` parameter. */
  readonly msid: string | undefined;
  readonly videoType: "camera" | "desktop" | undefined;
  readonly rid: string | undefined;
  /** `ssrc-info owner`: endpoint id, or `jvb` for the bridge's own. */
  readonly owner: string | undefined;
}

/** `<ssrc-group>`; `FID` joins a stream and its RTX, `SIM` the encodings in ascending order. */
export interface SourceGroup {
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

/** `<fingerprint>` (XEP-0320). */
export interface Fingerprint {
  /** `sha-256` and so on, lower case. */
  readonly hash: string;
  readonly setup: "active" | "passive" | "actpass" | undefined;
  /** Upper-case hex pairs joined by colons. */
  readonly value: string;
  readonly cryptex: boolean | undefined;
  /** Printed by focuses (`false`) and by clients between themselves (`true`). */
  readonly required?: boolean | undefined;
}

/** `<candidate>` (XEP-0176, XEP-0371). */
export interface Candidate {
  readonly component: number;
  readonly foundation: string;
  readonly generation: number;
  readonly id: string;
  readonly network: number;
  readonly ip: string;
  readonly port: number;
  readonly priority: number;
  /** `udp`, `tcp`, `ssltcp` */
  readonly protocol: string;
  readonly type: "host" | "srflx" | "prflx" | "relay";
  readonly relAddr: string | undefined;
  readonly relPort: number | undefined;
  readonly tcpType: string | undefined;
}

/** `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>` with its Jitsi children. */
export interface IceTransport {
  readonly ufrag: string | undefined;
  readonly pwd: string | undefined;
  /** `ice-generation` attribute; present only around ICE restarts. */
  readonly iceGeneration: number | undefined;
  readonly rtcpMux: boolean;
  readonly fingerprints: readonly Fingerprint[];
  readonly candidates: readonly Candidate[];
  /** URLs of `<web-socket>`: the bridge channel. */
  readonly webSockets: readonly string[];
}
