/**
 * Media JSON, the text frames between the bridge and a recorder or transcriber (spec jvb-control 9.4).
 * `sequenceNumber`, `chunk` and the `timestamp` of media are decimal strings. Upstream's events have
 * the key `event` twice; ours once.
 */
import type { JsonObject } from "#shared/bridge-channel/messages";
import { err, ok, type Result } from "#shared/runtime/result";
import type { PayloadParameter } from "#shared/stanza/media";

export function sourcesEvent(exports: readonly string[], requests: readonly string[]): string {
  return JSON.stringify({ event: "sources", exports, requests });
}

export function infoEvent(version: string, region: string | undefined): string {
  return JSON.stringify({ event: "info", application: "jitsi-videobridge", version, region });
}

export function pingEvent(id: number): string {
  return JSON.stringify({ event: "ping", id });
}

export function sessionEndEvent(): string {
  return JSON.stringify({ event: "session-end" });
}

/** What begins a source, and says how its media is coded. */
export interface StartOfSource {
  readonly sequenceNumber: number;
  readonly tag: string;
  readonly endpointId: string;
  /** Of the payload type (fmtp). */
  readonly parameters: readonly PayloadParameter[];
  readonly diarize: boolean;
}

export function startEvent(start: StartOfSource): string {
  const parameters = start.parameters.flatMap(({ name, value }) =>
    name === undefined ? [] : [[name, value] as const],
  );
  return JSON.stringify({
    event: "start",
    sequenceNumber: String(start.sequenceNumber),
    start: {
      tag: start.tag,
      mediaFormat: {
        encoding: "opus",
        sampleRate: 48_000,
        channels: 2,
        parameters: Object.fromEntries(parameters),
      },
      customParameters: { endpointId: start.endpointId },
      ...(start.diarize ? { diarize: true } : {}),
    },
  });
}

/**
 * One packet of media. `quotedTag` is the name of the source as JSON; `level` in -dBov, -1 unknown
 * (`vad` is then, too).
 */
export function mediaEvent(
  sequenceNumber: number,
  quotedTag: string,
  chunk: number,
  timestamp: number,
  payloadBase64: string,
  level: number,
  vad: boolean,
): string {
  const audio = level < 0 ? "" : `,"audioLevel":${level},"vad":${vad}`;
  return (
    `{"event":"media","sequenceNumber":"${sequenceNumber}","media":{"tag":${quotedTag},` +
    `"chunk":"${chunk}","timestamp":"${timestamp}","payload":"${payloadBase64}"${audio}}}`
  );
}

/** What a peer may say; `timestamp` in 48 kHz units, its low 32 bits. */
export type PeerEvent =
  | { readonly kind: "pong"; readonly id: number }
  | { readonly kind: "transcript"; readonly event: JsonObject }
  | {
      readonly kind: "media";
      readonly tag: string;
      /** Low 16 bits of `chunk`. */
      readonly seq: number;
      readonly timestamp: number;
      readonly payload: Uint8Array;
    }
  | {
      readonly kind: "sending";
      readonly sending: boolean;
      readonly tag: string;
      /** Absent: nothing is to be told of it. */
      readonly timestamp: number | undefined;
    }
  | { readonly kind: "info"; readonly application: string }
  | { readonly kind: "other" };

const DECIMAL = /^-?\d{1,20}$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** Reads one frame of a peer. Unknown fields are ignored. */
export function parsePeerEvent(text: string): Result<PeerEvent, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err("no JSON");
  }
  if (!isObject(value)) return err("no object");
  switch (value["event"]) {
    case "pong":
      return typeof value["id"] === "number" ? ok({ kind: "pong", id: value["id"] }) : err("id");
    case "transcription-result":
      return ok({ kind: "transcript", event: value });
    case "media":
      return parseMedia(value["media"]);
    case "start":
    case "stop":
      return parseSending(value["event"] === "start", value[value["event"]]);
    case "info": {
      const { application } = value;
      return ok({ kind: "info", application: typeof application === "string" ? application : "" });
    }
    default:
      return typeof value["event"] === "string" ? ok({ kind: "other" }) : err("event");
  }
}

function parseMedia(media: unknown): Result<PeerEvent, string> {
  if (!isObject(media)) return err("media");
  const { tag, payload } = media;
  if (typeof tag !== "string") return err("tag");
  const chunk = lowBits(media["chunk"], 16);
  if (chunk === undefined) return err("chunk");
  const timestamp = lowBits(media["timestamp"], 32);
  if (timestamp === undefined) return err("timestamp");
  if (typeof payload !== "string" || !BASE64.test(payload)) return err("payload");
  return ok({ kind: "media", tag, seq: chunk, timestamp, payload: Buffer.from(payload, "base64") });
}

function parseSending(sending: boolean, body: unknown): Result<PeerEvent, string> {
  if (!isObject(body) || typeof body["tag"] !== "string") return err("tag");
  const given = body["timestamp"] ?? undefined;
  const timestamp = given === undefined ? undefined : lowBits(given, 32);
  if (given !== undefined && timestamp === undefined) return err("timestamp");
  return ok({ kind: "sending", sending, tag: body["tag"], timestamp });
}

/** Of a decimal string, or of a number where a peer writes one. */
function lowBits(value: unknown, bits: number): number | undefined {
  if (typeof value === "number")
    return Number.isSafeInteger(value) ? Number(BigInt.asUintN(bits, BigInt(value))) : undefined;
  if (typeof value !== "string" || !DECIMAL.test(value)) return undefined;
  return Number(BigInt.asUintN(bits, BigInt(value)));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
