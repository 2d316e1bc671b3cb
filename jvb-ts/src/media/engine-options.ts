/** Settings of the packet path, all from configuration (`videobridge.*`, `jmt.*`). */

import type { BandwidthSettings } from "../bandwidth/settings.ts";
import { defaultBandwidthSettings } from "../bandwidth/settings.ts";

export interface MediaEngineOptions {
  /** `videobridge.cc.initial-max-height-px`: default constraint before any message. */
  readonly initialMaxHeightPx: number;
  /** `videobridge.cc.default-max-height-px`: applied at the first message without a default. */
  readonly defaultMaxHeightPx: number;
  readonly onstagePreferredHeightPx: number;
  readonly onstagePreferredFramerate: number;
  readonly allowOversendOnstage: boolean;
  readonly maxOversendBitrateBps: number;
  /** `videobridge.cc.max-time-between-calculations`, ms. */
  readonly maxTimeBetweenCalculationsMs: number;
  /** `videobridge.cc.trust-bwe`: estimates limit what is sent. */
  readonly trustBwe: boolean;
  /** `videobridge.cc.bwe-change-threshold`: relative change below which an estimate is ignored. */
  readonly bweChangeThreshold: number;
  /** `videobridge.cc.initial-ignore-bwe-period`: no limit until this long after the first video, ms. */
  readonly initialIgnoreBwePeriodMs: number;
  /** `videobridge.cc.assumed-bandwidth-limit`; undefined: the client's value is ignored. */
  readonly assumedBandwidthLimitBps: number | undefined;
  /** `videobridge.cc.jvb-last-n`, -1 unlimited. */
  readonly bridgeLastN: number;
  /** `videobridge.cc.initial-last-n`, -1 unlimited. */
  readonly initialLastN: number;
  /** `videobridge.conference-last-n-limits`: conference size to last-n. */
  readonly lastNLimits: ReadonlyMap<number, number>;
  /** `videobridge.ssrc-limit.video` */
  readonly videoSsrcLimit: number;
  /** `videobridge.ssrc-limit.audio`, with SSRC rewriting. */
  readonly audioSsrcLimit: number;
  /** `videobridge.speech-activity.recent-speakers-count` */
  readonly recentSpeakersCount: number;
  readonly enableSilenceDetection: boolean;
  readonly silenceDetectionTimeoutMs: number;
  /** `videobridge.loudest.*` */
  readonly routeLoudestOnly: boolean;
  readonly numLoudest: number;
  readonly alwaysRouteDominant: boolean;
  readonly energyExpireTimeMs: number;
  readonly energyAlphaPct: number;
  /** `jmt.audio.level.discard-silence`, `forwarded-silence-packets-limit` */
  readonly discardSilence: boolean;
  readonly forwardedSilencePacketsLimit: number;
  /**
   * `jmt.audio.red.policy`: NOOP passes RED to who has it, STRIP always removes it, PROTECT_ALL also
   * puts Opus into it.
   */
  readonly redPolicy: "NOOP" | "STRIP" | "PROTECT_ALL";
  /** `jmt.audio.red.distance`: how many earlier packets one repeats then, 1 or 2. */
  readonly redDistance: number;
  /** `jmt.audio.red.vad-only`: only those that were speech. */
  readonly redVadOnly: boolean;
  /** `jmt.keyframe.*` */
  readonly keyframeMinIntervalMs: number;
  readonly keyframeMaxRequests: number;
  readonly keyframeMaxRequestIntervalMs: number;
  readonly keyframeSourceMinIntervalMs: number;
  /** `jmt.bwe` */
  readonly bandwidth: BandwidthSettings;
  /** `videobridge.cc.padding-period`, ms. */
  readonly paddingPeriodMs: number;
  /** Receiver reports carry jitter in RFC 3550 timestamp units instead of upstream's ms. */
  readonly rfcJitter: boolean;
}

/** Upstream's defaults. */
export const defaultEngineOptions: MediaEngineOptions = {
  initialMaxHeightPx: 0,
  defaultMaxHeightPx: 180,
  onstagePreferredHeightPx: 360,
  onstagePreferredFramerate: 30,
  allowOversendOnstage: true,
  maxOversendBitrateBps: 500_000,
  maxTimeBetweenCalculationsMs: 5_000,
  trustBwe: true,
  bweChangeThreshold: 0.15,
  initialIgnoreBwePeriodMs: 0,
  assumedBandwidthLimitBps: undefined,
  bridgeLastN: -1,
  initialLastN: -1,
  lastNLimits: new Map(),
  videoSsrcLimit: 50,
  audioSsrcLimit: 50,
  recentSpeakersCount: 10,
  enableSilenceDetection: false,
  silenceDetectionTimeoutMs: 3_000,
  routeLoudestOnly: false,
  numLoudest: 3,
  alwaysRouteDominant: true,
  energyExpireTimeMs: 150,
  energyAlphaPct: 50,
  discardSilence: true,
  forwardedSilencePacketsLimit: 3,
  redPolicy: "NOOP",
  redDistance: 2,
  redVadOnly: true,
  keyframeMinIntervalMs: 200,
  keyframeMaxRequests: 3,
  keyframeMaxRequestIntervalMs: 10_000,
  keyframeSourceMinIntervalMs: 200,
  bandwidth: defaultBandwidthSettings,
  paddingPeriodMs: 15,
  rfcJitter: true,
};
