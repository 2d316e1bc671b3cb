import type { Logger } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import type { XmppConnection } from "#shared/xmpp/connection";
import { queryDiscoInfo } from "#shared/xmpp/disco";
import { parseJid } from "#shared/xmpp/jid";

/**
 * Addresses of the deployment's components by their type (`av_moderation`, `breakout_rooms`, …), as
 * its main domain lists them: an identity's *name* is the address (spec jicofo 1.6).
 */
export class Components {
  #addresses: ReadonlyMap<string, string> = new Map();

  address(type: string): string | undefined {
    return this.#addresses.get(type);
  }

  /** Asks again; a server that does not answer has none. Never rejects. */
  async discover(
    connection: XmppConnection,
    domain: string,
    timeoutMs: Millis,
    log: Logger,
  ): Promise<void> {
    const jid = parseJid(domain);
    const info = jid && (await queryDiscoInfo(connection, jid, undefined, timeoutMs));
    const found = new Map<string, string>();
    if (info === undefined || typeof info === "string")
      log.warn("The main domain does not say what components it has", { domain, reason: info });
    else
      for (const { category, type, name } of info.identities)
        if (category === "component" && name !== undefined) found.set(type, name);
    for (const [type, address] of found)
      if (this.#addresses.get(type) !== address) log.info("Found component", { type, address });
    this.#addresses = found;
  }
}
