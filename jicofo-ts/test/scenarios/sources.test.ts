import { expect } from "chai";
import { parseConferenceModify } from "#shared/stanza/colibri2-request";
import { xml } from "#shared/xmpp/xml";
import { featureUris } from "../../src/jingle/features.ts";
import { audio, simulcast, ssrcsOf } from "./fake-client.ts";
import { World } from "./world.ts";

describe("sources come and go", () => {
  it("joins a storm of changes into two messages per receiver and four for the bridge", async () => {
    const world = new World({ maxSsrcsPerUser: 100, maxSsrcGroupsPerUser: 100 });
    const bridge = world.bridge("jvb1");
    await world.request();
    const [ada, bob, cyd] = await world.joinAll("ada", "bob", "cyd");
    if (ada === undefined || bob === undefined || cyd === undefined) throw new Error("all joined");
    const before = bob.received.length;
    const updates = bridge.requests.length;
    const storm = Array.from({ length: 30 }, (_, i) =>
      ada.sourceAdd(audio("ada", 7_000 + i, i + 1)),
    );
    expect(new Set(await Promise.all(storm))).to.deep.equal(new Set(["result"]));
    await world.pass(20);
    expect(bob.received.length - before, "the first few at once").to.equal(1);
    await world.pass(500);
    const told = bob.received.slice(before);
    expect(told).to.have.length(2);
    expect(told.flatMap(ssrcsOf)).to.have.length(30);
    expect(bridge.requests.length - updates).to.equal(4);
    const update = bridge.requests.at(-1)?.toString() ?? "";
    expect(update).to.include("7029").and.to.include("7000");
  });

  it("never mentions a source that was added and removed before the batch went out", async () => {
    const world = new World({ sourceSignalingDelays: new Map([[0, 500]]) });
    world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    await world.pass(1_000);
    const before = bob?.received.length ?? 0;
    const extra = audio("ada", 7_000, 1);
    await ada?.sourceAdd(extra);
    await world.pass(400);
    await ada?.sourceRemove(extra);
    await world.pass(1_000);
    expect(bob?.received.length).to.equal(before);
  });

  it("queues changes until the session is accepted, and then sends them once", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada");
    const bob = world.client("bob");
    bob.accepts = false;
    bob.join();
    await world.pass(50);
    expect(bob.actions).to.deep.equal(["session-initiate"]);
    await ada?.sourceAdd(audio("ada", 7_000, 1));
    await world.pass(1_000);
    expect(bob.actions).to.deep.equal(["session-initiate"]);
    await bob.accept();
    await world.pass(10);
    expect(bob.actions).to.deep.equal(["session-initiate", "source-add"]);
    expect(bob.known.has(7_000)).to.equal(true);
  });

  it("writes plain XML for a client that does not know the compact form", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada");
    const bob = world.client("bob");
    bob.features = [featureUris.AUDIO, featureUris.VIDEO];
    bob.join();
    await world.pass(50);
    const offer = bob.received[0];
    expect(offer?.compactSources).to.equal(undefined);
    const owners = offer?.contents[1]?.description?.sources.map(({ owner }) => owner);
    expect(new Set(owners)).to.include("jvb");
    await ada?.sourceAdd(simulcast("ada", 7_000, 1));
    await world.pass(10);
    const added = bob.received.at(-1);
    expect(added?.action).to.equal("source-add");
    expect(added?.contents.map(({ name }) => name)).to.include("video");
    expect(added?.contents.flatMap(({ description }) => description?.groups ?? [])).to.deep.equal([
      { semantics: "FID", ssrcs: [7_000, 7_003] },
    ]);
  });

  it("sends an SSRC-rewriting client nothing but the bridge's sources", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    const [ada] = await world.joinAll("ada");
    const bob = world.client("bob");
    bob.features = [...bob.features, featureUris.SSRC_REWRITING_V1];
    bob.join();
    await world.pass(50);
    await ada?.sourceAdd(audio("ada", 7_000, 1));
    await world.pass(50);
    expect(bob.actions).to.deep.equal(["session-initiate"]);
    expect([...(bob.received[0]?.compactSources?.keys() ?? [])]).to.deep.equal(["jvb"]);
  });

  for (const { name, config, features, asked } of [
    {
      name: "asks for both where client and configuration have both",
      config: {},
      features: [featureUris.SSRC_REWRITING_V1, featureUris.RTP_MID_DEMUX],
      asked: ["source-names", "ssrc-rewriting", "rtp-mid-demux"],
    },
    {
      name: "asks for no mids without rewriting",
      config: {},
      features: [featureUris.RTP_MID_DEMUX],
      asked: ["source-names"],
    },
    {
      name: "asks for no mids where they are switched off",
      config: { useRtpMidDemux: false },
      features: [featureUris.SSRC_REWRITING_V1, featureUris.RTP_MID_DEMUX],
      asked: ["source-names", "ssrc-rewriting"],
    },
    {
      name: "asks for nothing where rewriting is switched off",
      config: { useSsrcRewriting: false },
      features: [featureUris.SSRC_REWRITING_V1, featureUris.RTP_MID_DEMUX],
      asked: ["source-names"],
    },
  ])
    it(`SSRC rewriting: ${name} (J-076)`, async () => {
      const world = new World(config);
      const bridge = world.bridge("jvb1");
      await world.request();
      await world.joinAll("ada");
      const bob = world.client("bob");
      bob.features = [...bob.features, ...features];
      bob.join();
      await world.pass(50);
      const requests = bridge.requests.flatMap((request) => {
        const parsed = parseConferenceModify(request);
        return parsed.ok ? parsed.value.endpoints : [];
      });
      const created = requests.find(({ id, create }) => id === "bob" && create);
      expect(created?.capabilities).to.deep.equal(asked);
      await world.pass(1_000);
      const owners = bob.received.flatMap((jingle) => [...(jingle.compactSources?.keys() ?? [])]);
      expect(owners.includes("ada")).to.equal(!asked.includes("ssrc-rewriting"));
    });

  it("shows only audio to a client without video", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request();
    await world.joinAll("ada");
    const bob = world.client("bob");
    bob.features = [featureUris.AUDIO, featureUris.JSON_SOURCES];
    bob.sources = bob.sources.slice(0, 1);
    bob.join();
    await world.pass(50);
    const offer = bob.received[0];
    expect(offer?.contents.map(({ name }) => name)).to.deep.equal(["audio"]);
    for (const { video } of offer?.compactSources?.values() ?? []) {
      expect(video.sources).to.deep.equal([]);
    }
  });

  it("limits senders and says so in presence", async () => {
    const world = new World({ maxAudioSenders: 1 });
    world.bridge("jvb1");
    await world.request();
    const [ada, bob] = await world.joinAll("ada", "bob");
    expect(world.room.property("audio-limit-reached")).to.equal(undefined);
    const info = (muted: boolean) => [
      xml("SourceInfo", {}, JSON.stringify({ "ada-a0": { muted } })),
    ];
    ada?.show(info(false));
    await world.pass(1);
    expect(world.room.property("audio-limit-reached")).to.equal("true");
    expect(await bob?.sourceAdd(audio("bob", 7_000, 1))).to.match(
      /^resource-constraint: Sender count exceeded for: /,
    );
    ada?.show(info(true));
    expect(world.room.property("audio-limit-reached")).to.equal("false");
    expect(await bob?.sourceAdd(audio("bob", 7_000, 1))).to.equal("result");
  });

  it("starts later ones muted as the first request wished", async () => {
    const world = new World();
    world.bridge("jvb1");
    await world.request({ startAudioMuted: "2", startVideoMuted: "1" });
    const clients = await world.joinAll("ada", "bob", "cyd");
    expect(clients.map(({ received }) => received[0]?.startMuted)).to.deep.equal([
      { audio: false, video: true },
      { audio: false, video: true },
      { audio: true, video: true },
    ]);
  });
});
