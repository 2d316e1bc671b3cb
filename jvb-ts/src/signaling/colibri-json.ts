/**
 * COLIBRI2 as JSON, for `/colibri/v2/conferences` (jvb-control 2.12). Types are strict as upstream:
 * a boolean written as text is an error. False booleans and empty lists are left out on output.
 */
import { err, ok, type Result } from "#shared/runtime/result";
import type {
  ColibriConnect,
  ColibriEndpoint,
  ColibriEndpointReply,
  ColibriMedia,
  ColibriMediaSource,
  ColibriRelay,
  ColibriTransport,
  ConferenceModified,
  ConferenceModify,
} from "#shared/stanza/colibri2";
import type {
  Candidate,
  Fingerprint,
  HeaderExtension,
  IceTransport,
  MediaType,
  PayloadType,
  Source,
  SourceGroup,
} from "#shared/stanza/media";
import { NS } from "#shared/xmpp/namespaces";

type JsonObject = Readonly<Record<string, unknown>>;

/** What is wrong with the body; thrown inside this file only. */
class JsonFault extends Error {}

function bad(text: string): never {
  throw new JsonFault(text);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(value: unknown, what: string): JsonObject {
  return isObject(value) ? value : bad(`${what} must be an object`);
}

function field(from: JsonObject, key: string): unknown {
  return Object.hasOwn(from, key) ? from[key] : undefined;
}

function bool(from: JsonObject, key: string, otherwise = false): boolean {
  const value = field(from, key) ?? otherwise;
  return typeof value === "boolean" ? value : bad(`${key} must be true or false`);
}

function optionalText(from: JsonObject, key: string): string | undefined {
  const value = field(from, key) ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  return typeof value === "number" ? String(value) : bad(`${key} must be text`);
}

function text(from: JsonObject, key: string): string {
  const value = optionalText(from, key);
  return value === undefined || value.trim() === "" ? bad(`${key} must be set`) : value;
}

/** A number, or text of one: attribute values are text in this mapping. */
function optionalInt(from: JsonObject, key: string): number | undefined {
  const value = field(from, key) ?? undefined;
  if (value === undefined) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number)
    ? number
    : bad(`${key} must be a whole number`);
}

function int(from: JsonObject, key: string): number {
  return optionalInt(from, key) ?? bad(`${key} must be set`);
}

function ssrcOf(value: unknown): number {
  const fits = typeof value === "number" && Number.isInteger(value) && value >= 0;
  return fits && value < 2 ** 32 ? value : bad("ssrc must be an unsigned 32-bit number");
}

function list<T>(from: JsonObject, key: string, read: (item: unknown) => T): T[] {
  const value = field(from, key) ?? [];
  return Array.isArray(value) ? value.map(read) : bad(`${key} must be a list`);
}

function oneOf<const N extends readonly string[]>(
  from: JsonObject,
  key: string,
  names: N,
): N[number] {
  const value = text(from, key).toLowerCase();
  const found = names.find((name): name is N[number] => name === value);
  return found ?? bad(`${key} must be one of ${names.join(", ")}`);
}

const mediaTypes = ["audio", "video", "application"] as const satisfies readonly MediaType[];

function payloadType(value: unknown): PayloadType {
  const from = object(value, "payload-type");
  const parameters = object(field(from, "parameters") ?? {}, "parameters");
  return {
    id: int(from, "id"),
    name: optionalText(from, "name") ?? "",
    clockrate: optionalInt(from, "clockrate") ?? 0,
    channels: optionalInt(from, "channels") ?? 1,
    parameters: Object.entries(parameters).map(([name, one]) => ({
      name: name === "null" ? undefined : name,
      value: String(one),
    })),
    rtcpFeedback: list(from, "rtcp-fbs", (item) => {
      const feedback = object(item, "rtcp-fb");
      return { type: text(feedback, "type"), subtype: optionalText(feedback, "subtype") };
    }),
  };
}

function headerExtension(value: unknown): HeaderExtension {
  const from = object(value, "rtp-hdrext");
  return { id: int(from, "id"), uri: text(from, "uri"), senders: undefined };
}

function media(value: unknown): ColibriMedia {
  const from = object(value, "media");
  return {
    type: oneOf(from, "type", mediaTypes),
    payloadTypes: list(from, "payload-types", payloadType),
    headerExtensions: list(from, "rtp-hdrexts", headerExtension),
    extmapAllowMixed: field(from, "extmap-allow-mixed") !== undefined,
  };
}

