import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, elementsOf } from "#shared/xmpp/xml";
import type { BridgeJid } from "../bridge/bridge.ts";

/**
 * What a presence says of the process behind a nick. `shadowed`: another process came under the same
 * nick, and until the server gives the old session up it sends that one what is meant for the bridge.
 * `replaced`: only the other process is there now; nothing that the old one had exists any more.
 */
export type SessionNews = "same" | "shadowed" | "replaced";

/** Tells a bridge that was restarted from one that goes on, by the real JIDs that its presence shows. */
export class BridgeSessions {
  /** Real full JID of the process that our conferences are on. */
  readonly #known = new Map<BridgeJid, string>();

  /** Presence of a bridge. A room that hides real JIDs has no news. */
  handlePresence(bridge: BridgeJid, presence: Element): SessionNews {
    const sessions = sessionsOf(presence);
    const latest = sessions.at(-1);
    if (latest === undefined) return "same";
    const known = this.#known.get(bridge) ?? latest;
    if (sessions.includes(known)) {
      this.#known.set(bridge, known);
      return sessions.length > 1 ? "shadowed" : "same";
    }
    this.#known.set(bridge, latest);
    return "replaced";
  }

  /** We were out of the room: whoever has another address since may have had to log in again too. */
  forgetAll(): void {
    this.#known.clear();
  }

  /** It left the room. */
  forget(bridge: BridgeJid): void {
    this.#known.delete(bridge);
  }
}

/** One item for each session of the occupant. COMPAT(prosody): XEP-0045 knows one session a nick. */
function sessionsOf(presence: Element): string[] {
  const user = childOf(presence, "x", NS.mucUser);
  if (user === undefined) return [];
  return elementsOf(user).flatMap((item) =>
    item.name === "item" ? (attr(item, "jid") ?? []) : [],
  );
}
