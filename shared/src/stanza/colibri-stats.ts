/** `<stats xmlns='http://jitsi.org/protocol/colibri'>` in brewery presence: spec xmpp-wire A10. */
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, childrenOf, type Element, xml } from "../xmpp/xml.ts";

/** Name to text, in the order of the element; a repeated name keeps the last value. */
export type ColibriStats = ReadonlyMap<string, string>;

/** The statistics in a presence; `undefined` when it carries none. */
export function parseColibriStats(presence: Element): ColibriStats | undefined {
  const el = childOf(presence, "stats", NS.colibri);
  if (el === undefined) return undefined;
  const stats = new Map<string, string>();
  for (const stat of childrenOf(el, "stat", NS.colibri)) {
    const name = attr(stat, "name");
    const value = attr(stat, "value");
    if (name !== undefined && value !== undefined) stats.set(name, value);
  }
  return stats;
}

/** `<stats>`. Numbers that are doubles upstream must come as text (`0.0`). */
export function buildColibriStats(
  stats: Iterable<readonly [name: string, value: string | number | boolean]>,
): Element {
  const children: Element[] = [];
  for (const [name, value] of stats) children.push(xml("stat", { name, value }));
  return xml("stats", { xmlns: NS.colibri }, children);
}