function fingerprint(value: unknown): Fingerprint {
  const from = object(value, "fingerprint");
  const setup = optionalText(from, "setup");
  return {
    hash: (optionalText(from, "hash") ?? "").toLowerCase(),
    setup: setup === "active" || setup === "passive" || setup === "actpass" ? setup : undefined,
    value: text(from, "fingerprint").toUpperCase(),
    cryptex: optionalText(from, "cryptex") === "true",
  };
}

function candidate(value: unknown): Candidate {
  const from = object(value, "candidate");
  return {
    component: int(from, "component"),
    foundation: text(from, "foundation"),
    generation: optionalInt(from, "generation") ?? 0,
    id: optionalText(from, "id") ?? "",
    network: optionalInt(from, "network") ?? 0,
    ip: text(from, "ip"),
    port: int(from, "port"),
    priority: int(from, "priority"),
    protocol: text(from, "protocol"),
    type: oneOf(from, "type", ["host", "srflx", "prflx", "relay"] as const),
    relAddr: optionalText(from, "rel-addr"),
    relPort: optionalInt(from, "rel-port"),
    tcpType: optionalText(from, "tcptype"),
  };
}

function iceTransport(value: unknown): IceTransport {
  const from = object(value, "transport");
  if (field(from, "xmlns") !== NS.ice) bad(`transport must have xmlns ${NS.ice}`);
  return {
    ufrag: optionalText(from, "ufrag"),
    pwd: optionalText(from, "pwd"),
    iceGeneration: optionalInt(from, "ice-generation"),
    rtcpMux: bool(from, "rtcp-mux"),
    fingerprints: list(from, "fingerprints", fingerprint),
    candidates: list(from, "candidates", candidate),
    webSockets: list(from, "web-sockets", String),
  };
}

function transport(value: unknown): ColibriTransport {
  const from = object(value, "transport");
  const sctp = field(from, "sctp");
  const ice = field(from, "transport");
  return {
    iceControlling: bool(from, "ice-controlling"),
    useUniquePort: bool(from, "use-unique-port"),
    // COMPAT(jvb): upstream's mapping does not know ice-restart over HTTP and ignores it.
    iceRestart: false,
    sctp: sctp === undefined ? undefined : sctpOf(object(sctp, "sctp")),
    ice: ice === undefined ? undefined : iceTransport(ice),
  };
}

function sctpOf(from: JsonObject): NonNullable<ColibriTransport["sctp"]> {
  const role = field(from, "role");
  return {
    port: optionalInt(from, "port"),
    role: role === undefined ? undefined : oneOf(from, "role", ["client", "server"] as const),
  };
}

function source(value: unknown): Source {
  const none = { msid: undefined, videoType: undefined, rid: undefined, owner: undefined };
  if (typeof value === "number") return { ssrc: ssrcOf(value), name: undefined, ...none };
  const from = object(value, "source");
  const videoType = optionalText(from, "videoType")?.toLowerCase();
  return {
    ...none,
    ssrc: ssrcOf(field(from, "ssrc")),
    name: optionalText(from, "name"),
    rid: optionalText(from, "rid"),
    videoType: videoType === "desktop" ? "desktop" : videoType && "camera",
  } as Source;
}

function group(value: unknown): SourceGroup {
  const from = object(value, "ssrc-group");
  return { semantics: text(from, "semantics").toUpperCase(), ssrcs: list(from, "sources", ssrcOf) };
}

function mediaSource(value: unknown): ColibriMediaSource {
  const from = object(value, "media-source");
  return {
    type: oneOf(from, "type", mediaTypes),
    id: text(from, "id"),
    synthetic: bool(from, "synthetic"),
    sources: list(from, "sources", source),
    groups: list(from, "ssrc-groups", group),
  };
}

function endpoint(value: unknown): ColibriEndpoint {
  const from = object(value, "endpoint");
  const mute = field(from, "force-mute");
  const lastN = field(from, "initial-last-n");
  const inner = field(from, "transport");
  const muted = mute === undefined ? undefined : object(mute, "force-mute");
  return {
    id: text(from, "id"),
    statsId: optionalText(from, "stats-id"),
    mucRole: optionalText(from, "muc-role"),
    create: bool(from, "create"),
    expire: bool(from, "expire"),
    // COMPAT(jvb): diarize does not exist in upstream's JSON.
    diarize: undefined,
    media: list(from, "medias", media),
    transport: inner === undefined ? undefined : transport(inner),
    sources: field(from, "sources") === undefined ? undefined : list(from, "sources", mediaSource),
    forceMute: muted && { audio: bool(muted, "audio"), video: bool(muted, "video") },
    capabilities: list(from, "capabilities", String),
    initialLastN: lastN === undefined ? undefined : int(object(lastN, "initial-last-n"), "value"),
  };
}

