/** Fuzz target: reports of a receiver, whatever they say, leave an estimate within its bounds. */
import { BandwidthEstimator } from "./bandwidth-estimator.ts";
import { defaultBandwidthSettings } from "./settings.ts";

const settings = { ...defaultBandwidthSettings, initialBps: 1_000_000 };
let estimator = new BandwidthEstimator(settings);
let now = 0;

export const targets: Record<string, (input: Uint8Array) => void> = {
  "bandwidth-feedback": (input) => {
    if (estimator.history.packets > 70_000) estimator = new BandwidthEstimator(settings);
    for (let i = 0; i < 1 + (input.length & 15); i++) {
      estimator.handleSent(100 * i, now);
      estimator.probeBytes(now);
    }
    now += input.length;
    estimator.handleFeedback(input, 0, input.length, now);
    estimator.handleTimeout(now);
    const { estimateBps } = estimator;
    if (!(estimateBps > 0 && estimateBps <= settings.maxBps))
      throw new Error(`the estimate became ${estimateBps}`);
  },
};
