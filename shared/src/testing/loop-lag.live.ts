import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { lagFigures } from "./loop-lag.ts";
import { StartedProgram } from "./started-program.ts";

/** Its main thread works for 70 ms of each 300, its worker hardly ever. */
const busy = `
import { isMainThread, Worker } from "node:worker_threads";
if (isMainThread) {
  new Worker(new URL(import.meta.url));
  setInterval(() => {
    const start = process.threadCpuUsage();
    for (let used = 0; used < 70_000; ) {
      const { user, system } = process.threadCpuUsage(start);
      used = user + system;
    }
  }, 300);
} else setInterval(() => {}, 1000);
`;

describe("the measure of event loops", function () {
  this.timeout(60_000);
  let folder = "";
  let program: StartedProgram | undefined;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "lag-"));
  });
  after(async () => {
    await program?.stop();
    rmSync(folder, { recursive: true });
  });

  it("I3: names the thread that keeps others waiting, in a program of several", async () => {
    const main = join(folder, "busy.mjs");
    writeFileSync(main, busy);
    const started = new StartedProgram({ main, probe: true });
    program = started;
    const figures = (thread: string) => lagFigures([...(started.loopLags().get(thread) ?? [])]);
    await started.until(() => figures("0") !== undefined && figures("1") !== undefined, 50_000);
    expect(figures("0")?.p99).to.be.within(55, 120);
    // Its first rounds are its start.
    const lags = started.loopLags().get("1") ?? [];
    expect(lags.filter((lag) => lag > 50)).to.have.length.below(3);
  });
});
