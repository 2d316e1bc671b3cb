/** R3: a bridge stands still for a while, or hardly gets a processor. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
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

/**
 * Binds the process to one processor, and nine busy ones with it, each of a session of its own so
 * that the kernel groups none: a tenth of that processor is all it can be sure of.
 */
async function crowd({ program }: Bridge, ms: number): Promise<void> {
  const pin = (...who: string[]) => execFileSync("taskset", who, { stdio: "ignore" });
  const all = execFileSync("taskset", ["-p", "-c", `${program.pid}`], { encoding: "utf8" })
    .trim()
    .split(" ")
    .at(-1);
  const busy: ChildProcess[] = [];
  pin("-a", "-p", "-c", "0", `${program.pid}`);
  try {
    for (let at = 0; at < 9; at++)
      busy.push(
        spawn("taskset", ["-c", "0", process.execPath, "-e", "for (;;);"], {
          detached: true,
          stdio: "ignore",
        }),
      );
    await sleep(ms);
  } finally {
    for (const one of busy) one.kill("SIGKILL");
    pin("-a", "-p", "-c", `${all}`, `${program.pid}`);
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
    await expectMedia(pages, { bridges: calls.stack.bridges });
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
      await expectMedia(pages, { bridges: [used] });
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
      await expectMedia(pages, { bridges: [other] });
      const stats = await calls.bridgeStats(calls.stack.bridges.indexOf(used));
      expect(Number(stats["endpoints"]), "ghosts on the woken bridge").to.equal(0);
    });

  const minutes: readonly [string, (bridge: Bridge) => Promise<void>][] = [
    [
      "stopped for 90 % of a minute",
      async (bridge) => {
        for (const end = performance.now() + 60_000; performance.now() < end; ) {
          await freeze(bridge, 90);
          await sleep(10);
        }
      },
    ],
    ["on a processor that nine others want for a minute", (bridge) => crowd(bridge, 60_000)],
  ];
  for (const [how, load] of minutes)
    it(`${how}: nobody is moved`, async () => {
      const { used } = await usedAndOther(calls, pages);
      const before = await sessions(pages);
      const gap = await longestGap(pages, () => load(used));
      expect(gap).to.be.below(1000);
      expect(await sessions(pages)).to.deep.equal(before);
      await expectMedia(pages, { bridges: [used] });
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
      await expectMedia(pages, { bridges: calls.stack.bridges });
      const [only] = calls.stack.bridges;
      const gap = await longestGap(pages, () => freeze(only as Bridge, seconds * 1000), 30_000);
      await expectMedia(pages, { bridges: calls.stack.bridges });
      expect(gap).to.be.below(seconds * 1000 + 3000);
    });
});
