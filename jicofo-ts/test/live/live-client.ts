/** An anonymous user of a real Prosody who behaves like the client library as far as the focus sees. */
import {
  buildConferenceRequest,
  type ConferenceResponse,
  parseConferenceResponse,
  parseRoom,
} from "#shared/stanza/conference-request";
import {
  buildDiscoInfo,
  buildEntityCaps,
  capsVersion,
  type DiscoInfo,
} from "#shared/stanza/disco-info";
import { iqRequest, iqResult } from "#shared/stanza/iq";
import { buildJingle, emptyJingle, type Jingle, parseJingle } from "#shared/stanza/jingle";
import type { Prosody } from "#shared/testing/prosody";
import { until } from "#shared/testing/until";
import type { IqReply, XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, xml } from "#shared/xmpp/xml";
import { featureUris } from "../../src/jingle/features.ts";
import { audio, simulcast, transport } from "../scenarios/fake-client.ts";
import { login } from "./live-connection.ts";

const info: DiscoInfo = {
  identities: [],
  features: [
    featureUris.AUDIO,
    featureUris.VIDEO,
    featureUris.RTX,
    featureUris.TCC,
    featureUris.REMB,
    featureUris.JSON_SOURCES,
    featureUris.SOURCE_NAMES,
  ],
  forms: [],
};
const caps = { node: "https://jitsi.org/jitsi-meet", hash: "sha-1", ver: capsVersion(info) ?? "" };

// Above what the scripted bridge takes.
let firstSsrc = 100_000;

function outcome(reply: IqReply): string {
  return reply.kind === "error" ? reply.error.condition : reply.kind;
}

export class LiveClient {
  readonly room: string;
  readonly nick: string;
  /** Jingle it was sent, with the elements. */
  readonly received: { readonly jingle: Jingle; readonly element: Element }[] = [];
  /** Times it was asked for its features. */
  asked = 0;
  readonly #prosody: Prosody;
  readonly #ssrc: number;
  #connection: XmppConnection | undefined;
  #inRoom = false;

  constructor(prosody: Prosody, room: string, nick: string) {
    this.#prosody = prosody;
    this.room = room;
    this.nick = nick;
    this.#ssrc = firstSsrc;
    firstSsrc += 10;
  }

  async login(): Promise<void> {
    const connection = await login(this.#prosody);
    this.#connection = connection;
    connection.handleIq({ type: "get", name: "query", ns: NS.discoInfo }, ({ iq, payload }) => {
      this.asked += 1;
      return iqResult(iq, buildDiscoInfo(info, attr(payload, "node")));
    });
    connection.handleIq({ type: "set", name: "jingle", ns: NS.jingle }, ({ iq, payload }) => {
      const parsed = parseJingle(payload);
      if (!parsed.ok) throw new Error(`the focus sent bad Jingle: ${parsed.error.text}`);
      this.received.push({ jingle: parsed.value, element: payload });
      if (parsed.value.action === "session-initiate") void this.#accept(parsed.value, iq);
      return iqResult(iq);
    });
    connection.onStanza((stanza) => {
      const status = childOf(stanza, "x", NS.mucUser);
      const mine = attr(stanza, "from") === `${this.room}/${this.nick}`;
      if (stanza.name === "presence" && mine && status)
        this.#inRoom = attr(stanza, "type") !== "unavailable";
    });
  }

  /** Asks the focus for the room's conference, as a page does before it joins; `to` is its address. */
  async askForConference(
    to = `focus@${this.#prosody.authDomain}/focus`,
  ): Promise<ConferenceResponse> {
    const room = parseRoom(this.room);
    if (!room || !this.#connection) throw new Error("not logged in, or no room");
    const request = buildConferenceRequest({
      room,
      sessionId: undefined,
      machineUid: "m1",
      identity: undefined,
      token: undefined,
      properties: new Map([["rtcstatsEnabled", "false"]]),
    });
    const reply = await this.#connection.request(iqRequest("set", to, request));
    if (reply.kind !== "result") throw new Error(`conference request: ${outcome(reply)}`);
    const payload = childOf(reply.iq, "conference", NS.focus);
    const parsed = payload && parseConferenceResponse(payload);
    if (!parsed?.ok) throw new Error("the focus answered something else");
    return parsed.value;
  }

  /** Sends any payload to the focus' own address or another; how it was answered. */
  async answerTo(
    type: "get" | "set",
    payload: Element,
    to = `focus@${this.#prosody.authDomain}/focus`,
  ): Promise<string | undefined> {
    const reply = await this.#connection?.request(iqRequest(type, to, payload));
    return reply && outcome(reply);
  }

  async join(): Promise<void> {
    this.#presence(
      xml("x", { xmlns: NS.muc }),
      buildEntityCaps(caps),
      xml("stats-id", {}, `Stats-${this.nick}`),
      xml("jitsi_participant_codecList", {}, "vp8,vp9"),
      xml("SourceInfo", {}, "{}"),
      xml("nick", { xmlns: NS.nick }, this.nick),
    );
    await until(() => this.#inRoom);
  }

  async leave(): Promise<void> {
    this.#connection?.send(
      xml("presence", { to: `${this.room}/${this.nick}`, type: "unavailable" }),
    );
    await until(() => !this.#inRoom);
  }

  async stop(): Promise<void> {
    await this.#connection?.stop();
  }

  get invited(): boolean {
    return this.invitations > 0;
  }

  get invitations(): number {
    return this.received.filter(({ jingle }) => jingle.action === "session-initiate").length;
  }

  get bridgeSession(): string | undefined {
    return this.received.findLast(({ jingle }) => jingle.action === "session-initiate")?.jingle
      .bridgeSession?.id;
  }

  /** Whether sources of that endpoint were told. */
  othersKnown(nick: string): boolean {
    return this.received.some(({ jingle }) => jingle.compactSources?.has(nick) === true);
  }

  #presence(...children: Element[]): void {
    this.#connection?.send(xml("presence", { to: `${this.room}/${this.nick}` }, children));
  }

  async #accept(offer: Jingle, iq: Element): Promise<void> {
    const contents = [audio(this.nick, this.#ssrc), simulcast(this.nick, this.#ssrc + 1)];
    const accept = buildJingle({
      ...emptyJingle("session-accept", offer.sid),
      contents: contents.map((content) => ({ ...content, transport: transport("client") })),
    });
    const reply = await this.#connection?.request(iqRequest("set", attr(iq, "from"), accept));
    if (reply?.kind !== "result") throw new Error(`session-accept: ${reply && outcome(reply)}`);
  }
}
