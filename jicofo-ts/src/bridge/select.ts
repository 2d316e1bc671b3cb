import type { Bridge, ConferenceBridge, SelectionRequest } from "./bridge.ts";
import type { BridgeSettings, StrategyName } from "./settings.ts";

/** What selection found. */
export interface Selection {
  readonly bridge: Bridge | undefined;
  /** A bridge of the conference had taken its share of the interval already. */
  readonly rateLimited: boolean;
}

/** Everything the rules look at, gathered once per question. */
interface Choice {
  /** Qualified bridges, best first. */
  readonly candidates: readonly Bridge[];
  readonly request: SelectionRequest;
  /** The conference's bridges that are known still, in their order. */
  readonly used: readonly Bridge[];
  readonly settings: BridgeSettings;
}

type Strategy = (choice: Choice) => Bridge | undefined;

/**
 * Chooses a bridge for one participant: qualify, sort, then the strategy's ordered rules
 * (spec jicofo 6.3 and 6.4). A pure function of its arguments.
 */
export function selectBridge(
  bridges: readonly Bridge[],
  request: SelectionRequest,
  settings: BridgeSettings,
): Selection {
  const used = request.conferenceBridges
    .map((one) => bridges.find((bridge) => bridge.jid === one.bridge))
    .filter((bridge) => bridge !== undefined)
    .filter((bridge) => bridge.operational && !bridge.shuttingDown);
  const rateLimited = request.conferenceBridges.some((one) => overInterval(one, settings));
  const candidates = qualify(bridges, request, used, settings);
  if (candidates.length === 0) return { bridge: undefined, rateLimited };
  const first = used[0];
  // Without links between bridges a conference cannot leave its first one.
  if (first && (!settings.severalBridges || first.relayId === undefined))
    return { bridge: first, rateLimited };
  const choice = { candidates, request, used, settings };
  return { bridge: strategies[settings.strategy](choice), rateLimited };
}

function qualify(
  bridges: readonly Bridge[],
  request: SelectionRequest,
  used: readonly Bridge[],
  settings: BridgeSettings,
): readonly Bridge[] {
  const pinned = request.pinnedVersion;
  const first = used[0];
  if (pinned !== undefined && first && first.fullVersion !== pinned) return [];
  const version = first ? first.fullVersion : pinned;
  let left = bridges.filter((one) => one.operational && !one.shuttingDown).sort(byFitness);
  if (version !== undefined && !settings.allowMixedVersions)
    left = left.filter((one) => one.fullVersion === version);
  left = preferring(left, (one) => !one.unsteady);
  left = preferring(left, (one) => !one.draining);
  return preferring(left, (one) => !one.gracefulShutdown);
}

/** Those for which `wanted` holds, or all when there is none. */
function preferring(bridges: Bridge[], wanted: (one: Bridge) => boolean): Bridge[] {
  const kept = bridges.filter(wanted);
  return kept.length > 0 ? kept : bridges;
}

/** Operational before the others, then those that stay before those that go, then the least loaded. */
function byFitness(a: Bridge, b: Bridge): number {
  return rank(a) - rank(b) || a.correctedStress - b.correctedStress;
}

function rank(one: Bridge): number {
  if (!one.operational) return 2;
  return one.gracefulShutdown ? 1 : 0;
}

const strategies: Record<StrategyName, Strategy> = {
  SingleBridgeSelectionStrategy: single,
  SplitBridgeSelectionStrategy: split,
  IntraRegionBridgeSelectionStrategy: intraRegion,
  RegionBasedBridgeSelectionStrategy: regionBased,
};

function single(choice: Choice): Bridge | undefined {
  const { used, request } = choice;
  if (used.length > 1) return undefined;
  return used[0] ?? inRegion(choice, request.region) ?? leastLoaded(choice);
}

function split({ candidates, used, request }: Choice): Bridge | undefined {
  const unused = candidates.find((one) => !used.includes(one));
  if (unused) return unused;
  const fewest = [...request.conferenceBridges]
    .filter((one) => candidates.some((candidate) => candidate.jid === one.bridge))
    .sort((a, b) => a.participants - b.participants)[0];
  return candidates.find((one) => one.jid === fewest?.bridge);
}

