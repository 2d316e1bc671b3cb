/** What configuration says about the estimate (`jmt.bwe`). */
export interface BandwidthSettings {
  /** `estimator.initial-bw`, `min-bw`, `max-bw`: bits per second. */
  readonly initialBps: number;
  readonly minBps: number;
  readonly maxBps: number;
  /** `send-side.low-loss-threshold`, `high-loss-threshold`: shares 0..1. */
  readonly lowLoss: number;
  readonly highLoss: number;
  /** `send-side.bitrate-threshold`: below it loss does not lower the estimate. */
  readonly lossThresholdBps: number;
}

/** Upstream's defaults. */
export const defaultBandwidthSettings: BandwidthSettings = {
  initialBps: 2_500_000,
  minBps: 30_000,
  maxBps: 20_000_000,
  lowLoss: 0.02,
  highLoss: 0.1,
  lossThresholdBps: 100_000,
};
