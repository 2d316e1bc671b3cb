/** In which order contenders are measured, which rounds count, and how often one is repeated. */
import { type CanaryReading, judgeRound } from "./canary.ts";
import type { ContenderName } from "./row.ts";

/** Order in the table and on the page; also of the odd rounds. */
export const contenderNames = ["ours", "java", "limit"] as const satisfies ContenderName[];

/**
 * A B L in one round and L B A in the next: whatever drifts steadily over the minutes meets all of
 * them alike.
 */
export function orderOf(round: number, contenders: readonly ContenderName[]): ContenderName[] {
  return round % 2 === 0 ? [...contenders] : contenders.toReversed();
}

/** What the machine did during a round. */
export interface Quietness {
  /** Nanoseconds of an iteration of the canary loop. */
  readonly canaryNs: readonly [before: number, after: number];
  /** How much slower the machine was afterwards; 0.01 is 1 %. */
  readonly drift: number;
  /** Share of the machine's time that the hypervisor gave to others. */
  readonly steal: number;
  /** Cores that programs other than the benchmark's kept busy on average. */
  readonly elsewhere: number;
}

/** Cores; a machine where nobody works stays below 0.02. */
export const MAX_ELSEWHERE = 0.1;

/** Joins what the canary and the other programs say of a round. */
export function judge(
  before: CanaryReading,
  after: CanaryReading,
  elsewhere: number,
): { readonly quiet: Quietness; readonly void?: string } {
  const canary = judgeRound(before, after);
  const { drift, steal } = canary;
  const quiet = { canaryNs: [before.ns, after.ns] as const, drift, steal, elsewhere };
  const reasons = canary.void === undefined ? [] : [canary.void];
  if (!(elsewhere <= MAX_ELSEWHERE))
    reasons.push(`other programs used ${(elsewhere * 100).toFixed(0)} % of a core`);
  return reasons.length === 0 ? { quiet } : { quiet, void: reasons.join(", ") };
}

/** A void round is repeated, but not for ever. */
export const mostRounds = (wanted: number): number => wanted * 2;

/**
 * Whether another round is due: until each contender has as many valid cells as were wanted, or the
 * bound is reached.
 */
export function isAnotherDue(
  wanted: number,
  done: number,
  valid: Readonly<Partial<Record<ContenderName, number>>>,
  contenders: readonly ContenderName[],
): boolean {
  if (done < wanted) return true;
  return done < mostRounds(wanted) && contenders.some((name) => (valid[name] ?? 0) < wanted);
}
