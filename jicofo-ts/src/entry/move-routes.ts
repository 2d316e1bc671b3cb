import type { HttpReply, HttpRequest } from "#shared/http/message";
import { jsonReply, textReply } from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import { err, ok, type Result } from "#shared/runtime/result";
import type { Clock } from "#shared/runtime/runtime";
import { parseRoom } from "#shared/stanza/conference-request";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgeRegistry } from "../bridge/registry.ts";
import type { Focus } from "../focus/door.ts";

type Answer<T> = Result<T, HttpReply>;

/** `/move-endpoints/…`: operators move people off a bridge (spec jicofo 10.1). */
export function addMoveRoutes(
  server: HttpServer,
  focus: Focus,
  bridges: BridgeRegistry,
  clock: Clock,
): void {
  const findBridge = (request: HttpRequest): Answer<Bridge | undefined> => {
    const name = request.query.get("bridge");
    if (name === null) return ok(undefined);
    const bridge = bridges.find(name, clock.now());
    return bridge ? ok(bridge) : err(notFound("Bridge"));
  };
  const needBridge = (request: HttpRequest): Answer<Bridge> => {
    const found = findBridge(request);
    if (!found.ok) return found;
    return found.value ? ok(found.value) : err(missing("bridge"));
  };
  const findRoom = (request: HttpRequest): Answer<string | undefined> => {
    const text = request.query.get("conference");
    if (text === null) return ok(undefined);
    const room = parseRoom(text);
    if (room === undefined) return err(refuse("Invalid parameter: conference ID"));
    return focus.has(room) ? ok(room) : err(notFound("Conference"));
  };

  server.route("GET", "/move-endpoints/move-endpoint", (request) => {
    if (request.query.get("conference") === null) return missing("conference");
    const endpoint = request.query.get("endpoint");
    if (endpoint === null) return missing("endpoint");
    const room = findRoom(request);
    if (!room.ok) return room.error;
    const bridge = findBridge(request);
    if (!bridge.ok) return bridge.error;
    return jsonReply(focus.moveEndpoint(room.value ?? "", endpoint, bridge.value?.jid));
  });
  server.route("GET", "/move-endpoints/move-endpoints", (request) => {
    const bridge = needBridge(request);
    if (!bridge.ok) return bridge.error;
    const room = findRoom(request);
    if (!room.ok) return room.error;
    const count = numberOf(request, "numEndpoints", 1, /^[+-]?\d+$/);
    if (!count.ok) return count.error;
    return jsonReply(focus.moveEndpoints(bridge.value.jid, room.value, count.value));
  });
  server.route("GET", "/move-endpoints/move-fraction", (request) => {
    const bridge = needBridge(request);
    if (!bridge.ok) return bridge.error;
    const fraction = numberOf(request, "fraction", 0.1, /^[+-]?(\d+\.?\d*|\.\d+)$/);
    if (!fraction.ok) return fraction.error;
    const count = Math.round(fraction.value * bridge.value.endpoints);
    return jsonReply(focus.moveEndpoints(bridge.value.jid, undefined, count));
  });
}

function numberOf(
  request: HttpRequest,
  name: string,
  otherwise: number,
  form: RegExp,
): Answer<number> {
  const text = request.query.get(name);
  if (text === null) return ok(otherwise);
  // COMPAT(jicofo): 500, as every number that cannot be read (transcript 09a).
  if (!form.test(text)) return err(textReply(`For input string: "${text}"`, 500));
  return ok(Number(text));
}

function missing(name: string): HttpReply {
  return refuse(`Missing parameter: ${name}`);
}

function refuse(text: string): HttpReply {
  return textReply(`Bad request: ${text}`, 400);
}

/** COMPAT(jicofo): 500 where 404 would be meant (transcript 09a). */
function notFound(what: string): HttpReply {
  return textReply(`Not found: ${what} not found`, 500);
}
