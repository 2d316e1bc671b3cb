/** What must not be in the logs of our programs, whatever a test did to them (spec G, I1, I7, I9). */
import { readdirSync, readFileSync } from "node:fs";

/** The format of our log lines: time, level, thread, context, component. */
const ours = /^\S+ (\S+ \S+) (\w+): \[[^\]]*\] (?:\[([^\]]*)\] )?([\w.]+): /;
/** Whom a line is about, the narrowest first. */
const narrower = ["endpoint", "participant", "conf", "room"] as const;
/** Lines about one source in ten seconds. */
const most = 100;

function sourceOf(context: string, component: string): string {
  for (const key of narrower) {
    const value = new RegExp(`(?:^| )${key}=(\\S+)`).exec(context)?.[1];
    if (value !== undefined) return `${key}=${value}`;
  }
  return component;
}

/** Sources with more than `most` lines in some ten seconds. */
function talkative(lines: readonly string[]): string[] {
  const times = new Map<string, number[]>();
  const found = new Set<string>();
  for (const line of lines) {
    const match = ours.exec(line);
    if (match === null) continue;
    const [, stamp = "", , context = "", component = ""] = match;
    const at = Date.parse(`${stamp.replace(" ", "T")}Z`);
    const source = sourceOf(context, component);
    const recent = (times.get(source) ?? []).filter((time) => time > at - 10_000);
    recent.push(at);
    times.set(source, recent);
    if (recent.length > most) found.add(`more than ${most} lines in 10 s about ${source}`);
  }
  return [...found];
}

/**
 * Lines of `text` that a program of ours should never write, but for those that match `expected`,
 * and sources that wrote too many.
 */
export function logFaults(text: string, secrets: Iterable<string>, expected?: RegExp): string[] {
  const lines = text.split("\n");
  const bad = lines.filter(
    (line) =>
      /\bSEVERE\b|\bUncaught\b|\bUnhandled\b|\bBug\b/.test(line) && expected?.test(line) !== true,
  );
  return [...bad, ...secretFaults(text, secrets), ...talkative(lines)];
}

/** The lines, without what they tell, that hold one of `secrets`. */
export function secretFaults(text: string, secrets: Iterable<string>): string[] {
  const found: string[] = [];
  for (const secret of secrets)
    if (secret !== "" && text.includes(secret))
      found.push(`a password in: ${text.slice(0, text.indexOf(secret)).split("\n").at(-1)}…`);
  return found;
}

/** Processes whose command line names something in `folder`. */
export function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes(folder) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}
