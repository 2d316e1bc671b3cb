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

/** A figure of which something is asked: one line a contender, each with its own verdict. */
function askedLines(figure: FigureSummary, result: RowResult): string[][] {
  const { meta, values, ratios, verdicts } = figure;
  const present = contenderNames.filter((name) => result.contenders[name] !== undefined);
  // Whoever is compared with has a line even where it cannot run here.
  const named = verdicts.flatMap(({ target }) => target.of ?? []);
  const lines = [...new Set([...present, ...named])].map((name) => {
    const estimate = values[name];
    const ratio = name === "ours" ? undefined : ratios[name];
    const verdict = verdicts.find(({ target }) => (target.of ?? "ours") === name);
    return [
      "",
      name,
      estimate === undefined ? "not measured" : digits(estimate.value),
      estimate === undefined ? "" : interval(estimate),
      ratio === undefined ? "" : digits(ratio.value),
      ratio === undefined ? "" : interval(ratio),
      (name === "ours" ? undefined : figure.words[name]) ?? "",
      verdict === undefined ? "" : targetText(verdict.target, meta.unit),
      verdict === undefined ? "" : verdictText(verdict),
    ];
  });
  const [first] = lines;
  if (first !== undefined) first[0] = titleOf(figure);
  return lines;
}

const titleOf = ({ meta }: FigureSummary): string =>
  meta.unit === "" ? meta.name : `${meta.name}, ${meta.unit}`;

const HEAD = [
  "",
  "",
  "median",
  "95 % interval",
  "ours / it",
  "95 % interval",
  "ours is",
  "target",
  "",
];

/** Rows of cells as columns; those in `right` are numbers. */
function columns(rows: readonly (readonly string[])[], right: (at: number) => boolean): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => (right(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** Figures of which nothing is asked: medians alone, contenders beside each other. */
function sideLines(figures: readonly FigureSummary[], result: RowResult): string[] {
  const present = contenderNames.filter((name) => result.contenders[name] !== undefined);
  const rows = figures.map((figure) => [
    titleOf(figure),
    ...present.map((name) => {
      const estimate = figure.values[name];
      return estimate === undefined ? "–" : digits(estimate.value);
    }),
  ]);
  return rows.length === 0
    ? []
    : ["", ...columns([["medians", ...present], ...rows], (at) => at > 0)];
}

/** The table of a row, with what was void below it. */
export function table(result: RowResult): string {
  const summary = summarise(result);
  const isAsked = (figure: FigureSummary) => figure.verdicts.length > 0;
  const asked = summary.figures.filter(isAsked);
  const text = [
    ...(asked.length === 0
      ? []
      : columns(
          [HEAD, ...asked.flatMap((figure) => askedLines(figure, result))],
          (at) => at >= 2 && at <= 5,
        )),
    ...sideLines(
      summary.figures.filter((figure) => !isAsked(figure)),
      result,
    ),
  ];
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
  return [
    `${result.row}: ${result.about}`,
    ...text,
    "",
    ...notes.map((note) => `  ${note}`),
    "",
  ].join("\n");
}
