/** Stanzas that come twice, in another order, or when nobody waits for them any more. */
import { expect } from "chai";
import { iqResult } from "#shared/stanza/iq";
import { buildJingle, emptyJingle } from "#shared/stanza/jingle";
import { NS } from "#shared/xmpp/namespaces";
import { childOf, type Element, xml } from "#shared/xmpp/xml";
import { SecureWorld } from "./authentication-world.ts";
import { audio, type FakeClient, simulcast } from "./fake-client.ts";
import { jid } from "./fake-xmpp.ts";
import { roomJid, World } from "./world.ts";

async function callOfTwo() {
  const world = new World();
  const bridge = world.bridge("jvb1");
  await world.request();
  const [ada, bob] = await world.joinAll("ada", "bob");
  if (ada === undefined || bob === undefined) throw new Error("both joined");
  return { world, bridge, ada, bob };
}

/** What the focus knows of a participant's session. */
function sessionOf(world: World, client: FakeClient): unknown {
  const debug = world.focus.debugState(roomJid, true) as {
    readonly participants: Readonly<Record<string, { readonly jingle_session: unknown }>>;
  };
  return debug.participants[client.nick]?.jingle_session;
}

describe("R17: stanzas that come twice", () => {
  it("R17: an acceptance changes nothing the second time", async () => {
    const { world, bridge, ada, bob } = await callOfTwo();
    const known = [...bob.known];
    const before = bob.received.length;
    expect(await ada.accept()).to.equal("result");
    expect(await ada.accept()).to.equal("result");
    await world.pass(2_000);
    expect([...bob.known]).to.deep.equal(known);
    expect(bob.received.length).to.equal(before);
    expect(bridge.requests.at(-1)?.toString(), "sources are not touched").not.to.include("sources");
    expect(await ada.sourceAdd(audio("ada", 7_000, 1)), "the session lives").to.equal("result");
  });

  it("R17: an acceptance that comes again with more adds what is new", async () => {
    const { world, ada, bob } = await callOfTwo();
    ada.sources = [...ada.sources, audio("ada", 7_100, 1)];
    expect(await ada.accept()).to.equal("result");
    await world.pass(100);
    expect(bob.known.has(7_100)).to.equal(true);
  });

  it("R17: additions and removals are refused the second time, and count once", async () => {
    const { world, ada, bob } = await callOfTwo();
    const extra = simulcast("ada", 7_200, 1);
    expect(await ada.sourceAdd(extra)).to.equal("result");
    expect(await ada.sourceAdd(extra)).to.match(/^bad-request: SSRC is already used/);
    await world.pass(1_000);
    expect(bob.actions.filter((action) => action === "source-add")).to.have.length(2);
    expect(await ada.sourceRemove(extra)).to.equal("result");
    expect(await ada.sourceRemove(extra)).to.match(/^bad-request: Source does not exist/);
    await world.pass(1_000);
    expect(bob.actions.filter((action) => action === "source-remove")).to.have.length(1);
    expect(bob.known.has(7_200)).to.equal(false);
  });

  it("R17: a restart invites once, and the old session stays over", async () => {
    const { world, ada } = await callOfTwo();
    const stanza = {
      ...emptyJingle("session-terminate", ada.sid),
      bridgeSession: {
        id: ada.bridgeSession,
        region: undefined,
        restart: true,
        iceRestart: false,
      },
    };
    expect(await ada.send(stanza)).to.equal("result");
    expect(await ada.send(stanza)).to.match(/^(gone|item-not-found)/);
    await world.pass(100);
    expect(ada.invitations).to.equal(2);
    expect(await ada.send(stanza), "when the new one is there").to.match(/^item-not-found/);
    expect(JSON.stringify(sessionOf(world, ada))).to.include('"ACTIVE"');
  });

  it("R17: presence repeats and departures come twice", async () => {
    const { world, ada, bob } = await callOfTwo();
    for (let i = 0; i < 20; i++) ada.show([]);
    await world.pass(100);
    expect([ada.invitations, bob.invitations]).to.deep.equal([1, 1]);
    bob.leave();
    bob.leave();
    await world.pass(100);
    expect(world.log.messages().filter((line) => line === "Member left")).to.have.length(1);
  });

  it("R17: what bridges say of themselves twice moves nobody twice", async () => {
    const { world, bridge, ada } = await callOfTwo();
    world.bridge("jvb2", { stress: 0.5 });
    for (let i = 0; i < 5; i++) world.report(bridge, { gracefulShutdown: true });
    await world.pass(100);
    expect(ada.invitations).to.equal(2);
    world.lose(bridge);
    world.lose(bridge);
    await world.pass(100);
    expect(ada.invitations).to.equal(2);
  });
});

describe("R17: stanzas in another order", () => {
  it("R17: a removal before the addition is refused, and the addition counts", async () => {
    const { ada, bob, world } = await callOfTwo();
    expect(await ada.sourceRemove(audio("ada", 7_300, 1))).to.match(/^bad-request/);
    expect(await ada.sourceAdd(audio("ada", 7_300, 1))).to.equal("result");
    await world.pass(100);
    expect(bob.known.has(7_300)).to.equal(true);
  });

  it("R17: sources and transports before the acceptance are taken and kept", async () => {
    const { world, ada } = await callOfTwo();
    const cyd = world.client("cyd");
    cyd.accepts = false;
    cyd.join();
    await world.pass(50);
    expect(await cyd.sourceAdd(audio("cyd", 7_400, 1))).to.equal("result");
    expect(await cyd.accept()).to.equal("result");
    await world.pass(1_000);
    for (const ssrc of [7_400, ...cyd.ssrcs.slice(0, 2)]) {
      expect(ada.known.has(ssrc), `${ssrc}`).to.equal(true);
    }
  });

  it("R17: an acceptance of a session that was replaced meanwhile is gone, the new one is not", async () => {
    const { world, ada } = await callOfTwo();
    const { sid } = ada;
    world.focus.moveEndpoint(roomJid, "ada", undefined);
    await world.pass(100);
    const late = buildJingle({ ...emptyJingle("session-accept", sid), contents: [...ada.sources] });
    expect(await ada.sendElement(late)).to.match(/^gone/);
    expect(await ada.send(emptyJingle("source-remove", sid))).to.match(/^item-not-found/);
    expect(JSON.stringify(sessionOf(world, ada))).to.include('"ACTIVE"');
    expect(await ada.sourceAdd(audio("ada", 7_500, 1))).to.equal("result");
  });
});

