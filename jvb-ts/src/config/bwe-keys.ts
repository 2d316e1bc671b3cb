/** Bandwidth estimation (jvb-control 8.4 `bwe`). */
import { bandwidth, double, duration, keys, noEffect, notBuilt, oneOf } from "#shared/config/keys";

const olderEngine = noEffect("only the older engine, GoogleCc, uses it");
const noExperiments = "no endpoint takes part in an experiment";
const noWindow = "bit rates are measured over 1 second in steps of 20 ms";
const ratio = (usual: number, doc: string) => ({ type: double, default: usual, doc }) as const;
const rate = (usual: number, doc: string) => ({ type: bandwidth, default: usual, doc }) as const;
const time = (usual: number, doc: string) => ({ type: duration, default: usual, doc }) as const;
const inBwe = "org.jitsi.impl.neomedia.rtp.sendsidebandwidthestimation.SendSideBandwidthEstimation";

export const bweKeys = keys("jmt.bwe", {
  "estimator.engine": {
    type: oneOf("GoogleCc", "GoogleCc2"),
    default: "GoogleCc2",
    state: notBuilt("GoogleCc2 is used", { values: (engine) => engine === "GoogleCc" }),
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
  "estimator.GoogleCc.default-window-size": {
    ...time(5000, "Window of measured bit rates."),
    state: olderEngine,
  },
  "estimator.GoogleCc.default-bucket-size": {
    ...time(100, "Step of that window."),
    state: olderEngine,
  },
  "estimator.GoogleCc.default-initial-ignore-bwe-period": {
    ...time(10_000, "First estimates ignored."),
    state: olderEngine,
  },
  "estimator.GoogleCc2.default-window-size": {
    ...time(1000, "Window of measured bit rates."),
    state: notBuilt<number>(noWindow),
  },
  "estimator.GoogleCc2.default-bucket-size": {
    ...time(20, "Step of that window."),
    state: notBuilt<number>(noWindow),
  },
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
    state: notBuilt<number>(noExperiments),
    legacy: [`${inBwe}.lossExperimentProbability`],
  },
  "send-side.loss-experiment.low-loss-threshold": {
    ...ratio(0.02, "Its low-loss-threshold."),
    state: notBuilt<number>(noExperiments),
  },
  "send-side.loss-experiment.high-loss-threshold": {
    ...ratio(0.1, "Its high-loss-threshold."),
    state: notBuilt<number>(noExperiments),
  },
  "send-side.loss-experiment.bitrate-threshold": {
    ...rate(100_000, "Its bitrate-threshold."),
    state: notBuilt<number>(noExperiments),
  },
  "send-side.timeout-experiment.probability": {
    ...ratio(0, "Share of endpoints in another experiment."),
    state: notBuilt<number>(noExperiments),
    legacy: [`${inBwe}.timeoutExperimentProbability`],
  },
  "overuse-detector.initial-threshold": {
    ...ratio(25, "First threshold of the delay, milliseconds."),
    state: olderEngine,
  },
  "overuse-detector.overusing-time-threshold": {
    ...ratio(100, "Time above it, milliseconds."),
    state: olderEngine,
  },
});
