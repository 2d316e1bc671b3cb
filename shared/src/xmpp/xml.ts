/**
 * The only door to ltx. Elements are built with `xml()`, read with the functions below and written
 * by `serialise`, which declares default namespaces only (spec xmpp-wire A1.2).
 *
 * Matching is by local name and namespace (A1.1): `ns` omitted means "the parent's own namespace".
 */
import { Element } from "@xmpp/xml";
import { err, ok, type Result } from "../runtime/result.ts";
import { type RawAttributes, type TokenHandler, XmlTokenizer } from "./xml-tokenizer.ts";

export { Element };

/** Attributes for `xml()`: `undefined` is left out, numbers and booleans are printed. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A child for `xml()`: element or text; `undefined` is left out. */
export type Child = Element | string | number | undefined;

/**
 * Builds an element. Give `xmlns` among the attributes where it differs from the parent's.
 * Characters XML cannot carry are replaced by U+FFFD, so no text can end the stream.
 */
export function xml(
  name: string,
  attrs?: Attributes,
  ...children: readonly (Child | readonly Child[])[]
): Element {
  const el = new Element(name);
  if (attrs !== undefined) {
    for (const key in attrs) {
      const value = attrs[key];
      if (value !== undefined) el.attrs[key] = safeText(String(value));
    }
  }
  for (const child of children) {
    if (Array.isArray(child)) for (const one of child) adopt(el, one as Child);
    else adopt(el, child as Child);
  }
  return el;
}

function adopt(parent: Element, child: Child): void {
  if (child === undefined) return;
  if (child instanceof Element) {
    child.parent = parent;
    parent.children.push(child);
  } else {
    parent.children.push(safeText(String(child)));
  }
}

// XML 1.0 §2.2: everything outside the Char production.
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
const unsafe = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** The text with every character that XML 1.0 forbids replaced by U+FFFD. */
export function safeText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.replace(unsafe, "\ufffd");
}

/** The namespace of an element, inherited from its ancestors when it declares none. */
export function namespaceOf(el: Element): string | undefined {
  for (let at: Element | null = el; at !== null; at = at.parent) {
    const ns = at.attrs["xmlns"];
    if (typeof ns === "string") return ns;
  }
  return undefined;
}

/** Whether the element has that local name and namespace. */
export function isElement(el: Element, name: string, ns: string): boolean {
  return el.name === name && namespaceOf(el) === ns;
}

/** The first child with that name in `ns` (omitted: the parent's namespace). */
export function childOf(el: Element, name: string, ns?: string): Element | undefined {
  const own = namespaceOf(el);
  const wanted = ns ?? own;
  for (const child of el.children) {
    if (typeof child === "string" || child.name !== name) continue;
    if ((child.attrs["xmlns"] ?? own) === wanted) return child;
  }
  return undefined;
}

/** Every child with that name in `ns` (omitted: the parent's namespace), in order. */
export function childrenOf(el: Element, name: string, ns?: string): Element[] {
  const own = namespaceOf(el);
  const wanted = ns ?? own;
  const found: Element[] = [];
  for (const child of el.children) {
    if (typeof child === "string" || child.name !== name) continue;
    if ((child.attrs["xmlns"] ?? own) === wanted) found.push(child);
  }
  return found;
}

/** All child elements, whatever their names; text is skipped. */
export function elementsOf(el: Element): Element[] {
  return el.children.filter((child): child is Element => typeof child !== "string");
}

/** The text directly inside the element. */
export function textOf(el: Element): string {
  if (el.children.length === 1 && typeof el.children[0] === "string") return el.children[0];
  let text = "";
  for (const child of el.children) if (typeof child === "string") text += child;
  return text;
}

/** Text of the first such child, or `undefined` without one. */
export function childText(el: Element, name: string, ns?: string): string | undefined {
  const child = childOf(el, name, ns);
  return child === undefined ? undefined : textOf(child);
}

/** An attribute's text, or `undefined`. Names of built-in object members are not attributes. */
export function attr(el: Element, name: string): string | undefined {
  const value = el.attrs[name];
  return typeof value === "string" ? value : undefined;
}

/** A decimal integer within [min, max]; `undefined` when absent or anything else. */
export function intAttr(
  el: Element,
  name: string,
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  return parseInteger(attr(el, name), min, max);
}

