/**
 * RTP descriptions (`urn:xmpp:jingle:apps:rtp:1`, XEP-0167) with feedback (XEP-0293) and header
 * extensions (XEP-0294): the parts that Jingle and COLIBRI2 share. Spec xmpp-wire A4.
 */
import { err, ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, childrenOf, type Element, intAttr, xml } from "../xmpp/xml.ts";
import type {
  HeaderExtension,
  MediaType,
  PayloadParameter,
  PayloadType,
  RtcpFeedback,
} from "./media.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

/** The kind of media an attribute names. */
export function parseMediaType(text: string | undefined): MediaType | undefined {
  return text === "audio" || text === "video" || text === "application" ? text : undefined;
}

/** All `<payload-type>` children, in order of preference. */
export function parsePayloadTypes(parent: Element): Result<PayloadType[], StanzaFault> {
  const found: PayloadType[] = [];
  for (const el of childrenOf(parent, "payload-type", NS.rtp)) {
    const id = intAttr(el, "id", 0, 127);
    if (id === undefined) return err(fault("payload-type id"));
    const clockrate = intAttr(el, "clockrate", 0, 0xffff_ffff);
    const channels = intAttr(el, "channels", 1, 255);
    if (clockrate === undefined && attr(el, "clockrate") !== undefined) {
      return err(fault("payload-type clockrate"));
    }
    found.push({
      id,
      name: attr(el, "name") ?? "",
      clockrate: clockrate ?? 0,
      channels: channels ?? 1,
      parameters: parseParameters(el),
      rtcpFeedback: childrenOf(el, "rtcp-fb", NS.rtcpFb).flatMap(parseFeedback),
    });
  }
  return ok(found);
}

function parseParameters(el: Element): PayloadParameter[] {
  const found: PayloadParameter[] = [];
  for (const child of childrenOf(el, "parameter")) {
    const value = attr(child, "value");
    if (value !== undefined) found.push({ name: attr(child, "name"), value });
  }
  return found;
}

function parseFeedback(el: Element): RtcpFeedback[] {
  const type = attr(el, "type");
  return type === undefined ? [] : [{ type, subtype: attr(el, "subtype") }];
}

/** All `<rtp-hdrext>` children. */
export function parseHeaderExtensions(parent: Element): Result<HeaderExtension[], StanzaFault> {
  const found: HeaderExtension[] = [];
  for (const el of childrenOf(parent, "rtp-hdrext", NS.hdrext)) {
    const id = intAttr(el, "id", 1, 255);
    const uri = attr(el, "uri");
    if (id === undefined || uri === undefined) return err(fault("rtp-hdrext id or uri"));
    found.push({ id, uri, senders: parseDirection(attr(el, "senders")) });
  }
  return ok(found);
}

function parseDirection(text: string | undefined): HeaderExtension["senders"] {
  switch (text) {
    case "both":
    case "initiator":
    case "responder":
    case "none":
      return text;
    default:
      return undefined;
  }
}

/** Whether `<extmap-allow-mixed>` is there. */
export function parseExtmapAllowMixed(parent: Element): boolean {
  return childOf(parent, "extmap-allow-mixed", NS.hdrext) !== undefined;
}

/** `<payload-type>`; `parentNs` decides whether it must declare its namespace. */
export function buildPayloadType(type: PayloadType, parentNs: string): Element {
  return xml(
    "payload-type",
    {
      xmlns: parentNs === NS.rtp ? undefined : NS.rtp,
      id: type.id,
      name: type.name === "" ? undefined : type.name,
      clockrate: type.clockrate === 0 ? undefined : type.clockrate,
      channels: type.channels === 1 ? undefined : type.channels,
    },
    type.parameters.map(({ name, value }) => xml("parameter", { name, value })),
    type.rtcpFeedback.map((feedback) =>
      xml("rtcp-fb", { xmlns: NS.rtcpFb, type: feedback.type, subtype: feedback.subtype }),
    ),
  );
}

/** `<rtp-hdrext>` */
export function buildHeaderExtension(extension: HeaderExtension): Element {
  return xml("rtp-hdrext", {
    xmlns: NS.hdrext,
    id: extension.id,
    uri: extension.uri,
    senders: extension.senders,
  });
}

/** `<extmap-allow-mixed/>` when wanted. */
export function buildExtmapAllowMixed(allow: boolean): Element | undefined {
  return allow ? xml("extmap-allow-mixed", { xmlns: NS.hdrext }) : undefined;
}
