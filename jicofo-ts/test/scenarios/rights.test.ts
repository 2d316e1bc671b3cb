import { expect } from "chai";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { roomJid, World } from "./world.ts";

async function callOfThree() {
  const world = new World();
  world.bridge("jvb1");
  await world.request();
  const [ada, bob, cyd] = await world.joinAll("ada", "bob", "cyd");
  if (ada === undefined || bob === undefined || cyd === undefined) throw new Error("all joined");
  return { world, ada, bob, cyd };
}

describe("owners and mutes", () => {
  it("makes the first member owner, and when it leaves the next", async () => {
    const { world, ada, bob, cyd } = await callOfThree();
    expect(world.room.granted).to.deep.equal(["ada@example.com"]);
    cyd.leave();
    await world.pass(10);
    expect(world.room.granted).to.have.length(1);
    ada.leave();
    await world.pass(10);
    expect(world.room.granted).to.deep.equal(["ada@example.com", "bob@example.com"]);
    expect(world.room.occupants.get(bob.nick)?.affiliation).to.equal("owner");
  });

  it("makes nobody owner when it is switched off or in a breakout room", async () => {
    const off = new World({ enableAutoOwner: false });
    await off.request();
    await off.joinAll("ada");
    expect(off.room.granted).to.deep.equal([]);
    const breakout = new World();
    breakout.prepareRoom = (room) => {
      room.form = new Map([["muc#roominfo_isbreakout", ["1"]]]);
    };
    await breakout.request();
    await breakout.joinAll("ada");
    expect(breakout.room.granted).to.deep.equal([]);
  });

  it("passes a moderator's mute on and refuses everybody else's", async () => {
    const { world, ada, bob, cyd } = await callOfThree();
    expect(await ada.mute(bob)).to.equal("result");
    expect(await ada.mute(bob, "true", NS.muteVideo)).to.equal("result");
    expect(await bob.mute(ada)).to.match(/^not-allowed/);
    expect(await bob.mute(bob, "false")).to.equal("result");
    expect(await ada.mute(bob, "false")).to.match(/^not-allowed/);
    await world.pass(10);
    expect(bob.mutes).to.deep.equal([
      `${NS.muteAudio} by ${ada.occupantJid}`,
      `${NS.muteVideo} by ${ada.occupantJid}`,
    ]);
    expect([...ada.mutes, ...cyd.mutes]).to.deep.equal([]);
  });

  it("mutes somebody whose invitation is still on its way", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    world.discoveryMs = 300;
    const ada = world.client("ada");
    ada.join();
    await world.pass(100);
    world.discoveryMs = 1000;
    const bob = world.client("bob");
    bob.join();
    expect(await ada.mute(bob), "nobody takes part yet").to.match(/^internal-server-error/);
    await world.pass(300);
    expect([ada.invitations, bob.invitations]).to.deep.equal([1, 0]);
    expect(await ada.mute(bob)).to.equal("result");
    expect(await bob.mute(ada)).to.match(/^not-allowed/);
    await world.pass(1000);
    expect(bob.mutes).to.have.length(1);
    expect(bob.invitations).to.equal(1);
  });

  it("refuses mutes that make no sense", async () => {
    const { world, ada, bob } = await callOfThree();
    expect(await ada.sendElement(xml("mute", { xmlns: NS.muteAudio }, "true"))).to.match(/^bad-/);
    expect(
      await ada.sendElement(xml("mute", { xmlns: NS.muteAudio, jid: bob.occupantJid })),
    ).to.match(/^bad-request/);
    bob.leave();
    await world.pass(10);
    expect(await ada.mute(bob)).to.match(/^internal-server-error/);
    expect(await bob.mute(ada)).to.match(/^internal-server-error/);
  });

  it("never mutes a Jibri, which only a trusted domain can be", async () => {
    for (const [trustedDomains, outcome] of [
      [["example.com"], /^not-allowed/],
      [[], /^result$/],
    ] as const) {
      const world = new World({ trustedDomains });
      world.bridge("jvb1");
      await world.request();
      const [ada] = await world.joinAll("ada");
      const jibri = world.client("rec");
      jibri.join([xml("features", {}, xml("feature", { var: "http://jitsi.org/protocol/jibri" }))]);
      await world.pass(50);
      expect(await ada?.mute(jibri)).to.match(outcome);
    }
  });
});

