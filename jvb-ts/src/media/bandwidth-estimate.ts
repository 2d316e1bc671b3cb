/**
 * The estimated bandwidth toward an endpoint as allocation uses it (spec jvb-media 10.1, 10.6): a
 * congestion controller sets it, small changes are ignored, and while it cannot be trusted nothing
 * limits what is sent.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { MediaEngineOptions } from "./engine-options.ts";
import type { EndpointState } from "./media-state.ts";
import { invalidateReceiver } from "./path-context.ts";

/** Bits per second that the way to `endpoint` was found to carry, infinite before anything is known. */
export function estimatedBandwidthBps(endpoint: EndpointState): number {
  return endpoint.estimatedBps;
}

/**
 * Takes a new estimate, to be called whenever it changes (bits per second, positive). The first one
 * and each that differs from the one last used by more than the threshold reallocates.
 */
export function setEstimatedBandwidth(
  endpoint: EndpointState,
  bps: number,
  options: MediaEngineOptions,
): void {
  endpoint.estimatedBps = bps;
  const used = endpoint.usedEstimateBps;
  const isFirst = used === Number.POSITIVE_INFINITY;
  if (!isFirst && Math.abs(bps - used) <= options.bweChangeThreshold * used) return;
  if (bps === used) return;
  endpoint.usedEstimateBps = bps;
  if (isLimited(endpoint, options)) invalidateReceiver(endpoint);
}

/** Bits per second that allocation may hand out, infinite without a limit. */
export function availableBandwidthBps(
  endpoint: EndpointState,
  options: MediaEngineOptions,
  now: Millis,
): number {
  const { assumedBandwidthBps } = endpoint.settings;
  if (assumedBandwidthBps >= 0) return assumedBandwidthBps;
  if (!isLimited(endpoint, options)) return Number.POSITIVE_INFINITY;
  const { firstVideoAt } = endpoint;
  const period = options.initialIgnoreBwePeriodMs;
  if (period > 0 && (firstVideoAt < 0 || now - firstVideoAt < period))
    return Number.POSITIVE_INFINITY;
  return endpoint.usedEstimateBps;
}

/** Without RTX nothing can be probed with, and an estimate that cannot grow is no limit. */
function isLimited(endpoint: EndpointState, options: MediaEngineOptions): boolean {
  return options.trustBwe && endpoint.payloadTypes.hasRtx;
}
