import type { LoadedConfig } from "./config.ts";
import type { KeyType } from "./key-types.ts";

export * from "./key-types.ts";

/** One key of a table. Without `default` the key is required, unless its type is `optional`. */
export interface KeySpec<T> {
  readonly type: KeyType<T>;
  readonly default?: NoInfer<T>;
  /** One sentence for `reference.conf` and the manual. */
  readonly doc: string;
  /** Legacy property names that win over HOCON, first hit wins (spec B7). */
  readonly legacy?: readonly LegacyName[];
  /** Whether a change takes effect only after a restart. */
  readonly needsRestart?: boolean;
  /** Full path of a key whose `-D` value becomes this default (a substitution in upstream's reference). */
  readonly follows?: string;
}

/** A legacy property, with a conversion of its text where the forms differ. */
export type LegacyName =
  | string
  | { readonly name: string; readonly convert: (text: string) => string | undefined };

/** Keys below one prefix. `T` maps relative paths to the types of their values. */
export interface KeyTable<T> {
  readonly prefix: string;
  readonly specs: { readonly [K in keyof T]: KeySpec<T[K]> };
}

/** Values of a table, by relative path: `values["udp.port"]`. */
export type KeyValues<Table> = Table extends KeyTable<infer T> ? Readonly<T> : never;

/** Declares the keys below `prefix` (relative paths, dots included). */
export function keys<T>(
  prefix: string,
  specs: { readonly [K in keyof T]: KeySpec<T[K]> },
): KeyTable<T> {
  return { prefix, specs };
}

/**
 * Reads all keys of a table. Throws `ConfigError` naming every wrong or missing key; what upstream
 * tolerates (a malformed duration) becomes a warning of `config` and the default.
 */
export function readKeys<T>(config: LoadedConfig, table: KeyTable<T>): Readonly<T> {
  return config.readTable(table);
}