describe("the room and the connection", () => {
  it("shows what a client needs to see in the focus' presence", async () => {
    const { world } = await callOfThree();
    const { extensions } = world.room;
    expect(extensions.get("etherpad")?.toString()).to.equal(
      '<etherpad xmlns="http://jitsi.org/jitmeet/etherpad">one</etherpad>',
    );
    expect(extensions.has("versions")).to.equal(true);
    expect(world.room.property("support-terminate-restart")).to.equal("true");
  });

  it("stops when the room is destroyed, or the focus removed or demoted", async () => {
    const departure = { codes: [307], removed: true, status: undefined, reason: undefined };
    for (const kind of ["destroyed", "removed", "demoted"] as const) {
      const { world } = await callOfThree();
      const { self } = world.room;
      if (self === undefined) throw new Error("the focus is in the room");
      if (kind === "removed") world.room.raise({ kind, departure });
      else if (kind === "destroyed") {
        world.room.raise({ kind, alternative: undefined, reason: undefined });
      } else {
        world.room.raise({
          kind: "selfChanged",
          self: { ...self, affiliation: "member" },
          previous: self,
        });
      }
      await world.pass(10);
      expect(world.focus.has(roomJid), kind).to.equal(false);
    }
  });

  it("keeps conferences over a resumed stream and ends them with a lost one", async () => {
    const { world, ada } = await callOfThree();
    world.connection.change("connecting");
    await world.pass(10_000);
    world.connection.change("online", true);
    await world.pass(20_000);
    expect(world.focus.has(roomJid)).to.equal(true);
    expect(ada.invitations).to.equal(1);
    world.connection.change("connecting");
    await world.pass(14_900);
    expect(world.focus.has(roomJid)).to.equal(true);
    await world.pass(200);
    expect(world.focus.has(roomJid)).to.equal(false);
    // What nobody uses any more the bridge ends by itself.
    for (const { meetings } of world.bridges) meetings.clear();
  });

  it("answers a request whose room cannot be joined, and forgets it", async () => {
    const world = new World();
    world.prepareRoom = (room) => {
      room.refuse = {
        condition: "conflict",
        type: "cancel",
        text: undefined,
        application: undefined,
      };
    };
    expect(await world.request()).to.equal("internal-server-error");
    expect(world.focus.has(roomJid)).to.equal(false);
    expect(world.runtime.pendingTimers).to.equal(0);
  });

  it("does not let two rooms have one meeting id", async () => {
    const world = new World();
    world.prepareRoom = (room) => {
      room.form = new Map([["muc#roominfo_meetingId", ["same"]]]);
    };
    expect(await world.request()).to.equal(true);
    expect(await world.request({}, "two@conference.example.com")).to.be.a("string");
    expect(world.focus.rooms()).to.deep.equal([roomJid]);
  });

  it("leaves every room when the focus stops, and calls to their bridges", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    const stopped = world.focus.stop();
    await world.pass(10);
    await stopped;
    expect(world.room.left).to.equal(true);
    expect(bridge.endpoints).to.have.members(["ada", "bob"]);
    expect(ada?.actions).not.to.include("session-terminate");
    expect(await world.request()).to.equal("service-unavailable");
    await world.pass(60_000);
    expect(world.runtime.pendingTimers).to.equal(0);
    // Once they have gone the bridge notices by itself.
    bridge.meetings.clear();
  });

  it("ends only the conference that met a bug of ours, bridges included", async () => {
    const world = new World();
    world.expectedBugs = 1;
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    expect(await world.request({}, "two@conference.example.com")).to.equal(true);
    const { select } = world.registry;
    world.registry.select = () => {
      throw new Error("a bug");
    };
    expect(await ada?.restart()).to.match(/^item-not-found/);
    await world.pass(10);
    world.registry.select = select;
    expect(world.focus.rooms()).to.deep.equal(["two@conference.example.com"]);
    expect(world.room.left).to.equal(true);
    expect(bridge.meetings.size).to.equal(0);
    expect(world.log.messages("error")).to.have.length(1);
  });

  it("counts an empty conference as one of one", async () => {
    const world = new World();
    await world.request();
    expect(world.focus.figures()).to.deep.include({
      participants: 1,
      largestConference: 1,
      pairs: 1,
      sizes: [1],
    });
  });

  it("gives figures and debug state", async () => {
    const { world } = await callOfThree();
    const figures = world.focus.figures();
    expect(figures).to.include({ conferences: 1, participants: 3, largestConference: 3, pairs: 9 });
    expect(figures.jingleSent.get("session-initiate")).to.equal(3);
    const debug = world.focus.debugState(roomJid, true);
    expect(debug?.["participant_count"]).to.equal(3);
    expect(JSON.stringify(debug)).to.include("signaled_sources");
    expect(Object.keys(world.focus.rtcstats())).to.deep.equal([`meeting-${roomJid}`]);
    expect(world.focus.debugState("no@such.room", true)).to.equal(undefined);
  });
});
