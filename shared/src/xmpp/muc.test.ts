import { expect } from "chai";
import { FakeTransport } from "../testing/fake-xmpp-transport.ts";
import { recordingLogger } from "../testing/recording-logger.ts";
import { VirtualRuntime } from "../testing/virtual-runtime.ts";
import { parseBareJid } from "./jid.ts";
import { type MucEvent, MucRoom } from "./muc.ts";
import { XmppSession } from "./session.ts";
import { attr, xml } from "./xml.ts";

function setUp() {
  const runtime = new VirtualRuntime();
  const transport = new FakeTransport();
  const log = recordingLogger();
  const connection = new XmppSession(transport, "auth.x", { name: "t" }, runtime, log);
  const events: string[] = [];
  const full: MucEvent[] = [];
  const name = parseBareJid("room@conference.x");
  if (name === undefined) throw new Error("not a room");
  const room = new MucRoom({
    connection,
    room: name,
    nick: "focus",
    runtime,
    log,
    onEvent: (event) => {
      full.push(event);
      events.push(describeEvent(event));
    },
  });
  connection.start();
  transport.online();
  return { runtime, transport, connection, room, events, full };
}

function describeEvent(event: MucEvent): string {
  switch (event.kind) {
    case "occupantJoined":
    case "occupantLeft":
    case "presenceChanged":
      return `${event.kind} ${event.occupant.nick}`;
    case "joined":
      return `joined${event.created ? " created" : ""}${event.rejoined ? " again" : ""}`;
    default:
      return event.kind;
  }
}

function presence(
  nick: string,
  codes: number[] = [],
  role = "participant",
  attrs = "",
  inner = "",
): string {
  const statuses = codes.map((code) => `<status code='${code}'/>`).join("");
  return `<presence from='room@conference.x/${nick}' ${attrs}><x xmlns='http://jabber.org/protocol/muc#user'><item role='${role}' affiliation='owner' jid='${nick}@x/1'/>${statuses}${inner}</x></presence>`;
}

function error(condition: string): string {
  return `<presence type='error' from='room@conference.x/focus'><error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`;
}

async function joined() {
  const all = setUp();
  const join = all.room.join();
  all.transport.receive(presence("alice"));
  all.transport.receive(presence("focus", [110], "moderator"));
  expect((await join).kind).to.equal("joined");
  all.transport.take();
  all.events.length = 0;
  return all;
}