describe("R17: answers that come late", () => {
  it("R17: of a bridge, for somebody who left or is somewhere else by then", async () => {
    const world = new World();
    const slow = world.bridge("jvb1", { stress: 0 });
    const peer = slow.peer;
    world.connection.peers.set(slow.jid, async (iq) => {
      await new Promise<void>((resolve) => void world.runtime.timers.after(14_000, resolve));
      return peer(iq);
    });
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    bob?.leave();
    await world.pass(5_000);
    const other = world.bridge("jvb2", { stress: 0.1 });
    world.lose(slow);
    await world.pass(100);
    expect(other.endpoints).to.deep.equal(["ada"]);
    await world.pass(30_000);
    expect(ada?.invitations).to.equal(1);
    expect(bob?.invitations).to.equal(0);
  });

  it("R17: of a bridge, after the deadline", async () => {
    const world = new World();
    const slow = world.bridge("jvb1", { stress: 0 });
    const other = world.bridge("jvb2", { stress: 0.5 });
    const peer = slow.peer;
    world.connection.peers.set(slow.jid, async (iq) => {
      await new Promise<void>((resolve) => void world.runtime.timers.after(20_000, resolve));
      return peer(iq);
    });
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    await world.pass(60_000);
    expect(ada?.invitations).to.equal(1);
    expect(other.endpoints).to.deep.equal(["ada", "bob"]);
    expect(world.connection.late).to.be.greaterThan(0);
    world.connection.peers.set(slow.jid, peer);
  });

  it("R17: of a client that refuses an invitation which was replaced since", async () => {
    const { world, ada } = await callOfTwo();
    const cyd = world.client("cyd");
    cyd.join();
    const answers: Element[] = [];
    const usual = world.connection.peers.get(cyd.occupantJid);
    world.connection.peers.set(cyd.occupantJid, async (iq) => {
      if (answers.push(iq) > 1) return usual?.(iq);
      await new Promise<void>((resolve) => void world.runtime.timers.after(3_000, resolve));
      const refused = xml(
        "error",
        { type: "cancel" },
        xml("not-acceptable", { xmlns: NS.stanzas }),
      );
      return xml("iq", { type: "error", from: iq.attrs["to"] }, refused);
    });
    await world.pass(50);
    world.focus.moveEndpoint(roomJid, "cyd", undefined);
    await world.pass(10_000);
    expect(JSON.stringify(sessionOf(world, cyd))).to.include('"ACTIVE"');
    expect(cyd.invitations).to.equal(1);
    expect(ada.known.has(cyd.ssrcs[0] ?? 0)).to.equal(true);
  });

  it("R17: about what a member can do, when another has its nick", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada");
    world.discoveryMs = 5_000;
    const bob = world.client("bob");
    bob.join();
    await world.pass(10);
    bob.leave();
    await world.pass(10);
    world.discoveryMs = 1;
    bob.join();
    await world.pass(100);
    expect([ada?.invitations, bob.invitations]).to.deep.equal([1, 1]);
    await world.pass(10_000);
    expect([ada?.invitations, bob.invitations]).to.deep.equal([1, 1]);
  });

  it("R17: a late answer to an update does not touch a bridge that serves again", async () => {
    const { world, bridge, ada } = await callOfTwo();
    const { peer } = bridge;
    let held: (() => void) | undefined;
    world.connection.peers.set(bridge.jid, async (iq) => {
      const modify = childOf(iq, "conference-modify", NS.colibri2);
      if (held === undefined && modify?.toString().includes("sources")) {
        await new Promise<void>((resolve) => {
          held = resolve;
        });
        return iqResult(iq, xml("nonsense", { xmlns: "urn:example" }));
      }
      return peer(iq);
    });
    await ada.sourceAdd(audio("ada", 7_600, 1));
    await world.pass(1_000);
    world.focus.moveEndpoints(bridge.jid, undefined, 2);
    await world.pass(1_000);
    expect(ada.invitations).to.equal(2);
    held?.();
    await world.pass(5_000);
    expect(ada.invitations, "the session it was about is over").to.equal(2);
  });

  it("R17: answers that come too late are counted, each once", async () => {
    const world = new SecureWorld();
    const { connection } = world;
    const bridge = jid("room@conference.example.com/jvb1");
    connection.peers.set(bridge, async (iq) => {
      await new Promise<void>((resolve) => void world.runtime.timers.after(1_500, resolve));
      return iqResult(iq);
    });
    const ask = (timeoutMs: number) =>
      connection.request(xml("iq", { type: "get", to: bridge }, xml("ping")), timeoutMs);
    const replies = [ask(1_000), ask(2_000)];
    await world.pass(3_000);
    expect((await Promise.all(replies)).map(({ kind }) => kind)).to.deep.equal([
      "timeout",
      "result",
    ]);
    const counted = world.jicofo.metrics.registry.json()["xmpp_late_replies_total"];
    expect(counted).to.equal(1);
  });
});
