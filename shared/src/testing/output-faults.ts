/** What a program that ran for a test must not have printed (spec benchmarks-and-faults G.0, I7 and I9). */
import { linesPerTenSeconds, secretMark } from "./invariants.ts";

/** What is asked of the output of one program. */
export interface OutputRules {
  /** `SEVERE` lines that the test provokes on purpose. */
  readonly expected?: RegExp;
  /** Texts that must not stand in any line: secrets of the configuration. */
  readonly forbidden?: readonly string[];
}

const logLine =
  /^\S+ (?<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?<level>[A-Z]+): \[\d+\] (?<context>\[.*?\] )?(?<component>\S+): /;
/** Bugs in our words and in Node's, and stacks, which are logged with nothing else. */
const bug = /\bBug\b|Uncaught|Unhandled|^\(node:\d+\)|^\s+at \S+ ?\(?(file|node):/;

/** Errors, bugs, secrets and floods in what it printed, in words. */
export function outputFaults(output: string, rules: OutputRules = {}): string[] {
  const { expected, forbidden = [] } = rules;
  const faults: string[] = [];
  const times = new Map<string, number[]>();
  for (const line of output.split("\n")) {
    const { at, level, context = "", component } = logLine.exec(line)?.groups ?? {};
    const isError = level === "SEVERE" && expected?.test(line) !== true;
    if (isError || bug.test(line)) faults.push(`printed: ${line}`);
    const secret = [secretMark, ...forbidden].find((one) => line.includes(one));
    if (secret !== undefined) faults.push(`${secret} is printed: ${line}`);
    if (at === undefined) continue;
    const source = `${component} ${context}`;
    const of = times.get(source);
    if (of === undefined) times.set(source, [Date.parse(at)]);
    else of.push(Date.parse(at));
  }
  for (const [source, all] of times) {
    const flood = all.some(
      (at, first) => (all[first + linesPerTenSeconds] ?? Infinity) - at < 10_000,
    );
    if (flood) faults.push(`more than ${linesPerTenSeconds} lines in 10 s: ${source}`);
  }
  return faults;
}
