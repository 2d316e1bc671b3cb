import type {
  ColibriMediaSource,
  ConferenceModified,
  ConferenceModify,
} from "#shared/stanza/colibri2";
import type { IceTransport } from "#shared/stanza/media";
import {
  ColibriSession,
  type ConferenceIdentity,
  type EndpointSpec,
  type EndpointUpdate,
  type RequestTag,
  type SessionBridge,
} from "./colibri-session.ts";
import { allocationReaction, type ColibriReply, updateReaction } from "./reaction.ts";

/** Names one request to one incarnation of a session. */
export interface ColibriTag {
  readonly bridge: string;
  /** Id of the session that sent it. */
  readonly session: string;
  readonly request: RequestTag;
}

/** A request for the driver to send to `tag.bridge`; the reply comes back with the tag. */
export interface ColibriRequest {
  readonly tag: ColibriTag;
  readonly modify: ConferenceModify;
}

/** What a participant gets from its bridge. */
export interface Allocation {
  readonly transport: IceTransport;
  /** SCTP port of the bridge, when a data channel was asked for. */
  readonly sctpPort: number | undefined;
  readonly feedback: readonly ColibriMediaSource[];
  readonly bridgeSession: string;
  readonly region: string | undefined;
}

/** What a reply means for the conference. */
export type ColibriOutcome =
  | { readonly kind: "allocated"; readonly endpoint: string; readonly allocation: Allocation }
  /** Only this endpoint failed; it is no longer allocated. */
  | {
      readonly kind: "endpointFailed";
      readonly endpoint: string;
      readonly bridge: string;
      readonly fault: "none" | "failed" | "shutdown";
      readonly why: string;
    }
  /** The bridge does not know the endpoint any more; it is no longer allocated. */
  | { readonly kind: "endpointLost"; readonly endpoint: string; readonly bridge: string }
  /** The whole session failed; it is gone, and all its endpoints with it. */
  | {
      readonly kind: "bridgeFailed";
      readonly bridge: string;
      readonly fault: "none" | "failed" | "shutdown";
      readonly endpoints: readonly string[];
      readonly why: string;
    }
  /** Answer to an in-place ICE restart; no transport at all means that it was not possible. */
  | {
      readonly kind: "iceRestarted";
      readonly endpoint: string;
      readonly transport: IceTransport | undefined;
    };

/**
 * All bridges of one conference. Commands change the wanted state, `drain` at the end of a turn
 * returns the requests to send, `handleReply` turns answers into outcomes. Nothing here waits.
 *
 * A bridge that was told to expire the conference is asked for a new one only after it answered
 * (or the deadline passed): it looks the meeting id up before it has run the expiry and would
 * refuse with `conflict`, round after round.
 */
export class ColibriSessions {
  readonly #conference: ConferenceIdentity;
  readonly #newId: () => string;
  readonly #sessions = new Map<string, ColibriSession>();
  /** Sessions that end in this turn, with the request that says so. */
  #ended: ColibriRequest[] = [];
  /** Bridges whose answer to an expiry is awaited, by the session that asked. */
  readonly #expiring = new Map<string, string>();
  #incarnation = 0;

  /** `newId` makes bridge-session ids. */
  constructor(conference: ConferenceIdentity, newId: () => string) {
    this.#conference = conference;
    this.#newId = newId;
  }

  /** Sessions by bridge JID, oldest first. */
  get sessions(): ReadonlyMap<string, ColibriSession> {
    return this.#sessions;
  }

  /** Where an endpoint is, or undefined. */
  sessionOf(endpoint: string): ColibriSession | undefined {
    for (const session of this.#sessions.values()) {
      if (session.endpoints.has(endpoint)) return session;
    }
    return undefined;
  }

  /** Asks the bridge for an endpoint. The caller has expired an earlier one of that name. */
  allocate(bridge: SessionBridge, spec: EndpointSpec, now: number): void {
    let session = this.#sessions.get(bridge.jid);
    if (session === undefined) {
      session = new ColibriSession(bridge, this.#newId(), this.#conference, now);
      this.#sessions.set(bridge.jid, session);
    }
    session.create(spec, ++this.#incarnation, now);
  }

  update(endpoint: string, change: EndpointUpdate): void {
    this.sessionOf(endpoint)?.update(endpoint, change);
  }

  restartIce(endpoint: string): void {
    this.sessionOf(endpoint)?.restartIce(endpoint);
  }

  /**
   * Takes the endpoint off its bridge. Returns the bridge, or undefined if there was none. With its
   * last endpoint the session ends: a bridge forgets a conference that has none.
   */
  expire(endpoint: string): string | undefined {
    const session = this.sessionOf(endpoint);
    if (session === undefined) return undefined;
    const bridge = session.bridge.jid;
    session.remove(endpoint, true);
    if (session.endpoints.size === 0) this.endSession(bridge);
    return bridge;
  }

  /** Ends the conference on a bridge. Returns the endpoints that were there. */
  endSession(bridge: string): string[] {
    const session = this.#sessions.get(bridge);
    if (session === undefined) return [];
    this.#sessions.delete(bridge);
    const request = session.expire();
    if (request !== undefined) {
      this.#expiring.set(bridge, session.id);
      this.#ended.push({
        tag: { bridge, session: session.id, request: request.tag },
        modify: request.modify,
      });
    }
    return [...session.endpoints.keys()];
  }

