/** What a room's form, its metadata and its breakout rooms mean for its conference. */
import { expect } from "chai";
import { NS } from "#shared/xmpp/namespaces";
import { childrenOf, xml } from "#shared/xmpp/xml";
import { featureUris } from "../../src/jingle/features.ts";
import { audio, content, transport } from "./fake-client.ts";
import { roomJid, World } from "./world.ts";

const breakoutJid = "breakout@breakout.example.com";

/** Metadata of a room, from its component unless said otherwise. */
function metadata(world: World, body: unknown, room = roomJid, from = "metadata.example.com") {
  const json = JSON.stringify({ type: "room_metadata", metadata: body });
  world.connection.hear(
    xml("message", { from }, xml("json-message", { xmlns: NS.jitmeet, room }, json)),
  );
}

describe("the form of a room", () => {
  it("J-040: only asks that members see each other's addresses", async () => {
    const world = new World();
    await world.request();
    expect(world.room.written).to.deep.equal([{ "muc#roomconfig_whois": "anyone" }]);
  });

  for (const [now, asked] of [
    ["anyone", 0],
    ["moderators", 1],
  ] as const) {
    it(`J-040: asks for nothing that is so already: ${now}`, async () => {
      const world = new World();
      world.prepareRoom = (room) => {
        room.form = new Map([["muc#roomconfig_whois", [now]]]);
      };
      expect(await world.request()).to.equal(true);
      expect(world.room.written).to.have.length(asked);
    });
  }

  it("J-041: names the meeting for bridges; without a name there is a random one", async () => {
    for (const named of [true, false]) {
      const world = new World();
      const bridge = world.bridge("jvb1");
      if (!named) {
        world.prepareRoom = (room) => {
          room.form = new Map([["muc#roominfo_meetingId", [""]]]);
        };
      }
      await world.request();
      await world.joinAll("ada", "bob");
      const [meeting = ""] = bridge.meetings.keys();
      if (named) expect(meeting).to.equal(`meeting-${roomJid}`);
      else expect(meeting).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f-]{16}$/);
    }
  });

  const presets = "muc#roominfo_conference_presets_service_enabled";
  for (const [name, says, readyAfter] of [
    ["the metadata is there", 2_000, 2_000],
    ["10 s have passed", undefined, 10_000],
  ] as const) {
    it(`J-042: with presets the room is ready when ${name}`, async () => {
      const world = new World();
      world.prepareRoom = (room) => {
        room.form = new Map([[presets, ["1"]]]);
      };
      const first = world.request();
      if (says !== undefined) {
        world.runtime.timers.after(says, () => metadata(world, { startMuted: { audio: true } }));
      }
      await world.pass(readyAfter - 10);
      expect(await world.request(), "for others meanwhile").to.equal(false);
      await world.pass(20);
      expect(await first).to.equal(true);
      expect(await world.request()).to.equal(true);
    });
  }

  it("J-042: a conference that ends while it waits leaves nothing behind", async () => {
    const world = new World();
    world.prepareRoom = (room) => {
      room.form = new Map([[presets, ["1"]]]);
    };
    const first = world.request();
    await world.pass(100);
    const stopped = world.focus.stop();
    await world.pass(10);
    await stopped;
    expect(await first).to.equal("internal-server-error");
  });
});

describe("the metadata of a room", () => {
  it("J-064: who has just joined starts muted, who is invited again does not", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    metadata(world, { startMuted: { audio: true, video: false } });
    const [cyd] = await world.joinAll("cyd");
    expect(cyd?.received[0]?.startMuted).to.deep.equal({ audio: true, video: false });
    await ada?.restart();
    await cyd?.restart();
    await world.pass(50);
    expect([ada, cyd].map((one) => one?.received.at(-1)?.startMuted ?? "no")).to.deep.equal([
      "no",
      "no",
    ]);
    metadata(world, { visitors: { live: true } });
    const [dan] = await world.joinAll("dan");
    expect(dan?.received[0]?.startMuted?.audio, "not said again, still so").to.equal(true);
    metadata(world, { startMuted: {} });
    const [eve] = await world.joinAll("eve");
    expect(eve?.received[0]?.startMuted).to.equal(undefined);
  });

  it("J-062: counts from the component alone, and for rooms there are", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const muted = { startMuted: { audio: true, video: true } };
    metadata(world, muted, roomJid, "mallory@example.com/x");
    metadata(world, muted, roomJid, "metadata.example.com.evil.example");
    metadata(world, muted, roomJid, "x@metadata.example.com");
    metadata(world, muted, "nowhere@conference.example.com");
    world.components.clear();
    metadata(world, muted);
    const clients = await world.joinAll("ada", "bob");
    for (const { received } of clients) expect(received[0]?.startMuted).to.equal(undefined);
  });
});

