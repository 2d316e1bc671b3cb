import { expect } from "chai";
import type { ConferenceModify } from "#shared/stanza/colibri2";
import { recordingLogger } from "#shared/testing/recording-logger";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { IqHandler, IqMatch, StateChange, XmppConnection } from "#shared/xmpp/connection";
import { type BareJid, parseJid } from "#shared/xmpp/jid";
import type { JoinResult, MucEvent, MucRoomDoor } from "#shared/xmpp/muc";
import {
  attr,
  childOf,
  type Element,
  elementsOf,
  namespaceOf,
  textOf,
  xml,
} from "#shared/xmpp/xml";
import type { ColibriOutcome } from "../worker-messages.ts";
import type { HealthResult } from "./health.ts";
import type { MucClientConfig } from "./muc-client-config.ts";
import { MucClients } from "./muc-clients.ts";

const config: MucClientConfig = {
  id: "shard",
  hostname: "127.0.0.1",
  port: 5222,
  domain: "auth.meet.example",
  username: "jvb",
  password: "pw",
  mucJids: ["JvbBrewery@internal.auth.meet.example", "not a jid"],
  mucNickname: "jvb1",
  disableCertificateVerification: true,
  securityMode: "ifpossible",
};
const brewery = "jvbbrewery@internal.auth.meet.example";

class FakeConnection implements XmppConnection {
  readonly name = "shard";
  state: XmppConnection["state"] = "offline";
  readonly jid = undefined;
  readonly sessions = 1;
  readonly sent: Element[] = [];
  readonly handlers: { match: IqMatch; handler: IqHandler }[] = [];
  readonly listeners: ((change: StateChange) => void)[] = [];
  readonly lateListeners: (() => void)[] = [];
  stopped = false;
  start(): void {}
  stop(): Promise<void> {
    this.stopped = true;
    return Promise.resolve();
  }
  send(stanza: Element): boolean {
    this.sent.push(stanza);
    return true;
  }
  request(): Promise<never> {
    return Promise.reject(new Error("no requests"));
  }
  onState(listener: (change: StateChange) => void) {
    this.listeners.push(listener);
    return () => {};
  }
  onLateReply(listener: () => void) {
    this.lateListeners.push(listener);
    return () => {};
  }
  onStanza() {
    return () => {};
  }
  onStanzaFrom() {
    return () => {};
  }
  handleIq(match: IqMatch, handler: IqHandler) {
    this.handlers.push({ match, handler });
    return () => {};
  }
  become(state: XmppConnection["state"], resumed = false): void {
    this.state = state;
    for (const listener of this.listeners) listener({ state, resumed });
  }
  /** Hands an IQ to its handler. */
  async ask(payload: Element, from = `${brewery}/focus`, type: "get" | "set" = "get") {
    const iq = xml("iq", { type, id: "q1", from, to: "jvb@auth.meet.example/r" }, payload);
    const ns = namespaceOf(payload);
    const found = this.handlers.findLast(
      ({ match }) =>
        match.name === payload.name &&
        match.ns === ns &&
        (match.type === "any" || match.type === type),
    );
    const jid = parseJid(from);
    if (found === undefined || jid === undefined) throw new Error("nobody takes it");
    return found.handler({ type, id: "q1", from: jid, to: undefined, payload, iq });
  }
}

