/**
 * Compares what came with what a conversation expects. Patterns are subsets: attributes, children
 * and keys that a pattern does not name may be there or not. `*` is any non-empty value, `abc*` any that begins so, `{name}`
 * captures a value the first time and must be equal from then on, `{new:name}` in what is sent is
 * a fresh value. `<absent name='x'/>` says that no child `x` may be there.
 */
import { type Element, elementsOf, namespaceOf, textOf } from "#shared/xmpp/xml";

/** Values captured so far in one case. */
export type Captures = Map<string, string>;

/** Puts captured values into what is about to be sent. `{new:x}` takes a value from `fresh`. */
export function fill(text: string, captures: Captures, fresh: () => string): string {
  return text.replaceAll(
    /\{(new:)?([a-z][a-z0-9-]*)\}/g,
    (whole, isNew: string | undefined, name: string) => {
      if (isNew !== undefined) {
        const value = fresh();
        captures.set(name, value);
        return value;
      }
      return captures.get(name) ?? whole;
    },
  );
}

/** Whether one text fits; the difference in words when it does not. */
export function matchText(pattern: string, actual: string, captures: Captures): string | undefined {
  if (pattern === "*") return actual === "" ? "is empty" : undefined;
  const capture = /^\{([a-z][a-z0-9-]*)\}$/.exec(pattern)?.[1];
  if (capture !== undefined) {
    const known = captures.get(capture);
    if (known === undefined) captures.set(capture, actual);
    else if (known !== actual)
      return `is ${JSON.stringify(actual)}, but {${capture}} was ${JSON.stringify(known)}`;
    return undefined;
  }
  const fits = pattern.endsWith("*") ? actual.startsWith(pattern.slice(0, -1)) : pattern === actual;
  return fits ? undefined : `is ${JSON.stringify(actual)} instead of ${JSON.stringify(pattern)}`;
}

/** `<absent name='x' in='namespace'/>`: the child that must not be there but is; `in` is optional. */
export function matchAbsent(absent: Element, among: readonly Element[]): string | undefined {
  const { name, in: namespace } = absent.attrs as Record<string, string | undefined>;
  const unwanted = among.find(
    (each) => each.name === name && (namespace === undefined || namespaceOf(each) === namespace),
  );
  return unwanted === undefined ? undefined : `a <${unwanted.name}> that must not be there`;
}

/** Whether an element fits a pattern; the first difference in words when it does not. */
export function matchElement(
  pattern: Element,
  actual: Element,
  captures: Captures,
): string | undefined {
  const where = `<${actual.name}>`;
  if (pattern.name !== actual.name) return `${where} instead of <${pattern.name}>`;
  if (namespaceOf(pattern) !== namespaceOf(actual))
    return `${where} is in ${namespaceOf(actual)} instead of ${namespaceOf(pattern)}`;
  for (const [name, wanted] of Object.entries(pattern.attrs as Record<string, string>)) {
    if (name === "xmlns") continue;
    const found = (actual.attrs as Record<string, string | undefined>)[name];
    if (found === undefined) return `${where} has no ${name}`;
    const difference = matchText(wanted, found, captures);
    if (difference !== undefined) return `${name} of ${where} ${difference}`;
  }
  const left = elementsOf(actual);
  for (const child of elementsOf(pattern)) {
    if (child.name === "absent") {
      const unwanted = matchAbsent(child, left);
      if (unwanted !== undefined) return `${where} has ${unwanted}`;
      continue;
    }
    let reason = `${where} has no <${child.name}>`;
    const at = left.findIndex((each) => {
      if (each.name !== child.name) return false;
      const trial = new Map(captures);
      const difference = matchElement(child, each, trial);
      if (difference === undefined) for (const [key, value] of trial) captures.set(key, value);
      else reason = difference;
      return difference === undefined;
    });
    if (at < 0) return reason;
    left.splice(at, 1);
  }
  const text = elementsOf(pattern).length === 0 ? textOf(pattern).trim() : "";
  if (text === "") return undefined;
  const difference = matchText(text, textOf(actual), captures);
  return difference === undefined ? undefined : `text of ${where} ${difference}`;
}

/** Whether a JSON value fits a pattern. `"*"` is any value but null; arrays fit item by item. */
export function matchJson(
  pattern: unknown,
  actual: unknown,
  captures: Captures,
  path = "$",
): string | undefined {
  if (pattern === "*")
    return actual === undefined || actual === null || actual === ""
      ? `${path} is ${JSON.stringify(actual)}`
      : undefined;
  if (typeof pattern === "string" && typeof actual === "string") {
    const difference = matchText(pattern, actual, captures);
    return difference === undefined ? undefined : `${path} ${difference}`;
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(actual) || actual.length !== pattern.length)
      return `${path} is ${JSON.stringify(actual)} instead of a list of ${pattern.length}`;
    for (let index = 0; index < pattern.length; index++) {
      const difference = matchJson(pattern[index], actual[index], captures, `${path}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (typeof pattern === "object" && pattern !== null) {
    if (typeof actual !== "object" || actual === null)
      return `${path} is ${JSON.stringify(actual)} instead of an object`;
    for (const [key, wanted] of Object.entries(pattern)) {
      const difference = matchJson(
        wanted,
        (actual as Record<string, unknown>)[key],
        captures,
        `${path}.${key}`,
      );
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return pattern === actual
    ? undefined
    : `${path} is ${JSON.stringify(actual)} instead of ${JSON.stringify(pattern)}`;
}
