/**
 * Cuts a character stream into tags and text (XML 1.0 as RFC 6120 §11 restricts it: no comments,
 * processing instructions, DTDs or own entities). Pure; every character is looked at a bounded
 * number of times however the input is cut into chunks, and bad input is a fault, never a throw.
 * What is wrong inside one tag or text, where the next one begins all the same, is told to the
 * handler and does not end the parsing: it may be the work of one of many who share the stream.
 *
 * Our own instead of ltx's: that one throws on an unknown entity, accepts tags that do not match,
 * and takes quadratic time over text without `<`.
 */

import { notUtf8 } from "./utf8-stream.ts";

/** Attributes as written: names may still have prefixes. */
export type RawAttributes = Record<string, string>;

/** Where tokens go. Returning a text refuses the token and ends the parsing with that fault. */
export interface TokenHandler {
  /** `attrs` is the handler's to keep; `prefixed`: a name among them has a colon. */
  open(name: string, attrs: RawAttributes, prefixed: boolean): string | undefined;
  close(name: string): string | undefined;
  text(text: string): string | undefined;
  /**
   * A tag whose ends are plain and whose content is not taken; `name` and `attrs` are what could be
   * read of it. `close` follows as for `open`.
   */
  badTag(why: string, name: string, attrs: RawAttributes): string | undefined;
  /** Text that is not taken. */
  badText(why: string): string | undefined;
}

type Mode = "text" | "lt" | "tag" | "bang" | "cdata" | "declaration" | "dead";

/** Longest tag that is kept; the rest of a longer one is read past. */
const maxTagChars = 1 << 18;
const maxNameChars = 1024;
const maxAttributes = 256;
const encodingFault = "not UTF-8";
const cdataOpen = "![CDATA[";
const namePattern = /^[\p{L}_][\p{L}\p{N}\p{M}_.\-·]*(?::[\p{L}_][\p{L}\p{N}\p{M}_.\-·]*)?$/u;
const simpleName = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
/** V8 copies shorter pieces of a text anyway. */
const minSlice = 13;
/** Names of elements and attributes that were seen, each once in memory however often it comes. */
const seenNames = new Map<string, string>();
/** The same for namespaces. */
const seenNamespaces = new Map<string, string>();
const maxSeen = 500;
const maxSeenChars = 100;

/** Feed it with `push`; it calls the handler in document order. */
export class XmlTokenizer {
  readonly #handler: TokenHandler;
  #mode: Mode = "text";
  /** Pieces of a token that began in an earlier chunk. */
  #held: string[] = [];
  #heldChars = 0;
  /** Inside a tag: the quote that must come, or 0. */
  #quote = 0;
  /** The last character of a tag too long to keep; "" while tags are kept. */
  #longTagEnd = "";
  #seenRoot = false;
  #fault: string | undefined = undefined;

  constructor(handler: TokenHandler) {
    this.#handler = handler;
  }

  /** Takes the next characters. Returns what is wrong, then and ever after, or `undefined`. */
  push(chunk: string): string | undefined {
    let at = 0;
    while (at < chunk.length && this.#fault === undefined) {
      switch (this.#mode) {
        case "text":
          at = this.#readText(chunk, at);
          break;
        case "lt":
          at = this.#readFirst(chunk, at);
          break;
        case "tag":
          at = this.#readTag(chunk, at);
          break;
        case "bang":
          at = this.#readBang(chunk, at);
          break;
        case "cdata":
          at = this.#readCdata(chunk, at);
          break;
        case "declaration":
          at = this.#readDeclaration(chunk, at);
          break;
        default:
          return this.#fault;
      }
    }
    return this.#fault;
  }

  /** Whether the input could end here: not inside a tag, an entity or a section. */
  get complete(): boolean {
    return this.#fault === undefined && this.#mode === "text" && this.#heldChars === 0;
  }

