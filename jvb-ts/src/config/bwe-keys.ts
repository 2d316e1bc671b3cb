/** Bandwidth estimation (jvb-control 8.4 `bwe`). */
import { bandwidth, double, duration, keys, notBuilt, oneOf, optional } from "#shared/config/keys";

const noEstimator = "the bandwidth of receivers is not estimated";
const ratio = (usual: number, doc: string) =>
  ({ type: double, default: usual, state: notBuilt<number>(noEstimator), doc }) as const;
const rate = (usual: number | undefined, doc: string) =>
  ({ type: optional(bandwidth), default: usual, state: notBuilt(noEstimator), doc }) as const;
const time = (usual: number | undefined, doc: string) =>
  ({ type: optional(duration), default: usual, state: notBuilt(noEstimator), doc }) as const;
const inBwe = "org.jitsi.impl.neomedia.rtp.sendsidebandwidthestimation.SendSideBandwidthEstimation";

export const bweKeys = keys("jmt.bwe", {
  "estimator.engine": {
    type: oneOf("GoogleCc", "GoogleCc2"),
    default: "GoogleCc2",
    state: notBuilt(noEstimator),
    doc: "Which estimator.",
  },
  "estimator.initial-bw": rate(2_500_000, "First estimate."),
  "estimator.min-bw": {
    ...rate(30_000, "Least estimate."),
    older: ["jmt.bwe.google-cc.min-bw"],
  },
  "estimator.max-bw": {
    ...rate(20_000_000, "Greatest estimate."),
    older: ["jmt.bwe.google-cc.max-bw"],
  },
  "estimator.GoogleCc.default-window-size": time(5000, "Window of measured bit rates."),
  "estimator.GoogleCc.default-bucket-size": time(100, "Step of that window."),
  "estimator.GoogleCc.default-initial-ignore-bwe-period": time(10_000, "First estimates ignored."),
  "estimator.GoogleCc2.default-window-size": time(1000, "Window of measured bit rates."),
  "estimator.GoogleCc2.default-bucket-size": time(20, "Step of that window."),
  "estimator.GoogleCc2.default-initial-ignore-bwe-period": time(0, "First estimates ignored."),
  "send-side.low-loss-threshold": {
    ...ratio(0.02, "Loss below which the estimate grows."),
    legacy: [`${inBwe}.lowLossThreshold`],
  },
  "send-side.high-loss-threshold": {
    ...ratio(0.1, "Loss above which it shrinks."),
    legacy: [`${inBwe}.highLossThreshold`],
  },
  "send-side.bitrate-threshold": {
    ...rate(100_000, "Least bit rate for these rules."),
    legacy: [{ name: `${inBwe}.bitrateThresholdKbps`, convert: (text) => `${text} kbps` }],
  },
  "send-side.loss-experiment.probability": {
    ...ratio(0, "Share of endpoints in an experiment."),
    legacy: [`${inBwe}.lossExperimentProbability`],
  },
  "send-side.loss-experiment.low-loss-threshold": ratio(0.02, "Its low-loss-threshold."),
  "send-side.loss-experiment.high-loss-threshold": ratio(0.1, "Its high-loss-threshold."),
  "send-side.loss-experiment.bitrate-threshold": rate(100_000, "Its bitrate-threshold."),
  "send-side.timeout-experiment.probability": {
    ...ratio(0, "Share of endpoints in another experiment."),
    legacy: [`${inBwe}.timeoutExperimentProbability`],
  },
  "overuse-detector.initial-threshold": ratio(25, "First threshold of the delay, milliseconds."),
  "overuse-detector.overusing-time-threshold": ratio(100, "Time above it, milliseconds."),
});
