/** A bridge that understands COLIBRI2 as far as the focus can tell, and misbehaves on request. */

import type { Runtime } from "#shared/runtime/runtime";
import type { ColibriErrorReason, ConferenceModified } from "#shared/stanza/colibri2";
import { colibriTransport } from "#shared/stanza/colibri2-blanks";
import { buildConferenceModified, colibriErrorReply } from "#shared/stanza/colibri2-reply";
import { parseConferenceModify } from "#shared/stanza/colibri2-request";
import { emptyTransport } from "#shared/stanza/ice-udp";
import { iqResult } from "#shared/stanza/iq";
import type { StanzaCondition } from "#shared/stanza/stanza-error";
import { secretMark } from "#shared/testing/invariants";
import { NS } from "#shared/xmpp/namespaces";
import { childOf, type Element } from "#shared/xmpp/xml";
import type { BridgeReport } from "../../src/bridge/report.ts";

/** What a bridge reports that is well. */
export const wellReport: BridgeReport = {
  stress: 0.1,
  averageParticipantStress: undefined,
  gracefulShutdown: false,
  shuttingDown: false,
  draining: false,
  healthy: undefined,
  version: "2.3",
  release: undefined,
  region: "region1",
  relayId: undefined,
};

interface BridgeEndpoint {
  readonly created: Element;
  generation: number;
}

export class FakeBridge {
  readonly jid: string;
  readonly meetings = new Map<string, Map<string, BridgeEndpoint>>();
  /** `conference-modify` elements, in order. */
  readonly requests: Element[] = [];
  /** Does not answer at all. */
  dead = false;
  /** Has no new transport for an ICE restart, as one whose client can still reach it. */
  keepsTransport = false;
  /** Refuses every allocation with this. */
  refuse: { condition: StanzaCondition; reason: ColibriErrorReason | undefined } | undefined;
  /**
   * How long an expired conference is still found by its meeting id, as upstream's is until its
   * queue has run the expiry; the answer to the expiry comes after that.
   */
  expiryMs = 0;
  readonly #runtime: Runtime;
  /** First of the two SSRCs of its own, by meeting. */
  readonly #feedback = new Map<string, number>();
  #thaw: Promise<void> = Promise.resolve();

  constructor(runtime: Runtime, nick: string) {
    this.#runtime = runtime;
    this.jid = `jvbbrewery@internal.example.com/${nick}`;
  }

  /** Endpoints of all conferences. */
  get endpoints(): string[] {
    return [...this.meetings.values()].flatMap((endpoints) => [...endpoints.keys()]);
  }

  /** Requests that create a conference. */
  get creations(): number {
    return this.requests.filter((request) => request.attrs["create"] === "true").length;
  }

  /** Stands still for that long and then answers what came meanwhile. */
  freeze(ms: number): void {
    this.#thaw = this.#sleep(ms);
  }

  readonly peer = async (iq: Element): Promise<Element | undefined> => {
    await this.#thaw;
    if (this.dead) return undefined;
    if (childOf(iq, "ping", NS.ping) !== undefined) return iqResult(iq);
    const payload = childOf(iq, "conference-modify", NS.colibri2);
    if (payload === undefined) throw new Error("the focus sent something else to a bridge");
    this.requests.push(payload);
    const parsed = parseConferenceModify(payload);
    if (!parsed.ok) throw new Error(parsed.error.text);
    const modify = parsed.value;
    const { meetingId } = modify;
    if (modify.expire) {
      if (this.expiryMs > 0) await this.#sleep(this.expiryMs);
      this.meetings.delete(meetingId);
      return iqResult(iq, buildConferenceModified(nothing));
    }
    const refuse = (
      condition: StanzaCondition,
      reason: ColibriErrorReason | undefined,
      endpointId?: string,
    ): Element =>
      colibriErrorReply(iq, { condition, type: "cancel", reason, text: undefined, endpointId });
    // As upstream's bridge: media, sources or transport of one endpoint per request.
    const heavy = modify.endpoints.filter(({ expire }) => !expire);
    if (heavy.length > 1) return refuse("feature-not-implemented", "feature_not_implemented");
    const allocates = modify.endpoints.some(({ create }) => create);
    if (this.refuse !== undefined && allocates) {
      return refuse(this.refuse.condition, this.refuse.reason);
    }
    if (modify.create) {
      if (this.meetings.has(meetingId)) return refuse("conflict", "conference_already_exists");
      this.meetings.set(meetingId, new Map());
    }
    const endpoints = this.meetings.get(meetingId);
    if (endpoints === undefined) return refuse("item-not-found", "conference_not_found");
    const replies: ConferenceModified["endpoints"][number][] = [];
    for (const asked of modify.endpoints) {
      const { id } = asked;
      if (asked.expire) {
        endpoints.delete(id);
        // As upstream's bridge, which forgets a conference with its last endpoint.
        if (endpoints.size === 0) this.meetings.delete(meetingId);
        replies.push({ id, expire: true, transport: undefined });
        continue;
      }
      if (asked.create) {
        if (endpoints.has(id)) return refuse("conflict", undefined);
        endpoints.set(id, { created: payload, generation: 0 });
      }
      const endpoint = endpoints.get(id);
      if (endpoint === undefined) return refuse("item-not-found", "unknown_endpoint", id);
      const restart = asked.transport?.iceRestart === true;
      if (restart) endpoint.generation++;
      if (!asked.create && !restart) {
        replies.push({ id, expire: false, transport: undefined });
        continue;
      }
      replies.push({
        id,
        expire: false,
        transport: colibriTransport({
          sctp: asked.transport?.sctp && { port: 5000, role: "server" },
          ice: {
            ...emptyTransport,
            ufrag: `u-${id}-${endpoint.generation}`,
            pwd: `${secretMark}-bridge`,
            rtcpMux: true,
            iceGeneration: restart && !this.keepsTransport ? endpoint.generation : undefined,
            fingerprints: [
              { hash: "sha-256", setup: "actpass", value: "AA:BB", cryptex: undefined },
            ],
            webSockets: [`ws://127.0.0.1:9090/colibri-ws/jvb/c/${id}?pwd=${secretMark}`],
          },
        }),
      });
    }
    const first = this.#feedback.get(meetingId) ?? 1_000 + 2 * this.#feedback.size;
    this.#feedback.set(meetingId, first);
    const sources = (["audio", "video"] as const).map((type, at) => ({
      type,
      id: `jvb-${type.charAt(0)}0`,
      synthetic: false,
      sources: [
        {
          ssrc: first + at,
          name: `jvb-${type.charAt(0)}0`,
          msid: undefined,
          videoType: undefined,
          rid: undefined,
          owner: undefined,
        },
      ],
      groups: [],
    }));
    return iqResult(iq, buildConferenceModified({ endpoints: replies, relays: [], sources }));
  };

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#runtime.timers.after(ms, resolve));
  }
}

const nothing: ConferenceModified = { endpoints: [], relays: [], sources: undefined };
