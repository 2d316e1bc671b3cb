/** What `test.ts` says at its end. */

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Tests and hooks that failed at their first try, where a second one was allowed. */
  readonly retried: number;
  /** What failed and why, a text for each; said again at the end, where it is looked for. */
  readonly problems: readonly string[];
}

/** Outcome of one stage. */
export interface Row extends Outcome {
  readonly name: string;
  readonly seconds: number;
}

export function total(rows: readonly Row[], key: Exclude<keyof Outcome, "problems">): number {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

/**
 * A line for each stage and one for all, then what failed; `wallSeconds` passed, since stages run
 * side by side.
 */
export function summary(rows: readonly Row[], wallSeconds: number): string {
  const all = {
    name: "together, wall time",
    seconds: wallSeconds,
    passed: total(rows, "passed"),
    failed: total(rows, "failed"),
    skipped: total(rows, "skipped"),
    retried: total(rows, "retried"),
    problems: [],
  };
  return `${[...rows, all].map(line).join("\n")}\n${rows.map(failures).join("")}`;
}

/** What failed in a stage and why, a paragraph for each; empty where nothing did. */
export function failures({ name, problems }: Row): string {
  return problems.map((problem) => `\nFAILED ${name}: ${problem}\n`).join("");
}

function line({ name, seconds, passed, failed, skipped, retried }: Row): string {
  const counts =
    `${passed} passed, ${failed} failed` +
    (skipped > 0 ? `, ${skipped} skipped` : "") +
    (retried > 0 ? `, ${retried} of them tried twice` : "");
  return `${name.padEnd(26)} ${seconds.toFixed(1).padStart(7)} s  ${counts}`;
}
