/** Where a value was written. `line` counts from 1; 0 where there are no lines (environment, `-D`). */
export interface Origin {
  /** Path of the file, or `environment`, `-D`, `default`. */
  readonly file: string;
  readonly line: number;
  /** The environment variable that gave the value there. */
  readonly variable?: string;
}

/** A configuration value after merging and substitution, with the place it came from. */
export type ConfigValue = ConfigScalar | ConfigList | ConfigObject;

/** `text` is what was written; `12`, `"12"` and `on` keep their form. */
export interface ConfigScalar {
  readonly kind: "null" | "boolean" | "number" | "string";
  readonly text: string;
  readonly origin: Origin;
}

export interface ConfigList {
  readonly kind: "list";
  readonly items: readonly ConfigValue[];
  readonly origin: Origin;
}

export interface ConfigObject {
  readonly kind: "object";
  readonly fields: ReadonlyMap<string, ConfigValue>;
  readonly origin: Origin;
}

/** `file:line`, or the file alone where lines mean nothing; a variable is named behind it. */
export function originText(origin: Origin): string {
  const place = origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file;
  return origin.variable === undefined ? place : `${place} (environment ${origin.variable})`;
}

/** The value as plain JavaScript data; numbers that are finite become numbers. */
export function toPlain(value: ConfigValue): unknown {
  switch (value.kind) {
    case "null":
      return null;
    case "boolean":
      return value.text === "true";
    case "number":
      return Number(value.text) + 0; // never -0
    case "string":
      return value.text;
    case "list":
      return value.items.map(toPlain);
    case "object":
      return Object.fromEntries([...value.fields].map(([key, field]) => [key, toPlain(field)]));
  }
}
