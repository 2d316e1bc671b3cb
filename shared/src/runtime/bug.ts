/** What a `Bug` may carry besides its message. */
export interface BugOptions {
  /** Stable code for logs and tests; `bug` when not given. */
  readonly code?: string;
  /** What was being handled when the invariant broke. */
  readonly event?: unknown;
  readonly cause?: unknown;
}

/**
 * An invariant of ours broke. Thrown where it is noticed and caught by the mailbox, which ends that
 * one conference. Never thrown because of what a peer sent.
 *
 * The last branch of an exhaustive switch passes the impossible value itself:
 * `default: throw new Bug(event satisfies never)`.
 */
export class Bug extends Error {
  readonly code: string;
  readonly event: unknown;

  constructor(what: string, options: BugOptions = {}) {
    const given: unknown = what;
    const impossible = typeof given !== "string";
    super(impossible ? `impossible value ${describe(given)}` : what, { cause: options.cause });
    this.name = "Bug";
    this.code = options.code ?? (impossible ? "impossible-value" : "bug");
    this.event = options.event ?? (impossible ? given : undefined);
  }
}

/** A short text for any value, for logs; never throws, at most 500 characters. */
export function describe(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_key, inner: unknown) => {
      if (typeof inner === "bigint") return inner.toString();
      if (inner instanceof Uint8Array) return `<${inner.length} bytes>`;
      if (inner instanceof Map) return Object.fromEntries(inner as Map<string, unknown>);
      if (inner instanceof Set) return [...(inner as Set<unknown>)];
      return inner;
    });
  } catch {
    text = undefined;
  }
  text ??= typeof value === "symbol" || typeof value === "object" ? "[unprintable]" : `${value}`;
  return text.length > 500 ? `${text.slice(0, 499)}…` : text;
}
