/**
 * HOCON tokens to a tree of open values. Grammar and its tolerances are Typesafe config's, measured
 * by `hocon-cases.json` (spec packaging-and-operations B2).
 */
import { type Token, tokenize } from "./hocon-lexer.ts";
import { HoconSyntaxError, type Node, type ObjectNode, type Slot } from "./hocon-node.ts";

/** What an `include` asks for. */
export interface IncludeRequest {
  readonly kind: "heuristic" | "file" | "classpath" | "url" | "package";
  readonly name: string;
  readonly required: boolean;
  /** The file that holds the `include`. */
  readonly from: string;
  readonly line: number;
}

/** Finds an included text, or `undefined` when there is none (which is silently empty). */
export type IncludeResolver = (
  request: IncludeRequest,
) => { readonly text: string; readonly file: string } | undefined;

/** Deeper nesting is refused, as is a longer chain of includes. */
const MAX_DEPTH = 200;
const MAX_INCLUDES = 50;

/** Parses one text and what it includes. Throws `HoconSyntaxError`. */
export function parseTree(text: string, file: string, include: IncludeResolver): ObjectNode {
  return new Parser(text, file, include, [], [file]).document();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #file: string;
  readonly #include: IncludeResolver;
  /** Path of the object under which this text is included. */
  readonly #prefix: readonly string[];
  readonly #chain: readonly string[];
  readonly #path: string[] = [];
  #at = 0;
  #depth = 0;
  #lists = 0;

  constructor(
    text: string,
    file: string,
    include: IncludeResolver,
    prefix: readonly string[],
    chain: readonly string[],
  ) {
    this.#file = file;
    this.#include = include;
    this.#prefix = prefix;
    this.#chain = chain;
    this.#tokens = tokenize(text, file);
  }

  document(): ObjectNode {
    const first = this.#peekPastLines();
    if (isPunct(first, "[")) {
      throw this.#error(
        first,
        "the file holds a list",
        "a configuration file holds keys and values",
      );
    }
    const root = isPunct(first, "{") ? this.#braces() : this.#fields(false);
    const rest = this.#peekPastLines();
    if (rest.kind !== "end") {
      throw this.#error(rest, `unexpected ${show(rest)} after the last brace`, "check the braces");
    }
    return root;
  }

  #braces(): ObjectNode {
    this.#at++;
    return this.#fields(true);
  }

  /** Fields up to the closing brace (consumed) or the end of the file. */
  #fields(braced: boolean): ObjectNode {
    const start = this.#peek();
    this.#enter(start);
    const fields = new Map<string, Slot>();
    const result: ObjectNode = { kind: "object", fields, origin: this.#origin(start) };
    for (;;) {
      const token = this.#peekPastLines();
      if (isPunct(token, "}")) {
        if (!braced) throw this.#error(token, "} without {", "remove it or add the missing {");
        this.#at++;
        break;
      }
      if (token.kind === "end") {
        if (!braced) break;
        throw this.#error(token, ...this.#afterValue(token));
      }
      if (token.kind === "unquoted" && token.text === "include") this.#includeInto(fields);
      else this.#field(fields);
      if (this.#separator()) continue;
      const after = this.#peek();
      if (isPunct(after, "}") || (after.kind === "end" && !braced)) continue;
      throw this.#error(after, ...this.#afterValue(after));
    }
    this.#depth--;
    return result;
  }

  #afterValue(token: Token): [string, string] {
    if (token.kind === "end") return ["the file ends inside { }", "add the missing }"];
    const remedy = "put a comma or a new line between values, or quotes around the text";
    return [`unexpected ${show(token)} after a value`, remedy];
  }

  #field(fields: Map<string, Slot>): void {
    const keyToken = this.#peek();
    const keys = this.#key();
    const separator = this.#peekPastLines();
    const plus = isPunct(separator, "+=");
    if (plus || isPunct(separator, ":") || isPunct(separator, "=")) this.#at++;
    else if (!isPunct(separator, "{")) {
      const message = `key ${keys.join(".")} is followed by ${show(separator)}`;
      throw this.#error(separator, message, "write key = value");
    }
    if (this.#path.length + keys.length > MAX_DEPTH) {
      throw this.#error(keyToken, `nested deeper than ${MAX_DEPTH} levels`, "simplify the file");
    }
    this.#path.push(...keys);
    // Without a separator only the braces belong to the key.
    let value = isPunct(separator, "{") ? this.#braces() : this.#value();
    if (plus) value = this.#append(keyToken, value);
    this.#path.length -= keys.length;
    put(fields, keys, value);
  }

  /** `a += x` means `a = ${?a} [x]`. */
  #append(token: Token, value: Node): Node {
    if (this.#lists > 0)
      throw this.#error(token, "+= inside a list", "use = and refer to the list itself");
    const origin = this.#origin(token);
    const path = [...this.#prefix, ...this.#path];
    const previous: Node = { kind: "reference", path, prefix: [], optional: true, origin };
    return { kind: "join", parts: [previous, { kind: "list", items: [value], origin }], origin };
  }

  #key(): string[] {
    const start = this.#at;
    while (isKeyPart(this.#peek())) this.#at++;
    const tokens = this.#tokens.slice(start, this.#at);
    if (tokens.length === 0) {
      const token = this.#peek();
      throw this.#error(token, `a key is expected, not ${show(token)}`, "write key = value");
    }
    return this.#pathOf(tokens, tokens[0] as Token);
  }

  /** Splits at dots outside quotes. */
  #pathOf(tokens: readonly Token[], at: Token): string[] {
    const parts: { text: string; mayBeEmpty: boolean }[] = [{ text: "", mayBeEmpty: false }];
    for (const token of tokens) {
      const [head = "", ...more] = token.kind === "quoted" ? [token.text] : token.text.split(".");
      const last = parts.at(-1);
      if (last !== undefined) {
        last.mayBeEmpty ||= token.kind === "quoted";
        last.text += head;
      }
      for (const text of more) parts.push({ text, mayBeEmpty: false });
    }
    if (parts.some((part) => part.text === "" && !part.mayBeEmpty)) {
      const text = tokens.map((token) => token.text).join("");
      throw this.#error(
        at,
        `path ${text} has an empty part`,
        'remove the extra dot or quote it as ""',
      );
    }
    return parts.map((part) => part.text);
  }

  /** A value or several on one line. */
  #value(): Node {
    const start = this.#peekPastLines();
    const parts: Node[] = [];
    for (let token = start; ; token = this.#peek()) {
      const part = this.#part(token);
      if (part === undefined) break;
      parts.push(part);
    }
    if (parts.length === 0) {
      const message = `a value is expected, not ${show(start)}`;
      throw this.#error(start, message, 'write a value, or "" for none');
    }
    if (parts.length === 1) return parts[0] as Node;
    return { kind: "join", parts, origin: this.#origin(start) };
  }

  #part(token: Token): Node | undefined {
    const origin = this.#origin(token);
    switch (token.kind) {
      case "newline":
      case "end":
        return undefined;
      case "punct":
        if (token.text === "{") return this.#braces();
        return token.text === "[" ? this.#list() : undefined;
      case "substitution": {
        this.#at++;
        const own = this.#pathOf(token.tokens, token);
        for (const inner of token.tokens) {
          if (!isKeyPart(inner)) throw this.#error(token, `\${…} holds ${show(inner)}`, "quote it");
        }
        const optional = token.optional;
        return { kind: "reference", path: own, prefix: this.#prefix, optional, origin };
      }
      case "quoted":
        this.#at++;
        return { kind: "string", text: token.text, origin };
      case "unquoted":
        this.#at++;
        return { kind: "string", text: token.text, origin, unquoted: true };
      case "space":
        this.#at++;
        return { kind: "string", text: token.text, origin, space: true };
      case "number":
      case "boolean":
      case "null":
        this.#at++;
        return { kind: token.kind, text: token.text, origin };
    }
  }

  #list(): Node {
    const start = this.#peek();
    this.#at++;
    this.#enter(start);
    this.#lists++;
    const items: Node[] = [];
    for (;;) {
      if (isPunct(this.#peekPastLines(), "]")) break;
      items.push(this.#value());
      if (this.#separator()) continue;
      const after = this.#peek();
      if (isPunct(after, "]")) break;
      const message =
        after.kind === "end" ? "the file ends inside [ ]" : `unexpected ${show(after)}`;
      throw this.#error(after, message, "put commas or new lines between items and ] at the end");
    }
    this.#at++;
    this.#lists--;
    this.#depth--;
    return { kind: "list", items, origin: this.#origin(start) };
  }

  #includeInto(fields: Map<string, Slot>): void {
    const at = this.#peek();
    this.#at++;
    const request = this.#includeRequest(at);
    if (this.#chain.length > MAX_INCLUDES) {
      throw this.#error(
        at,
        `more than ${MAX_INCLUDES} includes within each other`,
        "check for a loop",
      );
    }
    const found = this.#include(request);
    if (found === undefined) {
      if (!request.required) return;
      throw this.#error(
        at,
        `required file ${request.name} is missing`,
        "create it or drop required()",
      );
    }
    if (this.#chain.includes(found.file)) {
      throw this.#error(at, `${found.file} includes itself`, "remove one of the includes");
    }
    const prefix = [...this.#prefix, ...this.#path];
    const chain = [...this.#chain, found.file];
    const root = new Parser(found.text, found.file, this.#include, prefix, chain).document();
    for (const [key, slot] of root.fields) for (const value of slot) put(fields, [key], value);
  }

  /** `"x"`, `file("x")`, `required(file("x"))` and so on. */
  #includeRequest(at: Token): IncludeRequest {
    let opened = "";
    let token = this.#peekPastLines();
    while (token.kind === "unquoted" || token.kind === "space") {
      opened += token.text.trim();
      this.#at++;
      token = this.#peekPastLines();
    }
    const form = /^(required\()?(?:(file|classpath|url|package)\()?$/.exec(opened);
    if (form === null || token.kind !== "quoted") {
      throw this.#error(
        at,
        "include is not followed by a file name in quotes",
        'write include "name.conf"',
      );
    }
    const name = token.text;
    this.#at++;
    const closing = "))".slice(0, (form[1] ? 1 : 0) + (form[2] ? 1 : 0));
    let closed = "";
    while (closed.length < closing.length) {
      const next = this.#peekPastLines();
      if (next.kind !== "unquoted" && next.kind !== "space") break;
      closed += next.text.trim();
      this.#at++;
    }
    if (closed !== closing) throw this.#error(at, "include has an open (", "add the missing )");
    return {
      kind: (form[2] as IncludeRequest["kind"] | undefined) ?? "heuristic",
      name,
      required: form[1] !== undefined,
      from: this.#file,
      line: at.line,
    };
  }

  /** Consumes new lines and at most one comma; whether there was any. */
  #separator(): boolean {
    let seen = false;
    for (;;) {
      const token = this.#peek();
      if (isPunct(token, ",")) {
        this.#at++;
        return true;
      }
      if (token.kind !== "newline" && token.kind !== "space") return seen;
      seen ||= token.kind === "newline";
      this.#at++;
    }
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token;
  }

  #peekPastLines(): Token {
    while (this.#peek().kind === "newline" || this.#peek().kind === "space") this.#at++;
    return this.#peek();
  }

  #enter(token: Token): void {
    if (++this.#depth > MAX_DEPTH) {
      throw this.#error(token, `nested deeper than ${MAX_DEPTH} levels`, "simplify the file");
    }
  }

  #origin(token: Token): { file: string; line: number } {
    return { file: this.#file, line: token.line };
  }

  #error(token: Token, message: string, remedy: string): HoconSyntaxError {
    return new HoconSyntaxError({ message, remedy, origin: this.#origin(token) });
  }
}

/** Adds a value on top of what the path holds already. */
export function put(fields: Map<string, Slot>, path: readonly string[], value: Node): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  let top = value;
  for (const key of rest.reverse()) {
    top = { kind: "object", fields: new Map([[key, [top]]]), origin: value.origin };
  }
  const slot = fields.get(head);
  if (slot === undefined) fields.set(head, [top]);
  else slot.push(top);
}

function isPunct(token: Token, text: string): boolean {
  return token.kind === "punct" && token.text === text;
}

function isKeyPart(token: Token): boolean {
  switch (token.kind) {
    case "quoted":
    case "unquoted":
    case "space":
    case "number":
    case "boolean":
    case "null":
      return true;
    case "punct":
    case "newline":
    case "end":
    case "substitution":
      return false;
  }
}

function show(token: Token): string {
  if (token.kind === "newline" || token.kind === "end") return `the ${token.text}`;
  return token.kind === "quoted" ? JSON.stringify(token.text) : token.text;
}
