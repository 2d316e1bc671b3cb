import { expect } from "chai";
import { FakeClient } from "./fake-client.ts";
import { roomJid, slowJoins, World } from "./world.ts";

function ask(world: World, room: string): Promise<boolean | string> {
  return world.ask({}, room, `${room.split("@")[0]}@example.com/x`);
}

/** A client in the room as it is now. */
function enter(world: World, room: string, nick: string): FakeClient {
  const now = world.rooms.get(room);
  if (now === undefined) throw new Error(`${room} was never opened`);
  const client = new FakeClient(world.connection, now, nick, 100_000 + 1000 * world.clients.length);
  world.clients.push(client);
  client.join();
  return client;
}

describe("R4: our session is lost", () => {
  it("joins the room again and invites who is there, and leaves the bridge to itself", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada", "bob");
    const before = bridge.requests.length;
    const [old] = [...bridge.meetings.values()];
    world.connection.change("connecting");
    await world.pass(4000);
    world.rooms.clear();
    world.prepareRoom = (room) => {
      room.form = new Map();
    };
    world.connection.change("online", false);
    await world.pass(5);
    expect(bridge.requests.length, "nothing is expired").to.equal(before);
    expect([...(old?.keys() ?? [])]).to.have.members(["ada", "bob"]);
    expect(world.room.joined).to.equal(true);
    const [ada, bob] = await world.joinAll("ada", "bob");
    await world.pass(20);
    expect([ada?.invitations, bob?.invitations]).to.deep.equal([1, 1]);
    expect(bridge.meetings.size).to.equal(2);
    expect(ada?.actions, "of a session that nobody there has").not.to.include("session-terminate");
    // Nobody of the old one is left; the bridge notices by itself.
    bridge.meetings.delete([...bridge.meetings.keys()][0] ?? "");
  });

  it("gives the room up again when nobody is there any more", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada", "bob");
    world.connection.change("connecting");
    world.connection.change("online", false);
    await world.pass(14_000);
    expect(world.focus.has(roomJid)).to.equal(true);
    expect(await world.request(), "somebody asks").to.equal(true);
    await world.pass(14_000);
    expect(world.focus.has(roomJid)).to.equal(true);
    await world.pass(2000);
    expect(world.focus.has(roomJid)).to.equal(false);
    bridge.meetings.clear();
  });

  it("joins rooms again after a long absence, and expires nothing meanwhile", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada", "bob");
    const before = bridge.requests.length;
    world.connection.change("connecting");
    await world.pass(60_000);
    expect(world.focus.has(roomJid)).to.equal(false);
    expect(bridge.requests.length).to.equal(before);
    world.prepareRoom = (room) => {
      room.form = new Map();
    };
    world.connection.change("online", false);
    await world.pass(5);
    const [ada, bob] = await world.joinAll("ada", "bob");
    expect([ada?.invitations, bob?.invitations]).to.deep.equal([1, 1]);
    bridge.meetings.delete([...bridge.meetings.keys()][0] ?? "");
  });

  it("joins no room again that had ended, nor one of a health check", async () => {
    const world = new World();
    await world.request();
    await world.pass(15_100);
    expect(world.focus.rooms()).to.deep.equal([]);
    const checked = world.focus.request(
      {
        room: "check@conference.example.com",
        from: undefined,
        sessionId: undefined,
        machineUid: undefined,
        token: undefined,
        properties: new Map(),
      },
      { statistics: false },
    );
    await world.pass(1);
    await checked;
    world.connection.change("connecting");
    await world.pass(15_001);
    world.connection.change("online", false);
    await world.pass(5);
    expect(world.focus.rooms()).to.deep.equal([]);
  });
});

