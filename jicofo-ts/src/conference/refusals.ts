/** Refused requests of members, and of those who pose as one (spec benchmarks-and-faults G.4). */
import type { LogContext } from "#shared/logging/logger";
import { TokenBuckets } from "#shared/runtime/token-bucket";
import { type ConferenceState, count, log } from "./state.ts";

/** What the log says of a refusal. */
export const refusalLines = {
  jingle: "Refused a Jingle request",
  mute: "Refused a mute request",
} as const;

/** Warnings that senders may still cause: one a minute each. */
export function warningBudget(): TokenBuckets {
  return new TokenBuckets({ rate: 1 / 60, burst: 1 }, 500);
}

/** A refused request. */
export interface Refusal {
  readonly kind: keyof typeof refusalLines;
  /** Occupant JID. */
  readonly from: string;
  /** Asked for what is another's, or in another's name: no client does that by itself. */
  readonly suspicious: boolean;
  readonly context: LogContext;
}

/** Counts a refusal, and says it: a suspicious one to the operator. */
export function refused(
  state: ConferenceState,
  { kind, from, suspicious, context }: Refusal,
): void {
  count(state, `${kind}_requests_refused`);
  const loud = suspicious && state.warnings.take(from, state.now);
  log(state, loud ? "warn" : "debug", refusalLines[kind], {
    participant: nickOf(from),
    ...context,
  });
}

/** The resource of an occupant JID: the endpoint's id. */
export function nickOf(occupant: string): string {
  return occupant.slice(occupant.indexOf("/") + 1);
}
