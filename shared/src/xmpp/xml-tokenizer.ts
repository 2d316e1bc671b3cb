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

/** Attributes as written: names may still have prefixes. */
export type RawAttributes = Record<string, string>;

/** Where tokens go. Returning a text refuses the token and ends the parsing with that fault. */
export interface TokenHandler {
  open(name: string, attrs: RawAttributes): string | undefined;
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
const cdataOpen = "![CDATA[";
const namePattern = /^[\p{L}_][\p{L}\p{N}\p{M}_.\-·]*(?::[\p{L}_][\p{L}\p{N}\p{M}_.\-·]*)?$/u;
const simpleName = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const attributePattern = /[ \t\r\n]+([^\s=<>"'/&]+)[ \t\r\n]*=[ \t\r\n]*(?:"([^"<]*)"|'([^'<]*)')/y;
const tagEndPattern = /[ \t\r\n]*(\/?)$/y;

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
    else this.#check(this.#handler.text(text));
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
    this.#mode = "tag";
    this.#quote = 0;
    return at;
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
    const name = tag.slice(0, end);
    const attrs: RawAttributes = {};
    const why = isName(name) ? readAttributes(tag, end, attrs) : "bad element name";
    const empty = tag.endsWith("/");
    if (why !== undefined) {
      this.#emitBadTag(why, empty, name, attrs);
      return;
    }
    this.#seenRoot = true;
    this.#check(this.#handler.open(name, attrs));
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
      if (end > 0) this.#check(this.#handler.text(rest.slice(0, end)));
      return chunk.length - (rest.length - end - 3);
    }
    const keep = rest.endsWith("]]") ? 2 : rest.endsWith("]") ? 1 : 0;
    if (rest.length > keep) this.#check(this.#handler.text(rest.slice(0, rest.length - keep)));
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

/** Reads what stands behind the name of a tag into `into`; returns what is wrong, if anything. */
function readAttributes(tag: string, from: number, into: RawAttributes): string | undefined {
  let end = from;
  for (let count = 0; ; count++) {
    attributePattern.lastIndex = end;
    const match = attributePattern.exec(tag);
    if (match === null) break;
    if (count >= maxAttributes) return "too many attributes";
    const key = match[1] as string;
    const value = decodeEntities(match[2] ?? match[3] ?? "");
    if (value === undefined) return "unknown entity";
    if (!isName(key)) return "bad attribute name";
    if (Object.hasOwn(into, key)) return "attribute given twice";
    if (key !== "__proto__") into[key] = value;
    end = attributePattern.lastIndex;
  }
  tagEndPattern.lastIndex = end;
  return tagEndPattern.test(tag) ? undefined : "bad attribute";
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
