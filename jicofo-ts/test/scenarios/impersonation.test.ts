/** Somebody claims to be another, or that what another sends is its own. */
import { expect } from "chai";
import { buildJingle, emptyJingle } from "#shared/stanza/jingle";
import type { BareJid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, xml } from "#shared/xmpp/xml";
import { BridgeBrewery } from "../../src/brewery/bridge-brewery.ts";
import { createMetrics } from "../../src/entry/metrics.ts";
import { FakeBridge } from "./fake-bridge.ts";
import { audio, type FakeClient, simulcast, source, sourceContent } from "./fake-client.ts";
import { FakeRoom, occupant } from "./fake-xmpp.ts";
import { roomJid, World } from "./world.ts";

const other = "two@conference.example.com";

async function twoRooms() {
  const world = new World();
  const bridge = world.bridge("jvb1");
  await world.request();
  await world.request({}, other);
  const [ada, bob] = await world.joinAll("ada", "bob");
  const eve = world.client("eve", other);
  const fay = world.client("fay", other);
  for (const client of [eve, fay]) client.join();
  await world.pass(50);
  if (ada === undefined || bob === undefined) throw new Error("all joined");
  return { world, bridge, ada, bob, eve, fay };
}

/** What the log warns of: who, and how often it was said of it. */
function warned(world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { level, message, context } of world.log.lines) {
    if (level !== "warn" || !message.startsWith("Refused")) continue;
    const { room, participant } = context;
    const who = room === undefined ? "elsewhere" : `${room} ${participant}`;
    counts[who] = (counts[who] ?? 0) + 1;
  }
  return counts;
}

/** What `/metrics` shows of that counter after all that the world counted. */
function metric(world: World, name: string): string | undefined {
  const metrics = createMetrics(world.runtime.clock, "test");
  for (const [counted, by] of world.counts) metrics.count(counted, by);
  const shown = metrics.registry.prometheus();
  return new RegExp(`^jitsi_jicofo_${name}_total (\\d+)`, "m").exec(shown)?.[1];
}

