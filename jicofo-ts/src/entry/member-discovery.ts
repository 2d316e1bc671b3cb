import type { Millis } from "#shared/runtime/runtime";
import { parseEntityCaps } from "#shared/stanza/member-presence";
import type { XmppConnection } from "#shared/xmpp/connection";
import { CapsCache } from "#shared/xmpp/disco";
import type { Jid } from "#shared/xmpp/jid";
import type { Element } from "#shared/xmpp/xml";
import type { CapsCensus } from "./caps-census.ts";

/** Finds out what members can do and keeps count of the kinds of clients (spec jicofo 3.4). */
export class MemberDiscovery {
  readonly #connection: XmppConnection;
  readonly #timeoutMs: Millis;
  readonly #census: CapsCensus;
  readonly #cache = new CapsCache();

  constructor(connection: XmppConnection, timeoutMs: Millis, census: CapsCensus) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#census = census;
  }

  /** Feature URIs of the occupant, `undefined` when it does not say. Never rejects. */
  async featuresOf(occupant: Jid, presence: Element): Promise<readonly string[] | undefined> {
    const caps = parseEntityCaps(presence);
    const info = await this.#cache.query(this.#connection, occupant, caps, this.#timeoutMs);
    if (typeof info === "string") return undefined;
    if (caps) this.#census.add(`${caps.node}#${caps.ver}`, info.features);
    return info.features;
  }
}
