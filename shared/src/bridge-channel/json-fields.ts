/**
 * Reading fields of a JSON object as leniently as upstream's Jackson does: numbers may be texts,
 * texts may be numbers, null is absence. A wrong value is noted, never thrown.
 */
import type { Json, JsonObject } from "./messages.ts";

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads one object; `fault` is the first thing that was wrong. */
export class JsonFields {
  readonly #object: JsonObject;
  fault: string | undefined;

  constructor(object: JsonObject) {
    this.#object = object;
  }

  /** An own field that is there and not null. */
  #get(name: string): Json | undefined {
    return Object.hasOwn(this.#object, name) ? (this.#object[name] ?? undefined) : undefined;
  }

  #wrong<T>(name: string, expected: string, instead: T): T {
    this.fault ??= `${name}: expected ${expected}`;
    return instead;
  }

  optionalText(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    return asText(value) ?? this.#wrong(name, "a text", undefined);
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.#wrong(name, "a text", "");
  }

  /** Signed, 32 bits. */
  optionalInt(name: string): number | undefined {
    const value = this.optionalLong(name);
    if (value === undefined) return undefined;
    return value === (value | 0) ? value : this.#wrong(name, "32 bits", undefined);
  }

  int(name: string): number {
    return this.optionalInt(name) ?? this.#wrong(name, "a whole number", 0);
  }

  optionalLong(name: string): number | undefined {
    const value = this.optionalNumber(name);
    return value === undefined ? undefined : Math.trunc(value);
  }

  long(name: string): number {
    return this.optionalLong(name) ?? this.#wrong(name, "a whole number", 0);
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "number" && Number.isFinite(number)) return number;
    return this.#wrong(name, "a number", undefined);
  }

  optionalFlag(name: string): boolean | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    return this.#wrong(name, "true or false", undefined);
  }

  flag(name: string): boolean {
    return this.optionalFlag(name) ?? this.#wrong(name, "true or false", false);
  }

  optionalTexts(name: string): readonly string[] | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    const texts = Array.isArray(value) ? value.map(asText) : [undefined];
    return texts.every((text) => text !== undefined)
      ? texts
      : this.#wrong(name, "a list of texts", undefined);
  }

  texts(name: string): readonly string[] {
    return this.optionalTexts(name) ?? this.#wrong(name, "a list of texts", []);
  }

  optionalObject(name: string): JsonObject | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    return isObject(value) ? value : this.#wrong(name, "an object", undefined);
  }

  objects(name: string): readonly JsonObject[] {
    const value = this.#get(name);
    if (Array.isArray(value) && value.every(isObject)) return value;
    return this.#wrong(name, "a list of objects", []);
  }

  /** Notes a fault found by the caller. */
  refuse(name: string, expected: string): void {
    this.#wrong(name, expected, undefined);
  }
}

function asText(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return undefined;
}