describe("R5: the focus stops in order and another one starts", () => {
  it("the call stays on its bridge, and everybody is invited when one asks", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const before = await world.joinAll("ada", "bob");
    const asked = bridge.requests.length;
    const stopped = world.focus.stop();
    await world.pass(100);
    await stopped;
    expect(world.room.left).to.equal(true);
    expect(bridge.requests.length, "nothing is expired").to.equal(asked);
    expect(before.map(({ actions }) => actions.includes("session-terminate"))).to.deep.equal([
      false,
      false,
    ]);
    world.lose(bridge);
    const next = new World();
    next.bridges.push(bridge);
    next.connection.peers.set(bridge.jid, bridge.peer);
    next.report(bridge, {});
    await next.request();
    const all = await next.joinAll("ada", "bob", "cyd");
    await next.pass(1000);
    expect(all.map(({ invitations }) => invitations)).to.deep.equal([1, 1, 1]);
    expect(bridge.endpoints).to.have.members(["ada", "bob", "cyd"]);
  });
});

describe("R19: many rooms at once after a lost session", () => {
  it("250 rooms of two are joined again, some at a time, and nobody is refused", async () => {
    const world = new World({ initialTimeout: 60_000 });
    const most = slowJoins(world, 100);
    const bridges = Array.from({ length: 4 }, (_, index) => world.bridge(`jvb${index}`));
    const rooms = Array.from({ length: 250 }, (_, n) => `many${n}@conference.example.com`);
    const first = rooms.map((room) => ask(world, room));
    await world.pass(2000);
    expect(await Promise.all(first)).to.deep.equal(rooms.map(() => true));
    world.connection.change("connecting");
    await world.pass(4000);
    world.connection.change("online", false);
    await world.pass(10);
    const again = rooms.map((room) => ask(world, room));
    await world.pass(2000);
    expect((await Promise.all(again)).every((answer) => typeof answer === "boolean")).to.equal(
      true,
    );
    expect(await Promise.all(rooms.map((room) => ask(world, room))))
      .to.deep //
      .equal(rooms.map(() => true));
    for (const [n, room] of rooms.entries())
      for (const who of ["a", "b"]) {
        enter(world, room, `m${n}${who}`);
      }
    await world.pass(1000);
    expect(world.clients.filter(({ invitations }) => invitations !== 1)).to.deep.equal([]);
    expect(bridges.reduce((sum, { endpoints }) => sum + endpoints.length, 0)).to.equal(500);
    expect(most()).to.be.at.most(100);
  });
});

describe("R23: the end during a join", () => {
  it("a focus that stops while it joins a room answers and is in none", async () => {
    const world = new World();
    slowJoins(world, 500);
    world.bridge("jvb1");
    const asked = ask(world, roomJid);
    await world.pass(100);
    const stopped = world.focus.stop();
    await world.pass(3000);
    await stopped;
    expect(await asked).not.to.equal(true);
    expect(world.room.joined).to.equal(false);
    expect(await ask(world, roomJid)).to.equal("service-unavailable");
  });

  it("a focus that stops while a bridge is asked invites nobody any more", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    bridge.freeze(1000);
    const pair = await world.joinAll("ada", "bob");
    const stopped = world.focus.stop();
    await world.pass(3000);
    await stopped;
    expect(pair.map(({ invitations }) => invitations)).to.deep.equal([0, 0]);
    // What nobody uses the bridge expires by itself.
    bridge.meetings.clear();
  });

  for (const going of ["draining", "gracefulShutdown", "shuttingDown"] as const)
    it(`a bridge says ${going} while somebody is allocated there`, async () => {
      const world = new World();
      const first = world.bridge("jvb1", { stress: 0 });
      const second = world.bridge("jvb2", { stress: 0.5 });
      await world.request();
      const [ada, bob] = await world.joinAll("ada", "bob");
      first.freeze(300);
      const cyd = world.client("cyd");
      cyd.join();
      await world.pass(20);
      world.report(first, { [going]: true });
      await world.pass(1000);
      expect(second.endpoints).to.have.members(["ada", "bob", "cyd"]);
      expect(first.meetings.size).to.equal(0);
      expect([ada, bob, cyd].map((one) => one?.invitations)).to.deep.equal([2, 2, 1]);
    });
});
