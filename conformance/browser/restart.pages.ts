/** An in-place ICE restart asked for by a page (transcript 07b2). */
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, newestClient, startCalls } from "./calls.ts";
import { longestGap } from "./faults.ts";
import { expectMedia } from "./pages.ts";

const { path, reason } = newestClient();

describe("in-place ICE restart", () => {
  let calls: Calls | undefined;
  after(() => calls?.stop());
  explainFailures(() => calls);

  it(`moves the page over without a gap${path === undefined ? ` (${reason})` : ""}`, async function () {
    if (path === undefined) return this.skip();
    calls = await startCalls({ client: path });
    const { stack } = calls;
    const pages = [await calls.open("restart", 1), await calls.open("restart", 2)];
    await expectMedia(pages, { bridges: stack.bridges });
    const restarts = async (outcome: string): Promise<number> => {
      const reply = await fetch(`http://127.0.0.1:${stack.bridges[0]?.privatePort}/metrics`);
      const line = new RegExp(`^jitsi_jvb_ice_restarts_${outcome}\\S* (\\d+)`, "m");
      return Number(line.exec(await reply.text())?.[1]);
    };
    const gap = await longestGap(pages, async () => {
      await pages[0]?.page.evaluate(
        "call.conference.options.config.enableIceRestart = true, call.conference.restartJvbIce()",
      );
      await until("the restart has succeeded", async () => (await restarts("succeeded")) === 1);
    });
    expect(await restarts("started")).to.equal(1);
    await expectMedia(pages, { bridges: stack.bridges });
    expect(gap).to.be.below(700);
  });
});
