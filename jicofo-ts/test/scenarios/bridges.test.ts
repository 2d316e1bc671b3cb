import { expect } from "chai";
import { roomJid, World } from "./world.ts";

describe("bridges fail, drain and come back", () => {
  it("moves everybody at once when the bridge leaves the brewery", async () => {
    const world = new World();
    const first = world.bridge("jvb1", { stress: 0 });
    const second = world.bridge("jvb2", { stress: 0.5 });
    await world.request();
    const clients = await world.joinAll("ada", "bob", "cyd");
    expect(first.endpoints).to.have.length(3);
    world.lose(first);
    await world.pass(20);
    expect(second.endpoints).to.have.members(["ada", "bob", "cyd"]);
    for (const client of clients) {
      expect(client.invitations).to.equal(2);
      expect(client.actions).to.include("session-terminate");
      const terminate = client.received.find(({ action }) => action === "session-terminate");
      expect(terminate?.reason).to.deep.equal({ condition: "success", text: "moving" });
      const others = clients.filter((other) => other !== client);
      for (const other of others) {
        const ssrc = other.sources[0]?.description?.sources[0]?.ssrc ?? 0;
        expect(client.known.has(ssrc), `${client.nick} knows ${other.nick}`).to.equal(true);
      }
    }
    expect(world.counts.get("participants_moved")).to.equal(3);
    const invited = world.log.lines.filter(({ message }) => message === "Invited");
    expect(invited.map(({ context }) => [context["participant"], context["bridge"]])).to.deep.equal(
      ["jvb1", "jvb2"].flatMap((bridge) => ["ada", "bob", "cyd"].map((nick) => [nick, bridge])),
    );
  });

  it("says that no bridge is there, and invites when one comes", async () => {
    const world = new World();
    await world.request();
    const clients = await world.joinAll("ada", "bob");
    expect(world.room.extensions.has("bridgeNotAvailable")).to.equal(true);
    const bridge = world.bridge("jvb1");
    await world.pass(20);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1]);
    expect(world.room.extensions.has("bridgeNotAvailable")).to.equal(false);
    expect(bridge.endpoints).to.have.length(2);
  });

  it("takes another bridge when one does not answer for 15 s", async () => {
    const world = new World();
    const first = world.bridge("jvb1", { stress: 0 });
    first.dead = true;
    const second = world.bridge("jvb2", { stress: 0.5 });
    await world.request();
    const clients = await world.joinAll("ada", "bob");
    await world.pass(15_100);
    expect(second.endpoints).to.have.members(["ada", "bob"]);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1]);
    expect(world.counts.get("bridges_removed")).to.equal(1);
  });

  it("leaves a bridge that refuses because of its shutdown, and does not come back to it", async () => {
    const world = new World();
    const first = world.bridge("jvb1", { stress: 0 });
    const second = world.bridge("jvb2", { stress: 0.5 });
    first.refuse = { condition: "service-unavailable", reason: "graceful_shutdown" };
    await world.request();
    await world.joinAll("ada", "bob");
    await world.pass(100);
    expect(second.endpoints).to.have.members(["ada", "bob"]);
    expect(first.creations).to.equal(1);
  });

  it("moves off a draining bridge when another can take the conference", async () => {
    const world = new World();
    const first = world.bridge("jvb1", { stress: 0 });
    await world.request();
    const clients = await world.joinAll("ada", "bob");
    world.report(first, { draining: true });
    await world.pass(20);
    expect(first.endpoints, "nowhere else to go").to.have.length(2);
    const second = world.bridge("jvb2", { stress: 0.5 });
    await world.pass(20);
    expect(second.endpoints).to.have.members(["ada", "bob"]);
    expect(first.meetings.size).to.equal(0);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([2, 2]);
  });

  it("moves off a bridge in graceful shutdown at once", async () => {
    const world = new World();
    const first = world.bridge("jvb1", { stress: 0 });
    const second = world.bridge("jvb2", { stress: 0.5 });
    await world.request();
    await world.joinAll("ada", "bob");
    world.report(first, { gracefulShutdown: true });
    await world.pass(20);
    expect(second.endpoints).to.have.members(["ada", "bob"]);
    expect(first.meetings.size).to.equal(0);
  });

  it("invites only the one endpoint that the bridge has lost", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    bridge.meetings.get(`meeting-${roomJid}`)?.delete("ada");
    const extra = ada?.sources[0];
    if (ada === undefined || extra === undefined) throw new Error("ada is there");
    expect(await ada.sourceRemove(extra)).to.equal("result");
    await world.pass(100);
    expect([ada?.invitations, bob?.invitations]).to.deep.equal([2, 1]);
    expect(bridge.endpoints).to.have.members(["ada", "bob"]);
  });

  it("waits for the answer to an expiry before it creates the conference again", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    bridge.expiryMs = 50;
    await world.request();
    const [, bob] = await world.joinAll("ada", "bob");
    bob?.leave();
    await world.pass(20_001);
    const [cyd] = await world.joinAll("cyd");
    await world.pass(100);
    expect(bridge.creations).to.equal(2);
    expect(cyd?.invitations).to.equal(1);
    expect(bridge.endpoints).to.have.members(["ada", "cyd"]);
  });

  it("backs off from a bridge that says conflict every time", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    bridge.refuse = { condition: "conflict", reason: "conference_already_exists" };
    await world.request();
    const clients = await world.joinAll("ada", "bob");
    await world.pass(30_000);
    expect(bridge.creations).to.be.within(4, 12);
    bridge.refuse = undefined;
    await world.pass(11_000);
    expect(clients.map(({ invitations }) => invitations)).to.deep.equal([1, 1]);
  });

  it("fails one participant alone when its request is refused, and tries again", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    bridge.refuse = { condition: "bad-request", reason: undefined };
    const [cyd] = await world.joinAll("cyd");
    bridge.refuse = undefined;
    await world.pass(1_000);
    expect([ada, bob, cyd].map((one) => one?.invitations)).to.deep.equal([1, 1, 1]);
  });

  it("moves endpoints on request of an operator", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    expect(world.focus.moveEndpoint(roomJid, "nobody", undefined).movedEndpoints).to.equal(0);
    expect(world.focus.moveEndpoint(roomJid, "ada", "other").movedEndpoints).to.equal(0);
    expect(world.focus.moveEndpoint(roomJid, "ada", bridge.jid)).to.deep.equal({
      movedEndpoints: 1,
      conferences: 1,
    });
    await world.pass(20);
    expect([ada?.invitations, bob?.invitations]).to.deep.equal([2, 1]);
    expect(world.focus.moveEndpoints(bridge.jid, undefined, 5).movedEndpoints).to.equal(2);
    await world.pass(20);
    expect([ada?.invitations, bob?.invitations]).to.deep.equal([3, 2]);
  });
});