describe("A4: forged senders", () => {
  it("A4: no address but its own can use a session, whatever it knows of it", async () => {
    const { world, ada, bob, eve } = await twoRooms();
    const attempts = [
      ["another member", bob.occupantJid],
      ["a member of another room", eve.occupantJid],
      ["the same nick in another room", `${other}/ada`],
      ["a nick that nobody has", `${roomJid}/nobody`],
      ["the room itself", roomJid],
      ["the focus' own nick", `${roomJid}/focus`],
      ["the real address of the owner", ada.realJid],
      ["a bridge", "jvbbrewery@internal.example.com/jvb1"],
    ] as const;
    const bridgeSession = {
      id: ada.bridgeSession,
      region: undefined,
      restart: true,
      iceRestart: false,
    };
    const stanzas = [
      { ...emptyJingle("session-terminate", ada.sid), bridgeSession },
      { ...emptyJingle("source-add", ada.sid), contents: [audio("ada", 800_000, 1)] },
      { ...emptyJingle("source-remove", ada.sid), contents: [audio("ada", ada.ssrcs[0] ?? 0)] },
      { ...emptyJingle("session-accept", ada.sid), contents: [audio("ada", 800_001, 1)] },
      { ...emptyJingle("session-info", ada.sid), bridgeSession, iceState: "failed" },
    ];
    const known = [...bob.known];
    await world.pass(30_000);
    for (const [who, from] of attempts) {
      for (const stanza of stanzas) {
        const answer = await world.connection.deliver(from, buildJingle(stanza));
        const error = answer && childOf(answer, "error");
        expect(attr(answer ?? xml("none"), "type"), `${who}: ${stanza.action}`).to.equal("error");
        expect(error && childOf(error, "bad-request", NS.stanzas), who).not.to.equal(undefined);
      }
    }
    await world.pass(1_000);
    expect(ada.invitations).to.equal(1);
    expect([...bob.known]).to.deep.equal(known);
    expect(await ada.sourceAdd(audio("ada", 800_002, 1)), "hers goes on").to.equal("result");
    expect(warned(world), "one line for each").to.deep.equal({
      [`${roomJid} bob`]: 1,
      [`${roomJid} nobody`]: 1,
      [`${roomJid} ${roomJid}`]: 1,
      [`${roomJid} focus`]: 1,
      [`${other} eve`]: 1,
      [`${other} ada`]: 1,
      elsewhere: 2,
    });
    expect(metric(world, "jingle_requests_refused")).to.equal("40");
  });

  it("A4: who goes on for minutes is named once a minute, and a stale page not at all", async () => {
    const { world, ada, bob, eve } = await twoRooms();
    const accept = { ...emptyJingle("session-accept", "of-before"), contents: [audio("bob", 1)] };
    await world.connection.deliver(bob.occupantJid, buildJingle(accept));
    expect(warned(world), "it outlived the focus before").to.deep.equal({});
    await world.pass(30_000);
    const stolen = { ...emptyJingle("source-add", ada.sid), contents: [audio("ada", 800_000, 1)] };
    for (let tries = 0; tries < 150; tries++) {
      for (const from of [bob.occupantJid, eve.occupantJid])
        await world.connection.deliver(from, buildJingle(stolen));
      await world.pass(1_000);
    }
    expect(warned(world)).to.deep.equal({ [`${roomJid} bob`]: 3, [`${other} eve`]: 3 });
    expect(metric(world, "jingle_requests_refused")).to.equal("301");
  });

  it("A4: nobody mutes in the name of a moderator, or across rooms [J-143, J-144]", async () => {
    const { world, ada, bob, eve, fay } = await twoRooms();
    const mute = (target: FakeClient) =>
      xml("mute", { xmlns: NS.muteAudio, jid: target.occupantJid, actor: ada.occupantJid }, "true");
    for (const [from, target] of [
      [bob.occupantJid, ada],
      [eve.occupantJid, bob],
      [`${roomJid}/nobody`, bob],
      [roomJid, bob],
      [ada.realJid, bob],
      [ada.occupantJid, fay],
    ] as const) {
      const answer = await world.connection.deliver(from, mute(target));
      expect(attr(answer ?? xml("none"), "type"), from).to.equal("error");
    }
    await world.pass(100);
    expect([ada, bob, eve, fay].flatMap(({ mutes }) => mutes)).to.deep.equal([]);
    expect(await ada.mute(bob)).to.equal("result");
    await world.pass(100);
    expect(bob.mutes, "the actor is who sent it").to.deep.equal([
      `${NS.muteAudio} by ${ada.occupantJid}`,
    ]);
    expect(warned(world)).to.include({ [`${roomJid} bob`]: 1, [`${other} eve`]: 1 });
    expect(metric(world, "mute_requests_refused")).to.equal("6");
  });

  it("A4: an owner written into a source is not believed", async () => {
    const { world, bridge, ada, bob } = await twoRooms();
    const forged = { ...source(810_000, "ada-a1", "ada m"), owner: "bob" };
    expect(await ada.sourceAdd(sourceContent("audio", [forged]))).to.equal("result");
    await world.pass(50);
    const told = bob.received.at(-1)?.compactSources;
    expect([...(told?.keys() ?? [])]).to.deep.equal(["ada"]);
    expect(bridge.requests.at(-1)?.toString()).to.include('id="ada"').and.not.include('id="bob');
  });
});

