/**
 * What must hold after every scenario whatever it was about (spec benchmarks-and-faults G.0). The
 * worlds of `test/scenarios` call these from a root hook; each returns what is wrong, in words.
 */
import type { RecordedLine } from "./recording-logger.ts";

/** Part of every password and token that a scenario makes up; no log line may contain it (I9). */
export const secretMark = "s3cret";

/** Lines that one source may log within ten seconds (I9); a second of virtual time is packed. */
export const linesPerTenSeconds = 100;

/** What is asked of the log of one world. */
export interface LogRules {
  /** Bugs that the scenario provokes on purpose. */
  readonly expectedBugs?: number;
  /** Texts that must not stand in any line: addresses where redaction is on, secrets. */
  readonly forbidden?: readonly string[];
}

/** Bugs, secrets and floods in the log (I9). Debug lines may be many: they are off in life. */
export function logFaults(lines: readonly RecordedLine[], rules: LogRules = {}): string[] {
  const { expectedBugs = 0, forbidden = [] } = rules;
  const faults: string[] = [];
  const bugs = lines.filter(isBug);
  if (bugs.length > expectedBugs) {
    faults.push(`bug logged: ${bugs[expectedBugs]?.message} ${String(bugs[expectedBugs]?.cause)}`);
  }
  for (const line of lines) {
    const text = `${line.message} ${JSON.stringify(line.context)} ${String(line.cause ?? "")}`;
    const found = [secretMark, ...forbidden].find((one) => text.includes(one));
    if (found !== undefined) {
      faults.push(`log line with ${found}: ${text}`);
      break;
    }
  }
  return [...faults, ...floods(lines)];
}

/** An exception that reached a mailbox or a driver: never a mistake of a peer. */
function isBug({ level, message, cause }: RecordedLine): boolean {
  return level === "error" && (cause instanceof Error || message.startsWith("Bug "));
}

function floods(lines: readonly RecordedLine[]): string[] {
  const bySource = new Map<string, number[]>();
  for (const { level, context, at, component } of lines) {
    if (at === undefined || level === "debug" || level === "trace") continue;
    const source = ["room", "conf", "participant", "endpoint", "bridge", "from"]
      .map((key) => context[key] ?? "")
      .join(" ");
    const key = `${component} ${source}`;
    const times = bySource.get(key);
    if (times === undefined) bySource.set(key, [at]);
    else times.push(at);
  }
  for (const [source, times] of bySource) {
    for (let first = 0; first + linesPerTenSeconds < times.length; first++) {
      const span = (times[first + linesPerTenSeconds] ?? 0) - (times[first] ?? 0);
      if (span < 10_000) {
        return [`more than ${linesPerTenSeconds} lines in 10 s: ${source}, from ${times[first]}`];
      }
    }
  }
  return [];
}

const watched: readonly (readonly [string, object])[] = [
  ["Object.prototype", Object.prototype],
  ["Array.prototype", Array.prototype],
  ["Function.prototype", Function.prototype],
  ["globalThis", globalThis],
];

/** Own keys of the objects that everything shares, to be compared later (I7). */
export type SharedObjects = ReadonlyMap<string, readonly (string | symbol)[]>;

export function sharedObjects(): SharedObjects {
  return new Map(watched.map(([name, object]) => [name, Reflect.ownKeys(object)]));
}

/** Keys that came or went since (I7). */
export function sharedObjectFaults(before: SharedObjects): string[] {
  const faults: string[] = [];
  for (const [name, object] of watched) {
    const old = new Set<string | symbol>(before.get(name));
    const now = new Set<string | symbol>(Reflect.ownKeys(object));
    for (const key of now) {
      // What Node's own fetch leaves at its first use.
      if (String(key).startsWith("Symbol(undici.globalDispatcher")) continue;
      if (!old.has(key)) faults.push(`${name} gained ${String(key)}`);
    }
    for (const key of old) if (!now.has(key)) faults.push(`${name} lost ${String(key)}`);
  }
  return faults;
}
