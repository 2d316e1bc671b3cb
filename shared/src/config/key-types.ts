/**
 * Types of configuration values: how the text of a file becomes a value, with the same tolerance as
 * upstream's Java programs (spec packaging-and-operations B3).
 */
import { type ConfigValue, toPlain } from "./config-value.ts";
import { parseBandwidth, parseDuration, parseFraction, parseSize } from "./units.ts";

/**
 * Outcome of reading one value. `malformed` is what upstream treats as absent (`1 min` as a
 * duration): the default is used and a warning printed. `wrong` stops the program.
 */
export type Reading<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "malformed"; readonly expected: string }
  | { readonly kind: "wrong"; readonly expected: string };

/** One type of value. */
export interface KeyType<T> {
  /** Shown in messages and documentation: `a port number, 0 to 65535`. */
  readonly name: string;
  read(value: ConfigValue): Reading<T>;
  /** The value as HOCON text, for `reference.conf`. */
  show(value: T): string;
  /** Absence is allowed and read as `undefined`. */
  readonly optional?: true;
  /** How a value joins the key's default; it replaces the default when not given. */
  merge?(base: T, over: T): T;
}

/** The TypeScript type of a key type. */
export type ValueOf<K> = K extends KeyType<infer T> ? T : never;

const value = <T>(v: T): Reading<T> => ({ kind: "value", value: v });
const wrong = (expected: string): Reading<never> => ({ kind: "wrong", expected });
const malformed = (expected: string): Reading<never> => ({ kind: "malformed", expected });

/** Text of a scalar other than null. */
function scalarText(v: ConfigValue): string | undefined {
  return v.kind === "string" || v.kind === "number" || v.kind === "boolean" ? v.text : undefined;
}

/** A type that reads the text of a scalar. */
function scalar<T>(
  name: string,
  parse: (text: string) => T | undefined,
  show: (v: T) => string,
  onBad: "wrong" | "malformed" = "wrong",
): KeyType<T> {
  return {
    name,
    show,
    read(v) {
      const text = scalarText(v);
      if (text === undefined) return wrong(name);
      const parsed = parse(text);
      if (parsed !== undefined) return value(parsed);
      return onBad === "wrong" ? wrong(name) : malformed(name);
    },
  };
}

/** `true`, `false` in any case; `yes`, `no`, `on`, `off` in lower case. Not 1 and 0. */
export const bool: KeyType<boolean> = scalar(
  "true or false",
  (text) => {
    if (/^(true|yes|on)$/.test(text) || text.toLowerCase() === "true") return true;
    if (/^(false|no|off)$/.test(text) || text.toLowerCase() === "false") return false;
    return undefined;
  },
  String,
);

/** A whole number; a fraction is truncated towards zero, as upstream does. */
export const int: KeyType<number> = intBetween(-(2 ** 31), 2 ** 31 - 1, "a whole number");

/** A whole number of 64 bits; exact to 2^53. */
export const long: KeyType<number> = intBetween(-(2 ** 63), 2 ** 63 - 1, "a whole number");

/** A TCP or UDP port; -1 and 0 have the key's own meaning (usually: off). */
export const port: KeyType<number> = intBetween(
  -1,
  65_535,
  "a port number up to 65535, or -1 for none",
);

/** A whole number from `low` to `high`. */
export function intBetween(low: number, high: number, name?: string): KeyType<number> {
  return scalar(
    name ?? `a whole number from ${low} to ${high}`,
    (text) => {
      const number = parseNumber(text);
      if (number === undefined) return undefined;
      const whole = Math.trunc(number);
      return whole >= low && whole <= high ? whole : undefined;
    },
    String,
  );
}

/** A number, or a percentage (`5%` is 0.05). */
export const double: KeyType<number> = scalar("a number or percentage", parseFraction, String);

/** Any scalar, as text. */
export const str: KeyType<string> = scalar("text", (text) => text, JSON.stringify);

/** Milliseconds; a bare number is milliseconds, else `5 seconds`, `1m`, `24 hours`. */
export const duration: KeyType<number> = scalar(
  "a duration such as 5 seconds",
  parseDuration,
  (ms) => (ms % 1000 === 0 && ms !== 0 ? `${ms / 1000} seconds` : `${ms} ms`),
  "malformed",
);

/** Time between two runs of something; 0 would never let anything else run. */
export const period: KeyType<number> = where(
  duration,
  "a duration above 0, such as 5 seconds",
  (ms) => ms > 0,
);

