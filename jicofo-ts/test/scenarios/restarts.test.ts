import { expect } from "chai";
import { emptyJingle } from "#shared/stanza/jingle";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { audio, type FakeClient, source, sourceContent } from "./fake-client.ts";
import { World } from "./world.ts";

async function callOfTwo(config = {}): Promise<{ world: World; ada: FakeClient; bob: FakeClient }> {
  const world = new World(config);
  world.bridge("jvb1");
  await world.request();
  const [ada, bob] = await world.joinAll("ada", "bob");
  if (ada === undefined || bob === undefined) throw new Error("both joined");
  bob.received.length = 1;
  return { world, ada, bob };
}

describe("clients ask for restarts", () => {
  it("ends the session and invites again with a new sid", async () => {
    const { world, ada, bob } = await callOfTwo();
    const { sid } = ada;
    expect(await ada.restart()).to.equal("result");
    await world.pass(50);
    expect(ada.invitations).to.equal(2);
    expect(ada.sid).not.to.equal(sid);
    expect(bob.actions.filter((action) => action.startsWith("source-"))).to.deep.equal([
      "source-remove",
      "source-add",
    ]);
    expect(ada.actions).not.to.include("session-terminate");
  });

  it("restarts one who is alone on the bridge with a new conference there", async () => {
    const { world, ada, bob } = await callOfTwo();
    bob.leave();
    await world.pass(100);
    expect(await ada.restart()).to.equal("result");
    await world.pass(100);
    expect(ada.invitations).to.equal(2);
    expect(world.counts.get("bridges_removed")).to.equal(undefined);
  });

  it("refuses the second within 5 s but ends the session all the same", async () => {
    const { world, ada } = await callOfTwo();
    await ada.restart();
    await world.pass(2_000);
    expect(await ada.restart()).to.equal("resource-constraint: rate-limited");
    await world.pass(50);
    expect(ada.invitations).to.equal(2);
    expect(await ada.sourceAdd(audio("ada", 5))).to.match(/^gone/);
  });

  it("accepts five in a minute and not a sixth", async () => {
    const { world, ada } = await callOfTwo();
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i++) {
      outcomes.push(await ada.restart());
      await world.pass(5_100);
    }
    expect(outcomes.slice(0, 5)).to.deep.equal(Array(5).fill("result"));
    expect(outcomes[5]).to.equal("resource-constraint: rate-limited");
  });

  it("refuses a wrong bridge session, which is over for the client nevertheless", async () => {
    const { ada } = await callOfTwo();
    expect(await ada.restart("wrong")).to.match(/^item-not-found/);
    expect(await ada.restart()).to.match(/^gone/);
  });

  it("restarts ICE in place and passes the bridge's new transport on", async () => {
    const { world, ada } = await callOfTwo();
    expect(await ada.restartIce()).to.equal("result");
    await world.pass(20);
    const info = ada.received.at(-1);
    expect(info?.action).to.equal("transport-info");
    expect(info?.contents[0]?.name).to.equal("audio");
    expect(info?.contents[0]?.transport?.iceGeneration).to.equal(1);
    expect(ada.invitations).to.equal(1);
    expect(await ada.restartIce()).to.equal("resource-constraint: rate-limited");
    await world.pass(6_000);
    expect(await ada.restartIce("wrong")).to.match(/^item-not-found/);
    expect([...world.counts].filter(([name]) => name.startsWith("ice_"))).to.deep.equal([
      ["ice_restarts_requested", 1],
      ["ice_restarts_relayed", 1],
    ]);
  });

  it("says so when restarting ICE in place is switched off", async () => {
    const { ada } = await callOfTwo({ enableIceRestart: false });
    expect(await ada.restartIce()).to.match(/^feature-not-implemented/);
  });

  it("invites again after a report of failed ICE", async () => {
    const { world, ada, bob } = await callOfTwo();
    expect(await ada.iceFailed()).to.equal("result");
    await world.pass(50);
    expect([ada.invitations, bob.invitations]).to.deep.equal([2, 1]);
    expect(world.counts.get("participants_ice_failed")).to.equal(1);
  });

  it("does not use one client's session for another", async () => {
    const { ada, bob } = await callOfTwo();
    bob.sid = ada.sid;
    expect(await bob.restart(ada.bridgeSession)).to.match(/^bad-request/);
    expect(await bob.sourceAdd(audio("bob", 77))).to.match(/^bad-request/);
  });
});

