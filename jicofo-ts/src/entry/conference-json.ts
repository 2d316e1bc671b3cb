/** The conference request as JSON (spec jicofo 2.2): body to request, response or refusal to reply. */
import type { HttpReply } from "#shared/http/message";
import { emptyReply, jsonReply, textReply } from "#shared/http/message";
import { err, ok, type Result } from "#shared/runtime/result";
import { parseRoom } from "#shared/stanza/conference-request";
import type { ConferenceRequest, ConferenceResponse, RequestFault } from "../focus/request.ts";

/** Pages of another origin may ask; nothing here depends on cookies. */
const cors = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Allow-Headers": "content-type, authorization",
  "Access-Control-Max-Age": "600",
} as const;

/** What a request cannot be answered with anything but this text for. */
export function badRequest(text: string): HttpReply {
  return { ...textReply(`Bad request: ${text}`, 400), headers: { ...plain, ...cors } };
}

const plain = { "Content-Type": "text/plain; charset=UTF-8" } as const;

/** Reads the body. `authorization`: the header, with or without `Bearer`. */
export function parseConferenceJson(
  body: unknown,
  authorization: string | undefined,
): Result<ConferenceRequest, string> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return err("Failed to convert request body: not a JSON object");
  const fields = new Map(Object.entries(body));
  for (const name of ["room", "sessionId", "machineUid"]) {
    const value: unknown = fields.get(name);
    if (value !== undefined && value !== null && typeof value !== "string")
      return err(`Failed to convert request body: ${name} is not text`);
  }
  const text = textField(fields, "room");
  if (text === undefined) return err("XMPPError: bad-request - modify [No 'room' specified.]");
  const room = parseRoom(text);
  if (room === undefined) return err(`Invalid room name: '${text}' is not a room's address`);
  const properties = parseProperties(fields.get("properties"));
  if (properties === undefined)
    return err("Failed to convert request body: properties is not an object of scalars");
  return ok({
    room,
    from: undefined,
    sessionId: textField(fields, "sessionId"),
    machineUid: textField(fields, "machineUid"),
    token: bearerToken(authorization),
    properties,
  });
}

/** 200 with the response; fields without a value are left out. */
export function conferenceReply(response: ConferenceResponse): HttpReply {
  const { room, ready, focusJid, sessionId, identity, vnode, properties } = response;
  const body = {
    room,
    ready,
    focusJid,
    sessionId,
    identity,
    vnode,
    properties: properties.size > 0 ? Object.fromEntries(properties) : undefined,
  };
  const reply = jsonReply(body);
  return { ...reply, headers: { ...reply.headers, ...cors } };
}

/** The status and body of a refusal. */
export function refusalReply(fault: RequestFault): HttpReply {
  if (fault.condition === "not-authorized")
    return { status: 403, headers: { ...plain, ...cors }, body: "Error" };
  if (fault.condition === "resource-constraint") {
    const headers = { ...plain, ...cors, "Retry-After": "1" };
    return { status: 429, headers, body: "Too many requests" };
  }
  // The client looks for exactly these words (spec jicofo 2.2, quirk a).
  if (fault.condition === "not-acceptable") return badRequest("400 invalid-session");
  const text = fault.text === undefined ? "" : ` [${fault.text}]`;
  return badRequest(`XMPPError: ${fault.condition} - ${fault.type}${text}`);
}

/** Answer to OPTIONS. */
export function preflightReply(): HttpReply {
  return { ...emptyReply(200), headers: cors };
}

function textField(fields: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = fields.get(name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function parseProperties(value: unknown): ReadonlyMap<string, string> | undefined {
  const read = new Map<string, string>();
  if (value === undefined || value === null) return read;
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  for (const [name, property] of Object.entries(value) as [string, unknown][]) {
    if (property === null) continue;
    if (typeof property === "object") return undefined;
    read.set(name, String(property));
  }
  return read;
}

function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined || header === "") return undefined;
  return header.startsWith("Bearer ") ? header.slice("Bearer ".length) : header;
}