describe("A10: sources that belong to another", () => {
  it("A10: none of them is accepted, and nobody hears of them [J-084, J-092]", async () => {
    const { world, bridge, ada, bob } = await twoRooms();
    const [audioOfBob = 0, videoOfBob = 0] = [bob.ssrcs[0], bob.ssrcs[1]];
    const feedback = [...ada.known].find((ssrc) => ssrc < 100_000) ?? 0;
    const video = (ssrcs: readonly number[], msid = "ada-v1 m") =>
      ssrcs.map((ssrc) => source(ssrc, "ada-v1", msid));
    const sim = (ssrcs: readonly number[]) => [{ semantics: "SIM" as const, ssrcs }];
    const claims = [
      ["an SSRC of another", audio("ada", audioOfBob, 1), /SSRC is already used/],
      ["the bridge's own SSRC", audio("ada", feedback, 1), /SSRC is already used/],
      [
        "the msid of another",
        sourceContent("audio", [source(820_000, "ada-a1", "bob-a0 track")]),
        /MSID is already used/,
      ],
      [
        "the msid of the bridge",
        sourceContent("audio", [source(820_000, "ada-a1", "mixedmslabel mixedlabelaudio0")]),
        /MSID is already used/,
      ],
      [
        "the name of another's source",
        sourceContent("audio", [source(820_000, "bob-a0", "ada m")]),
        /Source name belongs to another/,
      ],
      [
        "a name another may use next",
        sourceContent("video", [source(820_000, "bob-v1", "ada m")]),
        /Source name belongs to another/,
      ],
      [
        "the name of the bridge's source",
        sourceContent("video", [source(820_000, "jvb-v0", "ada m")]),
        /Source name belongs to another/,
      ],
      [
        "a group with another's SSRC",
        sourceContent("video", video([820_000]), sim([820_000, videoOfBob])),
        /SSRC group contains/,
      ],
      [
        "another's group",
        sourceContent("video", [], sim([videoOfBob, videoOfBob + 1, videoOfBob + 2])),
        /SSRC group contains/,
      ],
      [
        "groups that contradict each other",
        sourceContent(
          "video",
          [...video([820_000, 820_001]), ...video([820_002], "ada-v2 m")],
          [
            { semantics: "FID", ssrcs: [820_000, 820_001] },
            { semantics: "FID", ssrcs: [820_000, 820_002] },
          ],
        ),
        /different MSIDs/,
      ],
      [
        "a retransmission group of three",
        sourceContent("video", video([820_000, 820_001, 820_002]), [
          { semantics: "FID", ssrcs: [820_000, 820_001, 820_002] },
        ]),
        /Invalid FID group/,
      ],
      [
        "21 sources",
        sourceContent(
          "audio",
          Array.from({ length: 21 }, (_, i) => source(820_000 + i, `ada-a${i + 1}`, `ada ${i}`)),
        ),
        /SSRC limit \(20\) exceeded/,
      ],
    ] as const;
    const before = [bob.received.length, bridge.requests.length, ada.received.length];
    for (const [name, claim, why] of claims) {
      expect(await ada.sourceAdd(claim), name)
        .to.match(/^bad-request: /)
        .and.match(why);
    }
    expect(await ada.sourceRemove(audio("bob", audioOfBob))).to.match(/not owned by endpoint ada/);
    await world.pass(1_000);
    expect([bob.received.length, bridge.requests.length, ada.received.length]).to.deep.equal(
      before,
    );
    expect(warned(world)).to.deep.equal({ [`${roomJid} ada`]: 1 });
    expect(metric(world, "jingle_requests_refused")).to.equal(String(claims.length + 1));
  });

  it("A10: somebody who joins with another's sources is out, the other is not", async () => {
    const { world, ada, bob } = await twoRooms();
    const mallory = world.client("mallory");
    mallory.sources = [simulcast("bob", bob.ssrcs[1] ?? 0)];
    mallory.accepts = false;
    mallory.join();
    await world.pass(50);
    expect(await mallory.accept()).to.match(/^bad-request/);
    expect(await mallory.sourceAdd(audio("mallory", 830_000))).to.match(/^gone/);
    await world.pass(1_000);
    expect(ada.known.has(bob.ssrcs[1] ?? 0)).to.equal(true);
    expect(bob.invitations).to.equal(1);
    expect([...ada.known].some((ssrc) => mallory.ssrcs[6] === ssrc)).to.equal(false);
  });

  it("A10: the same SSRC in another room is nobody's business", async () => {
    const { world, ada, eve } = await twoRooms();
    eve.sources = [...eve.sources, audio("eve", ada.ssrcs[0] ?? 0, 1)];
    expect(await eve.sourceAdd(audio("eve", ada.ssrcs[0] ?? 0, 1))).to.equal("result");
    await world.pass(50);
    expect(eve.invitations).to.equal(1);
  });
});

