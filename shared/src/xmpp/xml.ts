/**
 * The only door to ltx. Elements are built with `xml()`, read with the functions below and written
 * by `serialise`, which declares default namespaces only (spec xmpp-wire A1.2).
 *
 * Matching is by local name and namespace (A1.1): `ns` omitted means "the parent's own namespace".
 */
import { Element } from "@xmpp/xml";

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
