/** Key tables: the one place where a configuration key is declared, and their reading. */
import { ConfigError, type ConfigFault } from "./config-error.ts";
import { type ConfigScalar, type ConfigValue, originText } from "./config-value.ts";
import {
  fullPath,
  isSecret,
  type KeySpec,
  type KeyTable,
  type LegacyName,
  legacyName,
} from "./key-table.ts";
import { HIDDEN } from "./key-types.ts";
import { didYouMean } from "./known-keys.ts";
import type { LoadedConfig } from "./loaded-config.ts";
import { isUnit } from "./units.ts";

export { type KeyState, noEffect, notBuilt } from "./key-state.ts";
export type { KeySpec, KeyTable, LegacyName } from "./key-table.ts";
export {
  bandwidth,
  bool,
  double,
  duration,
  int,
  intBetween,
  type KeyType,
  list,
  long,
  oneOf,
  optional,
  pattern,
  period,
  port,
  raw,
  record,
  size,
  str,
  type ValueOf,
  where,
} from "./key-types.ts";

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
 * tolerates (a malformed duration) becomes one of `warnings` and the default is used. Called by
 * `LoadedConfig` only.
 */
export function readTable<T>(
  config: LoadedConfig,
  table: KeyTable<T>,
  warnings: ConfigFault[],
): Readonly<T> {
  const values: Partial<T> = {};
  const faults: ConfigFault[] = [];
  for (const key in table.specs) {
    const spec = table.specs[key];
    const outcome = readKey(config, fullPath(table.prefix, key), spec, warnings);
    if (outcome.ok) values[key] = outcome.value;
    else faults.push(outcome.fault);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return values as T;
}

/** One key as read: its value, and what the operator wrote for it, if anything. */
export type KeyOutcome<T> =
  | { readonly ok: true; readonly value: T; readonly written?: ConfigValue | undefined }
  | { readonly ok: false; readonly fault: ConfigFault; readonly written?: ConfigValue | undefined };

/** Reads one key; what upstream tolerates goes to `warnings`. */
export function readKey<T>(
  config: LoadedConfig,
  path: string,
  spec: KeySpec<T>,
  warnings: ConfigFault[],
): KeyOutcome<T> {
  const written =
    formerValue(config, path, spec, warnings) ?? ownValue(config, path, spec, warnings);
  if (written === undefined) return defaultOf(path, spec, config.warnings);
  const read = spec.type.read(written);
  if (read.kind === "value") {
    const base = spec.default;
    const merged = base === undefined ? undefined : spec.type.merge?.(base, read.value);
    return { ok: true, value: merged ?? read.value, written };
  }
  const shown = isSecret(path, spec) ? "the value" : valueText(written);
  const fault: ConfigFault = {
    key: path,
    origin: written.origin,
    message: `${shown} is not ${read.expected}`,
  };
  if (read.kind === "wrong")
    return {
      ok: false,
      fault: { ...fault, remedy: correction(path, spec, read.expected, written) },
      written,
    };
  // COMPAT(jicofo, jvb): upstream takes a malformed value as absent (spec B3).
  const fallback = defaultOf(path, spec, []);
  if (!fallback.ok)
    return {
      ok: false,
      fault: { ...fault, remedy: correction(path, spec, read.expected, written) },
      written,
    };
  const used = fallback.value === undefined ? "nothing" : spec.type.show(fallback.value);
  warnings.push({ ...fault, remedy: `${used} is used` });
  return { ...fallback, written };
}

function correction<T>(
  path: string,
  spec: KeySpec<T>,
  expected: string,
  { kind, origin }: ConfigValue,
): string {
  // A property is one text; lists of properties are numbered, as upstream's library has it.
  if (origin.file === "-D" && kind !== "list" && expected.startsWith("a list"))
    return `write -D${path}.0=… -D${path}.1=…`;
  if (spec.default === undefined) return `write ${expected}`;
  const shown = spec.type.show(spec.default);
  return shown.length > 60 ? "correct it" : `correct it, or remove it for the default ${shown}`;
}

/** A legacy property, else a HOCON key of former versions. */
function formerValue<T>(
  config: LoadedConfig,
  path: string,
  spec: KeySpec<T>,
  warnings: ConfigFault[],
): ConfigValue | undefined {
  for (const name of spec.legacy ?? []) {
    const found = config.legacy(legacyName(name));
    if (found?.kind !== "string") continue;
    const value = converted(name, found);
    if (value !== undefined) return winning(config, path, legacyName(name), value, warnings);
  }
  for (const name of spec.older ?? []) {
    const found = config.get(legacyName(name));
    if (found === undefined) continue;
    const value = "text" in found ? converted(name, found) : found;
    if (value !== undefined) return winning(config, path, legacyName(name), value, warnings);
  }
  return undefined;
}

/** The value, with a warning where it hides the key's own. */
function winning(
  config: LoadedConfig,
  path: string,
  name: string,
  value: ConfigValue,
  warnings: ConfigFault[],
): ConfigValue {
  const shadowed = config.get(path);
  if (shadowed === undefined) return value;
  warnings.push({
    key: path,
    origin: shadowed.origin,
    message: `has no effect, ${name} at ${originText(value.origin)} wins`,
    remedy: "remove one of the two",
  });
  return value;
}

function converted(
  legacy: LegacyName,
  { text: given, origin }: ConfigScalar,
): ConfigValue | undefined {
  const text = typeof legacy === "string" ? given : legacy.convert(given);
  if (text === undefined) return undefined;
  if (typeof text === "string") return { kind: "string", text, origin };
  const items = text.map((item) => ({ kind: "string", text: item, origin }) as const);
  return { kind: "list", items, origin };
}

/** The key's own value; else the `-D` value of the key that its default follows. */
function ownValue<T>(
  config: LoadedConfig,
  path: string,
  spec: KeySpec<T>,
  warnings: ConfigFault[],
): ConfigValue | undefined {
  const own = config.get(path);
  if (own !== undefined || spec.follows === undefined) return own;
  const followed = config.get(spec.follows);
  if (followed === undefined) return undefined;
  if (followed.origin.file === "-D") return followed;
  // COMPAT(jicofo, jvb): defaults never see the operator's file (spec B1).
  const kept = spec.default === undefined ? "its default" : spec.type.show(spec.default as T);
  const wanted = spec.type.read(followed);
  if (wanted.kind === "value" && spec.type.show(wanted.value) === kept) return undefined;
  warnings.push({
    key: spec.follows,
    origin: followed.origin,
    message: `does not change ${path}, which stays at ${kept}`,
    remedy: `set ${path} too if it should follow`,
  });
  return undefined;
}

function defaultOf<T>(
  path: string,
  spec: KeySpec<T>,
  warnings: readonly ConfigFault[],
): KeyOutcome<T> {
  if (spec.default !== undefined) return { ok: true, value: spec.default };
  if (spec.type.optional === true) return { ok: true, value: undefined as T };
  const misspelt = warnings.find(({ remedy }) => remedy === didYouMean(path));
  if (misspelt !== undefined) {
    const remedy = `rename ${misspelt.key} to it`;
    const { origin } = misspelt;
    return { ok: false, fault: { key: path, message: "is required and not set", origin, remedy } };
  }
  const remedy = `add ${path} = … (${spec.type.name}) to the configuration file`;
  return { ok: false, fault: { key: path, message: "is required and not set", remedy } };
}

/** The value for a message; never a whole object. */
function valueText(value: ConfigValue): string {
  switch (value.kind) {
    case "object":
      return "an object";
    case "list":
      return "a list";
    default:
      return shownText(value.text);
  }
}

/** What a message about a wrong value may show of it: the text in quotes, or that it is hidden. */
export function shownText(text: string): string {
  return isHarmless(text) ? JSON.stringify(text) : `the value ${HIDDEN}`;
}

/**
 * Numbers, with a unit or not, and short words in small letters. Whatever else stands in the wrong
 * place may be a secret that was pasted one line too low.
 */
function isHarmless(text: string): boolean {
  if (/^[a-z]{0,12}$/.test(text)) return true;
  // As `5 min`, `10MB`, `1.5 %`, `0.0.0.0`: no letters but those of one unit behind the digits.
  const number = /^[-+]?[\d.,:/-]{1,24}\s{0,2}([a-zA-Z%]*)$/.exec(text);
  return number !== null && (number[1] === "min" || isUnit(number[1] as string));
}
