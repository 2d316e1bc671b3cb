/** Warnings for keys that no table knows, with the nearest known name. */
import type { ConfigFault } from "./config-error.ts";
import type { ConfigObject } from "./config-value.ts";
import { allKeys, type KeyTable } from "./key-table.ts";

/**
 * One warning for each key of `root` below the tables' top-level names that no table has. Other
 * top-level objects (`smack`, `log4j` …) belong to somebody else and are left alone.
 */
export function unknownKeys(
  root: ConfigObject,
  tables: readonly KeyTable<unknown>[],
  anyBelow: readonly string[],
): ConfigFault[] {
  const known = allKeys(tables).map(({ path }) => path);
  const leaves = new Set([...known, ...anyBelow]);
  const parents = new Set<string>();
  for (const path of leaves) {
    for (let at = path.indexOf("."); at >= 0; at = path.indexOf(".", at + 1)) {
      parents.add(path.slice(0, at));
    }
  }
  const warnings: ConfigFault[] = [];
  const walk = (object: ConfigObject, prefix: string): void => {
    for (const [key, value] of object.fields) {
      const path = prefix === "" ? key : `${prefix}.${key}`;
      if (leaves.has(path)) continue;
      if (parents.has(path)) {
        if (value.kind === "object") walk(value, path);
        continue;
      }
      if (prefix === "") continue;
      warnings.push({
        key: path,
        origin: value.origin,
        message: "unknown key",
        remedy: hint(path, known),
      });
    }
  };
  walk(root, "");
  return warnings;
}

function hint(path: string, known: readonly string[]): string {
  let best = "";
  let least = Math.min(4, Math.max(2, Math.floor(path.length / 5)) + 1);
  for (const candidate of known) {
    if (Math.abs(candidate.length - path.length) >= least) continue;
    const distance = editDistance(path, candidate, least);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best === "" ? "remove it or check its spelling" : didYouMean(best);
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
