/** Elements that COLIBRI2 requests and replies have in common: media, transports, sources. */
import { err, ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import {
  attr,
  boolAttr,
  childOf,
  childrenOf,
  type Element,
  intAttr,
  unchanging,
  xml,
} from "../xmpp/xml.ts";
import type {
  ColibriMedia,
  ColibriMediaSource,
  ColibriSctp,
  ColibriTransport,
} from "./colibri2.ts";
import { buildIceTransport, parseIceTransport } from "./ice-udp.ts";
import type { IceTransport } from "./media.ts";
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

/** Reads each child of that name, or the first fault. */
export function parseEach<T>(
  parent: Element,
  name: string,
  parse: (el: Element) => Result<T, StanzaFault>,
): Result<T[], StanzaFault> {
  const found: T[] = [];
  for (const el of childrenOf(parent, name, NS.colibri2)) {
    const read = parse(el);
    if (!read.ok) return read;
    found.push(read.value);
  }
  return ok(found);
}

/** An attribute that must be there and not blank. */
export function requiredAttr(el: Element, name: string): Result<string, StanzaFault> {
  const value = attr(el, name);
  return value === undefined || value.trim() === ""
    ? err(fault(`<${el.name}> without ${name}`))
    : ok(value);
}

/** `<media>` */
export function parseMedia(el: Element): Result<ColibriMedia, StanzaFault> {
  const type = parseMediaType(attr(el, "type")?.toLowerCase());
  if (type === undefined) return err(fault("<media> without a known type"));
  const payloadTypes = parsePayloadTypes(el);
  if (!payloadTypes.ok) return payloadTypes;
  const headerExtensions = parseHeaderExtensions(el);
  if (!headerExtensions.ok) return headerExtensions;
  return ok({
    type,
    payloadTypes: payloadTypes.value,
    headerExtensions: headerExtensions.value,
    extmapAllowMixed: parseExtmapAllowMixed(el),
  });
}

/** Elements of media that are asked for many endpoints. */
const repeated = new WeakMap<ColibriMedia, Element>();

/** Says that this media will be sent again and again: it is built and written once. */
export function repeatedMedia(media: ColibriMedia): ColibriMedia {
  repeated.set(media, unchanging(buildMedia(media)));
  return media;
}

/** `<media>` */
export function buildMedia(media: ColibriMedia): Element {
  const known = repeated.get(media);
  if (known !== undefined) return known;
  return xml(
    "media",
    { xmlns: NS.colibri2, type: media.type },
    media.payloadTypes.map((type) => buildPayloadType(type, NS.colibri2)),
    media.headerExtensions.map(buildHeaderExtension),
    buildExtmapAllowMixed(media.extmapAllowMixed),
  );
}

/** The `<transport>` child of an endpoint or relay, if any. */
export function parseTransport(parent: Element): Result<ColibriTransport | undefined, StanzaFault> {
  const el = childOf(parent, "transport", NS.colibri2);
  if (el === undefined) return ok(undefined);
  let ice: IceTransport | undefined;
  const iceEl = childOf(el, "transport", NS.ice);
  if (iceEl !== undefined) {
    const read = parseIceTransport(iceEl);
    if (!read.ok) return read;
    ice = read.value;
  }
  const sctp = parseSctp(el);
  if (!sctp.ok) return sctp;
  return ok({
    iceControlling: boolAttr(el, "ice-controlling"),
    useUniquePort: boolAttr(el, "use-unique-port"),
    iceRestart: boolAttr(el, "ice-restart"),
    sctp: sctp.value,
    ice,
  });
}

function parseSctp(transport: Element): Result<ColibriSctp | undefined, StanzaFault> {
  const el = childOf(transport, "sctp", NS.colibri2);
  if (el === undefined) return ok(undefined);
  const port = intAttr(el, "port", 0, 65_535);
  if (port === undefined && attr(el, "port") !== undefined) return err(fault("sctp port"));
  const role = attr(el, "role")?.toLowerCase();
  if (role !== undefined && role !== "client" && role !== "server") return err(fault("sctp role"));
  return ok({ port, role });
}

/** `<transport>`; only what differs from the default is printed. */
export function buildTransport(transport: ColibriTransport): Element {
  const { sctp, ice } = transport;
  return xml(
    "transport",
    {
      "ice-controlling": transport.iceControlling ? true : undefined,
      "use-unique-port": transport.useUniquePort ? true : undefined,
      "ice-restart": transport.iceRestart ? true : undefined,
    },
    ice && buildIceTransport(ice),
    sctp && xml("sctp", { port: sctp.port, role: sctp.role }),
  );
}

/** The `<sources>` child, if any. */
export function parseColibriSources(
  parent: Element,
): Result<ColibriMediaSource[] | undefined, StanzaFault> {
  const el = childOf(parent, "sources", NS.colibri2);
  return el === undefined ? ok(undefined) : parseEach(el, "media-source", parseMediaSource);
}

function parseMediaSource(el: Element): Result<ColibriMediaSource, StanzaFault> {
  const type = parseMediaType(attr(el, "type")?.toLowerCase());
  if (type === undefined) return err(fault("<media-source> without a known type"));
  const id = requiredAttr(el, "id");
  if (!id.ok) return id;
  const sources = parseSources(el);
  if (!sources.ok) return sources;
  const groups = parseSourceGroups(el);
  if (!groups.ok) return groups;
  return ok({
    type,
    id: id.value,
    synthetic: boolAttr(el, "synthetic"),
    sources: sources.value,
    groups: groups.value,
  });
}

/** `<sources>` */
export function buildColibriSources(sources: readonly ColibriMediaSource[]): Element {
  return xml(
    "sources",
    {},
    sources.map((source) =>
      xml(
        "media-source",
        {
          type: source.type,
          id: source.id,
          synthetic: source.synthetic ? true : undefined,
        },
        source.sources.map(buildSource),
        source.groups.map(buildSourceGroup),
      ),
    ),
  );
}