class FakeRoom implements MucRoomDoor {
  readonly room: BareJid;
  readonly nick: string;
  joined = false;
  readonly occupants = new Map();
  readonly self = undefined;
  readonly extensions = new Map<string, Element>();
  readonly forms: Readonly<Record<string, string | readonly string[]>>[] = [];
  joins = 0;
  result: JoinResult = { kind: "timeout" };
  readonly onEvent: (event: MucEvent) => void;
  constructor(room: BareJid, nick: string, onEvent: (event: MucEvent) => void) {
    this.room = room;
    this.nick = nick;
    this.onEvent = onEvent;
  }
  join(): Promise<JoinResult> {
    this.joins++;
    return Promise.resolve(this.result);
  }
  leave(): Promise<void> {
    return Promise.resolve();
  }
  setPresenceExtension(name: string, _ns: string, extension: Element | undefined): void {
    if (extension !== undefined) this.extensions.set(name, extension);
  }
  readConfig(): Promise<"timeout"> {
    return Promise.resolve("timeout");
  }
  writeConfig(fields: Readonly<Record<string, string | readonly string[]>>): Promise<undefined> {
    this.forms.push(fields);
    return Promise.resolve(undefined);
  }
  setAffiliation(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  kick(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

function setUp() {
  const runtime = new VirtualRuntime();
  const log = recordingLogger();
  const connections: FakeConnection[] = [];
  const resources: string[] = [];
  const rooms: FakeRoom[] = [];
  const asked: ConferenceModify[] = [];
  const world = {
    health: { success: true, hardFailure: true, message: undefined } as HealthResult,
    outcome: {
      ok: true,
      modified: { endpoints: [], relays: [], sources: undefined },
    } as ColibriOutcome,
    disconnects: 0,
    lateReplies: 0,
  };
  const clients = new MucClients({
    version: "2.3.0-test",
    timers: runtime.timers,
    log,
    now: () => runtime.clock.now(),
    connect: (_config, resource) => {
      resources.push(resource);
      const connection = new FakeConnection();
      connections.push(connection);
      return connection;
    },
    openRoom: (_connection, room, nick, onEvent) => {
      const made = new FakeRoom(room, nick, onEvent);
      rooms.push(made);
      return made;
    },
    colibri: (request) => {
      asked.push(request);
      return Promise.resolve(world.outcome);
    },
    health: () => world.health,
    onDisconnect: () => {
      world.disconnects++;
    },
    onLateReply: () => {
      world.lateReplies++;
    },
    onDelay: () => {},
    hideAddresses: true,
  });
  clients.add(config);
  const [connection] = connections;
  const [room] = rooms;
  if (connection === undefined || room === undefined) throw new Error("nothing was opened");
  return { log, runtime, clients, connections, resources, rooms, connection, room, asked, world };
}

/** Condition and text of an error answer. */
function refusalOf(answer: Element | undefined): string {
  const error = answer && childOf(answer, "error");
  const [condition, text] = error === undefined ? [] : elementsOf(error);
  return `${condition?.name}: ${text === undefined ? "" : textOf(text)}`;
}

describe("MUC clients", () => {
  it("join their rooms when online, again with back-off when refused", async () => {
    const { runtime, connection, rooms, room, clients, log } = setUp();
    expect(rooms.length).to.equal(1);
    expect(room.room).to.equal(brewery);
    connection.become("online");
    expect(room.joins).to.equal(1);
    await runtime.advanceAsync(2100);
    expect(room.joins).to.equal(2);
    await runtime.advanceAsync(4100);
    expect(room.joins).to.equal(3);
    expect(clients.figures()).to.deep.equal({
      clientsConfigured: 1,
      clientsConnected: 1,
      roomsConfigured: 1,
      roomsJoined: 0,
    });
    expect(log.messages("warn")[0]).to.equal(
      "Joining the room failed, check videobridge.apis.xmpp-client.configs.shard.muc_jids",
    );
  });

  it("open a room they made to all eyes, and say they are there", () => {
    const { connection, room } = setUp();
    connection.become("online");
    const self = {
      occupantJid: parseJid(`${brewery}/jvb1`) ?? (brewery as never),
      nick: "jvb1",
      realJid: undefined,
      role: "moderator",
      affiliation: "owner",
      presence: xml("presence"),
    } as const;
    room.onEvent({ kind: "joined", self, created: true, rejoined: false });
    expect(room.forms).to.deep.equal([{ "muc#roomconfig_whois": "anyone" }]);
    expect(connection.sent.map(({ name }) => name)).to.deep.equal(["presence"]);
  });

  it("publish statistics, also in rooms that come later", () => {
    const { clients, room, rooms } = setUp();
    clients.publish([["stress_level", "0.0"]]);
    expect(room.extensions.get("stats")?.toString()).to.equal(
      '<stats xmlns="http://jitsi.org/protocol/colibri"><stat name="stress_level" value="0.0"/></stats>',
    );
    clients.add({ ...config, id: "second" });
    expect(rooms[1]?.extensions.has("stats")).to.equal(true);
    expect(clients.ids).to.deep.equal(["second", "shard"]);
  });

  it("of one account and nickname get a JID each, or they would end each other for ever", () => {
    const { clients, resources } = setUp();
    clients.add({ ...config, id: "second", mucJids: [brewery] });
    clients.add({ ...config, id: "third", hostname: "localhost" });
    clients.add({ ...config, id: "other domain", domain: "auth.other.example" });
    clients.add({ ...config, id: "other user", username: "jvb2" });
    expect(resources).to.deep.equal(["jvb1", "jvb1-second", "jvb1-third", "jvb1", "jvb1"]);
  });

  it("keep an account that is there, replace one that differs, and remove", () => {
    const { clients, connections, connection } = setUp();
    clients.add({ ...config, password: "other" });
    expect(connections.length).to.equal(1);
    clients.add({ ...config, username: "other" });
    expect(connection.stopped).to.equal(true);
    expect(connections.length).to.equal(2);
    expect(clients.remove("nosuch")).to.equal(false);
    expect(clients.remove("shard")).to.equal(true);
    expect(connections[1]?.stopped).to.equal(true);
    expect(clients.ids).to.deep.equal([]);
  });

  it("count lost sessions", () => {
    const { connection, world } = setUp();
    connection.become("connecting");
    connection.become("online");
    connection.become("connecting");
    connection.become("online", true);
    expect(world.disconnects).to.equal(1);
  });

  it("count answers that come too late", () => {
    const { connection, world } = setUp();
    for (const listener of connection.lateListeners) listener();
    expect(world.lateReplies).to.equal(1);
  });

  it("answer COLIBRI2, and what cannot be read, in full", async () => {
    const { connection, asked, world } = setUp();
    const request = xml("conference-modify", { xmlns: "jitsi:colibri2", "meeting-id": "m1" });
    const answer = await connection.ask(request);
    expect(answer?.toString()).to.equal(
      `<iq type="result" id="q1" to="${brewery}/focus" from="jvb@auth.meet.example/r"><conference-modified xmlns="jitsi:colibri2"/></iq>`,
    );
    expect(asked.map(({ meetingId }) => meetingId)).to.deep.equal(["m1"]);
    const unreadable = await connection.ask(xml("conference-modify", { xmlns: "jitsi:colibri2" }));
    expect(refusalOf(unreadable)).to.match(/^bad-request: ./);
    world.outcome = {
      ok: false,
      error: {
        condition: "item-not-found",
        type: "cancel",
        reason: "unknown_endpoint",
        text: "Endpoint not found for ID: e1",
        endpointId: "e1",
      },
    };
    const refused = await connection.ask(request);
    expect(refusalOf(refused)).to.equal("item-not-found: Endpoint not found for ID: e1");
    const error = refused && childOf(refused, "error");
    const endpoint = error && childOf(error, "endpoint", "jitsi:colibri2");
    expect(endpoint && attr(endpoint, "id")).to.equal("e1");
    expect(refused && elementsOf(refused).map(({ name }) => name)).to.deep.equal([
      "error",
      "conference-modify",
    ]);
  });

  it("B-056 B-057 B-058 B-059 B-060 answer health, version and disco, and refuse shutdown and strangers", async () => {
    const { connection, world } = setUp();
    const check = () => xml("healthcheck", { xmlns: "http://jitsi.org/protocol/healthcheck" });
    expect(attr((await connection.ask(check())) ?? xml("none"), "type")).to.equal("result");
    world.health = { success: false, hardFailure: true, message: "Failed to bind single-port" };
    expect(refusalOf(await connection.ask(check()))).to.equal(
      "internal-server-error: Failed to bind single-port",
    );
    expect(refusalOf(await connection.ask(check(), "user@meet.example/x"))).to.equal("forbidden: ");
    const version = await connection.ask(xml("query", { xmlns: "jabber:iq:version" }));
    expect(version?.toString()).to.include("<name>JVB</name><version>2.3.0-test</version>");
    const stop = xml("force-shutdown", { xmlns: "http://jitsi.org/protocol/colibri" });
    expect(refusalOf(await connection.ask(stop))).to.equal(
      "service-unavailable: Unsupported IQ request force-shutdown",
    );
    const disco = xml("query", { xmlns: "http://jabber.org/protocol/disco#info" });
    const info = await connection.ask(disco, "anybody@meet.example/x");
    expect(info?.toString()).to.include('<feature var="urn:xmpp:jingle:apps:dtls:0"/>');
  });
});
