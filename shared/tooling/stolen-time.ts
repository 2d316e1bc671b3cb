/**
 * What the hypervisor takes from this machine: time in which nothing here ran. Real time and real pages
 * cannot keep their bounds then, whoever's programs they test.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { MAX_STEAL, type MachineTimes, parseMachineTimes } from "../bench/canary.ts";

const LOOK_MS = 10_000;
const WAIT_MS = 300_000;

export const machineTimes = (): MachineTimes =>
  parseMachineTimes(readFileSync("/proc/stat", "utf8"));

/** Share of the machine that was taken between two readings. */
export function stolenShare(before: MachineTimes, after: MachineTimes): number {
  const total = after.total - before.total;
  return total > 0 ? (after.steal - before.steal) / total : 0;
}

/** More than what the benchmark lets count. */
export const isDisturbed = (share: number): boolean => share > MAX_STEAL;

/** Returns once little was taken for ten seconds, or after five minutes. */
export async function untilCalm(
  read: () => MachineTimes = machineTimes,
  wait: (ms: number) => Promise<unknown> = sleep,
): Promise<void> {
  for (let waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
    const before = read();
    await wait(LOOK_MS);
    if (!isDisturbed(stolenShare(before, read()))) return;
  }
}
