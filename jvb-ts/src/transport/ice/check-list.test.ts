import { expect } from "chai";
import type { CandidatePair } from "./candidate-pair.ts";
import { CheckList } from "./check-list.ts";
import { nominationDueAt, pairToNominate } from "./nomination.ts";

const sockets = [{ ip: "192.0.2.1", port: 10_000 }];
const at = (host: number) => ({ ip: `198.51.100.${host}`, port: 4000 });

/** Pairs by remote host number, of the given priorities. */
function listOf(...priorities: number[]): { list: CheckList; pairs: CandidatePair[] } {
  const list = new CheckList(sockets, priorities.length);
  return { list, pairs: priorities.map((one, host) => list.add(0, at(host), "host", one)) };
}

describe("ICE check list", () => {
  it("gives what was triggered first, in order, then the best that waits", () => {
    const { list, pairs } = listOf(1, 3, 2);
    const [low, high, middle] = pairs;
    for (const pair of [middle, low, middle]) list.trigger(pair as CandidatePair);
    const taken = Array.from({ length: 3 }, () => {
      const pair = list.takeNext(true, true);
      if (pair) pair.state = "inProgress";
      return pair;
    });
    expect(taken).to.deep.equal([middle, low, high]);
    expect(list.hasNext(true)).to.equal(false);
  });

  it("gives only what was triggered once ordinary checks have ended", () => {
    const { list, pairs } = listOf(1, 2);
    expect(list.hasNext(false)).to.equal(false);
    expect(list.takeNext(false, true)).to.equal(undefined);
    list.trigger(pairs[0] as CandidatePair);
    expect(list.hasNext(false)).to.equal(true);
    list.forgetTriggered();
    expect(list.hasNext(false)).to.equal(false);
  });

  it("names the pair silent for longest, never one being checked or in use", () => {
    const { list, pairs } = listOf(1, 1, 1, 1);
    pairs.forEach((pair, host) => {
      pair.heardAt = host;
    });
    expect(list.isFull).to.equal(true);
    (pairs[0] as CandidatePair).state = "inProgress";
    const silent = list.silentPair((pair) => pair === pairs[1]);
    expect(silent).to.equal(pairs[2]);
    list.trigger(silent as CandidatePair);
    list.remove(silent as CandidatePair);
    expect(list.isFull).to.equal(false);
    expect(list.hasNext(false)).to.equal(false);
    expect(list.silentPair(() => true)).to.equal(undefined);
  });

  it("has failed when all of its pairs have, and not without any", () => {
    expect(new CheckList(sockets, 1).hasFailed).to.equal(false);
    const { list, pairs } = listOf(1, 2);
    for (const pair of pairs) {
      expect(list.hasFailed).to.equal(false);
      pair.state = "failed";
    }
    expect(list.hasFailed).to.equal(true);
  });
});

describe("ICE nomination", () => {
  /** The first valid one is relayed, then comes a host candidate; the best still waits. */
  function pairsAt(hostValidAt: number | undefined): CandidatePair[] {
    const { pairs } = listOf(1, 2, 3);
    const [relayed, host] = pairs as [CandidatePair, CandidatePair, CandidatePair];
    Object.assign(relayed, { remoteType: "relay", state: "succeeded", validAt: 100 });
    if (hostValidAt !== undefined)
      Object.assign(host, { state: "succeeded", validAt: hostValidAt });
    return pairs;
  }

  for (const [strategy, hostValidAt, now, chosen, dueAt] of [
    ["NominateFirstValid", 200, 200, 0, 900],
    ["NominateHighestPriority", 200, 5000, undefined, Number.POSITIVE_INFINITY],
    ["NominateFirstHostOrReflexiveValid", 200, 200, 1, 900],
    ["NominateFirstHostOrReflexiveValid", undefined, 899, undefined, 900],
    ["NominateFirstHostOrReflexiveValid", undefined, 900, 0, 900],
    ["NominateBestRTT", undefined, 900, 0, 900],
  ] as const) {
    it(`${strategy}, a host candidate valid at ${hostValidAt}, at ${now} ms`, () => {
      const pairs = pairsAt(hostValidAt);
      const pair = pairToNominate(strategy, pairs, now);
      expect(pair).to.equal(chosen === undefined ? undefined : pairs[chosen]);
      expect(nominationDueAt(strategy, pairs)).to.equal(dueAt);
    });
  }

  it("NominateHighestPriority takes the best once nothing better can come", () => {
    const pairs = pairsAt(200);
    (pairs[2] as CandidatePair).state = "failed";
    expect(pairToNominate("NominateHighestPriority", pairs, 200)).to.equal(pairs[1]);
  });
});
