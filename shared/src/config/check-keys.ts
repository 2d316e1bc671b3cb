/** Every known key with its value, its origin and what it does here; and what follows from that. */
import { ConfigError, type ConfigFault } from "./config-error.ts";
import type { ConfigValue, Origin } from "./config-value.ts";
import { isEntryField, unknownEntryFields } from "./entry-fields.ts";
import type { KeyState, STATE_WORDS } from "./key-state.ts";
import { type AnyKey, allKeys, isSecret, type KeyTable } from "./key-table.ts";
import { HIDDEN, raw } from "./key-types.ts";
import { readKey } from "./keys.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/** One known key, or one value inside a key that holds an object of free form. */
export interface KeyRow {
  readonly path: string;
  /** As HOCON text; secrets are hidden. */
  readonly value: string;
  /** Where it was set; absent: it has its default. */
  readonly origin: Origin | undefined;
  readonly state: keyof typeof STATE_WORDS;
  /** Why a key has no effect, or what happens instead of what is not built. */
  readonly note: string;
}

/**
 * Reads every table. Throws `ConfigError` with all wrong and missing keys at once and all values
 * that restrict access by what is not built; a start with less protection than configured would be
 * worse than none. Returns a warning for each other key that asks for something not built, and for
 * each field of an entry that nothing reads; the error has them too.
 */
export function checkKeys(
  config: LoadedConfig,
  tables: readonly KeyTable<unknown>[],
): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  for (const table of tables) {
    try {
      config.readTable(table);
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      faults.push(...cause.faults);
    }
  }
  const warnings = unknownEntryFields(config, tables);
  for (const { path, spec } of allKeys(tables)) {
    const { state } = spec;
    if (state?.kind !== "not-built") continue;
    const read = readKey(config, path, spec, []);
    if (!read.ok || read.written === undefined || !asksFor(spec, read.value)) continue;
    const message = `is not built yet: ${state.instead}`;
    const fault = { key: path, origin: read.written.origin, message };
    if (state.restricts !== true) warnings.push(fault);
    else faults.push({ ...fault, remedy: state.remedy ?? `remove ${path}, or keep upstream's` });
  }
  if (faults.length > 0)
    throw new ConfigError(inFileOrder(faults), undefined, inFileOrder(warnings));
  return inFileOrder(warnings);
}

function inFileOrder(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const place = ({ origin }: ConfigFault): string =>
    origin === undefined ? "" : `${origin.file}:${String(origin.line).padStart(6, "0")}`;
  return faults.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}

/** Whether the value asks for what is not built. */
function asksFor({ state, type, default: usual }: AnyKey["spec"], value: unknown): boolean {
  if (state?.kind !== "not-built") return false;
  if (state.values !== undefined) return state.values(value);
  // What is not there needs no switching off.
  if (value === false) return false;
  return type.show(value) !== type.show(usual);
}

/** All keys in the order of the tables. Keys that cannot be read are left out. */
export function keyRows(config: LoadedConfig, tables: readonly KeyTable<unknown>[]): KeyRow[] {
  return allKeys(tables).flatMap(({ path, spec }): KeyRow[] => {
    const read = readKey(config, path, spec, []);
    if (!read.ok) return [];
    const state = stateOf(spec.state, read.value);
    const { written } = read;
    if (written?.kind === "object" && spec.type.name === raw.name) {
      return leaves([], written).map(([names, value]): KeyRow => {
        const leaf = [path, ...names].join(".");
        // Nothing knows what stands there, so it may be a misspelt secret.
        const read = names[1] === undefined || isEntryField(spec, names[1]);
        const hidden = isSecret(leaf, spec) || !read || spec.state !== undefined;
        return {
          path: leaf,
          value: hidden ? HIDDEN : raw.show(value),
          origin: value.origin,
          ...(read ? state : { state: "no-effect", note: "nothing reads it" }),
        };
      });
    }
    const shown = read.value === undefined ? "(none)" : spec.type.show(read.value);
    const value = read.value !== undefined && isSecret(path, spec) ? HIDDEN : shown;
    return [{ path, value, origin: written?.origin, ...state }];
  });
}

function stateOf(
  state: KeyState<unknown> | undefined,
  value: unknown,
): Pick<KeyRow, "state" | "note"> {
  if (state === undefined) return { state: "works", note: "" };
  if (state.kind === "no-effect") return { state: state.kind, note: state.why };
  if (state.values?.(value) === false) return { state: "works", note: "" };
  return { state: state.kind, note: state.instead };
}

/** Scalars and lists inside an object of free form; a list counts as one value. */
function leaves(names: readonly string[], value: ConfigValue): [readonly string[], ConfigValue][] {
  if (value.kind !== "object") return [[names, value]];
  return [...value.fields].flatMap(([key, field]) => leaves([...names, key], field));
}