  #fail(why: string): number {
    this.#fault ??= why;
    this.#mode = "dead";
    this.#held = [];
    return 0;
  }

  #check(refusal: string | undefined): void {
    if (refusal !== undefined) this.#fail(refusal);
  }

  #hold(piece: string): void {
    this.#held.push(piece);
    this.#heldChars += piece.length;
  }

  /** As `hold`; of a tag that becomes too long only the ends stay. */
  #holdTag(piece: string): void {
    if (this.#longTagEnd === "") {
      this.#hold(piece);
      if (this.#heldChars <= maxTagChars) return;
      this.#held = [(this.#held[0] ?? "").slice(0, 1)];
      this.#heldChars = this.#held[0]?.length ?? 0;
    }
    this.#longTagEnd = piece.at(-1) ?? this.#longTagEnd;
  }

  #release(last: string): string {
    if (this.#heldChars === 0) return last;
    this.#held.push(last);
    const whole = this.#held.join("");
    this.#held = [];
    this.#heldChars = 0;
    return whole;
  }

  #readText(chunk: string, from: number): number {
    const lt = chunk.indexOf("<", from);
    const end = lt < 0 ? chunk.length : lt;
    if (end > from || this.#heldChars > 0) {
      let raw = this.#release(chunk.slice(from, end));
      if (lt < 0) {
        // An entity may continue in the next chunk; the longest we know has 10 characters.
        const amp = raw.lastIndexOf("&");
        if (amp >= 0 && raw.length - amp < 12 && raw.indexOf(";", amp) < 0) {
          this.#hold(raw.slice(amp));
          raw = raw.slice(0, amp);
        }
      }
      this.#emitText(raw);
    }
    if (lt < 0) return chunk.length;
    if (this.#mode === "text") this.#mode = "lt";
    return lt + 1;
  }

  #emitText(raw: string): void {
    if (raw === "") return;
    const text = decodeEntities(raw);
    if (text === undefined) this.#check(this.#handler.badText("unknown entity"));
    else this.#emitPlain(ownCopy(text));
  }

  #emitPlain(text: string): void {
    const bad = text.includes(notUtf8);
    this.#check(bad ? this.#handler.badText(encodingFault) : this.#handler.text(text));
  }

  #readFirst(chunk: string, at: number): number {
    const first = chunk.charCodeAt(at);
    if (first === 0x21) {
      this.#mode = "bang";
      return at;
    }
    if (first === 0x3f) {
      if (this.#seenRoot) return this.#fail("processing instruction");
      this.#mode = "declaration";
      return at + 1;
    }
    const behind = first === 0x2f ? this.#readKnownEnd(chunk, at) : this.#readKnownTag(chunk, at);
    if (behind > 0) {
      if (this.#mode === "lt") this.#mode = "text";
      return behind;
    }
    this.#mode = "tag";
    this.#quote = 0;
    return at;
  }

  /**
   * Reads a tag that is whole in this chunk and has nothing but names seen before: nearly all of
   * them. Returns the position behind it, or 0 for anything else, which is left to `#readTag`.
   */
  #readKnownTag(chunk: string, from: number): number {
    let at = from;
    while (at < chunk.length && !isTagNameEnd(chunk.charCodeAt(at))) at++;
    const name = seenNames.get(chunk.slice(from, at));
    if (name === undefined) return 0;
    const attrs: RawAttributes = {};
    let prefixed = false;
    for (let count = 0; count < maxAttributes; count++) {
      let c = chunk.charCodeAt(at);
      if (c === 0x20) c = chunk.charCodeAt(++at);
      else if (c !== 0x3e && c !== 0x2f) return 0;
      if (c === 0x3e || c === 0x2f) {
        const empty = c === 0x2f;
        if (empty && chunk.charCodeAt(++at) !== 0x3e) return 0;
        if (at - from > maxTagChars) return 0;
        this.#seenRoot = true;
        this.#check(this.#handler.open(name, attrs, prefixed));
        if (empty && this.#fault === undefined) this.#check(this.#handler.close(name));
        return at + 1;
      }
      const equals = chunk.indexOf("=", at);
      if (equals < 0 || equals - at > maxSeenChars) return 0;
      const key = seenNames.get(chunk.slice(at, equals));
      const quote = chunk.charCodeAt(equals + 1);
      if (key === undefined || (quote !== 0x22 && quote !== 0x27)) return 0;
      const close = chunk.indexOf(quote === 0x22 ? '"' : "'", equals + 2);
      if (close < 0) return 0;
      const value = readValue(chunk.slice(equals + 2, close));
      if (value === undefined || attrs[key] !== undefined) return 0;
      attrs[key] =
        key === "xmlns"
          ? (seenNamespaces.get(value) ?? remember(value, seenNamespaces))
          : ownCopy(value);
      if (key.includes(":")) prefixed = true;
      at = close + 1;
    }
    return 0;
  }

  #readKnownEnd(chunk: string, from: number): number {
    const end = chunk.indexOf(">", from);
    const name = end < 0 || end - from > maxSeenChars ? "" : chunk.slice(from + 1, end);
    const known = seenNames.get(name);
    if (known === undefined) return 0;
    this.#check(this.#handler.close(known));
    return end + 1;
  }

  #readTag(chunk: string, from: number): number {
    for (let i = from; i < chunk.length; i++) {
      if (this.#quote !== 0) {
        i = chunk.indexOf(this.#quote === 0x22 ? '"' : "'", i);
        if (i < 0) break;
        this.#quote = 0;
        continue;
      }
      const c = chunk.charCodeAt(i);
      if (c === 0x22 || c === 0x27) this.#quote = c;
      else if (c === 0x3c) return this.#fail("'<' inside a tag");
      else if (c === 0x3e) {
        this.#mode = "text";
        if (this.#longTagEnd !== "") this.#emitLongTag(chunk.slice(from, i));
        else this.#emitTag(this.#release(chunk.slice(from, i)));
        return i + 1;
      }
    }
    this.#holdTag(chunk.slice(from));
    return chunk.length;
  }

  #emitLongTag(last: string): void {
    const end = last.at(-1) ?? this.#longTagEnd;
    const closes = this.#release("").startsWith("/");
    this.#longTagEnd = "";
    if (closes) this.#check(this.#handler.close(""));
    else this.#emitBadTag("tag too long", end === "/", "", {});
  }

  #emitBadTag(why: string, empty: boolean, name: string, attrs: RawAttributes): void {
    this.#seenRoot = true;
    this.#check(this.#handler.badTag(why, name, attrs));
    if (empty && this.#fault === undefined) this.#check(this.#handler.close(name));
  }

  #emitTag(tag: string): void {
    if (tag.length > maxTagChars) {
      this.#longTagEnd = tag.at(-1) as string;
      this.#hold(tag.slice(0, 1));
      this.#emitLongTag("");
      return;
    }
    if (tag.charCodeAt(0) === 0x2f) {
      this.#check(this.#handler.close(tag.slice(1).trimEnd()));
      return;
    }
    let end = 0;
    while (end < tag.length && !isNameEnd(tag.charCodeAt(end))) end++;
    const seen = tag.slice(0, end);
    const known = seenNames.get(seen);
    const name = known ?? seen;
    const attrs: RawAttributes = {};
    const read =
      known !== undefined || isName(seen) ? readAttributes(tag, end, attrs) : "bad element name";
    const empty = tag.endsWith("/");
    if (typeof read === "string") {
      this.#emitBadTag(read, empty, name, attrs);
      return;
    }
    this.#seenRoot = true;
    this.#check(this.#handler.open(known ?? remember(name, seenNames), attrs, read));
    if (empty && this.#fault === undefined) this.#check(this.#handler.close(name));
  }

  #readBang(chunk: string, from: number): number {
    const take = Math.min(chunk.length - from, cdataOpen.length - this.#heldChars);
    const piece = chunk.slice(from, from + take);
    if (!cdataOpen.startsWith(piece, this.#heldChars)) return this.#fail("comment or DTD");
    if (this.#heldChars + take === cdataOpen.length) {
      this.#release("");
      this.#mode = "cdata";
    } else {
      this.#hold(piece);
    }
    return from + take;
  }

  #readCdata(chunk: string, from: number): number {
    const rest = this.#release(chunk.slice(from));
    const end = rest.indexOf("]]>");
    if (end >= 0) {
      this.#mode = "text";
      if (end > 0) this.#emitPlain(rest.slice(0, end));
      return chunk.length - (rest.length - end - 3);
    }
    const keep = rest.endsWith("]]") ? 2 : rest.endsWith("]") ? 1 : 0;
    if (rest.length > keep) this.#emitPlain(rest.slice(0, rest.length - keep));
    if (keep > 0) this.#hold(rest.slice(rest.length - keep));
    return chunk.length;
  }

  #readDeclaration(chunk: string, from: number): number {
    const end = chunk.indexOf(">", from);
    this.#heldChars += (end < 0 ? chunk.length : end) - from;
    if (this.#heldChars > 1024) return this.#fail("XML declaration too long");
    if (end < 0) return chunk.length;
    this.#heldChars = 0;
    this.#mode = "text";
    return end + 1;
  }
}

