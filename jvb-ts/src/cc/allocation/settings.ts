/** Receiver settings from messages and configuration (spec jvb-media 10.1, jvb-control 4.6). */
import type { AllocationSettings } from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import type { ReceiverConstraints, VideoConstraint } from "../../media/media-engine.ts";

/** Before any message. */
export function initialSettings(options: MediaEngineOptions): AllocationSettings {
  return {
    lastN: options.initialLastN,
    selectedSources: [],
    onStageSources: [],
    defaultMaxHeight: options.initialMaxHeightPx,
    constraints: new Map(),
    assumedBandwidthBps: -1,
  };
}

/**
 * Absent fields keep their values, present lists and maps replace them whole. The first message
 * without a default brings the configured one. Returns `settings` itself when nothing changed.
 */
export function applyConstraints(
  settings: AllocationSettings,
  message: ReceiverConstraints,
  isFirst: boolean,
  options: MediaEngineOptions,
): AllocationSettings {
  const defaultMaxHeight =
    message.defaultConstraints !== undefined
      ? effectiveHeight(message.defaultConstraints)
      : isFirst
        ? options.defaultMaxHeightPx
        : settings.defaultMaxHeight;
  const next: AllocationSettings = {
    lastN: message.lastN ?? settings.lastN,
    selectedSources: message.selectedSources ?? settings.selectedSources,
    onStageSources: message.onStageSources ?? settings.onStageSources,
    defaultMaxHeight,
    constraints:
      message.constraints === undefined
        ? settings.constraints
        : new Map(
            Object.entries(message.constraints).map(([name, one]) => [name, effectiveHeight(one)]),
          ),
    assumedBandwidthBps: assumedBandwidth(settings, message, options),
  };
  return isEqual(settings, next) ? settings : next;
}

/** A frame rate of 0 disables like a height of 0; other frame rates mean nothing. */
function effectiveHeight(constraint: VideoConstraint): number {
  if (constraint.maxFrameRate === 0) return 0;
  return Math.max(-1, constraint.maxHeight);
}

function assumedBandwidth(
  settings: AllocationSettings,
  message: ReceiverConstraints,
  options: MediaEngineOptions,
): number {
  const limit = options.assumedBandwidthLimitBps;
  if (limit === undefined || message.assumedBandwidthBps === undefined)
    return settings.assumedBandwidthBps;
  return message.assumedBandwidthBps < 0 ? -1 : Math.min(limit, message.assumedBandwidthBps);
}

function isEqual(a: AllocationSettings, b: AllocationSettings): boolean {
  return (
    a.lastN === b.lastN &&
    a.defaultMaxHeight === b.defaultMaxHeight &&
    a.assumedBandwidthBps === b.assumedBandwidthBps &&
    sameList(a.selectedSources, b.selectedSources) &&
    sameList(a.onStageSources, b.onStageSources) &&
    sameMap(a.constraints, b.constraints)
  );
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function sameMap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return true;
}
