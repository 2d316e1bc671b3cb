/** R2: packets are dropped both ways, between one page and its bridge or around a whole bridge. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, newestClient, npmClient, startCalls } from "./calls.ts";
import { longestGap, sessions } from "./faults.ts";
import { type CallPage, expectMedia } from "./pages.ts";
import { TcpRelay, UdpRelay } from "./relays.ts";

const newest = newestClient();
const clients = [
  { name: "npm client", path: npmClient },
  ...(newest.path === undefined ? [] : [{ name: "newest client", path: newest.path }]),
];

for (const { name, path } of clients) {
  describe(`R2 a page of the ${name} behind a relay that drops its datagrams`, () => {
    let calls: Calls;
    let relay: UdpRelay;
    let round = 0;
    let pages: CallPage[] = [];
    const flow = () => ({
      bridges: calls.stack.bridges.flatMap((bridge) => [
        bridge,
        { ...bridge, mediaPort: relay.port },
      ]),
    });

    before(async () => {
      calls = await startCalls({ client: path });
      relay = await UdpRelay.open(calls.stack.bridges[0]?.mediaPort ?? 0);
    });
    after(async () => {
      await calls?.stop();
      relay?.close();
    });
    explainFailures(() => calls);

    beforeEach(async () => {
      await calls.closePages();
      const room = `dropped${++round}`;
      const query = { relay: `${calls.stack.bridges[0]?.mediaPort}:${relay.port}` };
      pages = await Promise.all([
        calls.open(room, 1, query),
        calls.open(room, 2),
        calls.open(room, 3),
      ]);
      await expectMedia(pages, flow());
      const ports = (await pages[0]?.seen())?.pairs.map(({ port }) => port);
      expect(ports).to.deep.equal([relay.port]);
    });

    for (const seconds of [4, 25])
      it(`for ${seconds} s: the others lose nothing, it is back soon after`, async () => {
        const [, ...others] = pages;
        const before = await sessions(others);
        let ofOthers = 0;
        const gap = await longestGap(
          pages,
          async () => {
            ofOthers = await longestGap(others, async () => {
              relay.dropping = true;
              await sleep(seconds * 1000);
              relay.dropping = false;
            });
          },
          40_000,
        );
        await expectMedia(pages, flow());
        expect(ofOthers, "gap between the other two").to.be.below(500);
        expect(await sessions(others)).to.deep.equal(before);
        expect(gap).to.be.below(seconds * 1000 + 8000);
      });
  });
}

if (newest.path === undefined) {
  it.skip(
    `R2 a page of the newest client behind a relay that drops its datagrams (${newest.reason})`,
  );
}

describe("R2 a bridge cut off from everybody, a second one up", () => {
  let calls: Calls;
  const xmpp = new Map<string, TcpRelay>();
  const media = new Map<string, UdpRelay>();
  const ports = (name: string) => {
    const bridge = calls.stack.bridges.find((one) => one.name === name);
    return [bridge?.mediaPort ?? 0, media.get(name)?.port ?? 0] as const;
  };
  /** The bridges as pages reach them. */
  const relayed = (...names: readonly (string | undefined)[]) => ({
    bridges: calls.stack.bridges
      .filter(({ name }) => names.includes(name))
      .map((bridge) => ({ ...bridge, mediaPort: ports(bridge.name)[1] })),
  });

  before(async () => {
    calls = await startCalls({
      client: npmClient,
      bridges: 2,
      // No channel over TCP, which the cut would leave whole.
      webSocket: false,
      bridgeLogin: async (bridge, c2sPort) => {
        const relay = await TcpRelay.open(c2sPort);
        xmpp.set(bridge, relay);
        return relay.port;
      },
    });
    for (const { name, mediaPort } of calls.stack.bridges)
      media.set(name, await UdpRelay.open(mediaPort));
  });
  after(async () => {
    await calls?.stop();
    for (const relay of [...xmpp.values(), ...media.values()]) relay.close();
  });
  explainFailures(() => calls);

  it("everybody goes on over the other one; the first comes back without ghosts", async () => {
    await calls.closePages();
    const relay = calls.stack.bridges.map(({ name }) => ports(name).join(":"));
    const pages = await Promise.all([1, 2].map((number) => calls.open("cut", number, { relay })));
    await expectMedia(pages, relayed(...media.keys()));
    const from = (await pages[0]?.seen())?.pairs[0]?.port;
    const [used, other] = ["jvb1", "jvb2"].sort((a) => (ports(a)[1] === from ? -1 : 1));
    const cut = [xmpp.get(used ?? ""), media.get(used ?? "")] as const;
    const gap = await longestGap(pages, async () => {
      cut[0]?.stall();
      if (cut[1] !== undefined) cut[1].dropping = true;
      await sleep(3000);
    });
    await expectMedia(pages, relayed(other));
    expect(gap).to.be.below(12_000);
    cut[0]?.flow();
    if (cut[1] !== undefined) cut[1].dropping = false;
    const at = calls.stack.bridges.findIndex(({ name }) => name === used);
    await until(
      "no ghosts on the bridge that came back",
      async () => Number((await calls.bridgeStats(at))["endpoints"]) === 0,
    );
    await expectMedia(pages, relayed(other));
  });
});
