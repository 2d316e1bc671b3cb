/** A client in a room: accepts invitations, keeps what it is told of sources, sends Jingle. */
import { emptyTransport } from "#shared/stanza/ice-udp";
import { iqResult } from "#shared/stanza/iq";
import {
  buildJingle,
  emptyJingle,
  type Jingle,
  type JingleContent,
  parseJingle,
} from "#shared/stanza/jingle";
import type { IceTransport, Source, SourceGroup } from "#shared/stanza/media";
import { parseStanzaError } from "#shared/stanza/stanza-error";
import { secretMark } from "#shared/testing/invariants";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, xml } from "#shared/xmpp/xml";
import { featureUris } from "../../src/jingle/features.ts";
import { type FakeConnection, type FakeRoom, occupant } from "./fake-xmpp.ts";

/** What newer clients announce, by the names in `featureUris`. */
export const usualFeatures = ["AUDIO", "VIDEO", "RTX", "TCC", "REMB", "JSON_SOURCES"] as const;

/** An answer to something the client sent: `result`, or the condition of the error. */
export type Outcome = string;

export class FakeClient {
  readonly nick: string;
  readonly room: FakeRoom;
  features: readonly string[] = usualFeatures.map((name) => featureUris[name]);
  /** Answers an invitation by itself. */
  accepts = true;
  /** Sources sent with the acceptance. */
  sources: readonly JingleContent[];
  /** All Jingle it was sent. */
  readonly received: Jingle[] = [];
  /** The element of the last invitation. */
  invitation: Element | undefined;
  /** Mute requests it was sent: kind and actor. */
  readonly mutes: string[] = [];
  sid = "";
  bridgeSession: string | undefined;
  /** SSRCs of others it knows. */
  readonly known = new Set<number>();
  /** What its server knows it by; in logs only redacted. */
  readonly realJid: string;
  readonly #connection: FakeConnection;

  constructor(connection: FakeConnection, room: FakeRoom, nick: string, firstSsrc: number) {
    this.#connection = connection;
    this.room = room;
    this.nick = nick;
    this.realJid = `${nick}@example.com/${nick}`;
    this.sources = [audio(nick, firstSsrc), simulcast(nick, firstSsrc + 1)];
  }

  /** SSRCs it sends with its acceptance. */
  get ssrcs(): number[] {
    return this.sources.flatMap(
      ({ description }) => description?.sources.map(({ ssrc }) => ssrc) ?? [],
    );
  }

  get occupantJid(): string {
    return `${this.room.room}/${this.nick}`;
  }

  join(extra: readonly Element[] = []): void {
    this.#connection.peers.set(this.occupantJid, (iq) => this.#handle(iq));
    this.#show("none", extra);
  }

  /** Sends another presence, with the affiliation the room gave. */
  show(extra: readonly Element[]): void {
    this.#show(this.room.occupants.get(this.nick)?.affiliation ?? "none", extra);
  }