describe("breakout rooms", () => {
  async function mainAndBreakout() {
    const world = new World();
    world.bridge("jvb1");
    world.prepareRoom = (room) => {
      if (room.room !== breakoutJid) return;
      room.form = new Map([
        ["muc#roominfo_isbreakout", ["1"]],
        ["muc#roominfo_breakout_main_room", [roomJid]],
        ["muc#roominfo_meetingId", ["meeting-breakout"]],
      ]);
    };
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    await world.request({}, breakoutJid);
    const inBreakout = ["cyd", "dan"].map((nick) => world.client(nick, breakoutJid));
    return { world, ada, bob, inBreakout };
  }

  it("J-060, J-061: keep the main room, empty or not, until the last of them ends", async () => {
    const { world, ada, bob, inBreakout } = await mainAndBreakout();
    for (const client of inBreakout) client.join();
    await world.pass(50);
    ada?.leave("switch_room");
    bob?.leave();
    await world.pass(120_000);
    expect(world.focus.rooms()).to.have.members([roomJid, breakoutJid]);
    for (const client of inBreakout) client.leave();
    await world.pass(10);
    expect(world.focus.rooms()).to.deep.equal([]);
  });

  it("J-060: end without an end of the main room while somebody is there", async () => {
    const { world, ada, inBreakout } = await mainAndBreakout();
    for (const client of inBreakout) client.join();
    await world.pass(50);
    for (const client of inBreakout) client.leave();
    await world.pass(60_000);
    expect(world.focus.rooms()).to.deep.equal([roomJid]);
    expect(ada?.actions).not.to.include("session-terminate");
  });

  it("J-060: a main room in which nobody has been waits with them", async () => {
    const { world, ada, bob } = await mainAndBreakout();
    ada?.leave("switch_room");
    bob?.leave("switch_room");
    // The breakout room's own time runs out, and with it the main room's.
    await world.pass(14_000);
    expect(world.focus.has(roomJid)).to.equal(true);
    await world.pass(3_000);
    expect(world.focus.rooms()).to.deep.equal([]);
  });

  it("J-061: what a member can do, known only after it left, does not keep an empty room", async () => {
    const world = new World();
    await world.request();
    world.discoveryMs = 5_000;
    const ada = world.client("ada");
    ada.join();
    await world.pass(100);
    ada.leave("switch_room");
    await world.pass(16_000);
    expect(world.focus.has(roomJid)).to.equal(false);
  });
});

