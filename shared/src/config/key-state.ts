/**
 * What a known key does in this program, beyond being read: it works, it has no effect here, or its
 * feature is not built yet. A key without a `state` works.
 */
export type KeyState<T> = NoEffect | NotBuilt<T>;

/** The key means nothing here, or nothing any more; setting it does no harm and is not warned of. */
export interface NoEffect {
  readonly kind: "no-effect";
  /** Why, as a sentence without a full stop. */
  readonly why: string;
}

/** The feature is missing. A value that asks for it is warned of, or stops the start. */
export interface NotBuilt<T> {
  readonly kind: "not-built";
  /** What happens instead, as a sentence without a full stop. */
  readonly instead: string;
  /**
   * The values that ask for the feature; others work. Unless given: every value but the default and
   * `false`.
   */
  values?(value: T): boolean;
  /** The value keeps people out or demands protection: ignoring it would be unsafe. */
  readonly restricts?: boolean;
  /** What the operator can do where the start is refused. */
  readonly remedy?: string;
}

/** Words of the three states, for people. */
export const STATE_WORDS = {
  works: "works",
  "no-effect": "without effect here",
  "not-built": "not built yet",
} as const;

export function noEffect(why: string): NoEffect {
  return { kind: "no-effect", why };
}

export function notBuilt<T>(
  instead: string,
  more: Omit<NotBuilt<T>, "kind" | "instead"> = {},
): NotBuilt<T> {
  return { kind: "not-built", instead, ...more };
}
