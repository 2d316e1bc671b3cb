/** Order of sources and effective constraints (spec jvb-media 10.2). */
import type { AllocationSettings, SourceValue } from "../../media/allocation-port.ts";

/** A source with what the receiver effectively wants of it: -1 unlimited, 0 nothing. */
export interface Prioritized {
  readonly source: SourceValue;
  readonly maxHeight: number;
  readonly onStage: boolean;
}

export function isEnabled(source: SourceValue): boolean {
  return source.videoType !== "DISABLED" && source.videoType !== "NONE";
}

/** On stage, then selected (both in listed order), then other enabled ones, then the rest. */
export function prioritize(
  sources: readonly SourceValue[],
  settings: AllocationSettings,
): readonly SourceValue[] {
  const byName = new Map(sources.map((source) => [source.name, source]));
  const first = new Set<SourceValue>();
  for (const name of [...settings.onStageSources, ...settings.selectedSources]) {
    const source = byName.get(name);
    if (source !== undefined && isEnabled(source)) first.add(source);
  }
  const rest = sources.filter((source) => !first.has(source));
  return [
    ...first,
    ...rest.filter((source) => isEnabled(source)),
    ...rest.filter((source) => !isEnabled(source)),
  ];
}

/** The smallest of those that are not negative, -1 when none is. */
export function lowestLastN(...values: readonly number[]): number {
  const limits = values.filter((value) => value >= 0);
  return limits.length === 0 ? -1 : Math.min(...limits);
}

/** Last-n by conference size: the value of the largest key not above `size`, -1 without one. */
export function lastNForSize(limits: ReadonlyMap<number, number>, size: number): number {
  let best = -1;
  let bestKey = -1;
  for (const [key, value] of limits) {
    if (key > size || key <= bestKey) continue;
    bestKey = key;
    best = value;
  }
  return best;
}

/** Walks prioritized sources: a nonzero constraint uses up one of `lastN`. */
export function effectiveConstraints(
  prioritized: readonly SourceValue[],
  settings: AllocationSettings,
  lastN: number,
): readonly Prioritized[] {
  let left = lastN < 0 ? Number.POSITIVE_INFINITY : lastN;
  return prioritized.map((source) => {
    const onStage = settings.onStageSources.includes(source.name);
    if (!isEnabled(source) || left <= 0) return { source, maxHeight: 0, onStage };
    const maxHeight = settings.constraints.get(source.name) ?? settings.defaultMaxHeight;
    if (maxHeight !== 0) left--;
    return { source, maxHeight, onStage };
  });
}
