/**
 * What a mocha stage counted, file by file as `reporter.mjs` writes it, and what remains of it after the
 * files in which something failed were run again. Files and not tests: what fails may be a hook.
 */
import type { Outcome } from "./test-summary.ts";

export interface FileCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Test or hook and reason, a text for each that failed. */
  readonly problems: readonly string[];
}

/** By the file's path. */
export type CountsByFile = Readonly<Record<string, FileCounts>>;

export function failedFiles(counts: CountsByFile): string[] {
  return Object.keys(counts).filter((file) => (counts[file]?.failed ?? 0) > 0);
}

/**
 * How mocha ended, in words, where that was badly: with another status than the number of failures (255
 * at most), as with one of a signal. Killed after it had counted (`execute`) it ended with 0, which is none.
 */
export function badEnd(status: number, counts: CountsByFile): string | undefined {
  const { failed } = outcomeOf(counts);
  if (status === 0 || status === Math.min(failed, 255)) return undefined;
  return `mocha ended with ${status}`;
}

/** Together; of a file that was tried again only the last try counts. */
export function outcomeOf(...tries: readonly CountsByFile[]): Outcome {
  const counts: Record<string, FileCounts> = {};
  let retried = 0;
  for (const each of tries)
    for (const [file, found] of Object.entries(each)) {
      retried += counts[file]?.failed ?? 0;
      counts[file] = found;
    }
  const all = Object.values(counts);
  const sum = (key: "passed" | "failed" | "skipped") =>
    all.reduce((total, each) => total + each[key], 0);
  return {
    passed: sum("passed"),
    failed: sum("failed"),
    skipped: sum("skipped"),
    retried,
    problems: all.flatMap(({ problems }) => problems),
  };
}
