/** What a page behind a bad network sees and hears: an emulated link between it and the bridge. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, newestClient, npmClient, startCalls } from "./calls.ts";
import { type CallPage, expectMedia } from "./pages.ts";
import { UdpRelay } from "./relays.ts";

const newest = newestClient();
const client =
  newest.path === undefined
    ? { name: `npm client (${newest.reason})`, path: npmClient }
    : { name: "newest client", path: newest.path };

/** Picture and freezes of the first page's camera, as the browser counts them. */
interface Picture {
  readonly height: number;
  readonly freezes: number;
  readonly frozenSeconds: number;
}

function picture(page: CallPage): Promise<Picture> {
  return page.page.evaluate(`(async () => {
    const connection = call.conference.jvbJingleSession.peerconnection.peerconnection;
    const rows = [...(await connection.getStats()).values()];
    const video = rows.filter((row) => row.type === "inbound-rtp" && row.kind === "video" && row.framesDecoded > 0);
    const sum = (name) => video.reduce((all, row) => all + (row[name] ?? 0), 0);
    return {
      height: Math.max(0, ...video.filter((row) => row.framesPerSecond > 0).map((row) => row.frameHeight)),
      freezes: sum("freezeCount"),
      frozenSeconds: sum("totalFreezesDuration"),
    };
  })()`) as Promise<Picture>;
}

describe(`a page behind a bad network, ${client.name}`, () => {
  let calls: Calls;
  let relay: UdpRelay;
  let sender: CallPage;
  let receiver: CallPage;

  before(async () => {
    calls = await startCalls({ client: client.path });
    relay = await UdpRelay.open(calls.stack.bridges[0]?.mediaPort ?? 0);
    sender = await calls.open("network", 1, { codec: "VP8", lines: "720", noisy: "1" });
    receiver = await calls.open("network", 2, {
      codec: "VP8",
      relay: `${calls.stack.bridges[0]?.mediaPort}:${relay.port}`,
    });
    await expectMedia([sender, receiver]);
  });
  after(async () => {
    await calls?.stop();
    relay?.close();
  });
  explainFailures(() => calls);

  const sees = (lines: readonly number[], withinMs: number) =>
    until(
      `it sees ${lines.join(" or ")} lines`,
      async () => lines.includes((await picture(receiver)).height),
      withinMs,
    );

  /** Prints what `during` did to sound and picture; returns the longest gap of sound in ms. */
  async function watch(what: string, during: () => Promise<void>): Promise<number> {
    const before = await picture(receiver);
    await receiver.mark();
    await during();
    const { sources } = await receiver.seen();
    const after = await picture(receiver);
    const gap = sources["p1/audio"]?.gapMs ?? Number.POSITIVE_INFINITY;
    console.log(
      `      ${what}: longest gap of sound ${Math.round(gap)} ms, ${after.freezes - before.freezes} freezes of together ` +
        `${(after.frozenSeconds - before.frozenSeconds).toFixed(1)} s, ${after.height} lines`,
    );
    return gap;
  }

  // Beside the sound 400 kbps have room for few pictures of 360 lines.
  for (const [first, then, lines] of [
    [3_000_000, 300_000, [180]],
    [4_000_000, 400_000, [180, 360]],
  ] as const)
    it(`gets fewer lines when ${first / 1e6} Mbps become ${then / 1000} kbps, and more again`, async () => {
      const link = (rateBps: number) =>
        relay.shape({ down: { rateBps, delayMs: 25, queueBytes: 40_000 }, up: { delayMs: 25 } });
      link(first);
      await sees([720], 40_000);
      const narrow = await watch(`${then / 1000} kbps`, async () => {
        link(then);
        await sees(lines, 10_000);
        await sleep(10_000);
        await sees(lines, 1_000);
      });
      const wide = await watch(`${first / 1e6} Mbps again`, async () => {
        link(first);
        await sees([720], 30_000);
        await sleep(5_000);
        await sees([720], 1_000);
      });
      expect(Math.max(narrow, wide)).to.be.below(1000);
    });

  for (const [percent, rtt, frozenSeconds] of [
    [0, 200, 1],
    [1, 50, 1],
    [5, 50, 2],
    [10, 100, 5],
    [20, 50, 10],
  ] as const)
    it(`${percent} % of packets lost, round trip ${rtt} ms: sound and picture go on`, async () => {
      relay.shape({ down: { loss: percent / 100, delayMs: rtt / 2 }, up: { delayMs: rtt / 2 } });
      await sleep(3000);
      const before = await picture(receiver);
      const gap = await watch(`${percent} %, ${rtt} ms`, () => sleep(20_000));
      const after = await picture(receiver);
      expect(gap).to.be.below(300);
      expect(after.frozenSeconds - before.frozenSeconds).to.be.below(frozenSeconds);
      expect(after.height).to.be.greaterThan(0);
    });
});