/** Bytes; `10MB` is 10^7, `10m` and `10 MiB` are 10 * 2^20. */
export const size: KeyType<number> = scalar("a size such as 10 MB", parseSize, String, "malformed");

/** Bits per second: `500 kbps`, `10 Mbps`, a bare number is bit/s. */
export const bandwidth: KeyType<number> = scalar(
  "a bit rate such as 500 kbps",
  parseBandwidth,
  (bps) => `${bps} bps`,
  "malformed",
);

/** A regular expression. */
export const pattern: KeyType<RegExp> = scalar(
  "a regular expression",
  (text) => {
    try {
      return new RegExp(text);
    } catch {
      return undefined;
    }
  },
  (re) => JSON.stringify(re.source),
);

/** One of the given names, in exactly this spelling. */
export function oneOf<const N extends readonly string[]>(...names: N): KeyType<N[number]> {
  return scalar(
    `one of ${names.join(", ")}`,
    (text) => names.find((name): name is N[number] => name === text),
    (name) => name,
    "malformed",
  );
}

/** A list of that type. An object with the keys "0", "1", … counts as a list. */
export function list<T>(item: KeyType<T>): KeyType<readonly T[]> {
  return {
    name: `a list, each item ${item.name}`,
    show: (items) => `[${items.map(item.show).join(", ")}]`,
    read(v) {
      const items = listItems(v);
      return items === undefined ? wrong(this.name) : readAll(items, item);
    },
  };
}

/** A map from any key to that type; what a file says is added to the default's entries. */
export function record<T>(item: KeyType<T>): KeyType<Readonly<Record<string, T>>> {
  return {
    name: `an object, each value ${item.name}`,
    merge: (base, over) => ({ ...base, ...over }),
    show: (map) =>
      `{${Object.entries(map)
        .map(([key, v]) => `${JSON.stringify(key)} = ${item.show(v)}`)
        .join(", ")}}`,
    read(v) {
      if (v.kind !== "object") return wrong(this.name);
      const all = readAll([...v.fields.values()], item);
      if (all.kind !== "value") return all;
      const names = [...v.fields.keys()];
      return value(Object.fromEntries(all.value.map((read, at) => [names[at] as string, read])));
    },
  };
}

/** The value untouched, for keys whose reader is not here (MUC client entries, codec tables). */
export const raw: KeyType<ConfigValue> = {
  name: "any value",
  read: value,
  show: (v) =>
    JSON.stringify(toPlain(v), (key, field: unknown) => (isSecretName(key) ? HIDDEN : field)),
};

/** Stands for a secret wherever values are shown. */
export const HIDDEN = "(hidden)";

/** Names whose values are shown to nobody. */
export function isSecretName(name: string): boolean {
  return /(password|passwd|secret|token|_pass)$/i.test(name);
}

/** Absence (or null) is allowed and read as `undefined`. */
export function optional<T>(type: KeyType<T>): KeyType<T | undefined> {
  return {
    name: type.name,
    optional: true,
    read: (v) => (v.kind === "null" ? value(undefined) : type.read(v)),
    show: (v) => (v === undefined ? "null" : type.show(v)),
  };
}

/** Refuses values that `test` does not accept; `name` says what is expected. */
export function where<T>(type: KeyType<T>, name: string, test: (v: T) => boolean): KeyType<T> {
  return {
    ...type,
    name,
    read(v) {
      const read = type.read(v);
      if (read.kind !== "value") return { ...read, expected: name };
      return test(read.value) ? read : wrong(name);
    },
  };
}

function listItems(v: ConfigValue): readonly ConfigValue[] | undefined {
  if (v.kind === "list") return v.items;
  if (v.kind !== "object") return undefined;
  const numbered = [...v.fields].filter(([key]) => /^\d+$/.test(key));
  if (numbered.length === 0) return undefined;
  return numbered.sort(([a], [b]) => Number(a) - Number(b)).map(([, item]) => item);
}

function readAll<T>(items: readonly ConfigValue[], type: KeyType<T>): Reading<readonly T[]> {
  const out: T[] = [];
  for (const item of items) {
    const read = type.read(item);
    if (read.kind !== "value") return read;
    out.push(read.value);
  }
  return value(out);
}

function parseNumber(text: string): number | undefined {
  return /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
