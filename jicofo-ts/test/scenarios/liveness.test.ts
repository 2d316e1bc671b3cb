import { expect } from "chai";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf } from "#shared/xmpp/xml";
import { BridgePings } from "../../src/brewery/bridge-pings.ts";
import type { LivenessSettings } from "../../src/bridge/liveness.ts";
import type { FakeBridge } from "./fake-bridge.ts";
import type { FakeClient } from "./fake-client.ts";
import { roomJid, World } from "./world.ts";

const probes: BridgePings[] = [];

/** Probes the bridges of a world as the brewery does. */
function probe(
  world: World,
  bridges: readonly FakeBridge[],
  over: Partial<LivenessSettings> = {},
): { readonly pings: BridgePings; readonly events: string[]; readonly faults: boolean[] } {
  const events: string[] = [];
  const faults: boolean[] = [];
  const pings = new BridgePings({
    settings: { enabled: true, interval: 500, timeout: 3000, ...over },
    connection: world.connection,
    runtime: world.runtime,
    onChange: ({ bridge, state }) => {
      const now = world.runtime.clock.now();
      for (const event of world.registry.handleLiveness(bridge, state, now)) {
        events.push(event.kind);
        world.focus.handleBridge(event);
      }
    },
    onOwnFault: (fault) => faults.push(fault),
  });
  for (const { jid } of bridges) pings.add(jid);
  probes.push(pings);
  return { pings, events, faults };
}

interface Call {
  readonly world: World;
  readonly first: FakeBridge;
  readonly second: FakeBridge;
  readonly clients: readonly FakeClient[];
  readonly events: string[];
  readonly faults: boolean[];
}

/** Three people on the first of two bridges. */
async function callOfThree(over: Partial<LivenessSettings> = {}): Promise<Call> {
  const world = new World();
  const first = world.bridge("jvb1", { stress: 0 });
  const second = world.bridge("jvb2", { stress: 0.5 });
  const { events, faults } = probe(world, [first, second], over);
  await world.request();
  const clients = await world.joinAll("ada", "bob", "cyd");
  await world.pass(10_000);
  expect(first.endpoints).to.have.length(3);
  return { world, first, second, clients, events, faults };
}

const everybody = ["ada", "bob", "cyd"];

