/** R4: the XMPP server is away for four seconds in mid-call. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, npmClient, startCalls } from "./calls.ts";
import { bridgesOfFocus, longestGap } from "./faults.ts";
import { expectMedia, untilMedia } from "./pages.ts";

describe("R4 Prosody down for 4 s", () => {
  let calls: Calls;
  let round = 0;
  before(async () => {
    calls = await startCalls({ client: npmClient });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);

  /** The focus admits a new room, and so is in the room. */
  const focusAnswers = async (room: string) => {
    const response = await fetch(`${calls.url}conference-request/v1`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room: `${room}@conference.${calls.stack.domain}`, properties: {} }),
    });
    return response.ok && ((await response.json()) as { ready?: boolean }).ready === true;
  };

  it("media goes on, the servers are back 3 s after its port opens, reloaded pages in the call 3 s later", async () => {
    await calls.closePages();
    const room = `away${++round}`;
    const pages = await Promise.all([1, 2].map((number) => calls.open(room, number)));
    await expectMedia(pages, { bridges: calls.stack.bridges });
    let back = 0;
    const gap = await longestGap(pages, async () => {
      await calls.stack.prosody.kill();
      await sleep(4000);
      await calls.stack.prosody.start();
      const opened = performance.now();
      await until("the focus answers", () => focusAnswers(`asked${round}`), 20_000);
      await until(
        "the bridge is in the brewery",
        async () => Number((await calls.bridgeStats())["mucs_joined"]) === 1,
        20_000,
      );
      await until(
        "the focus sees it",
        async () => (await bridgesOfFocus(calls.stack.focusPort)) === 1,
      );
      back = performance.now() - opened;
    });
    console.log(
      `      focus, bridge and brewery back ${Math.round(back)} ms after the port opened`,
    );
    expect(gap, "media gap of pages that stay").to.be.below(700);
    expect(back).to.be.below(3000);
    const reloading = performance.now();
    await Promise.all(pages.map((page) => page.load()));
    await untilMedia(pages);
    const took = performance.now() - reloading;
    console.log(`      reloaded pages in the call after ${Math.round(took)} ms`);
    await expectMedia(pages, { bridges: calls.stack.bridges });
    expect(took).to.be.below(3000);
  });
});
