/** `<conference-modify xmlns='jitsi:colibri2'>`: spec xmpp-wire A9, jvb-control 2.1. */
import { err, ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, boolAttr, childOf, childrenOf, type Element, intAttr, xml } from "../xmpp/xml.ts";
import type {
  ColibriConnect,
  ColibriEndpoint,
  ColibriRelay,
  ConferenceModify,
  ForceMute,
} from "./colibri2.ts";
import {
  buildColibriSources,
  buildMedia,
  buildTransport,
  parseColibriSources,
  parseEach,
  parseMedia,
  parseTransport,
  requiredAttr,
} from "./colibri2-parts.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";
import { buildTraceParent, parseTraceParent } from "./trace-parent.ts";

const mucRoles = ["moderator", "participant", "visitor", "none"];

/** Reads a request; everything that A9 calls a parse error is a fault of `bad-request`. */
export function parseConferenceModify(el: Element): Result<ConferenceModify, StanzaFault> {
  const meetingId = requiredAttr(el, "meeting-id");
  if (!meetingId.ok) return meetingId;
  const endpoints = parseEach(el, "endpoint", parseEndpoint);
  if (!endpoints.ok) return endpoints;
  const relays = parseEach(el, "relay", parseRelay);
  if (!relays.ok) return relays;
  const connectsEl = childOf(el, "connects", NS.colibri2);
  const connects =
    connectsEl === undefined ? ok([]) : parseEach(connectsEl, "connect", parseConnect);
  if (!connects.ok) return connects;
  return ok({
    meetingId: meetingId.value,
    name: attr(el, "name"),
    create: boolAttr(el, "create"),
    expire: boolAttr(el, "expire"),
    rtcstatsEnabled: boolAttr(el, "rtcstats-enabled", true),
    endpoints: endpoints.value,
    relays: relays.value,
    connects: connects.value,
    traceParent: parseTraceParent(el),
  });
}

function parseEndpoint(el: Element): Result<ColibriEndpoint, StanzaFault> {
  const id = requiredAttr(el, "id");
  if (!id.ok) return id;
  const mucRole = attr(el, "muc-role")?.toLowerCase();
  if (mucRole !== undefined && !mucRoles.includes(mucRole)) return err(fault("unknown muc-role"));
  const media = parseEach(el, "media", parseMedia);
  if (!media.ok) return media;
  const transport = parseTransport(el);
  if (!transport.ok) return transport;
  const sources = parseColibriSources(el);
  if (!sources.ok) return sources;
  const lastNEl = childOf(el, "initial-last-n", NS.colibri2);
  const initialLastN =
    lastNEl === undefined ? undefined : intAttr(lastNEl, "value", -0x8000_0000, 0x7fff_ffff);
  if (lastNEl !== undefined && initialLastN === undefined) {
    return err(fault("initial-last-n without a number"));
  }
  const capabilities: string[] = [];
  for (const child of childrenOf(el, "capability", NS.colibri2)) {
    const name = requiredAttr(child, "name");
    if (!name.ok) return name;
    capabilities.push(name.value);
  }
  return ok({
    id: id.value,
    statsId: attr(el, "stats-id"),
    mucRole,
    create: boolAttr(el, "create"),
    expire: boolAttr(el, "expire"),
    diarize: attr(el, "diarize") === undefined ? undefined : boolAttr(el, "diarize"),
    media: media.value,
    transport: transport.value,
    sources: sources.value,
    forceMute: parseForceMute(el),
    capabilities,
    initialLastN,
  });
}

function parseForceMute(endpoint: Element): ForceMute | undefined {
  const el = childOf(endpoint, "force-mute", NS.colibri2);
  return el === undefined
    ? undefined
    : { audio: boolAttr(el, "audio"), video: boolAttr(el, "video") };
}

function parseRelay(el: Element): Result<ColibriRelay, StanzaFault> {
  const id = requiredAttr(el, "id");
  if (!id.ok) return id;
  const media = parseEach(el, "media", parseMedia);
  if (!media.ok) return media;
  const transport = parseTransport(el);
  if (!transport.ok) return transport;
  const endpointsEl = childOf(el, "endpoints", NS.colibri2);
  const endpoints =
    endpointsEl === undefined ? ok([]) : parseEach(endpointsEl, "endpoint", parseEndpoint);
  if (!endpoints.ok) return endpoints;
  return ok({
    id: id.value,
    meshId: attr(el, "mesh-id"),
    create: boolAttr(el, "create"),
    expire: boolAttr(el, "expire"),
    media: media.value,
    transport: transport.value,
    endpoints: endpoints.value,
  });
}