/**
 * Reads what stands behind the name of a tag into `into`; returns what is wrong, or whether any name
 * has a prefix.
 */
function readAttributes(tag: string, from: number, into: RawAttributes): string | boolean {
  let prefixed = false;
  let at = from;
  for (let count = 0; ; count++) {
    const begin = skipBlank(tag, at);
    if (begin === tag.length) return prefixed;
    if (tag.charCodeAt(begin) === 0x2f)
      return begin === tag.length - 1 ? prefixed : "bad attribute";
    if (begin === at) return "bad attribute";
    if (count >= maxAttributes) return "too many attributes";
    let end = begin;
    while (end < tag.length && !isAttributeNameEnd(tag.charCodeAt(end))) end++;
    const equals = skipBlank(tag, end);
    if (end === begin || tag.charCodeAt(equals) !== 0x3d) return "bad attribute";
    const open = skipBlank(tag, equals + 1);
    const quote = tag.charCodeAt(open);
    if (quote !== 0x22 && quote !== 0x27) return "bad attribute";
    const close = tag.indexOf(quote === 0x22 ? '"' : "'", open + 1);
    if (close < 0) return "bad attribute";
    const raw = tag.slice(open + 1, close);
    const value = readValue(raw);
    if (value === undefined) return whyNoValue(raw);
    const seen = tag.slice(begin, end);
    const known = seenNames.get(seen);
    if (known === undefined && !isName(seen)) return "bad attribute name";
    const key = known ?? remember(seen, seenNames);
    if (Object.hasOwn(into, key)) return "attribute given twice";
    if (key === "xmlns") into[key] = seenNamespaces.get(value) ?? remember(value, seenNamespaces);
    else if (key !== "__proto__") into[key] = ownCopy(value);
    if (key.includes(":")) prefixed = true;
    at = close + 1;
  }
}