describe("bad Jingle", () => {
  it("answers every mistake with its condition", async () => {
    const { world, ada, bob } = await callOfTwo();
    const known = bob.sources[0]?.description?.sources[0]?.ssrc ?? 0;
    const own = ada.sources[0]?.description?.sources[0]?.ssrc ?? 0;
    const jingle = (attrs: Record<string, string>) => xml("jingle", { xmlns: NS.jingle, ...attrs });
    const cases: readonly [string, Promise<string>, RegExp][] = [
      ["unknown sid", ada.send(emptyJingle("session-info", "nonsense")), /^bad-request/],
      ["no action", ada.sendElement(jingle({ sid: ada.sid })), /^bad-request/],
      [
        "unknown action",
        ada.sendElement(jingle({ sid: ada.sid, action: "dance" })),
        /^(bad-request|feature-not-implemented)/,
      ],
      [
        "unsupported action",
        ada.send(emptyJingle("content-add", ada.sid)),
        /^feature-not-implemented/,
      ],
      ["empty session-info", ada.send(emptyJingle("session-info", ada.sid)), /^result$/],
      [
        "transport-info without transport",
        ada.send(emptyJingle("transport-info", ada.sid)),
        /^bad-request: missing transport/,
      ],
      [
        "an SSRC of another",
        ada.sourceAdd(audio("ada", known, 1)),
        /^bad-request: SSRC is already used/,
      ],
      [
        "an own SSRC again",
        ada.sourceAdd(audio("ada", own, 1)),
        /^bad-request: SSRC is already used/,
      ],
      ["SSRC 0", ada.sourceAdd(audio("ada", 0, 1)), /^bad-request/],
      ["nothing to add", ada.sourceAdd(), /^result$/],
      [
        "a group of strangers",
        ada.sourceAdd(sourceContent("video", [], [{ semantics: "FID", ssrcs: [1, 2] }])),
        /^bad-request: An SSRC group/,
      ],
      [
        "unknown semantics",
        ada.sourceAdd(
          sourceContent("video", [source(9, "ada-v5", "m")], [{ semantics: "XYZ", ssrcs: [9] }]),
        ),
        /^bad-request/,
      ],
      [
        "removal of a stranger's",
        ada.sourceRemove(audio("ada", known)),
        /^bad-request: Source does not exist/,
      ],
    ];
    for (const [name, outcome, expected] of cases) expect(await outcome, name).to.match(expected);
    await world.pass(100);
    expect(bob.actions, "nothing of it reached the others").to.deep.equal(["session-initiate"]);
    expect(ada.invitations).to.equal(1);
  });

  it("ends a session whose acceptance is refused", async () => {
    const { world, ada } = await callOfTwo();
    const cyd = world.client("cyd");
    cyd.sources = [audio("cyd", ada.ssrcs[0] ?? 0)];
    cyd.accepts = false;
    cyd.join();
    await world.pass(20);
    expect(await cyd.accept()).to.match(/^bad-request: SSRC is already used/);
    expect(await cyd.accept()).to.match(/^gone/);
  });

  it("takes a participant down that answers the invitation with an error", async () => {
    const { world } = await callOfTwo();
    const cyd = world.client("cyd");
    cyd.accepts = false;
    cyd.join();
    world.connection.peers.set(cyd.occupantJid, (iq) =>
      xml(
        "iq",
        { type: "error", from: iq.attrs["to"] },
        xml("error", { type: "cancel" }, xml("service-unavailable", { xmlns: NS.stanzas })),
      ),
    );
    await world.pass(50);
    const sent = world.connection.sent.filter((iq) => iq.attrs["to"] === cyd.occupantJid);
    expect(sent).to.have.length(2);
  });

  it("does not count a member that never answers as refusing", async () => {
    const { world } = await callOfTwo();
    const cyd = world.client("cyd");
    cyd.join();
    world.connection.peers.delete(cyd.occupantJid);
    await world.pass(16_000);
    const sent = world.connection.sent.filter((iq) => iq.attrs["to"] === cyd.occupantJid);
    expect(sent).to.have.length(1);
  });

  it("answers a client whose conference is gone", async () => {
    const { world, ada, bob } = await callOfTwo();
    ada.leave();
    bob.leave();
    await world.pass(10);
    expect(await ada.restart()).to.match(/^bad-request/);
  });
});