  #show(affiliation: "none" | "owner" | "admin" | "member" | "outcast", extra: readonly Element[]) {
    const presence = xml("presence", { xmlns: "jabber:client" }, extra);
    const one = occupant(this.room.room, this.nick, this.realJid, presence);
    this.room.put({ ...one, affiliation });
  }

  leave(status?: string): void {
    this.#connection.peers.delete(this.occupantJid);
    this.room.take(this.nick, status);
  }

  /** Invitations so far. */
  get invitations(): number {
    return this.received.filter(({ action }) => action === "session-initiate").length;
  }

  /** Actions received, in order. */
  get actions(): string[] {
    return this.received.map(({ action }) => action);
  }

  async send(jingle: Jingle): Promise<Outcome> {
    return this.sendElement(buildJingle(jingle));
  }

  async sendElement(payload: Element): Promise<Outcome> {
    const answer = await this.#connection.deliver(this.occupantJid, payload);
    if (answer === undefined) return "no answer";
    if (attr(answer, "type") === "result") return "result";
    const { condition, text } = parseStanzaError(answer);
    return text === undefined ? condition : `${condition}: ${text}`;
  }

  accept(): Promise<Outcome> {
    const contents = this.sources.map((content) => ({
      ...content,
      transport: transport("client"),
    }));
    const bare = { ...content("audio"), transport: transport("client") };
    return this.send({
      ...emptyJingle("session-accept", this.sid),
      contents: contents.length > 0 ? contents : [bare],
    });
  }

  sourceAdd(...contents: JingleContent[]): Promise<Outcome> {
    return this.send({ ...emptyJingle("source-add", this.sid), contents });
  }

  sourceRemove(...contents: JingleContent[]): Promise<Outcome> {
    return this.send({ ...emptyJingle("source-remove", this.sid), contents });
  }

  /** Asks for a new session (`session-terminate` with `restart`). */
  restart(bridgeSession = this.bridgeSession): Promise<Outcome> {
    return this.send({
      ...emptyJingle("session-terminate", this.sid),
      reason: { condition: "success", text: "restart required" },
      bridgeSession: { id: bridgeSession, region: undefined, restart: true, iceRestart: false },
    });
  }

  restartIce(bridgeSession = this.bridgeSession): Promise<Outcome> {
    return this.send({
      ...emptyJingle("session-info", this.sid),
      bridgeSession: { id: bridgeSession, region: undefined, restart: false, iceRestart: true },
    });
  }

  iceFailed(): Promise<Outcome> {
    return this.send({
      ...emptyJingle("session-info", this.sid),
      iceState: "failed",
      bridgeSession: {
        id: this.bridgeSession,
        region: undefined,
        restart: false,
        iceRestart: false,
      },
    });
  }

  mute(target: FakeClient, value = "true", ns: string = NS.muteAudio): Promise<Outcome> {
    return this.sendElement(xml("mute", { xmlns: ns, jid: target.occupantJid }, value));
  }

  #handle(iq: Element): Element | undefined {
    const mute = childOf(iq, "mute", NS.muteAudio) ?? childOf(iq, "mute", NS.muteVideo);
    if (mute !== undefined) {
      this.mutes.push(`${attr(mute, "xmlns")} by ${attr(mute, "actor")}`);
      return undefined;
    }
    const payload = childOf(iq, "jingle", NS.jingle);
    if (payload === undefined) return undefined;
    const parsed = parseJingle(payload);
    if (!parsed.ok) throw new Error(`the focus sent bad Jingle: ${parsed.error.text}`);
    this.#note(parsed.value, payload);
    return iqResult(iq);
  }

  #note(jingle: Jingle, payload: Element): void {
    this.received.push(jingle);
    const ssrcs = ssrcsOf(jingle);
    switch (jingle.action) {
      case "session-initiate":
        this.sid = jingle.sid;
        this.bridgeSession = jingle.bridgeSession?.id;
        this.invitation = payload;
        this.known.clear();
        for (const ssrc of ssrcs) this.#learn(ssrc);
        if (this.accepts) {
          void this.accept().then((outcome) => {
            if (outcome !== "result") throw new Error(`acceptance refused: ${outcome}`);
          });
        }
        break;
      case "source-add":
        for (const ssrc of ssrcs) this.#learn(ssrc);
        break;
      case "source-remove":
        for (const ssrc of ssrcs) {
          if (!this.known.delete(ssrc)) throw new Error(`${this.nick} never heard of ${ssrc}`);
        }
        break;
      default:
    }
  }

  // A second mention breaks real clients: they make a second m-line of the same SSRC (wire B11).
  #learn(ssrc: number): void {
    if (this.known.has(ssrc)) throw new Error(`${this.nick} was told of ${ssrc} twice`);
    this.known.add(ssrc);
  }
}

/** All SSRCs anywhere in a stanza: `ssrc` attributes and the compact form. */
export function ssrcsOfElement(stanza: Element): number[] {
  const text = stanza.toString();
  return [...text.matchAll(/\bssrc="(\d+)"|&quot;s&quot;:(\d+)|"s":(\d+)/g)].map(
    ([, attribute, escaped, plain]) => Number(attribute ?? escaped ?? plain),
  );
}

/** All SSRCs a Jingle element speaks of, in either form. */
export function ssrcsOf(jingle: Jingle): number[] {
  const compact = [...(jingle.compactSources?.values() ?? [])].flatMap(({ audio, video }) => [
    ...audio.sources,
    ...video.sources,
  ]);
  const plain = jingle.contents.flatMap(({ description }) => description?.sources ?? []);
  return [...compact, ...plain].map(({ ssrc }) => ssrc);
}

export function transport(ufrag: string): IceTransport {
  return { ...emptyTransport, ufrag, pwd: `${secretMark}-client` };
}

/** An empty content. */
export function content(name: string): JingleContent {
  return {
    creator: "responder",
    name,
    senders: "both",
    description: undefined,
    transport: undefined,
    sctpMap: undefined,
    initialLastN: undefined,
  };
}

/** A content with sources. */
export function sourceContent(
  media: "audio" | "video",
  sources: readonly Source[],
  groups: readonly SourceGroup[] = [],
): JingleContent {
  return {
    ...content(media),
    description: {
      media,
      ssrc: undefined,
      maxptime: undefined,
      payloadTypes: [],
      headerExtensions: [],
      extmapAllowMixed: false,
      rtcpMux: true,
      sources,
      groups,
    },
  };
}

export function source(ssrc: number, name: string, msid: string | undefined): Source {
  return { ssrc, name, msid, videoType: undefined, rid: undefined, owner: undefined };
}

/** One audio source. */
export function audio(nick: string, ssrc: number, index = 0): JingleContent {
  const name = `${nick}-a${index}`;
  return sourceContent("audio", [source(ssrc, name, `${name} track`)]);
}

/** Three encodings with their retransmissions: SSRCs `first` to `first + 5`. */
export function simulcast(nick: string, first: number, index = 0): JingleContent {
  const name = `${nick}-v${index}`;
  const ssrcs = [0, 1, 2, 3, 4, 5].map((at) => first + at);
  const at = (index: number): number => first + index;
  return sourceContent(
    "video",
    ssrcs.map((ssrc) => ({ ...source(ssrc, name, `${name} track`), videoType: "camera" })),
    [
      { semantics: "SIM", ssrcs: [at(0), at(1), at(2)] },
      { semantics: "FID", ssrcs: [at(0), at(3)] },
      { semantics: "FID", ssrcs: [at(1), at(4)] },
      { semantics: "FID", ssrcs: [at(2), at(5)] },
    ],
  );
}
