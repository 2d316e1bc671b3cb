/**
 * Decides which of the values given to a key count: merges objects, follows substitutions, joins
 * values of one line.
 *
 * Evaluation is lazy. The value of a slot is found from its top layer downwards and only as far as
 * its kind; children are looked at when somebody asks for them, so `a { b = ${a.c}, c = 1 }` is no
 * cycle. A substitution that meets a slot whose layer is being evaluated sees only the layers below
 * it: that is HOCON's look back, which makes `path = ${path}":x"` and `+=` work.
 */
import type { ConfigObject, ConfigValue } from "./config-value.ts";
import {
  HoconSyntaxError,
  type JoinNode,
  type ListNode,
  type Node,
  type ObjectNode,
  type ReferenceNode,
  type ScalarNode,
  type Slot,
} from "./hocon-node.ts";

/** A value whose kind is known; children may still be open. */
type Shallow = { readonly node: ScalarNode | ListNode | ObjectNode; readonly via: readonly Node[] };

/** Looks up an environment variable, or `undefined`. */
export type EnvironmentLookup = (name: string) => string | undefined;

/** Enough for any file that people write; ends inputs that multiply themselves. */
const MAX_STEPS = 200_000;
const MAX_TEXT = 1 << 20;
/** Substitutions that need each other, one level of the value each. */
const MAX_CHAIN = 300;
const MAX_DEPTH = 500;

/**
 * Resolves `target`; substitutions are looked up in `layers` (lowest first, normally with `target`
 * on top), then in the environment. Throws `HoconSyntaxError`.
 */
export function resolveTree(
  target: ObjectNode,
  layers: readonly ObjectNode[],
  environment: EnvironmentLookup,
): ConfigObject {
  const value = new Resolver([...layers], environment).deep([target]);
  // An object stays one: only substitutions can vanish.
  return value?.kind === "object"
    ? value
    : { kind: "object", fields: new Map(), origin: target.origin };
}

class Resolver {
  readonly #root: Slot;
  readonly #environment: EnvironmentLookup;
  /** Layers whose kind is being found. */
  readonly #finding = new Set<Node>();
  /** Values whose children are being resolved: meeting one again is a cycle. */
  readonly #descending = new Set<Node>();
  #steps = 0;
  #depth = 0;

  constructor(root: Slot, environment: EnvironmentLookup) {
    this.#root = root;
    this.#environment = environment;
  }

  /** The complete value of a slot, or `undefined` when nothing but absent substitutions is in it. */
  deep(slot: Slot): ConfigValue | undefined {
    const found = this.#shallow(slot);
    if (found === undefined) return undefined;
    const { node, via } = found;
    if (node.kind !== "object" && node.kind !== "list") {
      return { kind: node.kind, text: node.text, origin: node.origin };
    }
    const entered: readonly Node[] = [...via, node];
    if (entered.some((passed) => this.#descending.has(passed))) {
      const [outer] = entered;
      if (outer?.kind === "reference" && outer.optional) return undefined;
      throw this.#cycle(outer ?? node);
    }
    if (++this.#depth > MAX_DEPTH) {
      throw this.#fail(node, `nested deeper than ${MAX_DEPTH} levels`, "simplify the file");
    }
    for (const passed of entered) this.#descending.add(passed);
    const value = node.kind === "object" ? this.#deepObject(node) : this.#deepList(node);
    this.#depth--;
    for (const passed of entered) this.#descending.delete(passed);
    return value;
  }

  #deepObject(node: ObjectNode): ConfigObject {
    const fields = new Map<string, ConfigValue>();
    for (const [key, slot] of node.fields) {
      const value = this.deep(slot);
      if (value !== undefined) fields.set(key, value);
    }
    return { kind: "object", fields, origin: node.origin };
  }

