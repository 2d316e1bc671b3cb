/** R1: a bridge is lost, or only its way to Prosody is, while people are on it. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, npmClient, startCalls } from "./calls.ts";
import { allOn, bridgesOfFocus, longestGap, sessions, usedAndOther } from "./faults.ts";
import { type CallPage, expectMedia } from "./pages.ts";
import { TcpRelay } from "./relays.ts";

describe("a bridge that is lost, a second one up", () => {
  let calls: Calls;
  const relays = new Map<string, TcpRelay>();
  let round = 0;
  let pages: CallPage[] = [];

  before(async () => {
    // Prosody keeps the session of a lost bridge for its usual 15 s.
    calls = await startCalls({
      client: npmClient,
      bridges: 2,
      bridgeLogin: async (bridge, c2sPort) => {
        const relay = await TcpRelay.open(c2sPort);
        relays.set(bridge, relay);
        return relay.port;
      },
    });
  });
  after(async () => {
    await calls?.stop();
    for (const relay of relays.values()) relay.close();
  });
  explainFailures(() => calls);

  /** Each test has a call of its own. */
  const threeTalk = async () => {
    await calls.closePages();
    const room = `lost${++round}`;
    pages = await Promise.all([1, 2, 3].map((number) => calls.open(room, number)));
    await expectMedia(pages, { bridges: calls.stack.bridges });
  };

  it("R1 TCP reset between bridge and Prosody: nobody is moved, no media is lost", async () => {
    await threeTalk();
    const { used } = await usedAndOther(calls, pages);
    const before = await sessions(pages);
    const gap = await longestGap(pages, async () => {
      relays.get(used.name)?.reset();
      // Longer than the liveness probe waits.
      await sleep(5000);
    });
    expect(gap).to.be.below(500);
    expect(await sessions(pages)).to.deep.equal(before);
    expect(await bridgesOfFocus(calls.stack.focusPort)).to.equal(2);
  });

  it("R1 the server ends the bridge's stream: it logs in anew and the call goes on", async () => {
    await threeTalk();
    const { used } = await usedAndOther(calls, pages);
    const gap = await longestGap(pages, async () => {
      relays.get(used.name)?.endStreams();
      await sleep(3000);
    });
    await expectMedia(pages, { bridges: calls.stack.bridges });
    expect(gap).to.be.below(3000);
    await until(
      "both bridges are in the brewery",
      async () => (await bridgesOfFocus(calls.stack.focusPort)) === 2,
    );
  });

  // Three browsers that connect anew at once keep two cores busy for half a second more, which leaves
  // the limit no margin: the short tier asks it of two, everything else of three as well.
  for (const count of process.env["TEST_TIER"] === "test" ? [2] : [2, 3])
    it(`R1 SIGKILL: media is back on all of ${count} pages in at most 4 s`, async () => {
      await threeTalk();
      await Promise.all(pages.splice(count).map((page) => page.close()));
      await expectMedia(pages, { bridges: calls.stack.bridges });
      const { used, other } = await usedAndOther(calls, pages);
      try {
        const gap = await longestGap(pages, async () => {
          await used.program.kill();
          // Nothing is asked of the pages meanwhile: that alone costs them a tenth of a second.
          await sleep(4000);
          await allOn(calls, pages, other, 25_000);
        });
        await expectMedia(pages, { bridges: [other] });
        expect(gap).to.be.below(4000);
      } finally {
        await used.program.start();
      }
    });
});
