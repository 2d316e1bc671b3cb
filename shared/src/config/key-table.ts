import type { KeyState } from "./key-state.ts";
import { isSecretName, type KeyType } from "./key-types.ts";

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
  /** Full paths of HOCON keys of former versions that still count, and win over this one. */
  readonly older?: readonly LegacyName[];
  /** What the key does here; it works unless this says otherwise. */
  readonly state?: KeyState<NoInfer<T>>;
  /**
   * The value is an object of entries by name, whose fields have these names in any case. Others are
   * warned of, and their values shown to nobody: a misspelt password is one.
   */
  readonly entryFields?: readonly string[];
  /** The value is not to be shown. Names such as `password` need no mark. */
  readonly secret?: boolean;
}

/** A legacy property, with a conversion of its text where the forms differ (`undefined`: as unset). */
export type LegacyName =
  | string
  | {
      readonly name: string;
      readonly convert: (text: string) => string | readonly string[] | undefined;
    };

/** Keys below one prefix. `T` maps relative paths to the types of their values. */
export interface KeyTable<T> {
  readonly prefix: string;
  readonly specs: { readonly [K in keyof T]: KeySpec<T[K]> };
}

/** A key of any table, with its full path. */
export interface AnyKey {
  readonly path: string;
  readonly spec: KeySpec<unknown>;
}

/** Full path of a key. */
export function fullPath(prefix: string, path: string): string {
  return prefix === "" ? path : `${prefix}.${path}`;
}

/** Name of a legacy property or older path. */
export function legacyName(legacy: LegacyName): string {
  return typeof legacy === "string" ? legacy : legacy.name;
}

/** Whether the value of that key is shown to nobody. */
export function isSecret(path: string, spec?: KeySpec<unknown>): boolean {
  return spec?.secret === true || isSecretName(path);
}

/** All keys of some tables with their full paths. */
export function allKeys(tables: readonly KeyTable<unknown>[]): AnyKey[] {
  return tables.flatMap(({ prefix, specs }) =>
    Object.entries<KeySpec<unknown>>(specs).map(([path, spec]) => ({
      path: fullPath(prefix, path),
      spec,
    })),
  );
}
