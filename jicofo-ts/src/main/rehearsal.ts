/**
 * Plays a few conferences through a focus of its own, on a stage in memory, soon after the start:
 * what runs for the first time is compiled first, and without this the first call of the day waits
 * for that. Nothing leaves the process, nothing is logged, no figure counts it.
 */
import { type as osType } from "node:os";
import { createRootLogger } from "#shared/logging/log";
import type { Runtime } from "#shared/runtime/runtime";
import { buildDiscoInfo } from "#shared/stanza/disco-info";
import { buildJingle, emptyJingle, parseJingle } from "#shared/stanza/jingle";
import type { Source } from "#shared/stanza/media";
import { type BareJid, bareOf, type Jid } from "#shared/xmpp/jid";
import { MucRoom } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import { XmppSession } from "#shared/xmpp/session";
import type { Backlog, StanzaTransport, StreamEvents } from "#shared/xmpp/transport";
import {
  attr,
  childrenOf,
  type Element,
  elementsOf,
  serialise,
  XmlStreamParser,
  xml,
} from "#shared/xmpp/xml";
import type { FocusSettings } from "../config/settings.ts";
import { featureUris } from "../jingle/features.ts";
import { createJicofo } from "../program.ts";

const conferences = 4;
const members = ["aaaaaaaa", "bbbbbbbb", "cccccccc"];
/** ms after which the play is broken off, wherever it is. */
const longest = 3_000;
const brewery = "brewery@rehearsal.invalid" as BareJid;
const self = "focus@rehearsal.invalid/focus" as Jid;
const features = [
  featureUris.AUDIO,
  featureUris.VIDEO,
  featureUris.RTX,
  featureUris.TCC,
  featureUris.REMB,
  featureUris.JSON_SOURCES,
  featureUris.SOURCE_NAMES,
];

