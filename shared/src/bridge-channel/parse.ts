/**
 * Text of the bridge channel → message. Whatever a peer sends gives a value or a fault; the caller
 * logs the fault, drops the message and answers nothing (spec jvb-control 4.3).
 */
import { err, ok, type Result } from "../runtime/result.ts";
import { isObject, JsonFields } from "./json-fields.ts";
import { shapeFault } from "./json-shape.ts";
import type {
  AudioSourceMapping,
  BridgeMessage,
  BridgeMessageFault,
  Json,
  JsonObject,
  ReceiverAudioSubscription,
  ReceiverVideoConstraints,
  VideoConstraints,
  VideoSourceMapping,
  WireVideoType,
} from "./messages.ts";

/** Default limit of a text message, inherited by upstream from its HTTP container. */
export const MAX_MESSAGE_BYTES = 65_536;

const videoTypes: readonly WireVideoType[] = [
  "CAMERA",
  "DESKTOP",
  "DESKTOP_HIGH_FPS",
  "DISABLED",
  "NONE",
];

/** Parses one text frame. */
export function parseBridgeMessage(text: string): Result<BridgeMessage, BridgeMessageFault> {
  // Characters: never more than the bytes, which the WebSocket limits by itself.
  if (text.length > MAX_MESSAGE_BYTES) return err({ reason: "notJson", text: "too long" });
  const fault = shapeFault(text);
  if (fault !== undefined) return err({ reason: "notJson", text: fault });
  const json = parseJson(text);
  if (json === undefined) return err({ reason: "notJson", text: "not JSON" });
  if (!isObject(json)) return err({ reason: "notObject", text: "not a JSON object" });
  const colibriClass = Object.hasOwn(json, "colibriClass") ? json["colibriClass"] : undefined;
  if (typeof colibriClass !== "string") {
    return err({ reason: "noClass", text: "no colibriClass" });
  }
  const fields = new JsonFields(json);
  const message = read(colibriClass, fields, json);
  if (message === undefined) {
    return err({
      reason: "unknownClass",
      text: `unknown colibriClass ${colibriClass.slice(0, 64)}`,
    });
  }
  if (fields.fault !== undefined) {
    return err({ reason: "badField", text: `${colibriClass}: ${fields.fault}` });
  }
  return ok(message);
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function read(
  colibriClass: string,
  fields: JsonFields,
  json: JsonObject,
): BridgeMessage | undefined {
  switch (colibriClass) {
    case "ClientHello":
      return { kind: colibriClass };
    case "ServerHello":
      return { kind: colibriClass, version: fields.optionalText("version") };
    case "EndpointMessage": {
      const to = fields.text("to");
      const from = fields.optionalText("from");
      return { kind: colibriClass, to, from, fields: others(json, ["to", "from"]) };
    }
    case "EndpointStats": {
      const from = fields.optionalText("from");
      return { kind: colibriClass, from, fields: others(json, ["from"]) };
    }
    case "LastNChangedEvent":
      return { kind: colibriClass, lastN: fields.int("lastN") };
    case "ReceiverVideoConstraints":
      return receiverVideoConstraints(fields);
    case "ReceiverAudioSubscription":
      return receiverAudioSubscription(fields);
    case "SourceVideoTypeMessage":
      return {
        kind: colibriClass,
        sourceName: fields.text("sourceName"),
        videoType: videoType(fields),
        endpointId: fields.optionalText("endpointId"),
      };
    case "VideoTypeMessage":
      return {
        kind: colibriClass,
        videoType: videoType(fields),
        endpointId: fields.optionalText("endpointId"),
      };
    case "DominantSpeakerEndpointChangeEvent":
      return {
        kind: colibriClass,
        dominantSpeakerEndpoint: fields.text("dominantSpeakerEndpoint"),
        previousSpeakers: fields.optionalTexts("previousSpeakers") ?? [],
        silence: fields.optionalFlag("silence") ?? false,
      };
    case "EndpointConnectivityStatusChangeEvent":
      return {
        kind: colibriClass,
        endpoint: fields.text("endpoint"),
        active: fields.text("active").toLowerCase() === "true",
      };
    case "ForwardedSources":
      return { kind: colibriClass, forwardedSources: fields.texts("forwardedSources") };
    case "VideoSourcesMap":
      return {
        kind: colibriClass,
        mappedSources: mappings(fields, videoSourceMapping),
      };
    case "AudioSourcesMap":
      return {
        kind: colibriClass,
        mappedSources: mappings(fields, audioSourceMapping),
      };
    case "SenderSourceConstraints":
      return {
        kind: colibriClass,
        sourceName: fields.text("sourceName"),
        maxHeight: fields.int("maxHeight"),
      };
    case "ConnectionStats":
      return {
        kind: colibriClass,
        estimatedDownlinkBandwidth: fields.long("estimatedDownlinkBandwidth"),
      };
    case "SyntheticSourceSendingChangeEvent":
      return {
        kind: colibriClass,
        sourceName: fields.text("sourceName"),
        sending: fields.flag("sending"),
        timestamp: uint32(fields, "timestamp"),
      };
    case "AddReceiver":
      return {
        kind: colibriClass,
        bridgeId: fields.text("bridgeId"),
        sourceName: fields.text("sourceName"),
        videoConstraints: videoConstraints(fields, fields.optionalObject("videoConstraints") ?? {}),
      };
    case "RemoveReceiver":
      return {
        kind: colibriClass,
        bridgeId: fields.text("bridgeId"),
        endpointId: fields.text("endpointId"),
      };
    default:
      return undefined;
  }
}

/** All fields but the class and `known`, in their order. */
function others(json: JsonObject, known: readonly string[]): JsonObject {
  // fromEntries defines own properties, so that a field `__proto__` stays a field.
  const entries = Object.entries(json);
  return Object.fromEntries(
    entries.filter(([name]) => name !== "colibriClass" && !known.includes(name)),
  );
}

function receiverVideoConstraints(fields: JsonFields): ReceiverVideoConstraints {
  const defaults = fields.optionalObject("defaultConstraints");
  const bySource = fields.optionalObject("constraints");
  return {
    kind: "ReceiverVideoConstraints",
    lastN: fields.optionalInt("lastN"),
    selectedSources: fields.optionalTexts("selectedSources"),
    onStageSources: fields.optionalTexts("onStageSources"),
    defaultConstraints: defaults === undefined ? undefined : videoConstraints(fields, defaults),
    constraints: bySource === undefined ? undefined : constraintsBySource(fields, bySource),
    assumedBandwidthBps: fields.optionalLong("assumedBandwidthBps"),
  };
}

function constraintsBySource(
  fields: JsonFields,
  bySource: JsonObject,
): ReadonlyMap<string, VideoConstraints> {
  const map = new Map<string, VideoConstraints>();
  for (const [source, value] of Object.entries(bySource)) {
    if (isObject(value)) map.set(source, videoConstraints(fields, value));
    else fields.refuse("constraints", "an object per source");
  }
  return map;
}

function videoConstraints(fields: JsonFields, json: JsonObject): VideoConstraints {
  const inner = new JsonFields(json);
  const maxHeight = inner.optionalInt("maxHeight") ?? -1;
  const maxFrameRate = inner.optionalNumber("maxFrameRate") ?? -1;
  if (inner.fault !== undefined) fields.refuse("constraints", inner.fault);
  if (maxHeight < -1) fields.refuse("maxHeight", "-1, 0 or a height");
  return { maxHeight, maxFrameRate };
}

/** Both forms: `all`, `include`, `exclude`, and the older `mode` with `list`. */
function receiverAudioSubscription(fields: JsonFields): ReceiverAudioSubscription {
  const kind = "ReceiverAudioSubscription";
  const mode = fields.optionalText("mode");
  const list = fields.optionalTexts("list") ?? [];
  switch (mode) {
    case undefined:
      return {
        kind,
        all: fields.optionalFlag("all") ?? false,
        include: fields.optionalTexts("include") ?? [],
        exclude: fields.optionalTexts("exclude") ?? [],
      };
    case "All":
      return { kind, all: true, include: [], exclude: [] };
    case "None":
      return { kind, all: false, include: [], exclude: [] };
    case "Include":
      return { kind, all: false, include: list, exclude: [] };
    case "Exclude":
      return { kind, all: true, include: [], exclude: list };
    default:
      fields.refuse("mode", "All, None, Include or Exclude");
      return { kind, all: false, include: [], exclude: [] };
  }
}

function videoType(fields: JsonFields): WireVideoType {
  const text = fields.text("videoType").toUpperCase();
  const known = videoTypes.find((type) => type === text);
  if (known === undefined) fields.refuse("videoType", videoTypes.join(", "));
  return known ?? "NONE";
}

function uint32(fields: JsonFields, name: string): number {
  const value = fields.long(name);
  if (value < 0 || value > 0xffff_ffff) fields.refuse(name, "unsigned 32 bits");
  return value;
}

function mappings<T>(fields: JsonFields, readOne: (inner: JsonFields) => T): T[] {
  return fields.objects("mappedSources").map((json) => {
    const inner = new JsonFields(json);
    const mapping = readOne(inner);
    if (inner.fault !== undefined) fields.refuse("mappedSources", inner.fault);
    return mapping;
  });
}

function videoSourceMapping(inner: JsonFields): VideoSourceMapping {
  return { ...audioSourceMapping(inner), rtx: inner.long("rtx"), videoType: videoType(inner) };
}

function audioSourceMapping(inner: JsonFields): AudioSourceMapping {
  return {
    source: inner.text("source"),
    owner: inner.optionalText("owner"),
    ssrc: inner.long("ssrc"),
    mid: inner.optionalText("mid"),
  };
}
