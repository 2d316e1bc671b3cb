/** Service discovery (XEP-0030) and entity capabilities (XEP-0115): ours, and what peers can do. */
import {
  buildDiscoInfo,
  buildDiscoInfoQuery,
  buildEntityCaps,
  capsVersion,
  type DiscoIdentity,
  type DiscoInfo,
  parseDiscoInfo,
} from "../stanza/disco-info.ts";
import { iqError, iqRequest, iqResult } from "../stanza/iq.ts";
import type { EntityCaps } from "../stanza/member-presence.ts";
import { stanzaError } from "../stanza/stanza-error.ts";
import { buildSoftwareVersion, type SoftwareVersion } from "../stanza/version.ts";
import type { Unsubscribe, XmppConnection } from "./connection.ts";
import type { Jid } from "./jid.ts";
import { NS } from "./namespaces.ts";
import { attr, childOf, type Element, xml } from "./xml.ts";

/** What we say about ourselves. */
export interface OwnDisco {
  readonly identities: readonly DiscoIdentity[];
  readonly features: readonly string[];
  /** `node` of our capabilities, such as `http://jitsi.org/jicofo`. */
  readonly node: string;
}

/** Answers disco#info and disco#items, and makes the `<c>` for our presence. */
export interface OwnDiscoAnswers {
  /** To be put into every presence. A new element each time. */
  caps(): Element;
  stop: Unsubscribe;
}

/** Starts to answer disco#info (also for `node#ver`) and, empty, disco#items. */
export function answerDisco(connection: XmppConnection, own: OwnDisco): OwnDiscoAnswers {
  const features = [...new Set([NS.discoInfo, NS.discoItems, NS.caps, ...own.features])].sort();
  const info: DiscoInfo = { identities: own.identities, features, forms: [] };
  const ver = capsVersion(info) ?? "";
  const versioned = `${own.node}#${ver}`;
  const stops = [
    connection.handleIq({ type: "get", name: "query", ns: NS.discoInfo }, ({ iq, payload }) => {
      const node = attr(payload, "node");
      if (node !== undefined && node !== "" && node !== versioned && node !== own.node) {
        return iqError(iq, stanzaError("item-not-found"));
      }
      return iqResult(iq, buildDiscoInfo(info, node));
    }),
    connection.handleIq({ type: "get", name: "query", ns: NS.discoItems }, ({ iq, payload }) =>
      iqResult(iq, xml("query", { xmlns: NS.discoItems, node: attr(payload, "node") })),
    ),
  ];
  return {
    caps: () => buildEntityCaps({ node: own.node, ver, hash: "sha-1" }),
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** Starts to answer `jabber:iq:version`. */
export function answerVersion(connection: XmppConnection, version: SoftwareVersion): Unsubscribe {
  return connection.handleIq({ type: "get", name: "query", ns: NS.version }, ({ iq }) =>
    iqResult(iq, buildSoftwareVersion(version)),
  );
}

/** Why a peer's information is not known. */
export type DiscoFailure = "refused" | "timeout" | "disconnected";

/** Asks an entity; `timeoutMs` as for `request`. */
export async function queryDiscoInfo(
  connection: XmppConnection,
  to: Jid,
  node?: string,
  timeoutMs?: number,
): Promise<DiscoInfo | DiscoFailure> {
  const reply = await connection.request(
    iqRequest("get", to, buildDiscoInfoQuery(node)),
    timeoutMs,
  );
  if (reply.kind === "error") return "refused";
  if (reply.kind !== "result") return reply.kind;
  const query = childOf(reply.iq, "query", NS.discoInfo);
  return query === undefined ? "refused" : parseDiscoInfo(query);
}

const maxCached = 1000;

/**
 * What peers can do, asked once per capabilities hash. An answer is kept for others only when it
 * matches its hash (XEP-0115 §5.4), so nobody can put features into another's mouth.
 */
export class CapsCache {
  readonly #known = new Map<string, DiscoInfo>();
  readonly #asking = new Map<string, Promise<DiscoInfo | DiscoFailure>>();

  /** How many kinds of peers are known. */
  get size(): number {
    return this.#known.size;
  }

  /** The information for those capabilities, if it was verified before. */
  get(caps: EntityCaps): DiscoInfo | undefined {
    return this.#known.get(keyOf(caps));
  }

  /** Known information, or asks `peer`. Without capabilities every call asks. */
  query(
    connection: XmppConnection,
    peer: Jid,
    caps: EntityCaps | undefined,
    timeoutMs?: number,
  ): Promise<DiscoInfo | DiscoFailure> {
    if (caps === undefined || caps.hash !== "sha-1") {
      return queryDiscoInfo(connection, peer, undefined, timeoutMs);
    }
    const known = this.get(caps);
    if (known !== undefined) return Promise.resolve(known);
    // One question per peer and hash: another peer may be the one that answers truthfully.
    const key = `${peer} ${keyOf(caps)}`;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    const asked = this.#ask(connection, peer, caps, timeoutMs).finally(() => {
      this.#asking.delete(key);
    });
    this.#asking.set(key, asked);
    return asked;
  }

  async #ask(
    connection: XmppConnection,
    peer: Jid,
    caps: EntityCaps,
    timeoutMs: number | undefined,
  ): Promise<DiscoInfo | DiscoFailure> {
    const info = await queryDiscoInfo(connection, peer, `${caps.node}#${caps.ver}`, timeoutMs);
    if (typeof info !== "string" && capsVersion(info) === caps.ver) {
      if (this.#known.size >= maxCached) {
        const oldest = this.#known.keys().next().value;
        if (oldest !== undefined) this.#known.delete(oldest);
      }
      this.#known.set(keyOf(caps), info);
    }
    return info;
  }
}

/** The hash alone identifies the information; the node only says where it came from. */
function keyOf(caps: EntityCaps): string {
  return `${caps.hash} ${caps.ver}`;
}
