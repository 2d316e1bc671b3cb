/**
 * HOCON text to tokens, with Typesafe config's rules (spec packaging-and-operations B2).
 *
 * White space is a token only between two simple values, where it may become part of a
 * concatenation or a key; everywhere else it is dropped, comments too.
 */
import { HoconSyntaxError } from "./hocon-node.ts";

/** One token. `text` is what it stands for, escapes undone; `raw` as written, for messages. */
export type Token =
  | {
      readonly kind: "punct";
      readonly text: "{" | "}" | "[" | "]" | "," | ":" | "=" | "+=";
      readonly line: number;
    }
  | { readonly kind: "newline" | "end"; readonly text: string; readonly line: number }
  | {
      readonly kind: "quoted" | "unquoted" | "space" | "number" | "boolean" | "null";
      readonly text: string;
      readonly line: number;
    }
  | {
      readonly kind: "substitution";
      readonly text: string;
      readonly tokens: readonly Token[];
      readonly optional: boolean;
      readonly line: number;
    };

const RESERVED = '$"{}[]:=,+#`^?!@*&\\';
const NUMBER_CHARS = "0123456789eE+-.";
const KEYWORDS: Readonly<Record<string, "boolean" | "null">> = {
  true: "boolean",
  false: "boolean",
  null: "null",
};
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Splits a whole text. Throws `HoconSyntaxError`. */
export function tokenize(text: string, file: string): Token[] {
  return new Lexer(text, file).all();
}

class Lexer {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  all(): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      const space = this.#skipSpace();
      const token = this.#next();
      const last = tokens.at(-1);
      if (space !== "" && last !== undefined && isSimple(last) && isSimple(token)) {
        tokens.push({ kind: "space", text: space, line: this.#line });
      }
      tokens.push(token);
      if (token.kind === "end") return tokens;
    }
  }

  /** White space other than the line feed. */
  #skipSpace(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && isSpace(this.#text[this.#at] as string)) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #next(): Token {
    const line = this.#line;
    const c = this.#text[this.#at];
    if (c === undefined) return { kind: "end", text: "end of file", line };
    if (c === "#" || this.#text.startsWith("//", this.#at)) {
      const end = this.#text.indexOf("\n", this.#at);
      this.#at = end < 0 ? this.#text.length : end;
      return this.#next();
    }
    switch (c) {
      case "\n":
        this.#at++;
        this.#line++;
        return { kind: "newline", text: "end of line", line };
      case "{":
      case "}":
      case "[":
      case "]":
      case ",":
      case ":":
      case "=":
        this.#at++;
        return { kind: "punct", text: c, line };
      case "+":
        if (this.#text[this.#at + 1] !== "=") return this.#reserved(c);
        this.#at += 2;
        return { kind: "punct", text: "+=", line };
      case '"':
        return this.#text.startsWith('"""', this.#at) ? this.#tripleQuoted() : this.#quoted();
      case "$":
        return this.#substitution();
      default:
        if ("0123456789-".includes(c)) return this.#number();
        if (RESERVED.includes(c)) return this.#reserved(c);
        return this.#unquoted();
    }
  }