  /** Ends the conference everywhere. */
  endAll(): void {
    for (const bridge of [...this.#sessions.keys()]) this.endSession(bridge);
  }

  /** The bridge is gone from the brewery: no answer will come, so nothing waits for one. */
  forgetBridge(bridge: string): string[] {
    const session = this.#sessions.get(bridge);
    this.#sessions.delete(bridge);
    this.#expiring.delete(bridge);
    return session === undefined ? [] : [...session.endpoints.keys()];
  }

  /** The requests of this turn, in order. A session left without endpoints ends here. */
  drain(): ColibriRequest[] {
    for (const [bridge, session] of [...this.#sessions]) {
      if (session.endpoints.size === 0) this.endSession(bridge);
    }
    const requests = this.#ended;
    this.#ended = [];
    for (const [bridge, session] of this.#sessions) {
      if (this.#expiring.has(bridge)) continue;
      for (const { tag, modify } of session.drain()) {
        requests.push({ tag: { bridge, session: session.id, request: tag }, modify });
      }
    }
    return requests;
  }

  /** What the answer to a request means. Answers for sessions that ended mean nothing. */
  handleReply(tag: ColibriTag, reply: ColibriReply<ConferenceModified>): ColibriOutcome[] {
    const { bridge, request } = tag;
    if (request.kind === "expire") {
      if (this.#expiring.get(bridge) === tag.session) this.#expiring.delete(bridge);
      return [];
    }
    const session = this.#sessions.get(bridge);
    if (session === undefined || session.id !== tag.session) return [];
    if (reply.kind === "result") {
      const { sources } = reply.value;
      if (sources !== undefined && sources.length > 0) session.feedback = sources;
    }
    switch (request.kind) {
      case "allocate":
        return this.#allocated(session, request.endpoint, request.incarnation, reply);
      case "update":
        return reply.kind === "result" ? [] : this.#updateFailed(session, reply);
      case "iceRestart": {
        const { endpoint, incarnation } = request;
        if (session.endpoints.get(endpoint)?.incarnation !== incarnation) return [];
        if (reply.kind !== "result") return this.#updateFailed(session, reply);
        const answer = reply.value.endpoints.find(({ id }) => id === endpoint);
        return [{ kind: "iceRestarted", endpoint, transport: answer?.transport?.ice }];
      }
    }
  }

  #allocated(
    session: ColibriSession,
    endpoint: string,
    incarnation: number,
    reply: ColibriReply<ConferenceModified>,
  ): ColibriOutcome[] {
    const bridge = session.bridge.jid;
    const state = session.endpoints.get(endpoint);
    const wanted = state?.incarnation === incarnation;
    if (reply.kind !== "result") {
      const { scope, fault, why } = allocationReaction(reply);
      if (scope === "bridge") {
        return [{ kind: "bridgeFailed", bridge, fault, endpoints: this.endSession(bridge), why }];
      }
      // The request was refused whole, so the bridge has nothing to expire.
      if (wanted) session.remove(endpoint, false);
      return wanted ? [{ kind: "endpointFailed", endpoint, bridge, fault, why }] : [];
    }
    if (state === undefined || !wanted) return [];
    const answer = reply.value.endpoints.find(({ id }) => id === endpoint)?.transport;
    const sctpPort = answer?.sctp?.port;
    if (answer?.ice === undefined || (state.spec.data && sctpPort === undefined)) {
      session.remove(endpoint, true);
      const why = answer?.ice === undefined ? "no transport in the answer" : "no SCTP port";
      return [{ kind: "endpointFailed", endpoint, bridge, fault: "none", why }];
    }
    state.ready = true;
    const allocation = {
      transport: answer.ice,
      sctpPort,
      feedback: session.feedback,
      bridgeSession: session.id,
      region: session.bridge.region,
    };
    return [{ kind: "allocated", endpoint, allocation }];
  }

  #updateFailed(
    session: ColibriSession,
    reply: Exclude<ColibriReply<ConferenceModified>, { readonly kind: "result" }>,
  ): ColibriOutcome[] {
    const bridge = session.bridge.jid;
    const { scope, fault, why } = updateReaction(reply);
    if (scope === "none") return [];
    if (scope === "endpoint") {
      const endpoint = reply.kind === "error" ? reply.error.endpointId : undefined;
      if (endpoint === undefined || !session.endpoints.has(endpoint)) return [];
      session.remove(endpoint, false);
      return [{ kind: "endpointLost", endpoint, bridge }];
    }
    return [{ kind: "bridgeFailed", bridge, fault, endpoints: this.endSession(bridge), why }];
  }
}
