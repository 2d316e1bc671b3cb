import type { HttpReply, HttpRequest } from "#shared/http/message";
import { emptyReply, jsonReply, textReply } from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import type { Clock } from "#shared/runtime/runtime";
import { parseRoom } from "#shared/stanza/conference-request";
import type { Pins } from "./pins.ts";

/** `/pin` and `/pin/remove` (spec jicofo 10.1). */
export function addPinRoutes(server: HttpServer, pins: Pins, clock: Clock): void {
  server.route("GET", "/pin", () => jsonReply(pins.all(clock.wallNow()).map(printed)));
  server.route("POST", "/pin", (request) => {
    const fields = objectBody(request);
    const conferenceId = fields?.get("conferenceId");
    const jvbVersion = fields?.get("jvbVersion");
    const minutes = fields?.get("durationMinutes");
    if (typeof conferenceId !== "string" || typeof jvbVersion !== "string")
      return refuse("Failed to convert request body: conferenceId and jvbVersion are texts");
    if (typeof minutes !== "number" || !Number.isInteger(minutes))
      return refuse("Failed to convert request body: durationMinutes is a whole number");
    const room = parseRoom(conferenceId);
    if (room === undefined) return refuse("Invalid conference ID");
    pins.set(room, jvbVersion, minutes, clock.wallNow());
    return emptyReply();
  });
  server.route("POST", "/pin/remove", (request) => {
    const conferenceId = objectBody(request)?.get("conferenceId");
    // COMPAT(jicofo): here a body that cannot be read is 500 (transcript 09a).
    if (typeof conferenceId !== "string")
      return textReply("Failed to convert request body: conferenceId is a text", 500);
    const room = parseRoom(conferenceId);
    if (room === undefined) return refuse("Invalid conference ID");
    pins.remove(room);
    return emptyReply();
  });
}

function printed(pin: ReturnType<Pins["all"]>[number]) {
  const expiresAt = `${new Date(pin.expiresAt).toISOString().slice(0, 19)}Z`;
  return { conferenceId: pin.conferenceId, jvbVersion: pin.jvbVersion, expiresAt };
}

function refuse(text: string): HttpReply {
  return textReply(`Bad request: ${text}`, 400);
}

function objectBody(request: HttpRequest): ReadonlyMap<string, unknown> | undefined {
  const body = request.json();
  if (!body.ok || typeof body.value !== "object" || body.value === null) return undefined;
  return new Map<string, unknown>(Object.entries(body.value));
}
