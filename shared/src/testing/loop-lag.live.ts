import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { lagFigures, seesBlocking } from "./loop-lag.ts";
import { StartedProgram } from "./started-program.ts";

/** Of each 300 ms its main thread works for 70 and its second worker stands still for 70. */
const busy = `
import { isMainThread, Worker, workerData } from "node:worker_threads";
const cell = new Int32Array(new SharedArrayBuffer(4));
const work = () => {
  const start = process.threadCpuUsage();
  for (let used = 0; used < 70_000; ) {
    const { user, system } = process.threadCpuUsage(start);
    used = user + system;
  }
};
const act = isMainThread ? work : workerData === 2 ? () => Atomics.wait(cell, 0, 0, 70) : () => {};
if (isMainThread) for (const workerData of [1, 2]) new Worker(new URL(import.meta.url), { workerData });
setInterval(act, 300);
`;

describe("the measure of event loops, in a program of several threads", function () {
  this.timeout(60_000);
  let folder = "";
  let program: StartedProgram | undefined;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "lag-"));
    const main = join(folder, "busy.mjs");
    writeFileSync(main, busy);
    program = new StartedProgram({ main, probe: true });
  });
  after(async () => {
    await program?.stop();
    rmSync(folder, { recursive: true });
  });

  /** By the thread's number, workers in the order of their start. Its first rounds are its start. */
  const lagsOf = (thread: string) => [...(program?.loopLags().get(thread) ?? [])].slice(3);
  const p99Of = async (thread: string): Promise<number> => {
    await program?.until(() => lagFigures(lagsOf(thread)) !== undefined, 50_000);
    return lagFigures(lagsOf(thread))?.p99 ?? Number.NaN;
  };

  it("I3: names the thread that works while others wait", async () => {
    expect(await p99Of("0")).to.be.within(55, 120);
  });

  it("I3: names the thread that stands still while others wait", async function () {
    if (!seesBlocking) {
      console.log("      skipped: this kernel does not count how long threads wait for a core");
      return this.skip();
    }
    expect(await p99Of("2")).to.be.within(55, 120);
  });

  it("I3: has nothing against one that hardly does anything", async () => {
    await p99Of("1");
    expect(lagsOf("1").filter((lag) => lag > 50)).to.have.length.below(3);
  });
});
