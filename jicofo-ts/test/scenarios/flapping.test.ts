/** One participant asks for more than anybody needs: what it costs the others is bounded. */
import { expect } from "chai";
import { emptyJingle } from "#shared/stanza/jingle";
import { audio, content, type FakeClient, transport } from "./fake-client.ts";
import { World } from "./world.ts";

async function callOf(...nicks: string[]) {
  const world = new World();
  const bridge = world.bridge("jvb1");
  await world.request();
  return { world, bridge, clients: await world.joinAll(...nicks) };
}

/** Does something every `1000 / rate` ms for so many seconds; gives back what came of it. */
async function often(
  world: World,
  rate: number,
  seconds: number,
  what: (at: number) => Promise<string>,
): Promise<string[]> {
  const outcomes: Promise<string>[] = [];
  for (let at = 0; at < rate * seconds; at++) {
    outcomes.push(what(at));
    await world.pass(1000 / rate);
  }
  return Promise.all(outcomes);
}

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const condition = outcome.replace(/:.*/, "");
    counts[condition] = (counts[condition] ?? 0) + 1;
  }
  return counts;
}

describe("E4: restarts without end", () => {
  it("E4: a session restarts every 5 s, five times a minute, at 100 requests a second [J-107]", async () => {
    const { world, clients } = await callOf("ada", "bob");
    const [ada, bob] = clients;
    const outcomes = await often(world, 100, 60, () => ada?.restart() ?? Promise.resolve(""));
    // The one that comes too soon ends the session for good, as upstream does.
    expect(ada?.invitations).to.equal(2);
    expect(tally(outcomes)["result"]).to.equal(1);
    expect(bob?.invitations).to.equal(1);
    expect(bob?.actions.length).to.be.at.most(5);
  });

  it("E4: ICE restarts in place every 5 s, five times a minute, at 100 requests a second [J-104]", async () => {
    const { world, bridge, clients } = await callOf("ada", "bob");
    const [ada, bob] = clients;
    const before = bridge.requests.length;
    const outcomes = await often(world, 100, 60, () => ada?.restartIce() ?? Promise.resolve(""));
    expect(tally(outcomes)).to.deep.equal({ result: 5, "resource-constraint": 5_995 });
    expect(bridge.requests.length - before).to.equal(5);
    expect(ada?.invitations).to.equal(1);
    expect(bob?.actions).to.deep.equal(["session-initiate", "source-add"]);
  });

  it("E4: reports of failed ICE invite again every 5 s, five times a minute [J-109]", async () => {
    const { world, bridge, clients } = await callOf("ada", "bob");
    const [ada] = clients;
    const outcomes = await often(world, 100, 60, () => ada?.iceFailed() ?? Promise.resolve(""));
    expect(tally(outcomes)["result"]).to.equal(5);
    expect(ada?.invitations).to.equal(6);
    expect(bridge.requests.length).to.be.at.most(30);
  });

  it("E4: transports beyond what trickling needs stay with the focus", async () => {
    const { world, bridge, clients } = await callOf("ada", "bob");
    const [ada] = clients;
    const before = bridge.requests.length;
    const info = { ...content("audio"), transport: transport("again") };
    const send = () =>
      ada?.send({ ...emptyJingle("transport-info", ada.sid), contents: [info] }) ??
      Promise.resolve("");
    const outcomes = await often(world, 100, 20, send);
    expect(tally(outcomes)["result"]).to.be.within(290, 310);
    expect(bridge.requests.length - before).to.be.at.most(310);
  });
});

