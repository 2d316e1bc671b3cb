/** The focus' part of the load: finds the bridge in its brewery and asks it by COLIBRI2. */
import { randomUUID } from "node:crypto";
import type { Logger } from "#shared/logging/logger";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { ColibriEndpoint, ConferenceModified } from "#shared/stanza/colibri2";
import {
  colibriEndpoint,
  colibriTransport,
  conferenceModify,
} from "#shared/stanza/colibri2-blanks";
import { parseConferenceModified } from "#shared/stanza/colibri2-reply";
import { buildConferenceModify } from "#shared/stanza/colibri2-request";
import type { IceTransport } from "#shared/stanza/media";
import { createXmppClient } from "#shared/xmpp/client";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, elementsOf, xml } from "#shared/xmpp/xml";
import { media, sourcesOf } from "./negotiated-media.ts";
import type { ParticipantPlan } from "./workload.ts";

export interface FocusAccount {
  readonly port: number;
  /** Of the accounts. */
  readonly domain: string;
  readonly password: string;
  readonly brewery: string;
}

export class LoadFocus {
  readonly #connection: XmppConnection;
  readonly #room: string;
  /** Occupant with which the bridge announces itself. */
  #bridge: string | undefined;

  constructor({ port, domain, password, brewery }: FocusAccount, log: Logger) {
    this.#room = brewery.toLowerCase();
    this.#connection = createXmppClient(
      {
        name: "load",
        host: "127.0.0.1",
        port,
        domain,
        username: "focus",
        password,
        resource: "focus",
        security: "ifpossible",
        disableCertificateVerification: true,
      },
      realRuntime,
      log,
    );
    this.#connection.onState(({ state, resumed }) => {
      if (state !== "online" || resumed) return;
      const x = xml("x", { xmlns: "http://jabber.org/protocol/muc" });
      this.#connection.send(xml("presence", { to: `${this.#room}/focus` }, x));
    });
    this.#connection.onStanza((stanza) => this.#hear(stanza));
    this.#connection.start();
  }

  #hear(stanza: Element): void {
    const from = attr(stanza, "from");
    if (stanza.name !== "presence" || from?.startsWith(`${this.#room}/`) !== true) return;
    if (attr(stanza, "type") === "unavailable") {
      if (this.#bridge === from) this.#bridge = undefined;
      return;
    }
    const stats = childOf(stanza, "stats", NS.colibri);
    if (stats !== undefined && elementsOf(stats).length > 0) this.#bridge = from;
  }

  /** A bridge is there to be asked. */
  get ready(): boolean {
    return this.#bridge !== undefined;
  }

  async #modify(
    meetingId: string,
    name: string | undefined,
    endpoints: readonly ColibriEndpoint[],
    more: { readonly create?: true; readonly expire?: true } = {},
  ): Promise<ConferenceModified> {
    if (this.#bridge === undefined) throw new Error("no bridge in the brewery");
    const payload = buildConferenceModify(
      conferenceModify(meetingId, { name, endpoints, rtcstatsEnabled: false, ...more }),
    );
    const reply = await this.#connection.request(
      xml("iq", { type: "get", to: this.#bridge }, payload),
      20_000,
    );
    if (reply.kind === "error") throw new Error(`the bridge refuses: ${reply.error.condition}`);
    if (reply.kind !== "result") throw new Error(`no answer of the bridge: ${reply.kind}`);
    const modified = elementsOf(reply.iq)[0];
    const parsed = modified === undefined ? undefined : parseConferenceModified(modified);
    if (parsed?.ok !== true) throw new Error("the bridge's answer cannot be read");
    return parsed.value;
  }

  /** Makes a conference of these; returns its id and the bridge's transports in the same order. */
  async create(
    name: string,
    participants: readonly ParticipantPlan[],
  ): Promise<{ readonly meetingId: string; readonly transports: readonly IceTransport[] }> {
    const meetingId = randomUUID();
    const transports: IceTransport[] = [];
    for (const [at, { id }] of participants.entries())
      transports.push(await this.add(meetingId, name, id, at === 0));
    return { meetingId, transports };
  }

  /** Makes an endpoint, with its conference where it is the first one; returns the bridge's transport. */
  async add(meetingId: string, name: string, id: string, isFirst: boolean): Promise<IceTransport> {
    const endpoint = colibriEndpoint(id, {
      statsId: `Load-${id}`,
      create: true,
      media,
      transport: colibriTransport({ iceControlling: true }),
      sources: [],
      capabilities: ["source-names"],
    });
    const room = `${name}@conference.meet.load`;
    const more = isFirst ? { create: true as const } : {};
    const answer = await this.#modify(meetingId, room, [endpoint], more);
    const ice = answer.endpoints.find((each) => each.id === id)?.transport?.ice;
    if (ice === undefined) throw new Error("no transport in the bridge's answer");
    return ice;
  }

  async remove(meetingId: string, id: string): Promise<void> {
    await this.#modify(meetingId, undefined, [colibriEndpoint(id, { expire: true })]);
  }

  /** Tells the bridge what a participant's session-accept says. */
  async accept(meetingId: string, plan: ParticipantPlan, ice: IceTransport): Promise<void> {
    const transport = colibriTransport({ iceControlling: true, ice });
    const endpoint = colibriEndpoint(plan.id, { transport, sources: sourcesOf(plan) });
    await this.#modify(meetingId, undefined, [endpoint]);
  }

  async expire(meetingId: string): Promise<void> {
    await this.#modify(meetingId, undefined, [], { expire: true });
  }

  async stop(): Promise<void> {
    await this.#connection.stop();
  }
}
