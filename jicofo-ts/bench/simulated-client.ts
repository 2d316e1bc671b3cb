/**
 * One participant as the focus and the server see it: asks for the conference, joins the room, tells
 * its features, accepts the invitation with its sources, keeps what it is told of the others'.
 */
import { buildDiscoInfo, capsVersion, type DiscoInfo } from "#shared/stanza/disco-info";
import { parseJingle } from "#shared/stanza/jingle";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, elementsOf, serialise } from "#shared/xmpp/xml";
import { sessionAccept } from "./accept-template.ts";
import { WireClient } from "./wire-client.ts";

/** Where and as whom. */
export interface ClientPlace {
  readonly port: number;
  readonly domain: string;
  readonly mucDomain: string;
  /** Full JID of the focus. */
  readonly focus: string;
}

/** ms from an invitation to its acceptance: a page makes descriptions meanwhile. */
const acceptDelayMs = 25;

const info: DiscoInfo = {
  identities: [],
  features: [
    "http://jabber.org/protocol/caps",
    "http://jitsi.org/json-encoded-sources",
    "http://jitsi.org/receive-multiple-video-streams",
    "http://jitsi.org/remb",
    "http://jitsi.org/source-name",
    "http://jitsi.org/start-muted-room-metadata",
    "http://jitsi.org/tcc",
    "http://jitsi.org/visitors-1",
    "urn:ietf:rfc:4588",
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:dtls-sctp:1",
    "urn:xmpp:jingle:transports:ice-udp:1",
    "urn:xmpp:rayo:client:1",
  ],
  forms: [],
};
const node = "https://jitsi.org/jitsi-meet";
const caps = `<c xmlns='${NS.caps}' hash='sha-1' node='${node}' ver='${capsVersion(info)}'/>`;

/** Far above what the simulated bridges take. */
let nextSsrc = 100_000;

export class SimulatedClient {
  readonly room: string;
  readonly nick: string;
  /** First of its seven SSRCs. */
  readonly ssrc = nextSsrc;
  /** Times of `performance.now()`; 0 is not yet. */
  readyAt = 0;
  enteredAt = 0;
  invitedAt = 0;
  acceptedAt = 0;
  /** More than one would be a failed first one. */
  invitations = 0;
  /** What the focus or the server refused. */
  refused = "";
  /** SSRCs of others that it was told. */
  readonly known = new Set<number>();
  onReady: () => void = () => {};
  readonly #place: ClientPlace;
  #wire: WireClient | undefined;
  #acceptTimer: NodeJS.Timeout | undefined;
  #nextId = 0;

  constructor(place: ClientPlace, name: string, nick: string) {
    this.#place = place;
    this.room = `${name}@${place.mucDomain}`;
    this.nick = nick;
    nextSsrc += 10;
  }

  async login(): Promise<void> {
    const { port, domain } = this.#place;
    this.#wire = await WireClient.login(port, domain);
    this.#wire.onStanza = (stanza, at) => this.#handle(stanza, at);
  }

  /** Asks for the conference, and again while it is not ready. */
  ask(): void {
    this.#send(
      `<iq type='set' to='${this.#place.focus}' id='ask'><conference xmlns='${NS.focus}' machine-uid='${this.nick}' room='${this.room}'>` +
        "<property name='rtcstatsEnabled' value='false'/><property name='visitors-version' value='1'/></conference></iq>",
    );
  }

  join(): void {
    this.#presence(`<x xmlns='${NS.muc}'/>`, "{}");
  }

  leave(): void {
    clearTimeout(this.#acceptTimer);
    this.#send(`<presence to='${this.room}/${this.nick}' type='unavailable'/>`);
    this.#wire?.close();
    this.#wire = undefined;
  }

  /** Knows what that one sends: its audio and the first encoding of its video. */
  knows(other: SimulatedClient): boolean {
    return this.known.has(other.ssrc) && this.known.has(other.ssrc + 1);
  }

  #send(text: string): void {
    this.#wire?.send(text);
  }

  #presence(first: string, sources: string): void {
    this.#send(
      `<presence to='${this.room}/${this.nick}'>${first}<stats-id>Bench-${this.nick.slice(0, 3)}</stats-id>${caps}` +
        `<SourceInfo>${sources}</SourceInfo><jitsi_participant_codecList>av1,vp9,vp8,h264</jitsi_participant_codecList>` +
        `<nick xmlns='${NS.nick}'>${this.nick}</nick></presence>`,
    );
  }

  #handle(stanza: Element, at: number): void {
    if (stanza.name === "iq") this.#handleIq(stanza, at);
    else if (stanza.name === "presence" && this.enteredAt === 0) {
      if (attr(stanza, "from") !== `${this.room}/${this.nick}`) return;
      if (attr(stanza, "type") === "error") this.refused = "join";
      else {
        this.enteredAt = at;
        // The library looks what the room is.
        this.#send(
          `<iq type='get' to='${this.room}' id='room'><query xmlns='${NS.discoInfo}'/></iq>`,
        );
      }
    }
  }

  #handleIq(iq: Element, at: number): void {
    const id = attr(iq, "id") ?? "";
    const type = attr(iq, "type");
    const payload = elementsOf(iq)[0];
    if (type === "get" || type === "set") {
      if (payload?.name === "jingle") this.#handleJingle(iq, payload, at);
      else if (payload?.name === "query")
        this.#answer(iq, serialise(buildDiscoInfo(info, attr(payload, "node")), NS.client));
      else this.#answer(iq, "");
    } else if (type === "error") {
      this.refused ||= id.replace(/\d+$/, "");
    } else if (id === "ask") {
      const conference = childOf(iq, "conference", NS.focus);
      if (conference !== undefined && attr(conference, "ready") === "true") {
        this.readyAt = at;
        this.onReady();
      } else setTimeout(() => this.ask(), 100);
    } else if (id.startsWith("accept")) {
      this.acceptedAt = at;
      this.#presence(
        "",
        `{"${this.nick}-a0":{"muted":false},"${this.nick}-v0":{"muted":false}}`.replaceAll(
          '"',
          "&quot;",
        ),
      );
    }
  }

  #answer(iq: Element, payload: string): void {
    this.#send(`<iq type='result' to='${attr(iq, "from")}' id='${attr(iq, "id")}'>${payload}</iq>`);
  }

  #handleJingle(iq: Element, payload: Element, at: number): void {
    this.#answer(iq, "");
    const parsed = parseJingle(payload);
    if (!parsed.ok) {
      this.refused = `jingle: ${parsed.error.text}`;
      return;
    }
    const { action, sid, compactSources } = parsed.value;
    for (const { audio, video } of compactSources?.values() ?? [])
      for (const { ssrc } of [...audio.sources, ...video.sources]) this.known.add(ssrc);
    if (action !== "session-initiate") return;
    this.invitations++;
    this.invitedAt ||= at;
    this.#acceptTimer = setTimeout(() => {
      const realJid = this.#wire?.jid ?? "";
      const { room, nick, ssrc } = this;
      this.#send(
        `<iq type='set' to='${room}/focus' id='accept${this.#nextId++}'>${sessionAccept({ sid, nick, realJid, room, firstSsrc: ssrc })}</iq>`,
      );
    }, acceptDelayMs);
  }
}
