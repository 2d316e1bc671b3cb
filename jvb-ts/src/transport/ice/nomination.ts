/** Which valid pair the controlling side nominates, and when (RFC 8445 8.1.1, spec jvb-control 3.6). */
import type { Millis } from "#shared/runtime/runtime";
import { type CandidatePair, comparePairs } from "./candidate-pair.ts";
import type { NominationStrategy } from "./ice-settings.ts";

/** A relayed pair is nominated if still best after this long. */
const RELAYED_NOMINATION_MS = 800;

/** The pair to nominate now, if any; asked by the controlling side before the first nomination. */
export function pairToNominate(
  strategy: NominationStrategy,
  pairs: Iterable<CandidatePair>,
  now: Millis,
): CandidatePair | undefined {
  const all = [...pairs];
  const valid = all.filter((pair) => pair.state === "succeeded");
  valid.sort((a, b) => (a.validAt ?? 0) - (b.validAt ?? 0));
  switch (strategy) {
    case "NominateFirstValid":
      return valid[0];
    case "NominateHighestPriority": {
      const best = bestOf(valid);
      if (best === undefined) return undefined;
      const better = all.some(
        (pair) =>
          (pair.state === "waiting" || pair.state === "inProgress") &&
          comparePairs(pair, best, true) < 0,
      );
      return better ? undefined : best;
    }
    // Upstream accepts NominateBestRTT without having it; it must not keep anyone from connecting.
    case "NominateBestRTT":
    case "NominateFirstHostOrReflexiveValid": {
      const direct = valid.find((pair) => pair.remoteType !== "relay");
      if (direct !== undefined) return direct;
      const since = valid[0]?.validAt;
      if (since === undefined || now < since + RELAYED_NOMINATION_MS) return undefined;
      return bestOf(valid);
    }
  }
}

/** When `pairToNominate` is to be asked again though no answer came; infinite: never. */
export function nominationDueAt(
  strategy: NominationStrategy,
  pairs: Iterable<CandidatePair>,
): Millis {
  let at = Number.POSITIVE_INFINITY;
  // Waiting for better pairs ends with their checks, which have deadlines of their own.
  if (strategy === "NominateHighestPriority") return at;
  for (const { state, validAt } of pairs) {
    if (state !== "succeeded" || validAt === undefined) continue;
    at = Math.min(at, validAt + RELAYED_NOMINATION_MS);
  }
  return at;
}

function bestOf(pairs: readonly CandidatePair[]): CandidatePair | undefined {
  return pairs.toSorted((a, b) => comparePairs(a, b, true))[0];
}
