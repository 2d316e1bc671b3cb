import type { Logger } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import { buildDiscoInfoQuery, parseDiscoInfo } from "#shared/stanza/disco-info";
import { iqRequest } from "#shared/stanza/iq";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { childOf } from "#shared/xmpp/xml";

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
    const question = iqRequest("get", domain, buildDiscoInfoQuery());
    const reply = await connection.request(question, timeoutMs);
    const query = reply.kind === "result" ? childOf(reply.iq, "query", NS.discoInfo) : undefined;
    const found = new Map<string, string>();
    for (const { category, type, name } of query ? parseDiscoInfo(query).identities : [])
      if (category === "component" && name !== undefined) found.set(type, name);
    if (!query) log.warn("The main domain does not say what components it has", { domain });
    for (const [type, address] of found)
      if (this.#addresses.get(type) !== address) log.info("Found component", { type, address });
    this.#addresses = found;
  }
}