/** The server, a bridge and the clients, as the focus sees them. */
class Stage implements StanzaTransport {
  readonly backlog: Backlog = { waiting: 0, written: 0 };
  /** Acceptances that were answered. */
  accepted = 0;
  /** Conferences that are ready. */
  ready = 0;
  readonly #runtime: Runtime;
  readonly #parser: XmlStreamParser;
  #events: StreamEvents | undefined;
  #said = "";
  #ssrc = 1_000;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#parser = new XmlStreamParser({
      start() {},
      element: (el) => this.#events?.stanza(el),
      refused() {},
      end() {},
    });
    this.#parser.push(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}'>`);
  }

  open(events: StreamEvents): void {
    this.#events = events;
    this.#runtime.timers.after(0, () => events.online(self, false));
  }

  send(stanza: Element): boolean {
    Buffer.from(serialise(stanza, NS.client));
    if (stanza.name === "presence") this.#shown(stanza);
    else if (stanza.name === "iq") this.#asked(stanza);
    return true;
  }

  sendWhitespace(): void {}

  close(): void {
    this.#events?.ended({ kind: "failed", reason: "over", resumable: false });
  }

  abort(): void {
    this.close();
  }

  /** Says it in a later turn, as text over a stream. */
  say(stanza: Element): void {
    if (this.#said === "")
      this.#runtime.timers.after(0, () => {
        const text = this.#said;
        this.#said = "";
        this.#parser.push(text);
      });
    this.#said += serialise(stanza, NS.client);
  }

  enter(room: string, nick: string, sources: string): void {
    this.say(
      presence(`${room}/${nick}`, `${nick}@rehearsal.invalid/x`, [
        xml("stats-id", {}, "Stats"),
        xml("c", { xmlns: NS.caps, hash: "sha-1", node: "https://jitsi.org/jitsi-meet", ver: "x" }),
        xml("SourceInfo", {}, sources),
        xml("jitsi_participant_codecList", {}, "av1,vp9,vp8,h264"),
        xml("nick", { xmlns: NS.nick }, nick),
      ]),
    );
  }

  leave(room: string, nick: string): void {
    this.say(presence(`${room}/${nick}`, `${nick}@rehearsal.invalid/x`, [], "unavailable"));
  }

  /** Our own presence comes back; in the brewery there is a bridge before us. */
  #shown(stanza: Element): void {
    const [to = "", type] = [attr(stanza, "to"), attr(stanza, "type")];
    if (to.startsWith(`${brewery}/`) && type === undefined) {
      const stats = [
        ["stress_level", "0.1"],
        ["drain", "false"],
        ["version", "2.3"],
      ].map(([name, value]) => xml("stat", { name, value }));
      const told = xml("stats", { xmlns: NS.colibri }, stats);
      this.say(presence(`${brewery}/jvb`, "jvb@rehearsal.invalid/jvb", [told]));
    }
    this.say(presence(to, self, [], type, xml("status", { code: 110 })));
  }

  #asked(iq: Element): void {
    const [id = "", type, to = ""] = [attr(iq, "id"), attr(iq, "type"), attr(iq, "to")];
    const [payload] = elementsOf(iq);
    if (type !== "get" && type !== "set") {
      if (id.startsWith("accept")) this.accepted++;
      if (id.startsWith("ask")) this.ready++;
      return;
    }
    const answer = (child?: Element): void =>
      this.say(xml("iq", { type: "result", id, from: to, to: self }, child));
    if (payload?.name === "conference-modify") answer(this.#allocate(payload));
    else if (payload?.name === "query" && type === "get")
      answer(
        attr(payload, "xmlns") === NS.mucOwner
          ? xml("query", { xmlns: NS.mucOwner }, form())
          : buildDiscoInfo({ identities: [], features: [], forms: [] }),
      );
    else answer();
    if (payload?.name === "jingle" && attr(payload, "action") === "session-initiate")
      this.#accept(to, payload);
  }

  #allocate(modify: Element): Element {
    const endpoints = childrenOf(modify, "endpoint", NS.colibri2).map((endpoint) =>
      xml(
        "endpoint",
        { id: attr(endpoint, "id"), expire: attr(endpoint, "expire") },
        attr(endpoint, "create") === "true" ? xml("transport", {}, transport()) : undefined,
      ),
    );
    return xml("conference-modified", { xmlns: NS.colibri2 }, endpoints);
  }

  /** With one audio source and three encodings of video with their retransmissions. */
  #accept(occupant: string, invitation: Element): void {
    const parsed = parseJingle(invitation);
    if (!parsed.ok) return;
    const nick = occupant.slice(occupant.indexOf("/") + 1);
    const contents = parsed.value.contents.map((content) => {
      const isAudio = content.name === "audio";
      const first = this.#ssrc;
      this.#ssrc += isAudio ? 1 : 6;
      const own = Array.from(
        { length: isAudio ? 1 : 6 },
        (_, at): Source => ({
          ssrc: first + at,
          name: `${nick}-${isAudio ? "a" : "v"}0`,
          msid: `${nick}-${content.name}-0-1 track-${nick}`,
          videoType: isAudio ? undefined : "camera",
          rid: undefined,
          owner: undefined,
        }),
      );
      const pair = (at: number) => ({ semantics: "FID", ssrcs: [first + at, first + at + 3] });
      const groups = isAudio
        ? []
        : [{ semantics: "SIM", ssrcs: [first, first + 1, first + 2] }, pair(0), pair(1), pair(2)];
      const description = content.description && { ...content.description, sources: own, groups };
      return { ...content, creator: "responder" as const, description };
    });
    const accept = buildJingle({ ...emptyJingle("session-accept", parsed.value.sid), contents });
    this.say(xml("iq", { type: "set", id: `accept-${nick}`, from: occupant, to: self }, accept));
    this.enter(bareOf(occupant as Jid), nick, `{"${nick}-a0":{"muted":false}}`);
  }
}

