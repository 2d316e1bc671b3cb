/**
 * What a program that ran for a test must not have printed, whatever was done to it (spec
 * benchmarks-and-faults G.0, I1, I7 and I9).
 */
import { linesPerTenSeconds, secretMark } from "./invariants.ts";

/** What is asked of the output of one program. */
export interface OutputRules {
  /** `SEVERE` lines that the test provokes on purpose. */
  readonly expected?: RegExp;
  /** Texts that must not stand in any line: secrets of the configuration. */
  readonly forbidden?: Iterable<string>;
}

/** Whom a line is about, the narrowest first. */
const narrower = ["endpoint", "participant", "conf", "room"] as const;
/** A secret that is shorter may stand within an id. */
const LONG_ENOUGH = 6;

const logLine =
  /^\S+ (?<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) [A-Z]+: \[[^\]]*\] (?:\[(?<context>.*?)\] )?(?<component>\S+): /;
/** Bugs in our words and in Node's, and stacks, which are logged with nothing else. */
const bug = /\bBug\b|Uncaught|Unhandled|^\(node:\d+\)|^\s+at \S+ ?\(?(file|node):/;

/** Errors, bugs, secrets and floods in what it printed, in words. */
export function outputFaults(output: string, rules: OutputRules = {}): string[] {
  const { expected, forbidden = [] } = rules;
  const faults = secretFaults(output, [secretMark, ...forbidden]);
  const times = new Map<string, number[]>();
  for (const line of output.split("\n")) {
    const { at, context = "", component = "" } = logLine.exec(line)?.groups ?? {};
    const isError = /\bSEVERE\b/.test(line) && expected?.test(line) !== true;
    if (isError || bug.test(line)) faults.push(`printed: ${line}`);
    if (at === undefined) continue;
    const source = sourceOf(context, component);
    const of = times.get(source);
    if (of === undefined) times.set(source, [Date.parse(at)]);
    else of.push(Date.parse(at));
  }
  for (const [source, all] of times) {
    const flood = all.some(
      (at, first) => (all[first + linesPerTenSeconds] ?? Infinity) - at < 10_000,
    );
    if (flood) faults.push(`more than ${linesPerTenSeconds} lines in 10 s about ${source}`);
  }
  return faults;
}

function sourceOf(context: string, component: string): string {
  for (const key of narrower) {
    const value = new RegExp(`(?:^| )${key}=(\\S+)`).exec(context)?.[1];
    if (value !== undefined) return `${key}=${value}`;
  }
  return component;
}

/** For each secret that is printed the line, up to it. */
export function secretFaults(output: string, secrets: Iterable<string>): string[] {
  return [...secrets].flatMap((secret) => {
    const at = secret === "" ? -1 : output.search(secretPattern(secret));
    return at < 0 ? [] : [`a secret is printed: ${output.slice(0, at).split("\n").at(-1)}…`];
  });
}

/** A short one counts as a word of its own only. */
function secretPattern(secret: string): RegExp {
  const literal = secret.replaceAll(/\W/g, "\\$&");
  return new RegExp(secret.length < LONG_ENOUGH ? `(?<!\\w)${literal}(?!\\w)` : literal);
}
