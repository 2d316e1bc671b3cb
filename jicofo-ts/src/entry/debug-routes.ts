import { jsonReply, textReply } from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import type { Clock } from "#shared/runtime/runtime";
import { parseRoom } from "#shared/stanza/conference-request";
import { bridgeDebugState } from "../bridge/debug-state.ts";
import type { BridgeRegistry } from "../bridge/registry.ts";
import type { DebugObject, DebugValue } from "../conference/debug-state.ts";
import type { Focus } from "../focus/door.ts";

/** What `/debug` shows besides conferences. */
export interface DebugSources {
  readonly focus: Focus;
  readonly bridges: BridgeRegistry;
  readonly clock: Clock;
  /** Name of the selection strategy. */
  readonly strategy: string;
  readonly focusJid: string;
  readonly jibriBrewery: string | undefined;
  readonly jibriSipBrewery: string | undefined;
  readonly jigasiBrewery: string | undefined;
  /** Address of a discovered component by its type, such as `av_moderation`. */
  readonly component: (type: string) => string | undefined;
  /** `/debug/xmpp-caps`: `node#ver` to count and feature names. */
  readonly caps: () => DebugObject;
}

/** `/debug…` (spec jicofo 10.1, 10.5). COMPAT(jicofo): what is not there prints as the text `null`. */
export function addDebugRoutes(server: HttpServer, sources: DebugSources): void {
  const { focus } = sources;
  const states = (full: boolean): Record<string, DebugValue> =>
    Object.fromEntries(focus.rooms().map((room) => [room, focus.debugState(room, full) ?? {}]));

  server.route("GET", "/debug", (request) => {
    const full = request.query.get("full") === "true";
    return jsonReply(overview(sources, full ? states(true) : participantCounts(focus)));
  });
  server.route("GET", "/debug/conferences", () => jsonReply(focus.rooms()));
  server.route("GET", "/debug/conferences-full", () => jsonReply(states(true)));
  server.route("GET", "/debug/conference/{room}", (request) => {
    const room = parseRoom(request.params["room"]);
    if (room === undefined) return textReply("Bad request: Invalid conference ID", 400);
    return jsonReply(focus.debugState(room, true) ?? {});
  });
  server.route("GET", "/debug/xmpp-caps", () => jsonReply(sources.caps()));
}

function participantCounts(focus: Focus): Record<string, DebugValue> {
  return Object.fromEntries(focus.rooms().map((room) => [room, focus.participantCount(room)]));
}

function overview(sources: DebugSources, conferences: Record<string, DebugValue>): DebugObject {
  const { bridges, clock, strategy, focusJid, component } = sources;
  return {
    focus_manager: conferences,
    bridge_selector: {
      strategy,
      bridge: Object.fromEntries(
        bridges.bridges(clock.now()).map((one) => [one.jid, bridgeDebugState(one)]),
      ),
    },
    jibri_detector: detector(sources.jibriBrewery, { is_sip: false }),
    sip_jibri_detector: detector(sources.jibriSipBrewery, { is_sip: true }),
    jigasi_detector: detector(sources.jigasiBrewery, {}),
    av_moderation: { address: component("av_moderation") ?? "null" },
    conference_iq_handler: {
      breakout_address: component("breakout_rooms") ?? "null",
      focus_auth_jid: focusJid,
      jigasi_enabled: sources.jigasiBrewery !== undefined,
      auth_authority: "null",
    },
  };
}

function detector(brewery: string | undefined, more: DebugObject): DebugValue {
  return brewery === undefined ? null : { ...more, brewery_jid: brewery };
}
