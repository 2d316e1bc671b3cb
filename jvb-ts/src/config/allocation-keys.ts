/** Who gets which source at which quality (jvb-control 8.2 `cc`, `loudest`, `speech-activity`). */
import {
  bandwidth,
  bool,
  double,
  duration,
  int,
  intBetween,
  keys,
  optional,
} from "#shared/config/keys";
import { inverted, legacy } from "./legacy-names.ts";

const perCent = (name: string) => ({ name, convert: (text: string) => `${text}%` });

export const ccKeys = keys("videobridge.cc", {
  "default-max-height-px": {
    type: int,
    default: 180,
    older: ["videobridge.cc.thumbnail-max-height-px"],
    doc: "Default constraint when the first constraints message has none.",
  },
  "initial-max-height-px": {
    type: int,
    default: 0,
    older: ["videobridge.cc.thumbnail-max-height-px"],
    doc: "Default constraint before any constraints message.",
  },
  "onstage-preferred-height-px": {
    type: int,
    default: 360,
    legacy: [legacy("ONSTAGE_PREFERRED_HEIGHT")],
    doc: "Height preferred for a source on stage.",
  },
  "onstage-preferred-framerate": {
    type: double,
    default: 30,
    legacy: [legacy("ONSTAGE_PREFERRED_FRAME_RATE")],
    doc: "Frame rate preferred for a source on stage.",
  },
  "allow-oversend-onstage": {
    type: bool,
    default: true,
    legacy: [inverted(legacy("ENABLE_ONSTAGE_VIDEO_SUSPEND"))],
    older: [inverted("videobridge.cc.enable-onstage-video-suspend")],
    doc: "A source on stage may exceed the estimate rather than be suspended.",
  },
  "max-oversend-bitrate": {
    type: bandwidth,
    default: 500_000,
    doc: "By how much it may exceed the estimate.",
  },
  "max-time-between-calculations": {
    type: duration,
    default: 5000,
    doc: "Allocation is computed anew at least this often.",
  },
  "jvb-last-n": { type: int, default: -1, doc: "Bridge-wide last-N; -1 unlimited." },
  "initial-last-n": { type: int, default: -1, doc: "Last-N of a new endpoint; -1 unlimited." },
  "bwe-change-threshold": {
    type: double,
    default: 0.15,
    legacy: [perCent(legacy("BWE_CHANGE_THRESHOLD_PCT"))],
    older: [perCent("videobridge.cc.bwe-change-threshold-pct")],
    doc: "Relative change of the estimate that causes a new allocation.",
  },
  "trust-bwe": {
    type: bool,
    default: true,
    legacy: [legacy("TRUST_BWE")],
    doc: "Allocate by the estimate.",
  },
  "padding-period": {
    type: duration,
    default: 15,
    legacy: [legacy("PADDING_PERIOD_MS")],
    doc: "Time between packets of padding.",
  },
  "use-vla-target-bitrate": {
    type: bool,
    default: false,
    doc: "Use the bit rates that senders announce.",
  },
  "initial-ignore-bwe-period": {
    type: optional(duration),
    doc: "How long the first estimates are ignored; unset: by the estimator.",
  },
  "assumed-bandwidth-limit": {
    type: optional(bandwidth),
    doc: "Upper bound for assumedBandwidthBps; unset: clients cannot set it.",
  },
});

export const speechKeys = keys("videobridge", {
  "speech-activity.recent-speakers-count": {
    type: int,
    default: 10,
    doc: "Previous speakers told to clients.",
  },
  "speech-activity.enable-silence-detection": {
    type: bool,
    default: false,
    doc: "Tell clients when nobody speaks.",
  },
  "speech-activity.silence-detection-timeout": {
    type: duration,
    default: 3000,
    doc: "Silence begins after this long without speech.",
  },
  "loudest.route-loudest-only": {
    type: bool,
    default: false,
    doc: "Forward audio of the loudest endpoints only.",
  },
  "loudest.num-loudest": { type: int, default: 3, doc: "How many are forwarded then." },
  "loudest.always-route-dominant": {
    type: bool,
    default: true,
    doc: "Forward the dominant speaker in any case.",
  },
  "loudest.energy-expire-time": {
    type: duration,
    default: 150,
    doc: "Energy of an endpoint without packets counts for this long.",
  },
  "loudest.energy-alpha-pct": {
    type: intBetween(0, 100),
    default: 50,
    doc: "Weight of a new energy value in per cent.",
  },
  "ssrc-limit.video": { type: int, default: 50, doc: "Video sources per receiver at most." },
  "ssrc-limit.audio": {
    type: int,
    default: 50,
    doc: "Audio SSRCs per receiver at most, with SSRC rewriting.",
  },
});
