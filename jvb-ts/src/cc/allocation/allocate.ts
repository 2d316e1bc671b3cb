/**
 * Bandwidth allocation of one receiver as a value (spec jvb-media 10.2 to 10.4): in goes what is
 * there and what is wanted, out comes a layer per source.
 */
import type { Allocation, AllocationInput, SourceAllocation } from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import {
  effectiveConstraints,
  isEnabled,
  lastNForSize,
  lowestLastN,
  prioritize,
} from "./prioritize.ts";
import { SourceClimb } from "./single-source.ts";

export function allocate(input: AllocationInput, options: MediaEngineOptions): Allocation {
  const { settings, sources } = input;
  const lastN = lowestLastN(
    settings.lastN,
    input.bridgeLastN,
    lastNForSize(options.lastNLimits, sources.length + 1),
    options.videoSsrcLimit,
  );
  const wanted = effectiveConstraints(prioritize(sources, settings), settings, lastN);
  const climbs = wanted.map((one) => new SourceClimb(one, options));
  const available =
    settings.assumedBandwidthBps >= 0 ? settings.assumedBandwidthBps : input.availableBps;
  const oversending = Number.isFinite(available)
    ? distribute(climbs, available, options)
    : giveAll(climbs);
  return { sources: climbs.map(result), oversending };
}

/** Without a limit everybody gets the best of what is wanted. */
function giveAll(climbs: readonly SourceClimb[]): boolean {
  for (const climb of climbs) climb.target = climb.candidates.layers.length - 1;
  return false;
}

/** Hands out `available` in rounds until nothing changes; true when more was given. */
function distribute(
  climbs: readonly SourceClimb[],
  available: number,
  options: MediaEngineOptions,
): boolean {
  let remaining = available;
  let oversending = false;
  for (;;) {
    const before = remaining;
    const targets = climbs.map((climb) => climb.target);
    for (let i = 0; i < climbs.length; i++) {
      const climb = climbs[i]!;
      if (!isEnabled(climb.one.source)) continue;
      remaining -= climb.improve(remaining, i === 0 ? options.maxOversendBitrateBps : -1);
      if (remaining < 0) oversending = true;
      // Nothing for others before the one on stage is satisfied.
      if (climb.one.onStage && climb.target < climb.candidates.preferred) break;
    }
    const moved = climbs.some((climb, i) => climb.target !== targets[i]);
    if (remaining === before && !moved) return oversending;
  }
}

function result(climb: SourceClimb): SourceAllocation {
  const { layers } = climb.candidates;
  const target = climb.target < 0 ? undefined : layers[climb.target];
  const ideal = layers.at(-1);
  return {
    name: climb.one.source.name,
    targetIndex: target?.index ?? -1,
    idealIndex: ideal?.index ?? -1,
    maxHeight: climb.one.maxHeight,
    suspended: target === undefined && (layers[0]?.bitrateBps ?? 0) > 0,
  };
}