function relay(value: unknown): ColibriRelay {
  const from = object(value, "relay");
  const inner = field(from, "transport");
  return {
    id: text(from, "id"),
    meshId: optionalText(from, "mesh-id"),
    create: bool(from, "create"),
    expire: bool(from, "expire"),
    media: list(from, "medias", media),
    transport: inner === undefined ? undefined : transport(inner),
    endpoints: list(from, "endpoints", endpoint),
  };
}

function connect(value: unknown): ColibriConnect {
  const from = object(value, "connect");
  return {
    id: text(from, "id"),
    create: bool(from, "create"),
    expire: bool(from, "expire"),
    url: text(from, "url"),
    protocol: text(from, "protocol"),
    type: text(from, "type"),
    audio: bool(from, "audio"),
    video: bool(from, "video"),
  };
}

/**
 * Reads a request. `meetingId` of the path wins over the one in the body, and stands in for it; the
 * error is one sentence.
 */
export function parseConferenceJson(
  value: unknown,
  meetingId?: string,
): Result<ConferenceModify, string> {
  try {
    const from = object(value, "conference-modify");
    const own = meetingId ?? optionalText(from, "meeting-id");
    if (own === undefined || own.trim() === "") {
      bad("meeting-id must be set for conference-modify IQ");
    }
    return ok({
      meetingId: own,
      name: optionalText(from, "name"),
      create: bool(from, "create"),
      expire: bool(from, "expire"),
      rtcstatsEnabled: bool(from, "rtcstats-enabled", true),
      endpoints: list(from, "endpoints", endpoint),
      relays: list(from, "relays", relay),
      connects: list(from, "connects", connect),
    });
  } catch (cause) {
    if (cause instanceof JsonFault) return err(cause.message);
    throw cause;
  }
}

type Out = Record<string, unknown>;

/** Leaves out what is undefined, false or an empty list. */
function compact(from: Out): Out {
  return Object.fromEntries(
    Object.entries(from).filter(
      ([, value]) =>
        value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

function iceJson(ice: IceTransport): Out {
  return compact({
    xmlns: NS.ice,
    pwd: ice.pwd,
    ufrag: ice.ufrag,
    "ice-generation": ice.iceGeneration,
    fingerprints: ice.fingerprints.map((one) =>
      compact({
        fingerprint: one.value,
        setup: one.setup,
        hash: one.hash,
        cryptex: one.cryptex === true ? "true" : undefined,
      }),
    ),
    candidates: ice.candidates.map((one) =>
      compact({
        component: String(one.component),
        foundation: one.foundation,
        generation: String(one.generation),
        id: one.id,
        network: String(one.network),
        priority: String(one.priority),
        protocol: one.protocol,
        type: one.type,
        ip: one.ip,
        port: String(one.port),
        "rel-addr": one.relAddr,
        "rel-port": one.relPort === undefined ? undefined : String(one.relPort),
      }),
    ),
    "web-sockets": ice.webSockets,
    "rtcp-mux": ice.rtcpMux,
  });
}

function transportJson(from: ColibriTransport): Out {
  return compact({
    "ice-controlling": from.iceControlling,
    "use-unique-port": from.useUniquePort,
    transport: from.ice === undefined ? undefined : iceJson(from.ice),
    sctp: from.sctp === undefined ? undefined : compact({ ...from.sctp }),
  });
}

function replyJson(from: ColibriEndpointReply): Out {
  return compact({
    id: from.id,
    expire: from.expire,
    transport: from.transport === undefined ? undefined : transportJson(from.transport),
  });
}

function sourceJson(from: Source): unknown {
  if (from.name === undefined && from.videoType === undefined && from.rid === undefined) {
    return from.ssrc;
  }
  const { ssrc, name, videoType, rid } = from;
  return compact({ ssrc, name, videoType, rid });
}

/** Writes an answer. */
export function conferenceModifiedJson(modified: ConferenceModified): Out {
  return compact({
    endpoints: modified.endpoints.map(replyJson),
    relays: modified.relays.map(replyJson),
    sources: modified.sources?.map((one) =>
      compact({
        type: one.type,
        id: one.id,
        synthetic: one.synthetic,
        sources: one.sources.map(sourceJson),
        "ssrc-groups": one.groups.map(({ semantics, ssrcs }) => ({ semantics, sources: ssrcs })),
      }),
    ),
  });
}
