/** Invariant I4 of spec benchmarks-and-faults G: memory comes back. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { StartedProgram } from "./started-program.ts";

const RETURN_MS = 60_000;
const MOST_GROWTH_SHARE = 0.1;
const MOST_GROWTH_KB = 20 * 1024;

/** Within a minute the resident memory is at most 10 % and 20 MiB above `beforeKb`; says how soon. */
export async function expectMemoryReturned(
  program: StartedProgram,
  beforeKb: number,
): Promise<void> {
  const mostKb = beforeKb * (1 + MOST_GROWTH_SHARE) + MOST_GROWTH_KB;
  const started = performance.now();
  const peakKb = program.memoryKb;
  while (program.memoryKb > mostKb && performance.now() - started < RETURN_MS) await sleep(100);
  const [before, peak, now] = [beforeKb, peakKb, program.memoryKb].map((kb) =>
    Math.round(kb / 1024),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`      ${before} MiB before, ${peak} after, ${now} when ${seconds} s had passed`);
  expect(program.memoryKb, "kB a minute later").to.be.at.most(mostKb);
}