describe("E5: sources that come and go without pause", () => {
  it("E5: 50 changes a second by each of ten cost the others one update per 500 ms and sender", async () => {
    const nicks = Array.from({ length: 10 }, (_, i) => `flap${i}`);
    const { world, bridge, clients } = await callOf("ada", "bob", ...nicks);
    const [ada, bob, ...flappers] = clients;
    if (ada === undefined || bob === undefined) throw new Error("all joined");
    await world.pass(5_000);
    const sent = bridge.requests.length;
    const seen = ada.received.length;
    const seconds = 10;
    const change = async (client: FakeClient, at: number): Promise<string> => {
      const extra = audio(client.nick, 500_000 + flappers.indexOf(client), 9);
      return at % 2 === 0 ? client.sourceAdd(extra) : client.sourceRemove(extra);
    };
    const outcomes = await often(world, 50, seconds, async (at) => {
      const all = await Promise.all(flappers.map((client) => change(client, at)));
      return all.every((outcome) => outcome === "result") ? "result" : all.join();
    });
    expect(tally(outcomes)).to.deep.equal({ result: 500 });
    const mostPerSender = 3 + 2 * seconds;
    expect(bridge.requests.length - sent).to.be.at.most(mostPerSender * flappers.length);
    expect(ada.received.length - seen).to.be.at.most(mostPerSender * flappers.length);
    // Somebody who changes once meanwhile is told of at once.
    await bob.sourceAdd(audio("bob", 600_000, 1));
    await world.pass(5);
    expect(ada.known.has(600_000)).to.equal(true);
    // And in the end everybody knows what there is.
    await world.pass(2_000);
    for (const client of flappers) {
      const last = audio(client.nick, 500_000 + flappers.indexOf(client), 9);
      expect(await client.sourceAdd(last)).to.equal("result");
    }
    await world.pass(2_000);
    for (const [at] of flappers.entries()) expect(ada.known.has(500_000 + at)).to.equal(true);
    const last = bridge.requests
      .slice(-flappers.length)
      .map((request) => request.toString())
      .join();
    for (const [at] of flappers.entries()) expect(last).to.include(`${500_000 + at}`);
  });

  it("E5: who comes while changes wait hears what the bridge knows, and the rest once", async () => {
    const { world, bridge, clients } = await callOf("ada", "bob");
    const [ada, bob] = clients;
    const added = [0, 1, 2].map((at) => audio("ada", 700_000 + at, at + 1));
    for (const content of added) await ada?.sourceAdd(content);
    await ada?.sourceAdd(audio("ada", 700_003, 4));
    await ada?.sourceRemove(...added.slice(0, 1));
    const [cyd] = await world.joinAll("cyd");
    const onBridge = (ssrc: number) =>
      bridge.requests
        .findLast((request) => /id="ada"/.test(`${request}`) && /<sources/.test(`${request}`))
        ?.toString()
        .includes(`"${ssrc}"`);
    const known = (ssrc: number) => [bob?.known.has(ssrc), cyd?.known.has(ssrc), onBridge(ssrc)];
    expect([700_000, 700_001, 700_003].map(known)).to.deep.equal([
      [true, true, true],
      [true, true, true],
      [false, false, false],
    ]);
    await world.pass(2_000);
    expect([700_000, 700_001, 700_003].map(known)).to.deep.equal([
      [false, false, false],
      [true, true, true],
      [true, true, true],
    ]);
    expect(cyd?.actions).to.deep.equal(["session-initiate", "source-remove", "source-add"]);
  });

  it("E5: a restart takes away what the others know, not what waits", async () => {
    const { world, clients } = await callOf("ada", "bob");
    const [ada, bob] = clients;
    if (ada === undefined || bob === undefined) throw new Error("both joined");
    const added = [0, 1, 2].map((at) => audio("ada", 700_000 + at, at + 1));
    for (const content of added) await ada.sourceAdd(content);
    expect(await ada.sourceRemove(...ada.sources, ...added)).to.equal("result");
    await world.pass(10);
    expect([...bob.known]).to.include.members([ada.ssrcs[0], 700_000, 700_001, 700_002]);
    ada.sources = [];
    expect(await ada.restart()).to.equal("result");
    await world.pass(2_000);
    expect(ada.invitations).to.equal(2);
    expect([...bob.known].filter((ssrc) => ssrc >= 100_000)).to.deep.equal([]);
  });

  it("E5: what waits for its turn is forgotten when its owner goes", async () => {
    const { world, clients } = await callOf("ada", "bob", "cyd");
    const [ada, bob] = clients;
    for (let i = 0; i < 6; i++) await ada?.sourceAdd(audio("ada", 700_000 + i, i + 1));
    ada?.leave();
    await world.pass(2_000);
    expect(bob?.known.has(700_005)).to.equal(false);
    expect(world.log.messages("error")).to.deep.equal([]);
  });
});