function intraRegion(choice: Choice): Bridge | undefined {
  const { used, request, candidates } = choice;
  const first = used[0];
  if (!first) return fitInRegion(choice, request.region) ?? leastLoaded(choice);
  return (
    usedInRegion(choice, first.region) ??
    fitInRegion(choice, first.region) ??
    candidates.find((one) => used.includes(one) && one.region === first.region)
  );
}

function regionBased(choice: Choice): Bridge | undefined {
  const region = wantedRegion(choice);
  return (
    usedInRegion(choice, region) ??
    usedInGroup(choice, region) ??
    fitInRegion(choice, region) ??
    fitInGroup(choice, region) ??
    usedAndFit(choice) ??
    notOverloaded(choice) ??
    usedWithRoom(choice) ??
    leastLoaded(choice)
  );
}

/** The participant's region, or the focus' own where that serves it as well or better. */
function wantedRegion({ candidates, used, request, settings }: Choice): string | undefined {
  const local = settings.localRegion;
  const region = request.region ?? local;
  if (local === undefined || region === undefined) return region;
  const group = groupOf(region, settings);
  if (used.length === 0 && region !== local && group.includes(local)) return local;
  const served = candidates.some((one) => one.region !== undefined && group.includes(one.region));
  return served ? region : local;
}

// The primitives, P1 to P8 of the specification: the first candidate for which a condition holds.

function usedInRegion(choice: Choice, region: string | undefined): Bridge | undefined {
  return fitInRegion({ ...choice, candidates: usedOnes(choice) }, region);
}

function usedInGroup(choice: Choice, region: string | undefined): Bridge | undefined {
  return fitInGroup({ ...choice, candidates: usedOnes(choice) }, region);
}

function fitInRegion(choice: Choice, region: string | undefined): Bridge | undefined {
  if (region === undefined) return undefined;
  return choice.candidates.find((one) => one.region === region && fits(one, choice));
}

function fitInGroup(choice: Choice, region: string | undefined): Bridge | undefined {
  if (region === undefined) return undefined;
  const group = groupOf(region, choice.settings);
  return choice.candidates.find(
    (one) => one.region !== undefined && group.includes(one.region) && fits(one, choice),
  );
}

function usedAndFit(choice: Choice): Bridge | undefined {
  return usedOnes(choice).find((one) => fits(one, choice));
}

function notOverloaded({ candidates }: Choice): Bridge | undefined {
  return candidates.find((one) => !one.overloaded);
}

function usedWithRoom(choice: Choice): Bridge | undefined {
  return usedOnes(choice).find((one) => {
    const share = shareOf(one, choice.request);
    return !share || !full(share, choice.settings);
  });
}

function leastLoaded({ candidates }: Choice): Bridge | undefined {
  return candidates[0];
}

function inRegion({ candidates }: Choice, region: string | undefined): Bridge | undefined {
  return region === undefined ? undefined : candidates.find((one) => one.region === region);
}

function usedOnes({ candidates, used }: Choice): readonly Bridge[] {
  return candidates.filter((one) => used.includes(one));
}

/** Neither overloaded nor at one of the conference's own limits. */
function fits(one: Bridge, { request, settings }: Choice): boolean {
  if (one.overloaded) return false;
  const share = shareOf(one, request);
  return !share || !(full(share, settings) || overInterval(share, settings));
}

function shareOf(one: Bridge, request: SelectionRequest): ConferenceBridge | undefined {
  return request.conferenceBridges.find((share) => share.bridge === one.jid);
}

function full(share: ConferenceBridge, { maxParticipants }: BridgeSettings): boolean {
  return maxParticipants > 0 && share.participants >= maxParticipants;
}

function overInterval(share: ConferenceBridge, settings: BridgeSettings): boolean {
  const limit = settings.maxParticipantsPerInterval;
  return limit > 0 && share.recentlyAdded >= limit;
}

function groupOf(region: string, { regionGroups }: BridgeSettings): readonly string[] {
  return regionGroups.findLast((group) => group.includes(region)) ?? [region];
}