describe("muc room", () => {
  it("joins with its extensions and tells who was there before", async () => {
    const { transport, room, events } = setUp();
    room.setPresenceExtension("a", "urn:a", xml("a", { xmlns: "urn:a" }));
    const join = room.join({ password: "pw" });
    expect(transport.take()).to.deep.equal([
      '<presence to="room@conference.x/focus"><x xmlns="http://jabber.org/protocol/muc"><password>pw</password></x><a xmlns="urn:a"/></presence>',
    ]);
    expect(room.join()).to.equal(join);
    transport.receive(presence("alice"));
    expect(events).to.deep.equal([]);
    transport.receive(presence("focus", [110, 201], "moderator"));
    const result = await join;
    expect(result.kind === "joined" && result.created).to.equal(true);
    expect(events).to.deep.equal(["joined created", "occupantJoined alice"]);
    expect(room.self?.role).to.equal("moderator");
    expect([...room.occupants.keys()]).to.deep.equal(["alice"]);
    expect(room.occupants.get("alice")?.realJid).to.equal("alice@x/1");
  });

  it("is refused, or hears nothing", async () => {
    const { runtime, transport, room } = setUp();
    const refused = room.join();
    transport.receive(error("conflict"));
    const result = await refused;
    expect(result.kind === "refused" && result.error.condition).to.equal("conflict");
    const silent = room.join({ timeoutMs: 1000 });
    runtime.advance(1000);
    expect((await silent).kind).to.equal("timeout");
    expect(room.joined).to.equal(false);
  });

  it("sends its presence once per turn", async () => {
    const { runtime, transport, room } = await joined();
    room.setPresenceExtension("a", "urn:a", xml("a", { xmlns: "urn:a" }));
    room.setPresenceExtension("b", "urn:b", xml("b", { xmlns: "urn:b" }));
    room.setPresenceExtension("a", "urn:a", xml("a", { xmlns: "urn:a", v: 2 }));
    expect(transport.take()).to.deep.equal([]);
    runtime.advance(0);
    expect(transport.take()).to.deep.equal([
      '<presence to="room@conference.x/focus"><a xmlns="urn:a" v="2"/><b xmlns="urn:b"/></presence>',
    ]);
    room.setPresenceExtension("a", "urn:a", undefined);
    runtime.advance(0);
    expect(transport.take()[0]).to.not.contain("urn:a");
  });

  it("follows the people there", async () => {
    const { transport, room, events, full } = await joined();
    transport.receive(presence("bob"));
    transport.receive(presence("bob", [], "moderator"));
    transport.receive(presence("alice", [307], "none", "type='unavailable'"));
    transport.receive(presence("nobody", [], "none", "type='unavailable'"));
    transport.receive(presence("focus", [110], "participant"));
    transport.receive(presence("focus", [110], "participant"));
    transport.receive(
      "<message from='room@conference.x' type='groupchat'><x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>",
    );
    transport.receive(
      "<message from='room@conference.x/bob' type='groupchat'><body>x</body></message>",
    );
    expect(events).to.deep.equal([
      "occupantJoined bob",
      "presenceChanged bob",
      "occupantLeft alice",
      "selfChanged",
      "configChanged",
      "message",
    ]);
    const left = full.find((event) => event.kind === "occupantLeft");
    expect(left?.kind === "occupantLeft" && left.departure.removed).to.equal(true);
    expect([...room.occupants.keys()]).to.deep.equal(["bob"]);
  });

  for (const { name, stanza, event } of [
    {
      name: "kicked",
      stanza: presence("focus", [110, 307], "none", "type='unavailable'"),
      event: "removed",
    },
    {
      name: "destroyed",
      stanza: presence(
        "focus",
        [110],
        "none",
        "type='unavailable'",
        "<destroy jid='other@conference.x'><reason>why</reason></destroy>",
      ),
      event: "destroyed",
    },
    { name: "unknown to the room", stanza: error("item-not-found"), event: "removed" },
  ]) {
    it(`is out when ${name}, and stays out`, async () => {
      const { runtime, transport, room, events } = await joined();
      transport.receive(stanza);
      expect(events).to.deep.equal([event]);
      expect(room.joined).to.equal(false);
      expect(room.occupants.size).to.equal(0);
      transport.end();
      await runtime.advanceAsync(0);
      transport.online();
      await runtime.advanceAsync(60_000);
      expect(transport.take().filter((text) => text.startsWith("<presence"))).to.deep.equal([]);
    });
  }

  it("leaves in order", async () => {
    const { transport, room, events } = await joined();
    const left = room.leave("bye");
    expect(transport.take()).to.deep.equal([
      '<presence to="room@conference.x/focus" type="unavailable"><status>bye</status></presence>',
    ]);
    transport.receive(presence("focus", [110], "none", "type='unavailable'"));
    await left;
    transport.receive(presence("bob"));
    expect(events).to.deep.equal([]);
    expect(room.occupants.size).to.equal(0);
  });

  it("does not stay in a room that lets it in after it gave up", async () => {
    const { room, transport, runtime } = setUp();
    const join = room.join();
    transport.take();
    await room.leave();
    expect((await join).kind).to.equal("disconnected");
    expect(transport.take().join()).to.contain('type="unavailable"');
    const late = room.join({ timeoutMs: 100 });
    transport.take();
    runtime.advance(100);
    expect((await late).kind).to.equal("timeout");
    expect(transport.take().join()).to.contain('type="unavailable"');
    transport.receive(presence("focus", [110], "moderator"));
    expect(room.joined).to.equal(false);
  });

  it("comes back with the next session when a stopping service removed it, not when somebody did", async () => {
    for (const [code, back] of [
      [333, true],
      [332, true],
      [307, false],
    ] as const) {
      const { transport, runtime, room, events } = await joined();
      transport.receive(presence("focus", [110, code], "none", "type='unavailable'"));
      expect(events).to.deep.equal(["removed"]);
      transport.end("connection closed");
      runtime.advance(2000);
      transport.online();
      const sent = transport.take().join();
      expect(sent.includes("room@conference.x/focus"), `${code}`).to.equal(back);
      transport.receive(presence("focus", [110], "moderator"));
      expect(room.joined).to.equal(back);
    }
  });

  it("leaves a room that does not answer", async () => {
    const { runtime, room } = await joined();
    const left = room.leave();
    runtime.advance(5000);
    await left;
    expect(room.joined).to.equal(false);
  });

  it("does nothing when the session is resumed", async () => {
    const { runtime, transport, room, events } = await joined();
    transport.resumable = true;
    transport.end();
    await runtime.advanceAsync(0);
    transport.online(true);
    expect(room.joined).to.equal(true);
    expect(transport.take()).to.deep.equal([]);
    expect(events).to.deep.equal([]);
  });

  it("joins again after a fresh session, until it succeeds", async () => {
    const { runtime, transport, room, events } = await joined();
    room.setPresenceExtension("a", "urn:a", xml("a", { xmlns: "urn:a" }));
    transport.end();
    await runtime.advanceAsync(0);
    transport.online();
    expect(events).to.deep.equal(["lost"]);
    expect(transport.take()[0]).to.contain("urn:a");
    transport.receive(error("conflict"));
    await runtime.advanceAsync(2000);
    expect(transport.take().filter((text) => text.startsWith("<presence"))).to.have.length(1);
    transport.receive(presence("focus", [110]));
    await runtime.advanceAsync(0);
    expect(events).to.deep.equal(["lost", "rejoinFailed", "joined again"]);
  });

  it("joins in the new session when the owner asks before the room has noticed", async () => {
    const { runtime, transport, connection, room } = setUp();
    const results: string[] = [];
    connection.onState(({ state }) => {
      if (state === "online") void room.join().then(({ kind }) => results.push(kind));
    });
    const first = room.join();
    transport.end();
    await runtime.advanceAsync(0);
    transport.take();
    transport.online();
    expect((await first).kind).to.equal("disconnected");
    expect(transport.take()).to.have.length(1);
    transport.receive(presence("focus", [110]));
    await runtime.advanceAsync(0);
    expect(results).to.deep.equal(["joined"]);
    transport.end();
    await runtime.advanceAsync(2000);
    transport.online();
    expect(transport.take()).to.have.length(1);
    transport.receive(presence("focus", [110]));
    await runtime.advanceAsync(0);
    expect(results).to.deep.equal(["joined", "joined"]);
    expect(room.joined).to.equal(true);
  });

  it("says nothing to the room when it is left after a fresh login, before the loss was noticed", async () => {
    const { runtime, transport, room, connection, full } = await joined();
    transport.take();
    // As one that hears of the connection before the room does.
    const before = full.length;
    Object.defineProperty(connection, "sessions", { value: connection.sessions + 1 });
    const left = room.leave();
    await runtime.advanceAsync(0);
    await left;
    expect(transport.take().filter((text) => text.startsWith("<presence"))).to.deep.equal([]);
    expect(full.length).to.equal(before);
  });

  it("does not join again when told to leave on loss", async () => {
    const all = await joined();
    const { runtime, transport, room, full } = all;
    const join = full.push.bind(full);
    full.push = (event: MucEvent) => {
      if (event.kind === "lost") void room.leave();
      return join(event);
    };
    transport.end();
    await runtime.advanceAsync(0);
    transport.online();
    await runtime.advanceAsync(60_000);
    expect(transport.take().filter((text) => text.startsWith("<presence"))).to.deep.equal([]);
  });

  it("administers", async () => {
    const { transport, room } = await joined();
    const bare = parseBareJid("alice@x");
    if (bare === undefined) throw new Error("not a JID");
    const answer = (inner = "") => {
      const iq = transport.sent.splice(0)[0];
      transport.receive(
        `<iq type='result' id='${attr(iq ?? xml("x"), "id")}' from='room@conference.x'>${inner}</iq>`,
      );
    };
    const config = room.readConfig();
    answer(
      "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='form'><field var='muc#roominfo_meetingId'><value>m</value></field></x></query>",
    );
    const fields = await config;
    expect(fields instanceof Map && fields.get("muc#roominfo_meetingId")).to.deep.equal(["m"]);
    const write = room.writeConfig({ "muc#roomconfig_whois": "anyone" });
    const submitted = transport.sent[0];
    expect(submitted?.toString())
      .to.contain("muc#roomconfig_whois")
      .and.contain("muc#roomconfig</value>");
    answer();
    expect(await write).to.equal(undefined);
    const grant = room.setAffiliation(bare, "owner");
    expect(transport.sent[0]?.toString()).to.contain('affiliation="owner" jid="alice@x"');
    answer();
    expect(await grant).to.equal(undefined);
    const kick = room.kick("alice", "why");
    expect(transport.sent[0]?.toString()).to.contain('nick="alice" role="none"');
    answer();
    expect(await kick).to.equal(undefined);
  });

  it("keeps its map equal to what the events say, whatever comes", async () => {
    const { runtime, transport, room, full } = await joined();
    full.length = 0;
    const { random } = runtime;
    const seen = new Set(["alice"]);
    for (let step = 0; step < 3000; step++) {
      const nick = `n${random.int(5)}`;
      switch (random.int(8)) {
        case 0:
        case 1:
        case 2:
          transport.receive(presence(nick));
          break;
        case 3:
        case 4:
          transport.receive(presence(nick, [], "none", "type='unavailable'"));
          break;
        case 5:
          transport.end();
          await runtime.advanceAsync(2000);
          transport.online();
          break;
        case 6:
          transport.receive(presence("focus", [110]));
          break;
        default:
          transport.receive(random.int(2) === 0 ? error("item-not-found") : error("not-allowed"));
          await runtime.advanceAsync(40_000);
          if (!room.joined) void room.join();
      }
      for (const event of full.splice(0)) {
        if (event.kind === "occupantJoined") {
          expect(seen.has(event.occupant.nick)).to.equal(false);
          seen.add(event.occupant.nick);
        } else if (event.kind === "occupantLeft") {
          expect(seen.delete(event.occupant.nick)).to.equal(true);
        } else if (event.kind === "lost" || event.kind === "removed" || event.kind === "joined") {
          if (event.kind !== "joined") seen.clear();
        }
      }
      if (room.joined) expect([...room.occupants.keys()].sort()).to.deep.equal([...seen].sort());
      else expect(seen.size).to.equal(0);
    }
  });
});