  #deepList(node: ListNode): ConfigValue {
    const items: ConfigValue[] = [];
    for (const item of node.items) {
      const value = this.deep([item]);
      if (value !== undefined) items.push(value);
    }
    return { kind: "list", items, origin: node.origin };
  }

  /** From the top layer down: the first scalar or list, or all objects above the first of those. */
  #shallow(slot: Slot): Shallow | undefined {
    const objects: ObjectNode[] = [];
    const via: Node[] = [];
    let end = slot.length;
    for (let at = 0; at < slot.length; at++) {
      if (this.#finding.has(slot[at] as Node)) {
        end = at;
        break;
      }
    }
    for (let at = end - 1; at >= 0; at--) {
      const found = this.#layer(slot[at] as Node);
      if (found === undefined) continue;
      if (found.node.kind !== "object") {
        if (objects.length === 0) return found;
        break;
      }
      objects.push(found.node);
      via.push(...found.via);
    }
    const node = mergeObjects(objects.reverse());
    return node === undefined ? undefined : { node, via };
  }

  #layer(node: Node): Shallow | undefined {
    if (++this.#steps > MAX_STEPS) {
      throw this.#fail(node, "substitutions multiply too far", "simplify them");
    }
    if (node.kind !== "reference" && node.kind !== "join") return { node, via: [] };
    if (this.#finding.has(node)) throw this.#cycle(node);
    if (this.#finding.size >= MAX_CHAIN) {
      throw this.#fail(
        node,
        `more than ${MAX_CHAIN} substitutions need each other`,
        "simplify them",
      );
    }
    this.#finding.add(node);
    try {
      const found = node.kind === "reference" ? this.#reference(node) : this.#join(node);
      return found && { node: found.node, via: [node, ...found.via] };
    } finally {
      this.#finding.delete(node);
    }
  }

  #reference(node: ReferenceNode): Shallow | undefined {
    const found =
      (node.prefix.length > 0 ? this.#lookup([...node.prefix, ...node.path]) : undefined) ??
      this.#lookup(node.path) ??
      this.#fromEnvironment(node);
    if (found !== undefined || node.optional) return found;
    const path = node.path.join(".");
    throw this.#fail(node, `\${${path}} has no value`, `set ${path}, or write \${?${path}}`);
  }

  #fromEnvironment(node: ReferenceNode): Shallow | undefined {
    const variable = node.path.join(".");
    const text = this.#environment(variable);
    if (text === undefined) return undefined;
    return { node: { kind: "string", text, origin: { ...node.origin, variable } }, via: [] };
  }

  #lookup(path: readonly string[]): Shallow | undefined {
    let slot: Slot | undefined = this.#root;
    const via: Node[] = [];
    for (const key of path) {
      const found: Shallow | undefined = this.#shallow(slot);
      if (found?.node.kind !== "object") return undefined;
      via.push(...found.via);
      slot = found.node.fields.get(key);
      if (slot === undefined) return undefined;
    }
    const found = this.#shallow(slot);
    return found && { node: found.node, via: [...via, ...found.via] };
  }

  #join(node: JoinNode): Shallow | undefined {
    let joined: Shallow | undefined;
    const texts: string[] = [];
    for (const part of node.parts) {
      const found = this.#layer(part);
      if (found === undefined) continue;
      const via = [...(joined?.via ?? []), ...found.via];
      if (joined === undefined || isSpace(joined.node)) {
        // Leading white space matters only when text follows.
        if (joined !== undefined && isContainer(found.node)) texts.length = 0;
        joined = { node: found.node, via };
      } else if (isContainer(joined.node) && isIgnoredAfterContainer(found.node)) {
        continue;
      } else {
        joined = { node: this.#pair(node, joined.node, found.node), via };
      }
      if (!isContainer(found.node)) texts.push(found.node.text);
    }
    if (joined === undefined || isContainer(joined.node)) return joined;
    if (texts.length === 1 && !isSpace(joined.node)) return joined;
    const text = texts.join("");
    if (text.length > MAX_TEXT) throw this.#fail(node, "the text is too long", "shorten it");
    return { node: { kind: "string", text, origin: node.origin }, via: joined.via };
  }

  #pair(at: JoinNode, left: Shallow["node"], right: Shallow["node"]): Shallow["node"] {
    if (left.kind === "object" && right.kind === "object") {
      return mergeObjects([left, right]) as ObjectNode;
    }
    const leftItems = itemsOf(left);
    const rightItems = itemsOf(right);
    if (left.kind === "list" || right.kind === "list") {
      if (leftItems !== undefined && rightItems !== undefined) {
        const items = [...leftItems, ...rightItems];
        if (items.length > MAX_STEPS) throw this.#fail(at, "the list is too long", "shorten it");
        return { kind: "list", items, origin: at.origin };
      }
    } else if (!isContainer(left) && !isContainer(right)) {
      return left;
    }
    const message = "text and a list or object stand in one value";
    throw this.#fail(at, message, "put a comma or a new line between them");
  }

  #cycle(node: Node): HoconSyntaxError {
    const what = node.kind === "reference" ? `\${${node.path.join(".")}}` : "the value";
    return this.#fail(node, `${what} refers to itself`, "remove the cycle");
  }

  #fail(node: Node | Shallow["node"], message: string, remedy: string): HoconSyntaxError {
    return new HoconSyntaxError({ message, remedy, origin: node.origin });
  }
}

/** One object whose slots hold the layers of all, lowest first. */
function mergeObjects(objects: readonly ObjectNode[]): ObjectNode | undefined {
  const [first] = objects;
  if (objects.length < 2) return first;
  const fields = new Map<string, Slot>();
  for (const object of objects) {
    for (const [key, slot] of object.fields) fields.set(key, [...(fields.get(key) ?? []), ...slot]);
  }
  return { kind: "object", fields, origin: (objects.at(-1) as ObjectNode).origin };
}

/** Items of a list; an object with the keys "0", "1", … joins lists as one. */
function itemsOf(node: Shallow["node"]): readonly Node[] | undefined {
  if (node.kind === "list") return node.items;
  if (node.kind !== "object") return undefined;
  const numbered = [...node.fields.keys()].filter((key) => /^\d+$/.test(key));
  if (numbered.length === 0) return undefined;
  numbered.sort((a, b) => Number(a) - Number(b));
  return numbered.map((key) => {
    const slot = node.fields.get(key) as Slot;
    return slot.length === 1
      ? (slot[0] as Node)
      : { kind: "object", fields: new Map(), origin: node.origin };
  });
}

function isContainer(node: Shallow["node"]): node is ListNode | ObjectNode {
  return node.kind === "list" || node.kind === "object";
}

/** COMPAT(jicofo, jvb): Typesafe config drops unquoted text behind a list or object. */
function isIgnoredAfterContainer(node: Shallow["node"]): boolean {
  return node.kind === "string" && (node.space === true || node.unquoted === true);
}

function isSpace(node: Shallow["node"]): boolean {
  return node.kind === "string" && node.space === true;
}
