/** What the terminal shows of a row: one line a figure and contender, ratios and verdicts. */
import type { RowResult } from "./result.ts";
import type { Target } from "./row.ts";
import { contenderNames } from "./schedule.ts";
import type { Estimate } from "./statistics.ts";
import { ENOUGH_ROUNDS, type FigureSummary, summarise, type Verdict } from "./summary.ts";

/** Three digits that matter, without an exponent. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.0005) return value.toExponential(1);
  if (size >= 1000) return Math.round(value).toString();
  return size >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}

export const interval = ({ low, high }: Estimate): string => `${digits(low)} to ${digits(high)}`;

export const targetText = (target: Target, unit: string): string =>
  target.of === undefined
    ? `at most ${digits(target.atMost)} ${unit}`.trimEnd()
    : `at most ${digits(target.atMost)} x ${target.of}`;

/** A verdict in words; the interval decides how sure it is. */
export const verdictText = ({ word, certain }: Verdict): string =>
  word === "open" ? "not measured" : certain ? word : `${word}, within the noise`;

function lines(figure: FigureSummary, result: RowResult): string[][] {
  const { meta, values, ratios } = figure;
  const rows = contenderNames
    .filter((name) => result.contenders[name] !== undefined)
    .map((name) => {
      const estimate = values[name];
      const other = name === "ours" ? undefined : name;
      const ratio = other && ratios[other];
      return [
        "",
        name,
        estimate === undefined ? "not measured" : digits(estimate.value),
        estimate === undefined ? "" : interval(estimate),
        ratio === undefined ? "" : digits(ratio.value),
        ratio === undefined ? "" : interval(ratio),
        "",
        "",
      ];
    });
  // A count that the others do not have needs no line for each of them.
  const shown = rows.filter((row) => row[1] === "ours" || row[2] !== "not measured");
  for (const [at, verdict] of figure.verdicts.entries()) {
    const row = shown[at] ?? shown[shown.push(["", "", "", "", "", "", "", ""]) - 1];
    if (row === undefined) continue;
    row[6] = targetText(verdict.target, meta.unit);
    row[7] = verdictText(verdict);
  }
  const [first] = shown;
  if (first !== undefined) first[0] = meta.unit === "" ? meta.name : `${meta.name}, ${meta.unit}`;
  return shown;
}

const HEAD = ["", "", "median", "95 % interval", "ours / it", "95 % interval", "target", ""];

/** The table of a row, with what was void below it. */
export function table(result: RowResult): string {
  const summary = summarise(result);
  const rows = [HEAD, ...summary.figures.flatMap((figure) => lines(figure, result))];
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const isNumber = (at: number) => at >= 2 && at <= 5;
  const text = rows.map((row) =>
    row
      .map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
  const rounds = result.rounds.length;
  const notes = [
    result.method.quick
      ? `a try-out of ${rounds} ${rounds === 1 ? "round" : "rounds"}: not figures to quote, void ones are shown too`
      : `${summary.valid.ours ?? 0} of ${rounds} rounds count`,
    ...contenderNames.flatMap((name) => {
      const reason = result.contenders[name]?.notMeasured;
      return reason === undefined ? [] : [`${name} is not measured: ${reason}`];
    }),
    ...summary.voids.map(({ reason, times }) => `void, ${times} x ${reason}`),
  ];
  if (!result.method.quick && (summary.valid.ours ?? 0) < ENOUGH_ROUNDS)
    notes.push(`fewer than ${ENOUGH_ROUNDS} rounds: an impression, not a figure to quote`);
  return [`${result.row}: ${result.about}`, ...text, ...notes.map((note) => `  ${note}`), ""].join(
    "\n",
  );
}
