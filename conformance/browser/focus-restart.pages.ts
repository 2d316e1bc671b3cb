/** R5: the focus is killed or stopped in mid-call and started again. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type Calls, explainFailures, itInFull, npmClient, startCalls } from "./calls.ts";
import { longestGap, sessions } from "./faults.ts";
import { expectMedia, longestGaps, untilMedia } from "./pages.ts";

/** What they send is no matter here: what three pages need to encode it, on one machine, is. */
const small = { lines: "180" };

/** How it goes. */
const ends: readonly {
  readonly name: string;
  readonly go: (calls: Calls) => Promise<void>;
  readonly run: typeof itInFull;
}[] = [
  { name: "killed", go: ({ stack }) => stack.focus.kill(), run: it },
  { name: "stopped (SIGTERM)", go: ({ stack }) => stack.focus.stop(), run: itInFull },
];

describe("R5 the focus gone and started again", () => {
  let calls: Calls;
  let round = 0;
  before(async () => {
    calls = await startCalls({ client: npmClient });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);

  for (const { name, go, run } of ends) {
    run(
      `${name}: no gap at the event; a page that joins is in the call 2 s after, and the old ones lose at most 1 s`,
      async () => {
        await calls.closePages();
        const room = `refocused${++round}`;
        const pages = await Promise.all([1, 2].map((number) => calls.open(room, number, small)));
        await expectMedia(pages, { bridges: calls.stack.bridges });
        const before = await sessions(pages);
        // Loaded beforehand: the time counts from the focus on, and what it takes to join is part of it.
        const third = await calls.open(room, 3, small, false);
        const all = [...pages, third];
        let atTheEvent = Number.POSITIVE_INFINITY;
        let took = 0;
        const atTheJoin = await longestGap(pages, async () => {
          await go(calls);
          await sleep(2000);
          await calls.stack.focus.start();
          const ready = performance.now();
          const joining = third.join();
          // It takes longer to join than to ask the others this.
          atTheEvent = Math.max(...(await longestGaps(pages)).values());
          await Promise.all(pages.map((page) => page.mark()));
          await joining;
          await untilMedia(all);
          took = performance.now() - ready;
        });
        console.log(
          `      the page that joins sees and hears all ${Math.round(took)} ms after the focus is ready; longest gap until then ${Math.round(atTheEvent)} ms`,
        );
        expect(atTheEvent, "gap at the event").to.be.below(500);
        await expectMedia(all, { bridges: calls.stack.bridges });
        expect(await sessions(pages)).to.not.include.members(before);
        expect(took).to.be.below(2000);
        expect(atTheJoin, "gap of the old pages").to.be.below(1000);
      },
    );
  }

  it("a page that asks while it is away is in the call as soon as its client asks again", async () => {
    await calls.closePages();
    const room = `refocused${++round}`;
    const pages = await Promise.all([1, 2].map((number) => calls.open(room, number, small)));
    await expectMedia(pages, { bridges: calls.stack.bridges });
    await calls.stack.focus.kill();
    // Chromium needs a second for the page; it then asks a focus that is not there.
    const opening = calls.open(room, 3);
    await sleep(2000);
    let took = 0;
    const gap = await longestGap(pages, async () => {
      await calls.stack.focus.start();
      took = performance.now();
      const all = [...pages, await opening];
      await untilMedia(all);
      took = performance.now() - took;
    });
    console.log(
      `      the new page sees and hears all ${Math.round(took)} ms after the focus is up`,
    );
    expect(gap, "gap of the old pages").to.be.below(1000);
    // The client waits 1 s after a refusal, then 2 s.
    expect(took).to.be.below(4000);
  });
});