/** The text of an attribute; `undefined` for one that may not be. */
function readValue(raw: string): string | undefined {
  return raw.includes("<") || raw.includes(notUtf8) ? undefined : decodeEntities(raw);
}

function whyNoValue(raw: string): string {
  if (raw.includes("<")) return "bad attribute";
  return raw.includes(notUtf8) ? encodingFault : "unknown entity";
}

function isTagNameEnd(c: number): boolean {
  return c <= 0x20 || c === 0x2f || c === 0x3e;
}

function skipBlank(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c !== 0x20 && c !== 0x0a && c !== 0x09 && c !== 0x0d) break;
  }
  return at;
}

/** Blanks, `=`, `/`, `<`, `>`, `&` and quotes end an attribute name. */
function isAttributeNameEnd(c: number): boolean {
  return c <= 0x20 || c === 0x3d || c === 0x2f || (c >= 0x3c && c <= 0x3e) || isQuoteOrAmp(c);
}

function isQuoteOrAmp(c: number): boolean {
  return c === 0x22 || c === 0x27 || c === 0x26;
}

/**
 * The same text without what it was cut from: a piece of a text keeps the whole of it in memory, and
 * a name or address that a conference keeps would hold the stanza that told it.
 */
function ownCopy(text: string): string {
  return text.length < minSlice ? text : ` ${text}`.slice(1);
}

/** A copy to be used again for the same word, while there are not too many. */
function remember(word: string, seen: Map<string, string>): string {
  const copy = ownCopy(word);
  const fit = word !== "__proto__" && word.length <= maxSeenChars;
  if (fit && seen.size < maxSeen) seen.set(copy, copy);
  return copy;
}

/** ASCII white space, `/`, `=` and quotes end an element name. */
function isNameEnd(c: number): boolean {
  return c <= 0x20 || c === 0x2f;
}

function isName(name: string): boolean {
  if (name.length > maxNameChars) return false;
  return simpleName.test(name) || namePattern.test(name);
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** Text with the five entities and character references resolved; `undefined` on any other. */
export function decodeEntities(raw: string): string | undefined {
  let amp = raw.indexOf("&");
  if (amp < 0) return raw;
  const pieces: string[] = [];
  let done = 0;
  while (amp >= 0) {
    const end = raw.indexOf(";", amp);
    if (end < 0 || end - amp > 11) return undefined;
    const name = raw.slice(amp + 1, end);
    const char = name.startsWith("#")
      ? decodeReference(name)
      : Object.hasOwn(entities, name)
        ? entities[name]
        : undefined;
    if (char === undefined) return undefined;
    pieces.push(raw.slice(done, amp), char);
    done = end + 1;
    amp = raw.indexOf("&", done);
  }
  pieces.push(raw.slice(done));
  return pieces.join("");
}

function decodeReference(name: string): string | undefined {
  let code: number;
  if (/^#x[0-9a-fA-F]{1,6}$/.test(name)) code = Number.parseInt(name.slice(2), 16);
  else if (/^#[0-9]{1,7}$/.test(name)) code = Number.parseInt(name.slice(1), 10);
  else return undefined;
  const legal =
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff);
  return legal ? String.fromCodePoint(code) : undefined;
}
