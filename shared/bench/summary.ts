/** From the rounds of a row to what is said of it: medians, ratios and verdicts. */
import type { Round, RowResult } from "./result.ts";
import type { Cell, ContenderName, FigureMeta, Target } from "./row.ts";
import { contenderNames } from "./schedule.ts";
import { compare, type Estimate, medianWithInterval, ratioWithInterval } from "./statistics.ts";

/** Below that many valid rounds a figure is an impression (spec F.0.2). */
export const ENOUGH_ROUNDS = 5;

export type Word = "met" | "missed" | "open";

export interface Verdict {
  readonly target: Target;
  /** Compared with the target: the ratio, or the value itself; undefined when not measured. */
  readonly estimate: Estimate | undefined;
  /** "open" where a side was not measured. */
  readonly word: Word;
  /** Whether the whole interval lies on that side of the target. */
  readonly certain: boolean;
}

export interface FigureSummary {
  readonly meta: FigureMeta;
  readonly values: Readonly<Partial<Record<ContenderName, Estimate>>>;
  /** Ours divided by the other's. */
  readonly ratios: Readonly<Partial<Record<"java" | "limit", Estimate>>>;
  /** What the intervals allow to say of ours beside the other, once there are enough rounds. */
  readonly words: Readonly<
    Partial<Record<"java" | "limit", "better" | "worse" | "no difference shown">>
  >;
  readonly verdicts: readonly Verdict[];
}

export interface RowSummary {
  readonly row: string;
  readonly figures: readonly FigureSummary[];
  /** Cells that count, by contender. */
  readonly valid: Readonly<Partial<Record<ContenderName, number>>>;
  /** Rounds of which nothing counts. */
  readonly voidRounds: number;
  /** Reasons why rounds or cells were void, and how often each. */
  readonly voids: readonly { readonly reason: string; readonly times: number }[];
}

export function targetsOf(meta: FigureMeta): readonly Target[] {
  const { target } = meta;
  if (target === undefined) return [];
  return Array.isArray(target) ? (target as readonly Target[]) : [target as Target];
}

/**
 * The cell of a contender in a round, when it counts. Those of a try-out always do: it is marked as
 * one everywhere, and mostly made where other programs work.
 */
function countedCell(result: RowResult, round: Round, name: ContenderName): Cell | undefined {
  const cell = round.cells[name];
  const isVoid = round.void !== undefined || cell?.void !== undefined;
  return isVoid && !result.method.quick ? undefined : cell;
}

/** The cells of a contender that count, round by round. */
export const countedCells = (result: RowResult, name: ContenderName): readonly Cell[] =>
  present(result.rounds.map((round) => countedCell(result, round, name)));

/** Value of a figure by round; undefined where it does not count or there is none. */
const valuesOf = (result: RowResult, name: ContenderName, figure: string) =>
  result.rounds.map((round) => countedCell(result, round, name)?.figures[figure]);

const present = <T>(values: readonly (T | undefined)[]): T[] =>
  values.filter((each) => each !== undefined);

function verdictOf(target: Target, estimate: Estimate | undefined): Verdict {
  if (estimate === undefined) return { target, estimate, word: "open", certain: false };
  const word = estimate.value <= target.atMost ? "met" : "missed";
  const certain = word === "met" ? estimate.high <= target.atMost : estimate.low > target.atMost;
  return { target, estimate, word, certain };
}

function summariseFigure(result: RowResult, meta: FigureMeta): FigureSummary {
  const values: Partial<Record<ContenderName, Estimate>> = {};
  for (const name of contenderNames) {
    const estimate = medianWithInterval(present(valuesOf(result, name, meta.name)));
    if (estimate !== undefined) values[name] = estimate;
  }
  const ratios: Partial<Record<"java" | "limit", Estimate>> = {};
  const words: Partial<Record<"java" | "limit", ReturnType<typeof compare>>> = {};
  const mine = valuesOf(result, "ours", meta.name);
  for (const other of ["java", "limit"] as const) {
    const theirs = valuesOf(result, other, meta.name);
    const pairs = mine.map((value, i) => {
      const their = theirs[i];
      return value === undefined || their === undefined ? undefined : ([value, their] as const);
    });
    const ratio = ratioWithInterval(present(pairs));
    if (ratio !== undefined) ratios[other] = ratio;
    const [ours, their] = [values.ours, values[other]];
    const isEnough = [mine, theirs].every((each) => present(each).length >= ENOUGH_ROUNDS);
    if (ours !== undefined && their !== undefined && meta.better !== undefined && isEnough)
      words[other] = compare(ours, their, meta.better);
  }
  const verdicts = targetsOf(meta).map((target) =>
    verdictOf(target, target.of === undefined ? values.ours : ratios[target.of]),
  );
  return { meta, values, ratios, words, verdicts };
}

export function summarise(result: RowResult): RowSummary {
  const reasons = new Map<string, number>();
  const count = (reason: string) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const round of result.rounds) {
    if (round.void !== undefined) count(`round: ${round.void}`);
    else
      for (const name of contenderNames) {
        const reason = round.cells[name]?.void;
        if (reason !== undefined) count(`${name}: ${reason}`);
      }
  }
  const valid: Partial<Record<ContenderName, number>> = {};
  for (const name of contenderNames) {
    if (result.contenders[name] === undefined) continue;
    valid[name] = countedCells(result, name).length;
  }
  return {
    row: result.row,
    figures: result.figures.map((meta) => summariseFigure(result, meta)),
    valid,
    voidRounds: result.rounds.filter((round) => round.void !== undefined).length,
    voids: [...reasons].map(([reason, times]) => ({ reason, times })),
  };
}

/** Why figures of some rows may not be quoted, and of which; undefined when all may. */
export function notToBeQuoted(results: readonly RowResult[]): string | undefined {
  const few = results.filter((result) => (summarise(result).valid.ours ?? 0) < ENOUGH_ROUNDS);
  if (few.length === 0) return undefined;
  const rows = few.map(({ row }) => row).join(", ");
  return `fewer than ${ENOUGH_ROUNDS} rounds were undisturbed: ${rows}`;
}