describe("a bridge falls silent", () => {
  afterEach(() => {
    for (const pings of probes.splice(0)) pings.stop();
  });

  for (const phase of [0, 250, 500, 750, 999])
    it(`R1: everybody is on the other one 3.1 s after a death ${phase} ms after a ping`, async () => {
      const { world, first, second, clients } = await callOfThree();
      await world.pass(phase);
      first.dead = true;
      await world.pass(3100);
      expect(second.endpoints).to.have.members(everybody);
      expect(clients.map(({ invitations }) => invitations)).to.deep.equal([2, 2, 2]);
      expect(world.counts.get("participants_moved")).to.equal(3);
      // The server notices much later; it is old news.
      await world.pass(12_000);
      world.lose(first);
      await world.pass(20_000);
      expect(clients.map(({ invitations }) => invitations)).to.deep.equal([2, 2, 2]);
      expect(world.registry.lost).to.equal(1);
    });

  it("sends each bridge a ping in every interval, and no more", async () => {
    const { world, first, second } = await callOfThree({ interval: 1000 });
    await world.pass(5_000);
    const from = world.connection.sent.length;
    await world.pass(60_000);
    const pinged = world.connection.sent
      .slice(from)
      .filter((iq) => childOf(iq, "ping", NS.ping) !== undefined)
      .map((iq) => attr(iq, "to"));
    for (const { jid } of [first, second])
      expect(pinged.filter((to) => to === jid)).to.have.length(60);
  });

  it("R1: newcomers go elsewhere at once", async () => {
    const { world, first, second } = await callOfThree();
    first.dead = true;
    await world.pass(3400);
    await world.joinAll("dan");
    expect(second.endpoints).to.include("dan");
    await world.pass(20_000);
    expect(world.counts.get("bridges_removed")).to.equal(undefined);
  });

  for (const phase of [0, 250, 500, 750, 999])
    it(`R3: 2 s of standstill ${phase} ms after a ping move nobody`, async () => {
      const { world, first, events, clients } = await callOfThree();
      await world.pass(phase);
      first.freeze(2000);
      await world.pass(30_000);
      expect(events).to.deep.equal([]);
      expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1, 1]);
    });

  it("R3: a minute in which it gets a tenth of the time, with stalls of 2 s, moves nobody", async () => {
    const { world, first, events, clients } = await callOfThree();
    for (let second = 0; second < 60; second++) {
      const stall = second % 7 === 3;
      first.freeze(stall ? 2000 : 900);
      await world.pass(stall ? 2100 : 1000);
    }
    expect(events).to.deep.equal([]);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1, 1]);
  });

  it("R3: 15 s move everybody once; the woken bridge drops what it had and gets nobody new", async () => {
    const { world, first, second, clients } = await callOfThree();
    first.freeze(15_000);
    await world.pass(15_100);
    expect(second.endpoints).to.have.members(everybody);
    expect(first.meetings.size).to.equal(0);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([2, 2, 2]);
    expect(world.registry.get(first.jid, world.runtime.clock.now())?.silent).to.equal(false);
    second.refuse = { condition: "service-unavailable", reason: undefined };
    await world.joinAll("dan");
    await world.pass(20_000);
    // The only other one refused: better the woken one than none.
    expect(first.endpoints).to.have.length(4);
  });

  it("R2: nobody new for 60 s for one that came back, while there is another", async () => {
    const { world, first, second } = await callOfThree();
    first.freeze(10_000);
    await world.pass(11_000);
    await world.joinAll("dan");
    expect(second.endpoints).to.include("dan");
    const select = () =>
      world.registry.select(
        { conferenceBridges: [], region: undefined, pinnedVersion: undefined },
        world.runtime.clock.now(),
      )?.nick;
    expect(select()).to.equal("jvb2");
    await world.pass(61_000);
    expect(select()).to.equal("jvb1");
  });

  it("does nothing when all fall silent: that is our own link", async () => {
    const { world, first, second, events, faults, clients } = await callOfThree();
    first.freeze(12_000);
    second.freeze(12_000);
    await world.pass(30_000);
    expect(events).to.deep.equal([]);
    expect(faults).to.deep.equal([true, false]);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1, 1]);
  });

  it("stays on the only bridge, and leaves it when another one comes", async () => {
    const world = new World();
    const only = world.bridge("jvb1");
    const { pings, events } = probe(world, [only]);
    await world.request();
    const clients = await world.joinAll("ada", "bob");
    only.dead = true;
    await world.pass(20_000);
    expect(events).to.deep.equal([]);
    const second = world.bridge("jvb2");
    pings.add(second.jid);
    await world.pass(4000);
    expect(second.endpoints).to.have.members(["ada", "bob"]);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([2, 2]);
  });

  it("leaves a silent bridge as soon as another can take the conference", async () => {
    const { world, first, second, events, clients } = await callOfThree();
    world.registry.requestFailed(second.jid, world.runtime.clock.now());
    first.dead = true;
    await world.pass(10_000);
    expect(events).to.deep.equal(["silent"]);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1, 1]);
    const third = world.bridge("jvb3");
    await world.pass(100);
    expect(third.endpoints).to.have.members(everybody);
  });

  it("gives a suspect bridge no new conference while its own stay", async () => {
    const { world, first, events } = await callOfThree({ timeout: 20_000 });
    first.freeze(10_000);
    await world.pass(5000);
    expect(events).to.deep.equal(["suspect"]);
    const other = "two@conference.example.com";
    expect(await world.request({}, other)).to.equal(true);
    expect(
      world.registry.select(
        { conferenceBridges: [], region: undefined, pinnedVersion: undefined },
        world.runtime.clock.now(),
      )?.nick,
    ).to.equal("jvb2");
    await world.pass(10_000);
    expect(events).to.deep.equal(["suspect", "recovered"]);
    expect(world.focus.participantCount(roomJid)).to.equal(3);
    expect(first.endpoints).to.have.length(3);
  });

  it("R17: an answer that comes after all clears the bridge and changes nothing else", async () => {
    const { world, first, second, clients, events } = await callOfThree();
    first.freeze(4000);
    await world.pass(30_000);
    expect(events).to.deep.equal(["silent", "recovered"]);
    expect(second.endpoints).to.have.members(everybody);
    expect(first.endpoints).to.have.length(0);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([2, 2, 2]);
  });

  it("asks nobody any more once it was stopped, whatever becomes of the connection", async () => {
    const world = new World();
    const before = world.connection.listeners;
    const { pings } = probe(world, [world.bridge("jvb1")]);
    await world.pass(2000);
    pings.stop();
    const asked = world.connection.sent.length;
    world.connection.change("connecting");
    world.connection.change("online");
    await world.pass(5000);
    expect(world.connection.sent).to.have.length(asked);
    expect(world.connection.listeners).to.equal(before);
    expect(world.runtime.pendingTimers).to.equal(0);
  });
});