function presence(
  from: string,
  realJid: string,
  children: readonly Element[],
  type?: string,
  status?: Element,
): Element {
  const isSelf = realJid === self;
  const item = xml("item", {
    affiliation: isSelf ? "owner" : "none",
    role: type !== undefined ? "none" : isSelf ? "moderator" : "participant",
    jid: realJid,
  });
  return xml(
    "presence",
    { from, to: self, type },
    children,
    xml("x", { xmlns: NS.mucUser }, item, status),
  );
}

function form(): Element {
  const field = xml(
    "field",
    { var: "muc#roomconfig_whois", type: "list-single" },
    xml("value", {}, "anyone"),
  );
  return xml("x", { xmlns: NS.dataForm, type: "form" }, field);
}

function transport(): Element {
  const fingerprint = { xmlns: NS.dtls, hash: "sha-256", setup: "actpass" };
  return xml(
    "transport",
    { xmlns: NS.ice, ufrag: "u", pwd: "p" },
    xml("rtcp-mux"),
    xml("fingerprint", fingerprint, "AA:BB"),
    xml("web-socket", { xmlns: NS.colibri, url: "ws://rehearsal.invalid/" }),
    xml("candidate", {
      component: 1,
      foundation: "1",
      generation: 0,
      id: "c",
      network: 0,
      priority: 1,
      protocol: "udp",
      type: "host",
      ip: "192.0.2.1",
      port: 9,
    }),
  );
}

/** Plays; resolves when it is over, with whether all went as it should. Never rejects. */
export async function rehearse(settings: FocusSettings, runtime: Runtime): Promise<boolean> {
  try {
    return await play(settings, runtime);
  } catch {
    // Whatever it was shows again, and is told, where it matters.
    return false;
  }
}

async function play(settings: FocusSettings, runtime: Runtime): Promise<boolean> {
  const log = createRootLogger({ clock: runtime.clock, sink: () => {} });
  const stage = new Stage(runtime);
  const client = new XmppSession(stage, "rehearsal.invalid", { name: "rehearsal" }, runtime, log);
  const jicofo = createJicofo(
    {
      ...settings,
      client: { ...settings.client, domain: "rehearsal.invalid", xmppDomain: undefined },
      service: undefined,
      clientProxy: undefined,
      component: undefined,
      authentication: undefined,
      bridgeBrewery: { room: brewery, connection: "client" },
      bridgeDomains: ["rehearsal.invalid"],
      rooms: { breweries: [brewery], service: undefined, usualServices: [] },
      loadRedistribution: { ...settings.loadRedistribution, enabled: false },
      rest: undefined,
      health: undefined,
    },
    {
      runtime,
      log,
      client,
      service: client,
      openRoom: (connection, room, nick, onEvent) =>
        new MucRoom({ connection, room, nick, onEvent, runtime, log }),
      discover: async () => features,
      caps: () => ({}),
      threads: () => 1,
      os: osType(),
      http: undefined,
    },
  );
  const end = runtime.clock.now() + longest;
  const until = async (done: () => boolean): Promise<boolean> => {
    while (!done()) {
      if (runtime.clock.now() > end) return false;
      await new Promise<void>((resolve) => void runtime.timers.after(1, resolve));
    }
    return true;
  };
  client.start();
  let well = await until(() => jicofo.bridges.bridges(runtime.clock.now()).length > 0);
  for (let at = 1; at <= conferences && well; at++) {
    const room = `r${at}@conference.rehearsal.invalid`;
    const request = xml("conference", { xmlns: NS.focus, room, "machine-uid": "m" });
    const from = "aaaaaaaa@rehearsal.invalid/x";
    stage.say(xml("iq", { type: "set", id: `ask-${at}`, from, to: self }, request));
    well = await until(() => stage.ready === at);
    for (const nick of members) stage.enter(room, nick, "{}");
    well &&= await until(() => stage.accepted === at * members.length);
    for (const nick of members) stage.leave(room, nick);
  }
  await jicofo.stop();
  await client.stop();
  return well;
}
