/**
 * The canary: says whether the machine was the same before and after a round (spec
 * benchmarks-and-faults F.0 rule 3). Take a reading before and one after, and judge the two.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { buildProgram } from "./c-program.ts";

/** A round is void beyond these. */
export const MAX_DRIFT = 0.03;
export const MAX_STEAL = 0.01;

/** Processor time of the whole machine since its start, in ticks: all of it, and what the
 * hypervisor gave to others. */
export interface MachineTimes {
  readonly total: number;
  readonly steal: number;
}

export interface CanaryReading extends MachineTimes {
  /** Nanoseconds of one iteration of the fixed loop. */
  readonly ns: number;
}

export interface CanaryJudgement {
  /** How much slower (or, negative, faster) the machine was afterwards: 0.03 is 3 %. */
  readonly drift: number;
  /** Share of the machine's time between the readings that the hypervisor gave to others. */
  readonly steal: number;
  /** Why the round is void; absent when it holds. */
  readonly void?: string;
}

/**
 * The first line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal; guest time
 * is in user already.
 *
 * @throws Error when there is no such line.
 */
export function parseMachineTimes(procStat: string): MachineTimes {
  const ticks = /^cpu +(\d+(?: \d+){7})/m.exec(procStat)?.[1]?.split(" ").map(Number);
  if (ticks === undefined) throw new Error("/proc/stat has no line of the whole machine");
  return { total: ticks.reduce((sum, each) => sum + each, 0), steal: ticks[7] ?? 0 };
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Judges a round by the readings before and after it. */
export function judgeRound(before: CanaryReading, after: CanaryReading): CanaryJudgement {
  const drift = after.ns / before.ns - 1;
  const total = after.total - before.total;
  const steal = total > 0 ? (after.steal - before.steal) / total : 0;
  const reasons: string[] = [];
  // Also when the loop gave no number.
  if (!(Math.abs(drift) <= MAX_DRIFT)) reasons.push(`canary drifted by ${percent(drift)}`);
  if (!(steal <= MAX_STEAL)) reasons.push(`steal ${percent(steal)}`);
  return reasons.length === 0 ? { drift, steal } : { drift, steal, void: reasons.join(", ") };
}

/**
 * Runs the fixed loop (about half a second of one core; builds it the first time) and reads the
 * machine's times.
 *
 * @throws Error when the loop cannot be built or run.
 */
export async function runCanary(): Promise<CanaryReading> {
  const program = buildProgram({ source: new URL("canary.c", import.meta.url), name: "canary" });
  const { stdout } = await promisify(execFile)(program);
  const times = parseMachineTimes(await readFile("/proc/stat", "utf8"));
  return { ...times, ns: Number(stdout.split(" ")[0]) };
}
