import { expect } from "chai";
import { roomJid, World } from "./world.ts";

describe("two and three people meet", () => {
  it("invites nobody until the second comes, then both into one conference", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    expect(await world.request()).to.equal(true);
    const [ada] = await world.joinAll("ada");
    expect(ada?.invitations).to.equal(0);
    const [bob] = await world.joinAll("bob");
    expect([ada?.invitations, bob?.invitations]).to.deep.equal([1, 1]);
    expect(bridge.endpoints).to.deep.equal(["ada", "bob"]);
    expect(bridge.creations).to.equal(1);
    expect(world.room.property("bridge-count")).to.equal("1");
  });

  it("tells each of the other's sources exactly once, simulcast stripped", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const clients = await world.joinAll("ada", "bob", "cyd");
    for (const client of clients) {
      const others = clients
        .filter((other) => other !== client)
        .flatMap((other) => {
          const [first = 0, video = 0] = other.sources.map(
            ({ description }) => description?.sources[0]?.ssrc,
          );
          return [first, video, video + 3];
        });
      const known = [...client.known].filter((ssrc) => ssrc >= 100_000).sort();
      expect(known).to.deep.equal(others.sort());
    }
  });

  it("sends no source-remove for somebody who left, and expires the endpoint", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob, cyd] = await world.joinAll("ada", "bob", "cyd");
    cyd?.leave();
    await world.pass(100);
    expect(bridge.endpoints).to.deep.equal(["ada", "bob"]);
    expect([...(ada?.actions ?? []), ...(bob?.actions ?? [])]).not.to.include("source-remove");
  });

  it("logs the words that dashboards count", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    ada?.leave();
    await world.pass(21_000);
    const lines = world.log.messages("info");
    for (const word of ["Member left", "Removed participant", "Terminating"])
      expect(
        lines.filter((line) => line.includes(word)),
        word,
      ).to.have.length(1);
  });

  it("invites again somebody who returns under the same nick", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    ada?.leave();
    await world.pass(100);
    // A real client forgets who left; ours does so here.
    bob?.known.clear();
    ada?.join();
    await world.pass(100);
    expect(ada?.invitations).to.equal(2);
    expect(bob?.invitations).to.equal(1);
    expect(bridge.endpoints).to.have.members(["ada", "bob"]);
    const audio = ada?.sources[0]?.description?.sources[0]?.ssrc;
    expect(bob?.known.has(audio ?? 0)).to.equal(true);
  });

  it("ends the session of one who is alone for 20 s, and starts afresh with the next", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    bob?.leave();
    await world.pass(19_900);
    expect(ada?.actions.at(-1)).not.to.equal("session-terminate");
    await world.pass(200);
    const last = ada?.received.at(-1);
    expect(last?.reason).to.deep.equal({ condition: "expired", text: "Idle session timeout" });
    expect(bridge.meetings.size).to.equal(0);
    expect(world.room.property("bridge-count")).to.equal("0");
    expect(world.focus.has(roomJid)).to.equal(true);
    const [cyd] = await world.joinAll("cyd");
    expect([ada?.invitations, cyd?.invitations]).to.deep.equal([2, 1]);
  });

  it("keeps the session when somebody comes within the 20 s", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    bob?.leave();
    await world.pass(10_000);
    await world.joinAll("cyd");
    await world.pass(30_000);
    expect(ada?.actions).not.to.include("session-terminate");
  });

  it("leaves the room with the last member, and stops at once", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    const { room } = world;
    ada?.leave();
    bob?.leave();
    await world.pass(10);
    expect(room.left).to.equal(true);
    expect(world.focus.has(roomJid)).to.equal(false);
    expect(bridge.meetings.size).to.equal(0);
  });

  it("gives up a room nobody enters for 15 s; another request starts the time again", async () => {
    const world = new World();
    await world.request();
    await world.pass(10_000);
    await world.request();
    await world.pass(10_000);
    expect(world.focus.has(roomJid)).to.equal(true);
    await world.pass(6_000);
    expect(world.focus.has(roomJid)).to.equal(false);
    expect(world.runtime.pendingTimers).to.equal(0);
  });

  it("keeps the room for 15 s when the last one moves to another room", async () => {
    const world = new World();
    await world.request();
    const [ada] = await world.joinAll("ada");
    ada?.leave("switch_room");
    await world.pass(14_000);
    expect(world.focus.has(roomJid)).to.equal(true);
    await world.pass(2_000);
    expect(world.focus.has(roomJid)).to.equal(false);
  });

  it("survives people who come and go before anything is answered", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada");
    for (const nick of ["bob", "cyd", "dan"]) {
      const client = world.client(nick);
      client.join();
      await world.pass(1.5);
      client.leave();
    }
    await world.pass(100);
    expect(bridge.endpoints.filter((id) => id !== "ada")).to.deep.equal([]);
    await world.joinAll("eve");
    expect(ada?.known.size).to.be.greaterThan(2);
  });
});
