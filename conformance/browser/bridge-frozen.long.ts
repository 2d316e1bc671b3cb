/** R3: a bridge stands still for a while, or hardly gets a processor. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type Calls, explainFailures, npmClient, startCalls } from "./calls.ts";
import { allOn, type Bridge, longestGap, sessions, usedAndOther } from "./faults.ts";
import { type CallPage, expectMedia } from "./pages.ts";

/** Stops a bridge for a while, as a machine that swaps or a paused container does. */
async function freeze({ program }: Bridge, ms: number): Promise<void> {
  program.signal("SIGSTOP");
  try {
    await sleep(ms);
  } finally {
    program.signal("SIGCONT");
  }
}

describe("R3 a frozen bridge, a second one up", () => {
  let calls: Calls;
  let round = 0;
  let pages: CallPage[] = [];

  before(async () => {
    calls = await startCalls({ client: npmClient, bridges: 2 });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);

  beforeEach(async () => {
    await calls.closePages();
    const room = `frozen${++round}`;
    pages = await Promise.all([1, 2].map((number) => calls.open(room, number)));
    await expectMedia(pages, { mediaPorts: calls.mediaPorts });
  });

  for (const seconds of [1, 2])
    it(`for ${seconds} s: nobody is moved, media is back at once`, async () => {
      const { used } = await usedAndOther(calls, pages);
      const before = await sessions(pages);
      const gap = await longestGap(pages, async () => {
        await freeze(used, seconds * 1000);
        await sleep(3000);
      });
      expect(gap).to.be.below(seconds * 1000 + 700);
      expect(await sessions(pages)).to.deep.equal(before);
      await expectMedia(pages, { mediaPorts: [used.mediaPort] });
    });

  for (const seconds of [5, 15])
    it(`for ${seconds} s: everybody goes on over the other bridge, also after it woke`, async () => {
      const { used, other } = await usedAndOther(calls, pages);
      const gap = await longestGap(pages, async () => {
        await freeze(used, seconds * 1000);
        await allOn(calls, pages, other);
      });
      expect(gap).to.be.below(5000);
      await sleep(3000);
      await expectMedia(pages, { mediaPorts: [other.mediaPort] });
      const stats = await calls.bridgeStats(calls.stack.bridges.indexOf(used));
      expect(Number(stats["endpoints"]), "ghosts on the woken bridge").to.equal(0);
    });

  it("at 90 % of the time for 20 s: nobody is moved", async () => {
    const { used } = await usedAndOther(calls, pages);
    const before = await sessions(pages);
    const gap = await longestGap(pages, async () => {
      for (const end = performance.now() + 20_000; performance.now() < end; ) {
        await freeze(used, 90);
        await sleep(10);
      }
    });
    expect(gap).to.be.below(1000);
    expect(await sessions(pages)).to.deep.equal(before);
  });
});

describe("R3 a frozen bridge, the only one", () => {
  let calls: Calls;
  let round = 0;
  before(async () => {
    calls = await startCalls({ client: npmClient });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);

  for (const seconds of [5, 15])
    it(`for ${seconds} s: the call goes on when it wakes`, async () => {
      await calls.closePages();
      const room = `alone${++round}`;
      const pages = await Promise.all([1, 2].map((number) => calls.open(room, number)));
      await expectMedia(pages, { mediaPorts: calls.mediaPorts });
      const [only] = calls.stack.bridges;
      const gap = await longestGap(pages, () => freeze(only as Bridge, seconds * 1000), 30_000);
      await expectMedia(pages, { mediaPorts: calls.mediaPorts });
      expect(gap).to.be.below(seconds * 1000 + 3000);
    });
});