/** The same rule for text. */
export function parseInteger(
  text: string | undefined,
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined || !/^[+-]?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

/** A boolean as Java peers read it: any case of `true` is true, absence is `otherwise` (A1.4). */
export function boolAttr(el: Element, name: string, otherwise = false): boolean {
  const text = attr(el, name);
  return text === undefined ? otherwise : text.toLowerCase() === "true";
}

/** Deepest nesting taken from a peer. */
const maxDepth = 64;

/** Most `xmlns:` declarations in force at one place, those of the stream header included. */
const maxPrefixes = 64;

/** Longest stanza taken from a peer, in characters; Prosody's limit for what clients send. */
const maxStanzaChars = 256 * 1024;

interface OpenElement {
  readonly el: Element;
  readonly rawName: string;
  /** Default namespace as the document declares it, before prefixes were removed. */
  readonly defaultNs: string | undefined;
  /** The element's own namespace. */
  readonly ns: string | undefined;
  readonly prefixes: Prefix;
}

/**
 * One declared prefix and those before it. A chain, so that an element costs what it declares and
 * not what its ancestors did.
 */
interface Prefix {
  readonly name: string;
  readonly ns: string;
  readonly outer: Prefix | undefined;
  /** How many there are up to here. */
  readonly count: number;
}

const noPrefixes: Prefix = {
  name: "xml",
  ns: "http://www.w3.org/XML/1998/namespace",
  outer: undefined,
  count: 0,
};

function resolvePrefix(innermost: Prefix, name: string): string | undefined {
  for (let at: Prefix | undefined = innermost; at !== undefined; at = at.outer) {
    if (at.name === name) return at.ns;
  }
  return undefined;
}

/**
 * Builds elements out of tokens and rewrites prefixed elements to default-namespace form (A1.2),
 * so that nothing behind it needs to know prefixes. `xml:lang` stays; other prefixed attributes go.
 */
class TreeBuilder implements TokenHandler {
  readonly #open: OpenElement[] = [];
  /** Why the stanza that is open is not taken; the rest of it is read past. */
  #refused: string | undefined = undefined;
  /** Elements open below such a stanza. */
  #skipped = 0;
  readonly #context: string | undefined;
  readonly #onOpen: (el: Element, depth: number) => void;
  readonly #onClose: (el: Element, depth: number) => void;
  readonly #onRefused: ((el: Element, why: string) => void) | undefined;
  /** Children of elements at this depth are handed over instead of kept. */
  readonly #handOver: number;

  constructor(
    context: string | undefined,
    handOver: number,
    onOpen: (el: Element, depth: number) => void,
    onClose: (el: Element, depth: number) => void,
    onRefused?: (el: Element, why: string) => void,
  ) {
    this.#context = context;
    this.#handOver = handOver;
    this.#onOpen = onOpen;
    this.#onClose = onClose;
    this.#onRefused = onRefused;
  }

  get depth(): number {
    return this.#open.length;
  }

  /**
   * Takes nothing more of the stanza that is open, but its beginning. Where there is none, or the
   * document is one whole, that is the end: the reason comes back.
   */
  refuse(why: string): string | undefined {
    if (this.#onRefused === undefined || this.#open.length <= this.#handOver) return why;
    if (this.#refused !== undefined) return undefined;
    this.#refused = why;
    this.#skipped = this.#open.length - this.#handOver - 1;
    this.#open.length = this.#handOver + 1;
    const stanza = this.#open.at(-1)?.el;
    if (stanza !== undefined) stanza.children = [];
    return undefined;
  }

  badText(why: string): string | undefined {
    return this.#refused === undefined ? this.refuse(why) : undefined;
  }

  badTag(why: string, name: string, attrs: RawAttributes): string | undefined {
    if (this.#refused === undefined && this.#open.length === this.#handOver) {
      const fault =
        this.#onRefused === undefined ? why : this.#openNext(name, headOf(attrs), false);
      if (fault !== undefined) return fault;
      return this.refuse(why);
    }
    const fault = this.#refused === undefined ? this.refuse(why) : undefined;
    this.#skipped++;
    return fault;
  }

  open(name: string, raw: RawAttributes, prefixed: boolean): string | undefined {
    if (this.#refused !== undefined) {
      this.#skipped++;
      return undefined;
    }
    const why =
      this.#open.length >= maxDepth ? "nested too deeply" : this.#openNext(name, raw, prefixed);
    return why === undefined ? undefined : this.badTag(why, name, raw);
  }

  #openNext(name: string, raw: RawAttributes, prefixed: boolean): string | undefined {
    const parent = this.#open.at(-1);
    let prefixes = parent?.prefixes ?? noPrefixes;
    const defaultNs = raw["xmlns"] ?? (parent === undefined ? this.#context : parent.defaultNs);
    let attrs = raw;
    if (prefixed) {
      attrs = {};
      for (const key in raw) {
        const value = raw[key] as string;
        if (key.startsWith("xmlns:")) {
          if (prefixes.count >= maxPrefixes) return "too many namespace prefixes";
          const count = prefixes.count + 1;
          prefixes = { name: key.slice(6), ns: value, outer: prefixes, count };
        } else if (key.startsWith("xml:") || !key.includes(":")) attrs[key] = value;
      }
    }
    const declares = raw["xmlns"] !== undefined;
    const colon = name.indexOf(":");
    const ns = colon < 0 ? defaultNs : resolvePrefix(prefixes, name.slice(0, colon));
    if (colon >= 0 && ns === undefined) return "undeclared prefix";
    const parentNs = parent === undefined ? this.#context : parent.ns;
    if (ns !== parentNs || declares) attrs["xmlns"] = ns ?? "";
    const el = new Element(colon < 0 ? name : name.slice(colon + 1));
    el.attrs = attrs;
    if (parent !== undefined) {
      el.parent = parent.el;
      if (this.#open.length > this.#handOver) parent.el.children.push(el);
    }
    this.#open.push({ el, rawName: name, defaultNs, ns, prefixes });
    this.#onOpen(el, this.#open.length);
    return undefined;
  }

  close(name: string): string | undefined {
    if (this.#refused !== undefined) return this.#closeRefused();
    const top = this.#open.pop();
    if (top === undefined || top.rawName !== name) return `</${name}> closes nothing`;
    this.#onClose(top.el, this.#open.length + 1);
    return undefined;
  }

  #closeRefused(): undefined {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const stanza = this.#open.pop();
    const why = this.#refused;
    this.#refused = undefined;
    if (stanza !== undefined && why !== undefined) this.#onRefused?.(stanza.el, why);
  }

  text(text: string): string | undefined {
    if (this.#refused !== undefined) return undefined;
    const top = this.#open.at(-1);
    if (top === undefined) return isBlank(text) ? undefined : "text outside the root";
    if (this.#open.length <= this.#handOver) {
      return isBlank(text) ? undefined : "text between stanzas";
    }
    const children = top.el.children;
    const last = children.at(-1);
    if (typeof last === "string") children[children.length - 1] = last + text;
    else children.push(text);
    return undefined;
  }
}

/** Of a stanza's attributes those that say whose it is and what an answer needs. */
function headOf(attrs: RawAttributes): RawAttributes {
  const head: RawAttributes = {};
  for (const key of ["from", "to", "id", "type"]) {
    const value = attrs[key];
    if (value !== undefined && value.length <= 4096) head[key] = value;
  }
  return head;
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

/**
 * Reads one document. `contextNs` is the namespace an undeclared root is in, such as that of the
 * stream it came from. Any other input gives the reason it was refused.
 */
export function parseXml(text: string, contextNs?: string): Result<Element, string> {
  let root: Element | undefined;
  let extra = false;
  const builder = new TreeBuilder(
    contextNs,
    0,
    (el, depth) => {
      if (depth > 1) return;
      extra = root !== undefined;
      root = el;
    },
    () => {},
  );
  const tokens = new XmlTokenizer(builder);
  const fault = tokens.push(text);
  if (fault !== undefined) return err(fault);
  if (root === undefined || builder.depth > 0 || !tokens.complete) return err("incomplete");
  if (extra) return err("more than one root");
  if (contextNs !== undefined) root.attrs["xmlns"] ??= contextNs;
  return ok(root);
}

/** What a stream gives out. */
export interface StreamHandler {
  /** The stream header. */
  start(root: Element): void;
  /** One complete child of the stream; its `parent` is the header. */
  element(el: Element): void;
  /**
   * A child of the stream that was not taken: longer, deeper or otherwise beyond what peers may
   * send. `head` has its name and attributes as far as they could be read, and no children.
   */
  refused(head: Element, why: string): void;
  /** The peer closed the stream. */
  end(): void;
}

/**
 * Reads an endless XMPP stream: header, stanzas, footer. One object per stream. A stanza beyond the
 * limits (`maxStanzaChars`, counted by chunks of the stream; depth 64, 256 attributes, names of 1 kB,
 * 64 prefixes in force) is read past and told of: its sender is one of many behind the server that owns the stream. What no server
 * may send (comments, DTDs, crossed tags) ends the stream.
 */
export class XmlStreamParser {
  readonly #tokens: XmlTokenizer;
  readonly #builder: TreeBuilder;
  readonly #maxStanzaChars: number;
  #stanzaChars = 0;
  #fault: string | undefined = undefined;

  constructor(handler: StreamHandler, most = maxStanzaChars) {
    this.#maxStanzaChars = most;
    this.#builder = new TreeBuilder(
      undefined,
      1,
      (el, depth) => {
        if (depth === 1) handler.start(el);
      },
      (el, depth) => {
        if (depth === 2) {
          this.#stanzaChars = 0;
          handler.element(el);
        } else if (depth === 1) handler.end();
      },
      (head, why) => {
        this.#stanzaChars = 0;
        handler.refused(head, why);
      },
    );
    this.#tokens = new XmlTokenizer(this.#builder);
  }

  /** Takes the next characters; returns why the stream cannot go on, or `undefined`. */
  push(chunk: string): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    this.#stanzaChars += chunk.length;
    this.#fault = this.#tokens.push(chunk);
    if (this.#builder.depth <= 1) this.#stanzaChars = 0;
    else if (this.#stanzaChars > this.#maxStanzaChars) {
      this.#fault ??= this.#builder.refuse("stanza too long");
    }
    return this.#fault;
  }
}

/** Elements that never change, with their text once it was needed and where it stands. */
const finished = new WeakMap<Element, { text: string; contextNs: string | undefined }>();

/**
 * Promises that nothing in that element changes any more: its text is made once, however often it is
 * sent. It must declare its namespace, and may then stand under several parents.
 */
export function unchanging(el: Element): Element {
  finished.set(el, { text: "", contextNs: undefined });
  return el;
}

/** Text of an element for the wire: default-namespace declarations, and only where they change. */
export function serialise(el: Element, contextNs?: string): string {
  const declared = el.attrs["xmlns"];
  const known = declared === undefined ? undefined : finished.get(el);
  if (known !== undefined && known.text !== "" && known.contextNs === contextNs) return known.text;
  let text = `<${el.name}`;
  const ns = declared ?? contextNs;
  if (ns !== undefined && ns !== contextNs) text += ` xmlns="${escapeAttribute(String(ns))}"`;
  for (const key in el.attrs) {
    const value = el.attrs[key];
    if (key !== "xmlns" && value !== undefined) {
      text += ` ${key}="${escapeAttribute(String(value))}"`;
    }
  }
  if (el.children.length === 0) text += "/>";
  else {
    text += ">";
    for (const child of el.children) {
      text += child instanceof Element ? serialise(child, ns) : escapeText(String(child));
    }
    text += `</${el.name}>`;
  }
  if (known !== undefined) {
    known.text = text;
    known.contextNs = contextNs;
  }
  return text;
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};

function escapeAttribute(text: string): string {
  return text.replace(/[&<>"'\t\n\r]/g, (c) => escapes[c] as string);
}

function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (c) => escapes[c] as string);
}

/** A deep copy that declares its namespace itself, to be put under another parent. */
export function detached(el: Element): Element {
  const copy = copyOf(el);
  const ns = namespaceOf(el);
  if (ns !== undefined) copy.attrs["xmlns"] = ns;
  return copy;
}

function copyOf(el: Element): Element {
  const copy = new Element(el.name);
  copy.attrs = { ...el.attrs };
  for (const child of el.children) {
    if (typeof child === "string") copy.children.push(child);
    else adopt(copy, copyOf(child));
  }
  return copy;
}

/**
 * Whether two trees say the same: names, namespaces, attributes in any order, children in order;
 * white space between elements does not count. For tests and for "did anything change".
 */
export function sameTree(a: Element, b: Element): boolean {
  if (a.name !== b.name || namespaceOf(a) !== namespaceOf(b)) return false;
  const keysA = Object.keys(a.attrs).filter((key) => key !== "xmlns");
  const keysB = Object.keys(b.attrs).filter((key) => key !== "xmlns");
  if (keysA.length !== keysB.length) return false;
  if (keysA.some((key) => a.attrs[key] !== b.attrs[key])) return false;
  const elementsA = elementsOf(a);
  const elementsB = elementsOf(b);
  if (elementsA.length !== elementsB.length) return false;
  if (elementsA.length === 0) return textOf(a) === textOf(b);
  return elementsA.every((child, i) => sameTree(child, elementsB[i] as Element));
}
