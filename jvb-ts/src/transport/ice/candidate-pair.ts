/** One candidate pair of an ICE agent: a local socket and a remote address (RFC 8445 6.1.2). */
import type { Millis } from "#shared/runtime/runtime";
import type { Candidate } from "#shared/stanza/media";
import type { SocketAddress } from "../../media/packet-io.ts";

export type PairState = "waiting" | "inProgress" | "succeeded" | "failed";

export interface CandidatePair {
  readonly key: string;
  readonly socket: number;
  readonly remote: SocketAddress;
  /** May become better known when the candidate is signalled after it was seen. */
  remoteType: Candidate["type"];
  readonly localPriority: number;
  remotePriority: number;
  state: PairState;
  /** In the queue of triggered checks. */
  triggered: boolean;
  /** The address was given to the socket table. */
  bound: boolean;
  /** The controlling peer sent USE-CANDIDATE. */
  remoteNominated: boolean;
  /** When the first own check succeeded. */
  validAt: Millis | undefined;
  /** When an authenticated message came last. */
  heardAt: Millis | undefined;
}

/**
 * Orders pairs, best first, by RFC 8445 6.1.2.3 without its 64-bit number: minimum, then maximum,
 * then the side of the greater.
 */
export function comparePairs(a: CandidatePair, b: CandidatePair, controlling: boolean): number {
  const minimum = (pair: CandidatePair) => Math.min(pair.localPriority, pair.remotePriority);
  const maximum = (pair: CandidatePair) => Math.max(pair.localPriority, pair.remotePriority);
  const tie = (pair: CandidatePair) =>
    (controlling ? pair.localPriority : pair.remotePriority) === maximum(pair) ? 1 : 0;
  return minimum(b) - minimum(a) || maximum(b) - maximum(a) || tie(b) - tie(a);
}
