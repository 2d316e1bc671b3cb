/**
 * ICE-UDP transports (`urn:xmpp:jingle:transports:ice-udp:1`, XEP-0176) with what Jitsi puts in
 * them: DTLS fingerprints, bridge channel URLs and the SCTP map. Spec xmpp-wire A5.
 */
import { err, ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, childrenOf, type Element, intAttr, textOf, xml } from "../xmpp/xml.ts";
import type { Candidate, Fingerprint, IceTransport } from "./media.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

/** `<sctpmap>` (XEP-0343). */
export interface SctpMap {
  /** SCTP port, normally 5000. */
  readonly number: number;
  /** Normally `webrtc-datachannel`. */
  readonly protocol: string;
  readonly streams: number | undefined;
}

/** A transport without anything in it. */
export const emptyTransport: IceTransport = {
  ufrag: undefined,
  pwd: undefined,
  iceGeneration: undefined,
  rtcpMux: false,
  fingerprints: [],
  candidates: [],
  webSockets: [],
};

/** Reads `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>`. */
export function parseIceTransport(el: Element): Result<IceTransport, StanzaFault> {
  const iceGeneration = intAttr(el, "ice-generation", 0);
  if (iceGeneration === undefined && attr(el, "ice-generation") !== undefined) {
    return err(fault("ice-generation is not a number"));
  }
  return ok({
    ufrag: attr(el, "ufrag"),
    pwd: attr(el, "pwd"),
    iceGeneration,
    rtcpMux: childOf(el, "rtcp-mux", NS.ice) !== undefined,
    fingerprints: childrenOf(el, "fingerprint", NS.dtls).flatMap(parseFingerprint),
    candidates: childrenOf(el, "candidate", NS.ice).flatMap(parseCandidate),
    webSockets: childrenOf(el, "web-socket", NS.colibri).flatMap((ws) => attr(ws, "url") ?? []),
  });
}

/** A fingerprint that cannot be one is passed over: without any, DTLS is refused later on. */
function parseFingerprint(el: Element): Fingerprint[] {
  const hash = attr(el, "hash")?.toLowerCase();
  const value = textOf(el).trim().toUpperCase();
  if (hash === undefined || !/^[0-9A-F]{2}(:[0-9A-F]{2})*$/.test(value)) return [];
  const setup = attr(el, "setup");
  return [
    {
      hash,
      setup: setup === "active" || setup === "passive" || setup === "actpass" ? setup : undefined,
      value,
      cryptex: optionalFlag(el, "cryptex"),
      required: optionalFlag(el, "required"),
    },
  ];
}

function optionalFlag(el: Element, name: string): boolean | undefined {
  const text = attr(el, name);
  return text === undefined ? undefined : text.toLowerCase() === "true";
}

/** A candidate we cannot use is passed over; the others still count. */
function parseCandidate(el: Element): Candidate[] {
  const ip = attr(el, "ip");
  const port = intAttr(el, "port", 0, 65_535);
  const type = parseCandidateType(attr(el, "type"));
  const protocol = attr(el, "protocol")?.toLowerCase();
  const priority = intAttr(el, "priority", 0, 0xffff_ffff);
  if (!ip || port === undefined || !type || !protocol || priority === undefined) return [];
  return [
    {
      component: intAttr(el, "component", 1, 256) ?? 1,
      foundation: attr(el, "foundation") ?? "",
      generation: intAttr(el, "generation", 0) ?? 0,
      id: attr(el, "id") ?? "",
      network: intAttr(el, "network", 0) ?? 0,
      ip,
      port,
      priority,
      protocol,
      type,
      relAddr: attr(el, "rel-addr"),
      relPort: intAttr(el, "rel-port", 0, 65_535),
      tcpType: attr(el, "tcptype"),
    },
  ];
}

/** The names of XEP-0176, and the two that old clients use. */
function parseCandidateType(text: string | undefined): Candidate["type"] | undefined {
  switch (text?.toLowerCase()) {
    case "host":
    case "local":
      return "host";
    case "srflx":
    case "stun":
      return "srflx";
    case "prflx":
      return "prflx";
    case "relay":
      return "relay";
    default:
      return undefined;
  }
}

/** Reads `<sctpmap>` of a transport, if there is a usable one. */
export function parseSctpMap(transport: Element): SctpMap | undefined {
  const el = childOf(transport, "sctpmap", NS.sctp);
  const number = el === undefined ? undefined : intAttr(el, "number", 0, 65_535);
  if (el === undefined || number === undefined) return undefined;
  return {
    number,
    protocol: attr(el, "protocol") ?? "webrtc-datachannel",
    streams: intAttr(el, "streams", 0, 65_535),
  };
}

/** `<transport>`, with an `<sctpmap>` if given. */
export function buildIceTransport(transport: IceTransport, sctpMap?: SctpMap): Element {
  return xml(
    "transport",
    {
      xmlns: NS.ice,
      ufrag: transport.ufrag,
      pwd: transport.pwd,
      "ice-generation": transport.iceGeneration,
    },
    transport.webSockets.map((url) => xml("web-socket", { xmlns: NS.colibri, url })),
    transport.rtcpMux ? xml("rtcp-mux") : undefined,
    transport.fingerprints.map(buildFingerprint),
    transport.candidates.map(buildCandidate),
    sctpMap === undefined
      ? undefined
      : xml("sctpmap", {
          xmlns: NS.sctp,
          number: sctpMap.number,
          protocol: sctpMap.protocol,
          streams: sctpMap.streams,
        }),
  );
}

function buildFingerprint(fingerprint: Fingerprint): Element {
  return xml(
    "fingerprint",
    {
      xmlns: NS.dtls,
      hash: fingerprint.hash,
      required: fingerprint.required,
      setup: fingerprint.setup,
      cryptex: fingerprint.cryptex,
    },
    fingerprint.value,
  );
}

function buildCandidate(candidate: Candidate): Element {
  return xml("candidate", {
    component: candidate.component,
    foundation: candidate.foundation,
    generation: candidate.generation,
    id: candidate.id,
    network: candidate.network,
    ip: candidate.ip,
    port: candidate.port,
    priority: candidate.priority,
    protocol: candidate.protocol,
    type: candidate.type,
    "rel-addr": candidate.relAddr,
    "rel-port": candidate.relPort,
    tcptype: candidate.tcpType,
  });
}
