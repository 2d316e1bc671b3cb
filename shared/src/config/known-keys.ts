/** Warnings for keys that no table knows, with the nearest known name. */
import type { ConfigFault } from "./config-error.ts";
import type { ConfigObject } from "./config-value.ts";
import { allKeys, type KeyTable, legacyName } from "./key-table.ts";

/**
 * One warning for each key of `root` below the tables' top-level names that no table has. Other
 * top-level objects (`smack`, `log4j` …) belong to somebody else and are left alone.
 */
export function unknownKeys(
  root: ConfigObject,
  tables: readonly KeyTable<unknown>[],
  anyBelow: readonly string[],
): ConfigFault[] {
  const known = allKeys(tables).flatMap(({ path, spec }) => [
    path,
    ...(spec.older ?? []).map(legacyName),
  ]);
  const leaves = new Set([...known, ...anyBelow]);
  const parents = new Set<string>();
  for (const path of leaves) {
    for (let at = path.indexOf("."); at >= 0; at = path.indexOf(".", at + 1)) {
      parents.add(path.slice(0, at));
    }
  }
  const depth = (path: string): number => path.split(".").length;
  const siblings = (path: string): string[] =>
    [...parents].filter((parent) => depth(parent) === depth(path));
  const warnings: ConfigFault[] = [];
  const walk = (object: ConfigObject, prefix: string): void => {
    for (const [key, value] of object.fields) {
      const path = prefix === "" ? key : `${prefix}.${key}`;
      if (leaves.has(path)) continue;
      if (parents.has(path)) {
        if (value.kind === "object") walk(value, path);
        continue;
      }
      // Other programs have objects of their own in shared files, unless it is ours misspelt.
      const top = prefix === "" ? nearest(path, siblings(path), 3) : undefined;
      if (prefix === "" && top === undefined) continue;
      const remedy =
        top === undefined ? hint(path, [...leaves, ...siblings(path)]) : didYouMean(top);
      warnings.push({ key: path, origin: value.origin, message: "unknown key", remedy });
    }
  };
  walk(root, "");
  return warnings;
}

/**
 * The known key with the fewest edits in the whole path; else the one that differs in one segment,
 * which a limit for whole paths would not find (`ice.upd`), both at most a third of its letters.
 */
function hint(path: string, known: readonly string[]): string {
  const limit = Math.min(4, Math.max(2, Math.floor(path.length / 5)) + 1);
  const whole = nearest(path, known, limit);
  const last = path.slice(path.lastIndexOf(".") + 1);
  // `videobridge.jmt`: an object of its own, written into another one.
  const outer = known.some((key) => key.startsWith(`${last}.`)) ? last : undefined;
  const best =
    outer ??
    (whole !== undefined && resembles(path, whole) ? whole : nearestBySegments(path, known));
  return best === undefined ? "remove it or check its spelling" : didYouMean(best);
}

/** Whether no segment is another word altogether; paths of other depth differ by a dot. */
function resembles(path: string, known: string): boolean {
  const own = path.split(".");
  const others = known.split(".");
  if (own.length !== others.length) return true;
  return own.every((segment, at) => {
    const limit = Math.ceil(segment.length / 2) + 1;
    return editDistance(segment, others[at] as string, limit) < limit;
  });
}

/**
 * Of `known` the one with the fewest edits to `word`, fewer than `limit`; of equals one of the same
 * length, since letters are mistyped more often than forgotten. Two swapped letters are one edit.
 */
export function nearest(word: string, known: Iterable<string>, limit: number): string | undefined {
  let best: string | undefined;
  // Twice the edits, plus one for another length.
  let least = 2 * limit;
  for (const candidate of known) {
    if (2 * Math.abs(candidate.length - word.length) >= least) continue;
    const edits = editDistance(word, candidate, limit);
    const swapped = edits === 2 && letters(candidate) === letters(word);
    const cost = (swapped ? 2 : 2 * edits) + (candidate.length === word.length ? 0 : 1);
    if (edits < limit && cost < least) {
      least = cost;
      best = candidate;
    }
  }
  return best;
}

function letters(word: string): string {
  return [...word].sort().join("");
}

/** Among keys and objects with the same parent, the one whose last segment resembles the path's. */
function nearestBySegments(path: string, known: readonly string[]): string | undefined {
  const parts = path.split(".");
  const last = parts.pop() as string;
  const parent = parts.join(".");
  const siblings = new Set<string>();
  for (const key of known) {
    if (!key.startsWith(`${parent}.`)) continue;
    siblings.add(key.slice(parent.length + 1).split(".", 1)[0] as string);
  }
  const sibling = nearest(last, siblings, Math.max(2, Math.floor(last.length / 3)) + 1);
  if (sibling !== undefined) return `${parent}.${sibling}`;
  // The same last segment elsewhere: most likely written into the wrong object.
  const namesakes = known.filter((key) => {
    const own = key.slice(key.lastIndexOf(".") + 1);
    return own.length > 4 && editDistance(last, own, 3) < Math.min(3, last.length / 4);
  });
  return namesakes.length === 1 ? namesakes[0] : undefined;
}

/** Remedy for an unknown key that is nearly a known one. */
export function didYouMean(path: string): string {
  return `did you mean ${path}?`;
}

/** Levenshtein distance, or `limit` when it is at least that. */
export function editDistance(a: string, b: string, limit: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const cost = Math.min(replace, (previous[j] as number) + 1, (row[j - 1] as number) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (least >= limit) return limit;
    previous = row;
  }
  return Math.min(limit, previous[b.length] as number);
}
