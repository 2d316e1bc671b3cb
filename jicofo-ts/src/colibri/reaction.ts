import type { ColibriError } from "#shared/stanza/colibri2";

/** What came back for a COLIBRI2 request, after parsing. */
export type ColibriReply<T> =
  | { readonly kind: "result"; readonly value: T }
  | { readonly kind: "error"; readonly error: ColibriError }
  /** A result whose payload is something else or does not parse. */
  | { readonly kind: "unusable"; readonly why: string }
  | { readonly kind: "timeout" }
  /** The request was never sent or its stream is gone. */
  | { readonly kind: "disconnected" };

/** What a failed request means (spec jicofo 5.3, 5.4). */
export interface Reaction {
  /** `endpoint`: only those asked for; `bridge`: the whole session; `none`: nothing. */
  readonly scope: "none" | "endpoint" | "bridge";
  /** What the pool of bridges is told. */
  readonly fault: "none" | "failed" | "shutdown";
  readonly why: string;
}

function reaction(scope: Reaction["scope"], fault: Reaction["fault"], why: string): Reaction {
  return { scope, fault, why };
}

/** Reaction to the failed allocation of endpoints. */
export function allocationReaction(
  reply: Exclude<ColibriReply<unknown>, { readonly kind: "result" }>,
): Reaction {
  switch (reply.kind) {
    case "timeout":
      return reaction("bridge", "failed", "timeout");
    case "unusable":
      return reaction("endpoint", "failed", reply.why);
    case "disconnected":
      return reaction("endpoint", "none", "disconnected");
    case "error": {
      const { condition, reason } = reply.error;
      const why = reason === undefined ? condition : `${condition} (${reason})`;
      switch (condition) {
        case "bad-request":
          return reaction("endpoint", "none", why);
        case "item-not-found":
          return reaction(reason === "conference_not_found" ? "bridge" : "endpoint", "none", why);
        case "conflict":
          return reaction("bridge", "none", why);
        case "service-unavailable":
          return reaction("bridge", reason === "graceful_shutdown" ? "shutdown" : "failed", why);
        default:
          return reaction("bridge", "failed", why);
      }
    }
  }
}

/** Reaction to the failure of a request nobody waits for. */
export function updateReaction(
  reply: Exclude<ColibriReply<unknown>, { readonly kind: "result" }>,
): Reaction {
  switch (reply.kind) {
    case "timeout":
    case "disconnected":
      return reaction("none", "none", reply.kind);
    case "unusable":
      return reaction("bridge", "none", reply.why);
    case "error": {
      const { condition, reason, endpointId } = reply.error;
      const why = reason === undefined ? condition : `${condition} (${reason})`;
      const one = reason === "unknown_endpoint" && endpointId !== undefined;
      return reaction(one ? "endpoint" : "bridge", "none", why);
    }
  }
}