  #number(): Token {
    const start = this.#at;
    while (this.#at < this.#text.length && NUMBER_CHARS.includes(this.#text[this.#at] as string)) {
      this.#at++;
    }
    const text = this.#text.slice(start, this.#at);
    if (isNumber(text)) return { kind: "number", text, line: this.#line };
    if (text.includes("+")) return this.#reserved("+");
    return { kind: "unquoted", text, line: this.#line };
  }

  /** Stops after `true`, `false` and `null` too: `nullable` is two tokens, as upstream has it. */
  #unquoted(): Token {
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at] as string;
      if (c === "\n" || isSpace(c) || RESERVED.includes(c)) break;
      if (c === "/" && this.#text[this.#at + 1] === "/") break;
      this.#at++;
      const length = this.#at - start;
      if (length !== 4 && length !== 5) continue;
      const text = this.#text.slice(start, this.#at);
      if (Object.hasOwn(KEYWORDS, text)) {
        return { kind: KEYWORDS[text] as "boolean" | "null", text, line: this.#line };
      }
    }
    return { kind: "unquoted", text: this.#text.slice(start, this.#at), line: this.#line };
  }

  #quoted(): Token {
    const line = this.#line;
    let text = "";
    for (this.#at++; ; this.#at++) {
      const c = this.#text[this.#at];
      if (c === undefined) throw this.#error("quoted string is not closed", 'add the missing "');
      if (c === '"') break;
      if (c === "\\") text += this.#escape();
      else if (c < " " || (c >= "\x7f" && c <= "\x9f")) {
        const what = c === "\n" ? "line end" : "control character";
        throw this.#error(`${what} inside a quoted string`, 'close the string with " or use """');
      } else text += c;
    }
    this.#at++;
    return { kind: "quoted", text, line };
  }

  #escape(): string {
    const c = this.#text[++this.#at] ?? "";
    if (Object.hasOwn(ESCAPES, c)) return ESCAPES[c] as string;
    const hex = this.#text.slice(this.#at + 1, this.#at + 5);
    if (c === "u" && /^[0-9a-fA-F]{4}$/.test(hex)) {
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    throw this.#error(`\\${c} is no escape in a quoted string`, "write \\\\ for a backslash");
  }

  #tripleQuoted(): Token {
    const line = this.#line;
    const start = this.#at + 3;
    let end = this.#text.indexOf('"""', start);
    if (end < 0) throw this.#error('string in """ is not closed', 'add the missing """');
    // Further quotes belong to the string: `"""a""""` is `a"`.
    while (this.#text[end + 3] === '"') end++;
    this.#at = end + 3;
    const text = this.#text.slice(start, end);
    this.#line += text.split("\n").length - 1;
    return { kind: "quoted", text, line };
  }

  #substitution(): Token {
    const line = this.#line;
    if (this.#text[this.#at + 1] !== "{") return this.#reserved("$");
    this.#at += 2;
    const optional = this.#text[this.#at] === "?";
    if (optional) this.#at++;
    const tokens: Token[] = [];
    for (;;) {
      const space = this.#skipSpace();
      if (this.#text.startsWith("${", this.#at)) {
        throw this.#error("${ may not stand inside another ${", "close the first one with }");
      }
      const token = this.#next();
      if (token.kind === "end") throw this.#error("${ is not closed", "add the missing }");
      if (token.kind === "punct" && token.text === "}") break;
      const last = tokens.at(-1);
      if (space !== "" && last !== undefined && isSimple(last) && isSimple(token)) {
        tokens.push({ kind: "space", text: space, line: this.#line });
      }
      tokens.push(token);
    }
    return { kind: "substitution", text: "substitution", tokens, optional, line };
  }

  #reserved(c: string): never {
    throw this.#error(`${c} may not stand outside quotes`, 'put the text into "…"');
  }

  #error(message: string, remedy: string): HoconSyntaxError {
    return new HoconSyntaxError({
      message,
      remedy,
      origin: { file: this.#file, line: this.#line },
    });
  }
}

/** Tokens between which white space counts. */
function isSimple(token: Token): boolean {
  return token.kind !== "punct" && token.kind !== "newline" && token.kind !== "end";
}

/** Java's white space, non-breaking spaces and the byte order mark; not the line feed. */
function isSpace(c: string): boolean {
  if (c > " " && c < "\x7f") return false;
  return c !== "\n" && (/[\s\ufeff]/.test(c) || (c >= "\x1c" && c <= "\x1f"));
}

/** Whether Java reads it as a `long` or, with a point or exponent, as a `double`. */
function isNumber(text: string): boolean {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text);
    return value >= -(2n ** 63n) && value < 2n ** 63n;
  }
  return /^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text);
}
