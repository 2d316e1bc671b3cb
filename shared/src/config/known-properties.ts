/** Warnings for legacy properties that nothing reads, with the nearest name that something does. */
import type { ConfigFault } from "./config-error.ts";
import { allKeys, type KeyTable, legacyName } from "./key-table.ts";
import { didYouMean, nearest } from "./known-keys.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/** Legacy properties of a program beside those that stand for keys. */
export interface LegacyProperties {
  /** Beginnings that are the program's own: `org.jitsi.jicofo.`. */
  readonly prefixes: readonly string[];
  /** Names, and beginnings that end in a dot or underscore, which upstream or we read or ignore. */
  readonly others: readonly string[];
}

/** One warning for each property below the prefixes that nothing knows. */
export function unknownProperties(
  config: LoadedConfig,
  tables: readonly KeyTable<unknown>[],
  { prefixes, others }: LegacyProperties,
): ConfigFault[] {
  const names = allKeys(tables).flatMap(({ spec }) => (spec.legacy ?? []).map(legacyName));
  const known = new Set([...names, ...others]);
  const beginnings = others.filter((name) => /[._]$/.test(name));
  const warnings: ConfigFault[] = [];
  for (const prefix of prefixes) {
    for (const [rest, { origin }] of config.legacyBelow(prefix)) {
      const name = prefix + rest;
      if (known.has(name) || beginnings.some((beginning) => name.startsWith(beginning))) continue;
      const near = nearest(name, names, 4);
      const remedy = near === undefined ? "remove it or check its spelling" : didYouMean(near);
      warnings.push({ key: name, origin, message: "unknown property", remedy });
    }
  }
  return warnings;
}
