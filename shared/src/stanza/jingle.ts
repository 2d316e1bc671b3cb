/** Jingle (`urn:xmpp:jingle:1`), focus to client and back: spec xmpp-wire A3 to A8. */
import { err, ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import {
  attr,
  boolAttr,
  childOf,
  childrenOf,
  childText,
  type Element,
  elementsOf,
  intAttr,
  unchanging,
  xml,
} from "../xmpp/xml.ts";
import {
  type CompactSources,
  encodeCompactSources,
  parseCompactSources,
} from "./compact-sources.ts";
import {
  buildIceTransport,
  emptyTransport,
  parseIceTransport,
  parseSctpMap,
  type SctpMap,
} from "./ice-udp.ts";
import type {
  HeaderExtension,
  IceTransport,
  MediaType,
  PayloadType,
  Source,
  SourceGroup,
} from "./media.ts";
import {
  buildExtmapAllowMixed,
  buildHeaderExtension,
  buildPayloadType,
  parseExtmapAllowMixed,
  parseHeaderExtensions,
  parseMediaType,
  parsePayloadTypes,
} from "./rtp.ts";
import { buildSource, buildSourceGroup, parseSourceGroups, parseSources } from "./ssma.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";
import { buildTraceParent, parseTraceParent, type TraceParent } from "./trace-parent.ts";

export type { CompactSources, EndpointSources, MediaSources } from "./compact-sources.ts";
export type { SctpMap } from "./ice-udp.ts";
export type { TraceParent } from "./trace-parent.ts";

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

/** Reads `<jingle>`. A fault of `bad-request` unless it says otherwise. */
export function parseJingle(el: Element): Result<Jingle, StanzaFault> {
  const action = parseAction(attr(el, "action"));
  const sid = attr(el, "sid");
  if (action === undefined) {
    const named = attr(el, "action") !== undefined;
    return err(
      named ? fault("unknown action", "feature-not-implemented") : fault("missing action"),
    );
  }
  if (sid === undefined || sid === "") return err(fault("missing sid"));
  const contents: JingleContent[] = [];
  for (const child of childrenOf(el, "content", NS.jingle)) {
    const content = parseContent(child);
    if (!content.ok) return content;
    contents.push(content.value);
  }
  const json = childText(el, "json-message", NS.jitmeet);
  const compact = json === undefined ? ok(undefined) : parseCompactSources(json);
  if (!compact.ok) return compact;
  return ok({
    action,
    sid,
    initiator: attr(el, "initiator"),
    responder: attr(el, "responder"),
    contents,
    reason: parseReason(el),
    groups: childrenOf(el, "group", NS.group).map(parseGroup),
    bridgeSession: parseBridgeSession(el),
    startMuted: parseStartMuted(el),
    compactSources: compact.value,
    iceState: childText(el, "ice-state", NS.focus),
    traceParent: parseTraceParent(el),
  });
}

function parseAction(text: string | undefined): JingleAction | undefined {
  // COMPAT(client): the names of before 2014 (A3).
  if (text === "addsource") return "source-add";
  if (text === "removesource") return "source-remove";
  return jingleActions.find((action) => action === text);
}

function parseContent(el: Element): Result<JingleContent, StanzaFault> {
  const name = attr(el, "name");
  if (name === undefined) return err(fault("content without name"));
  let description: RtpDescription | undefined;
  const descriptionEl = childOf(el, "description", NS.rtp);
  if (descriptionEl !== undefined) {
    const read = parseDescription(descriptionEl, name);
    if (!read.ok) return read;
    description = read.value;
  }
  let transport: IceTransport | undefined;
  const transportEl = childOf(el, "transport", NS.ice);
  if (transportEl !== undefined) {
    const read = parseIceTransport(transportEl);
    if (!read.ok) return read;
    transport = read.value;
  }
  let initialLastN: number | undefined;
  const lastNEl = childOf(el, "initial-last-n", NS.colibri2);
  if (lastNEl !== undefined) {
    initialLastN = intAttr(lastNEl, "value", -1, 0x7fff_ffff);
    if (initialLastN === undefined) return err(fault("initial-last-n is not a number"));
  }
  return ok({
    creator: attr(el, "creator") === "initiator" ? "initiator" : "responder",
    name,
    senders: parseSenders(attr(el, "senders")),
    description,
    transport,
    sctpMap: transportEl === undefined ? undefined : parseSctpMap(transportEl),
    initialLastN,
  });
}

function parseSenders(text: string | undefined): Senders | undefined {
  switch (text) {
    case "both":
    case "initiator":
    case "responder":
    case "none":
    case "rejected":
      return text;
    default:
      return undefined;
  }
}

function parseDescription(el: Element, name: string): Result<RtpDescription, StanzaFault> {
  const media = parseMediaType(attr(el, "media") ?? name);
  if (media === undefined) return err(fault("description without a known media"));
  const payloadTypes = parsePayloadTypes(el);
  if (!payloadTypes.ok) return payloadTypes;
  const headerExtensions = parseHeaderExtensions(el);
  if (!headerExtensions.ok) return headerExtensions;
  const sources = parseSources(el);
  if (!sources.ok) return sources;
  const groups = parseSourceGroups(el);
  if (!groups.ok) return groups;
  return ok({
    media,
    ssrc: intAttr(el, "ssrc", 0, 0xffff_ffff),
    maxptime: intAttr(el, "maxptime", 0, 65_535),
    payloadTypes: payloadTypes.value,
    headerExtensions: headerExtensions.value,
    extmapAllowMixed: parseExtmapAllowMixed(el),
    rtcpMux: childOf(el, "rtcp-mux", NS.rtp) !== undefined,
    sources: sources.value,
    groups: groups.value,
  });
}

function parseReason(el: Element): JingleReason | undefined {
  const reason = childOf(el, "reason", NS.jingle);
  if (reason === undefined) return undefined;
  const names = elementsOf(reason).map((child) => child.name);
  return {
    condition: jingleReasonConditions.find((condition) => names.includes(condition)),
    text: childText(reason, "text", NS.jingle),
  };
}

function parseGroup(el: Element): JingleGroup {
  return {
    semantics: attr(el, "semantics") ?? "BUNDLE",
    contents: childrenOf(el, "content", NS.group).flatMap((child) => attr(child, "name") ?? []),
  };
}

function parseBridgeSession(el: Element): BridgeSession | undefined {
  const child = childOf(el, "bridge-session", NS.focus);
  if (child === undefined) return undefined;
  return {
    id: attr(child, "id"),
    region: attr(child, "region"),
    restart: boolAttr(child, "restart"),
    iceRestart: boolAttr(child, "ice-restart"),
  };
}

function parseStartMuted(el: Element): StartMuted | undefined {
  const child = childOf(el, "startmuted", NS.startMuted);
  return child === undefined
    ? undefined
    : { audio: boolAttr(child, "audio"), video: boolAttr(child, "video") };
}

/** Elements of descriptions that are sent to many. */
const repeated = new WeakMap<RtpDescription, Element>();

/** Says that this description will be sent again and again: it is built and written once. */
export function repeatedly(description: RtpDescription): RtpDescription {
  repeated.set(description, unchanging(buildDescription(description)));
  return description;
}

/** `<jingle>`; the trace context comes last as upstream's focus writes it. */
export function buildJingle(jingle: Jingle): Element {
  const { reason, bridgeSession, startMuted } = jingle;
  // All contents of an invitation carry the same transport.
  const transports = new Map<IceTransport, Element>();
  return xml(
    "jingle",
    {
      xmlns: NS.jingle,
      action: jingle.action,
      sid: jingle.sid,
      initiator: jingle.initiator,
      responder: jingle.responder,
    },
    jingle.contents.map((content) => buildContent(content, transports)),
    // The condition must come first: clients take the first child (A3).
    reason &&
      xml(
        "reason",
        {},
        reason.condition && xml(reason.condition),
        reason.text === undefined ? undefined : xml("text", {}, reason.text),
      ),
    jingle.groups.map((group) =>
      xml(
        "group",
        { xmlns: NS.group, semantics: group.semantics },
        group.contents.map((name) => xml("content", { name })),
      ),
    ),
    bridgeSession &&
      xml("bridge-session", {
        xmlns: NS.focus,
        id: bridgeSession.id,
        region: bridgeSession.region,
        restart: bridgeSession.restart ? true : undefined,
        "ice-restart": bridgeSession.iceRestart ? true : undefined,
      }),
    startMuted && xml("startmuted", { xmlns: NS.startMuted, ...startMuted }),
    jingle.compactSources &&
      xml("json-message", { xmlns: NS.jitmeet }, encodeCompactSources(jingle.compactSources)),
    jingle.iceState === undefined
      ? undefined
      : xml("ice-state", { xmlns: NS.focus }, jingle.iceState),
    buildTraceParent(jingle.traceParent),
  );
}

function buildContent(content: JingleContent, transports: Map<IceTransport, Element>): Element {
  const { description, transport, sctpMap, initialLastN } = content;
  let transportEl: Element | undefined;
  if (transport !== undefined && sctpMap === undefined) {
    transportEl = transports.get(transport) ?? unchanging(buildIceTransport(transport));
    transports.set(transport, transportEl);
  } else if (sctpMap !== undefined) {
    transportEl = buildIceTransport(transport ?? emptyTransport, sctpMap);
  }
  return xml(
    "content",
    { creator: content.creator, name: content.name, senders: content.senders },
    description && (repeated.get(description) ?? buildDescription(description)),
    transportEl,
    initialLastN === undefined
      ? undefined
      : xml("initial-last-n", { xmlns: NS.colibri2, value: initialLastN }),
  );
}

function buildDescription(description: RtpDescription): Element {
  return xml(
    "description",
    {
      xmlns: NS.rtp,
      media: description.media,
      ssrc: description.ssrc,
      maxptime: description.maxptime,
    },
    description.payloadTypes.map((type) => buildPayloadType(type, NS.rtp)),
    description.headerExtensions.map(buildHeaderExtension),
    buildExtmapAllowMixed(description.extmapAllowMixed),
    description.sources.map(buildSource),
    description.groups.map(buildSourceGroup),
    description.rtcpMux ? xml("rtcp-mux") : undefined,
  );
}