describe("what the focus shows and offers", () => {
  it("J-017: sends its presence again only for a property with a new value", async () => {
    const world = new World({ maxAudioSenders: 1 });
    world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    const { shown } = world.room;
    const before = shown.length;
    const info = (nick: string, muted: boolean) => [
      xml("SourceInfo", {}, JSON.stringify({ [`${nick}-a0`]: { muted } })),
    ];
    ada?.show(info("ada", false));
    bob?.show(info("bob", false));
    ada?.show(info("ada", false));
    await world.pass(10);
    expect(shown.slice(before)).to.deep.equal(["conference-properties"]);
  });

  it("J-051: takes a member that does not answer for one with audio, video and SCTP", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada");
    const bob = world.client("bob");
    world.discoverNothing.add("bob");
    bob.join();
    await world.pass(100);
    const offer = bob.received[0];
    expect(offer?.compactSources).to.equal(undefined);
    const names = offer?.contents.map(({ name }) => name);
    expect(names?.slice(0, 2)).to.deep.equal(["audio", "video"]);
    const payloads = offer?.contents[1]?.description?.payloadTypes.map(({ name }) => name);
    expect(payloads).not.to.include("rtx");
  });

  it("J-073: every content has the whole transport, data the bridge's SCTP port", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada");
    const bob = world.client("bob");
    bob.features = [...bob.features, featureUris.SCTP];
    bob.join();
    await world.pass(100);
    const contents = bob.received[0]?.contents ?? [];
    expect(contents.map(({ name }) => name)).to.deep.equal(["audio", "video", "data"]);
    for (const { name, transport: own, creator, senders } of contents) {
      expect(own?.ufrag, name).to.equal("u-bob-0");
      expect(own?.rtcpMux, name).to.equal(true);
      expect(own?.fingerprints, name).to.have.length(1);
      expect(own?.webSockets, name).to.have.length(1);
      expect([creator, senders], name).to.deep.equal(["initiator", "both"]);
    }
    expect(contents[2]?.sctpMap).to.deep.equal({
      number: 5000,
      protocol: "webrtc-datachannel",
      streams: 1024,
    });
  });

  it("J-082: passes the client's first last-n on to its bridge", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada");
    const bob = world.client("bob");
    bob.accepts = false;
    bob.join();
    await world.pass(50);
    bob.sources = [{ ...content("video"), initialLastN: 7, transport: transport("c") }];
    expect(await bob.accept()).to.equal("result");
    await world.pass(5);
    expect(bridge.requests.at(-1)?.toString()).to.include('<initial-last-n value="7"/>');
  });

  it("J-106: a bridge that keeps its transport over an ICE restart has nothing to tell", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    bridge.keepsTransport = true;
    expect(await ada?.restartIce()).to.equal("result");
    await world.pass(50);
    expect(ada?.actions).not.to.include("transport-info");
    expect(ada?.invitations).to.equal(1);
    expect(world.counts.get("ice_restarts_not_needed")).to.equal(1);
  });

  it("J-119: says to the bridge who wants to be told apart in a transcript, and of nobody else", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada");
    const bob = world.client("bob");
    bob.join([xml("jitsi_participant_diarize", {}, "true")]);
    await world.pass(50);
    const diarized = bridge.requests
      .flatMap((request) => childrenOf(request, "endpoint", NS.colibri2))
      .filter(({ attrs }) => attrs["create"] === "true")
      .map(({ attrs }) => [attrs["id"], attrs["diarize"]]);
    expect(diarized).to.deep.equal([
      ["ada", undefined],
      ["bob", "true"],
    ]);
  });

  it("J-105: a session-info that does not ask for it restarts nothing", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    const before = bridge.requests.length;
    const info = xml("bridge-session", { xmlns: NS.focus, id: ada?.bridgeSession });
    const jingle = { xmlns: NS.jingle, action: "session-info", sid: ada?.sid };
    expect(await ada?.sendElement(xml("jingle", jingle, info))).to.equal("result");
    const state = xml("ice-state", { xmlns: NS.focus }, "connected");
    expect(await ada?.sendElement(xml("jingle", jingle, info, state))).to.equal("result");
    await world.pass(50);
    expect(bridge.requests.length).to.equal(before);
    expect(ada?.invitations).to.equal(1);
  });

  it("J-103: an ICE restart of a bridge session that is over reaches no bridge", async () => {
    const world = new World();
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    const before = bridge.requests.length;
    expect(await ada?.restartIce("an old one")).to.match(/^item-not-found/);
    await world.pass(50);
    expect(bridge.requests.length).to.equal(before);
  });

  it("J-109: failed ICE of another bridge session is not believed", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada", "bob");
    if (ada !== undefined) ada.bridgeSession = "an old one";
    expect(await ada?.iceFailed()).to.equal("result");
    await world.pass(50);
    expect(ada?.invitations).to.equal(1);
    expect(await ada?.sourceAdd(audio("ada", 7_000, 1))).to.equal("result");
  });
});