/** An expire needs no url; otherwise scheme, protocol and type must be ones we know (A9). */
function parseConnect(el: Element): Result<ColibriConnect, StanzaFault> {
  const expire = boolAttr(el, "expire");
  const url = attr(el, "url");
  const protocol = attr(el, "protocol")?.toLowerCase();
  const type = attr(el, "type")?.toLowerCase();
  if (url === undefined ? !expire : !isWebSocketUrl(url)) return err(fault("connect url"));
  if (protocol === undefined ? !expire : protocol !== "mediajson") {
    return err(fault("connect protocol"));
  }
  if (type === undefined ? !expire : !connectTypes.includes(type))
    return err(fault("connect type"));
  const headers: { name: string; value: string }[] = [];
  for (const child of childrenOf(el, "http-header", NS.colibri2)) {
    const name = attr(child, "name") ?? "";
    const value = attr(child, "value");
    if (!/^[A-Za-z0-9-]+$/.test(name) || value === undefined) return err(fault("http-header"));
    headers.push({ name, value: value.replace(/[\r\n]/g, "") });
  }
  const pingEl = childOf(el, "ping", NS.colibri2);
  const interval = pingEl === undefined ? undefined : intAttr(pingEl, "interval", 0);
  const timeout = pingEl === undefined ? undefined : intAttr(pingEl, "timeout", 0);
  if (pingEl !== undefined && (interval === undefined || timeout === undefined)) {
    return err(fault("connect ping"));
  }
  return ok({
    id: attr(el, "id"),
    create: boolAttr(el, "create"),
    expire,
    url,
    protocol,
    type,
    audio: boolAttr(el, "audio"),
    video: boolAttr(el, "video"),
    headers,
    ping: interval === undefined || timeout === undefined ? undefined : { interval, timeout },
    exports: parseNames(el, "exports", "export"),
    requests: parseNames(el, "requests", "request"),
  });
}

const connectTypes = ["recorder", "transcriber", "translator"];

function isWebSocketUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.protocol === "ws:" || parsed.protocol === "wss:");
}

function parseNames(connect: Element, list: string, item: string): string[] {
  const el = childOf(connect, list, NS.colibri2);
  if (el === undefined) return [];
  return childrenOf(el, item, NS.colibri2).flatMap((child) => attr(child, "name") ?? []);
}

/** `<conference-modify>`, to be sent as an IQ get. */
export function buildConferenceModify(request: ConferenceModify): Element {
  return xml(
    "conference-modify",
    {
      xmlns: NS.colibri2,
      "meeting-id": request.meetingId,
      name: request.name,
      "rtcstats-enabled": request.rtcstatsEnabled ? undefined : false,
      create: request.create ? true : undefined,
      expire: request.expire ? true : undefined,
    },
    buildTraceParent(request.traceParent),
    request.endpoints.map(buildEndpoint),
    request.relays.map(buildRelay),
    request.connects.length === 0
      ? undefined
      : xml("connects", {}, request.connects.map(buildConnect)),
  );
}

function buildEndpoint(endpoint: ColibriEndpoint): Element {
  const { transport, sources, forceMute } = endpoint;
  return xml(
    "endpoint",
    {
      id: endpoint.id,
      create: endpoint.create ? true : undefined,
      expire: endpoint.expire ? true : undefined,
      "stats-id": endpoint.statsId,
      "muc-role": endpoint.mucRole,
      diarize: endpoint.diarize === true ? true : undefined,
    },
    endpoint.media.map(buildMedia),
    transport && buildTransport(transport),
    sources && buildColibriSources(sources),
    forceMute &&
      xml("force-mute", {
        audio: forceMute.audio ? true : undefined,
        video: forceMute.video ? true : undefined,
      }),
    endpoint.capabilities.map((name) => xml("capability", { name })),
    endpoint.initialLastN === undefined
      ? undefined
      : xml("initial-last-n", { value: endpoint.initialLastN }),
  );
}

function buildRelay(relay: ColibriRelay): Element {
  return xml(
    "relay",
    {
      id: relay.id,
      "mesh-id": relay.meshId,
      create: relay.create ? true : undefined,
      expire: relay.expire ? true : undefined,
    },
    relay.media.map(buildMedia),
    relay.transport && buildTransport(relay.transport),
    relay.endpoints.length === 0
      ? undefined
      : xml("endpoints", {}, relay.endpoints.map(buildEndpoint)),
  );
}

function buildConnect(connect: ColibriConnect): Element {
  const { headers = [], ping, exports = [], requests = [] } = connect;
  return xml(
    "connect",
    {
      id: connect.id,
      create: connect.create ? true : undefined,
      expire: connect.expire ? true : undefined,
      url: connect.url,
      protocol: connect.protocol,
      type: connect.type,
      audio: connect.audio ? true : undefined,
      video: connect.video ? true : undefined,
    },
    headers.map(({ name, value }) => xml("http-header", { name, value })),
    ping && xml("ping", ping),
    buildNames(exports, "exports", "export"),
    buildNames(requests, "requests", "request"),
  );
}

function buildNames(names: readonly string[], list: string, item: string): Element | undefined {
  return names.length === 0
    ? undefined
    : xml(
        list,
        {},
        names.map((name) => xml(item, { name })),
      );
}
