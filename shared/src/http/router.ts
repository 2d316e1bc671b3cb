/** Patterns of paths and what they lead to. Pure. */

/** What a request leads to. */
export type Match<T> =
  | {
      readonly kind: "found";
      readonly target: T;
      readonly params: Readonly<Record<string, string>>;
    }
  /** The path exists with these other methods. */
  | { readonly kind: "wrong-method"; readonly allowed: readonly string[] }
  | { readonly kind: "unknown-path" };

interface Route<T> {
  readonly method: string;
  readonly parts: readonly string[];
  readonly target: T;
}

/**
 * A table of routes. Patterns are literal segments and `{name}`, which takes one non-empty segment;
 * a last `{name*}` takes the rest of the path. Literal routes go before those with parameters;
 * among equals the first one added wins.
 */
export class Router<T> {
  readonly #routes: Route<T>[] = [];

  add(method: string, pattern: string, target: T): void {
    this.#routes.push({ method, parts: segments(pattern), target });
    this.#routes.sort((a, b) => parameterCount(a.parts) - parameterCount(b.parts));
  }

  /** `path` is still percent-encoded and without query. */
  match(method: string, path: string): Match<T> {
    const parts = segments(path);
    const allowed: string[] = [];
    for (const route of this.#routes) {
      const params = matchParts(route.parts, parts);
      if (params === undefined) continue;
      if (route.method === method) return { kind: "found", target: route.target, params };
      if (!allowed.includes(route.method)) allowed.push(route.method);
    }
    return allowed.length > 0 ? { kind: "wrong-method", allowed } : { kind: "unknown-path" };
  }
}

function segments(path: string): string[] {
  return path.replace(/^\//, "").split("/");
}

function parameterCount(parts: readonly string[]): number {
  return parts.filter((part) => part.startsWith("{")).length;
}

function matchParts(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [at, want] of pattern.entries()) {
    if (want.startsWith("{") && want.endsWith("*}")) {
      const rest = decodePart(parts.slice(at).join("/"));
      if (rest === undefined || at >= parts.length) return undefined;
      params[want.slice(1, -2)] = rest;
      return params;
    }
    const got = decodePart(parts[at] ?? "");
    if (got === undefined || at >= parts.length) return undefined;
    if (want.startsWith("{")) {
      if (got === "") return undefined;
      params[want.slice(1, -1)] = got;
    } else if (got !== want) return undefined;
  }
  return pattern.length === parts.length ? params : undefined;
}

function decodePart(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