describe("A7: strangers in the brewery", () => {
  const brewery = "jvbbrewery@internal.example.com";

  function setUp(trustedDomains: readonly string[], trustHidden = false) {
    const world = new World();
    const events: string[] = [];
    const room = new FakeRoom(brewery as BareJid, "focus", (event) => bridges.handle(event));
    const bridges: BridgeBrewery = new BridgeBrewery({
      room,
      service: world.connection,
      registry: world.registry,
      checks: {
        enabled: false,
        interval: 10_000,
        retryDelay: 5_000,
        usePresence: false,
        presenceTimeout: 45_000,
      },
      liveness: { enabled: false, interval: 500, timeout: 3_000 },
      trustedDomains,
      trustHidden,
      replyTimeout: 15_000,
      keepMissing: false,
      runtime: world.runtime,
      log: world.log,
      onEvent: (event) => {
        events.push(event.kind);
        world.focus.handleBridge(event);
      },
    });
    bridges.handleSession(false);
    return { world, room, events };
  }

  const stats = (stress: string) =>
    xml(
      "presence",
      {},
      xml(
        "stats",
        { xmlns: NS.colibri },
        xml("stat", { name: "stress_level", value: stress }),
        xml("stat", { name: "drain", value: "false" }),
      ),
    );
  const offer = (nick: string, real: string, stress = "0.0") =>
    occupant(brewery, nick, real, stats(stress));

  it("A7: no call goes to who is not of a trusted domain, however much it offers", async () => {
    const { world, room, events } = setUp(["auth.example.com"]);
    room.put(offer("jvb9", "x1y2z3@guest.example.com/a"));
    room.put(offer("jvb8", "mallory@example.com/a"));
    room.put(offer("jvb7", "jvb@auth.example.com.evil.example/a"));
    room.put(offer("jvb1", "jvb@auth.example.com/b", "0.5"));
    for (let i = 0; i < 500; i++) room.put(offer("jvb9", "x1y2z3@guest.example.com/a"));
    const real = new FakeBridge(world.runtime, "jvb1");
    world.connection.peers.set(real.jid, real.peer);
    await world.request();
    await world.joinAll("ada", "bob");
    expect(real.endpoints).to.deep.equal(["ada", "bob"]);
    expect(events).to.deep.equal(["added"]);
    const asked = world.connection.sent.map((iq) => attr(iq, "to") ?? "");
    expect(asked.filter((to) => to.startsWith(brewery) && to !== real.jid)).to.deep.equal([]);
    expect(world.log.messages("warn"), "each named once").to.have.length(3);
  });

  it("A7: who takes the place of a bridge that left is looked at afresh", async () => {
    const { world, room, events } = setUp(["auth.example.com"]);
    room.put(offer("jvb1", "jvb@auth.example.com/b"));
    room.take("jvb1");
    await world.pass(1_000);
    room.put(offer("jvb1", "mallory@example.com/a"));
    await world.pass(1_000);
    expect(events).to.deep.equal(["added", "removed"]);
    expect(world.registry.bridges(world.runtime.clock.now())).to.deep.equal([]);
  });

  it("A7: a domain that the operator names is trusted", () => {
    const { room, events } = setUp(["auth.example.com", "bridges.example.net"]);
    room.put(offer("jvb1", "jvb@bridges.example.net/b"));
    expect(events).to.deep.equal(["added"]);
  });

  it("A7: nobody whom the room hides is trusted, and one line says what to do about it", async () => {
    const { world, room, events } = setUp(["auth.example.com"]);
    for (let at = 0; at < 50; at++)
      room.put({ ...offer(`jvb${at % 5}`, "x@example.com/a"), realJid: undefined });
    await world.pass(1_000);
    expect(events).to.deep.equal([]);
    expect(world.log.messages("warn")).to.have.length(1);
    expect(world.log.messages("warn")[0])
      .to.include("muc_room_default_public_jids")
      .and.include("jicofo.ts.bridge.trust-hidden");
    room.put(offer("jvb1", "jvb@auth.example.com/b"));
    expect(events, "whom it shows after all").to.deep.equal(["added"]);
  });

  it("A7: one whom the room hides is trusted where the operator says so, a stranger is not", () => {
    const { room, events } = setUp(["auth.example.com"], true);
    room.put({ ...offer("jvb1", "x@example.com/a"), realJid: undefined });
    room.put(offer("jvb2", "mallory@example.com/a"));
    expect(events).to.deep.equal(["added"]);
  });
});
