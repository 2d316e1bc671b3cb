/** One sender's simulcast, another layer for each receiver, chosen by the receivers' constraints. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, newestClientInFull, npmClient, startCalls } from "./calls.ts";
import { askForHeight, type CallPage, expectMedia } from "./pages.ts";

/** Heights of the pictures `page` decodes of the first page. */
async function height(page: CallPage): Promise<number | undefined> {
  return (await page.seen()).heights["p1/video"];
}

/** Heights of the layers the page sends just now. */
async function sent(page: CallPage): Promise<number[]> {
  return (await page.page.evaluate(`(async () => {
    const connection = call.conference.jvbJingleSession.peerconnection.peerconnection;
    const rows = [...(await connection.getStats()).values()];
    return rows.filter((row) => row.type === "outbound-rtp" && row.framesPerSecond > 0).map((row) => row.frameHeight);
  })()`)) as number[];
}

/** Stops the largest layer that is sent, as a browser does that runs out of processor or uplink. */
async function stopLargest(page: CallPage): Promise<void> {
  await page.page.evaluate(`(async () => {
    const connection = call.conference.jvbJingleSession.peerconnection.peerconnection;
    const one = connection.getSenders().find((sender) => sender.track?.kind === "video");
    const parameters = one.getParameters();
    const active = parameters.encodings.filter((encoding) => encoding.active !== false);
    active.sort((a, b) => b.scaleResolutionDownBy - a.scaleResolutionDownBy).at(-1).active = false;
    await one.setParameters(parameters);
  })()`);
}

const newest = newestClientInFull();
const clients = [
  { name: "npm client", path: npmClient },
  ...(newest.path === undefined ? [] : [{ name: "newest client", path: newest.path }]),
];

for (const { name, path } of clients) {
  describe(`VP8 simulcast of the ${name}`, () => {
    let calls: Calls;
    let sender: CallPage;
    let second: CallPage;
    let third: CallPage;

    before(async () => {
      calls = await startCalls({ client: path });
      sender = await calls.open("layers", 1, { codec: "VP8", lines: "720" });
      second = await calls.open("layers", 2, { codec: "VP8" });
      third = await calls.open("layers", 3, { codec: "VP8" });
    });
    after(() => calls?.stop());
    explainFailures(() => calls);

    it("three see and hear each other", () =>
      expectMedia([sender, second, third], { bridges: calls.stack.bridges }));

    it("reaches one receiver in the small layer and the other in the large one", async () => {
      await Promise.all([askForHeight(second, 180), askForHeight(third, 360)]);
      await until("two layers are sent", async () => (await sent(sender)).length >= 2, 20_000);
      await until("the second page sees 180 lines", async () => (await height(second)) === 180);
      await until("the third page sees 360 lines", async () => (await height(third)) === 360);
      await expectMedia([sender, second, third], { bridges: calls.stack.bridges });
      expect(await height(second)).to.equal(180);
    });

    it("switches up and down again without a broken picture", async () => {
      await Promise.all([askForHeight(second, 360), askForHeight(third, 180)]);
      await until("the second page sees 360 lines", async () => (await height(second)) === 360);
      await until("the third page sees 180 lines", async () => (await height(third)) === 180);
      await expectMedia([sender, second, third], { bridges: calls.stack.bridges });
    });

    it("goes on in the small layer when the sender stops the large one", async function () {
      await Promise.all([askForHeight(second, 360), askForHeight(third, 360)]);
      for (const page of [second, third])
        await until("it sees 360 lines", async () => (await height(page)) === 360);
      await sleep(1000);
      await Promise.all([second.mark(), third.mark()]);
      await stopLargest(sender);
      for (const page of [second, third])
        await until("it sees 180 lines", async () => (await height(page)) === 180);
      const gaps = await Promise.all(
        [second, third].map(async (page) => (await page.seen()).sources["p1/video"]?.gapMs),
      );
      this.test!.title += `: ${gaps.map((gap) => Math.round(gap ?? -1)).join(" and ")} ms without`;
      for (const gap of gaps) expect(gap).to.be.within(1, 500);
    });

    it("is not sent to a receiver that asks for none, and comes back", async () => {
      await askForHeight(second, 0);
      const others = { bridges: calls.stack.bridges };
      await until("the second page's picture stands", async () => {
        const before = (await second.seen()).sources["p1/video"]?.count;
        await sleep(700);
        return (await second.seen()).sources["p1/video"]?.count === before;
      });
      await askForHeight(second, 360);
      await expectMedia([sender, second, third], others);
    });
  });
}

if (newest.path === undefined) {
  it.skip(`VP8 simulcast of the newest client (${newest.reason})`);
}
