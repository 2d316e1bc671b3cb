/** `jicofo.codec.*` (spec jicofo 4.4, 11.2). */
import { bool, int, intBetween, type KeySpec, keys } from "#shared/config/keys";
import { defaultCodecConfig, type HeaderExtensionName } from "../jingle/codec-config.ts";

/** -1 switches the codec or its retransmissions off. */
const payloadType = intBetween(-1, 127, "a payload type, -1 to 127");
const extensionId = intBetween(1, 255, "a header extension id, 1 to 255");
const properties = "org.jitsi.jicofo.";

function videoKeys<const N extends "av1" | "vp8" | "vp9" | "h264">(codec: N) {
  const { enabled, pt, rtxPt, enableRemb } = defaultCodecConfig.video[codec];
  const upper = codec.toUpperCase();
  return {
    enabled: {
      type: bool,
      default: enabled,
      legacy: [`${properties}ENABLE_${upper}`],
      doc: `Offer ${upper}.`,
    },
    pt: {
      type: payloadType,
      default: pt,
      legacy: [`${properties}${upper}_PT`],
      doc: `Payload type of ${upper}; -1 switches it off.`,
    },
    "rtx-pt": {
      type: payloadType,
      default: rtxPt,
      legacy: [`${properties}${upper}_RTX_PT`],
      doc: `Payload type of retransmissions of ${upper}; -1 switches them off.`,
    },
    "enable-remb": {
      type: bool,
      default: enableRemb,
      doc: `Offer REMB for ${upper} to clients without transport-cc.`,
    },
  } satisfies Record<string, KeySpec<unknown>>;
}

/** One table for each codec, as all have the same keys. */
export const videoCodecKeys = {
  av1: keys("jicofo.codec.video.av1", videoKeys("av1")),
  vp8: keys("jicofo.codec.video.vp8", videoKeys("vp8")),
  vp9: keys("jicofo.codec.video.vp9", videoKeys("vp9")),
  h264: keys("jicofo.codec.video.h264", videoKeys("h264")),
};

const { opus, telephoneEvent } = defaultCodecConfig;

export const audioCodecKeys = keys("jicofo.codec.audio", {
  "opus.enabled": { type: bool, default: opus.enabled, doc: "Offer Opus." },
  "opus.pt": { type: payloadType, default: opus.pt, doc: "Payload type of Opus." },
  "opus.minptime": { type: int, default: opus.minptime, doc: "Least packet time, milliseconds." },
  "opus.use-inband-fec": {
    type: bool,
    default: opus.useInbandFec,
    doc: "Offer Opus' own forward error correction, unless RED is on.",
  },
  "opus.red.enabled": { type: bool, default: opus.red.enabled, doc: "Offer RED for Opus." },
  "opus.red.pt": { type: payloadType, default: opus.red.pt, doc: "Payload type of RED." },
  "telephone-event.enabled": {
    type: bool,
    default: telephoneEvent.enabled,
    doc: "Offer DTMF events.",
  },
  "telephone-event.pt": {
    type: payloadType,
    default: telephoneEvent.pt,
    doc: "Payload type of DTMF events.",
  },
});

/** COMPAT(jicofo): the five extensions that legacy properties can switch. */
const legacyNames: Partial<Record<HeaderExtensionName, string>> = {
  tof: "ENABLE_TOF",
  "abs-send-time": "ENABLE_AST",
  rid: "ENABLE_RID",
  "video-content-type": "ENABLE_VIDEO_CONTENT_TYPE",
  framemarking: "ENABLE_FRAMEMARKING",
};

function extensionKeys(name: HeaderExtensionName) {
  const { enabled, id } = defaultCodecConfig.extensions[name];
  const legacy = legacyNames[name];
  return keys(`jicofo.codec.rtp-extensions.${name}`, {
    enabled: {
      type: bool,
      default: enabled,
      legacy: legacy === undefined ? [] : [properties + legacy],
      doc: `Offer the header extension ${name}.`,
    },
    id: { type: extensionId, default: id, doc: `Id of the header extension ${name}.` },
  });
}

export const headerExtensionKeys = {
  "audio-level": extensionKeys("audio-level"),
  "video-layers-allocation": extensionKeys("video-layers-allocation"),
  "av1-dependency-descriptor": extensionKeys("av1-dependency-descriptor"),
  tof: extensionKeys("tof"),
  mid: extensionKeys("mid"),
  "abs-send-time": extensionKeys("abs-send-time"),
  framemarking: extensionKeys("framemarking"),
  "video-content-type": extensionKeys("video-content-type"),
  rid: extensionKeys("rid"),
  tcc: extensionKeys("tcc"),
};

export const extmapKeys = keys("jicofo.codec.rtp-extensions", {
  "extmap-allow-mixed": {
    type: bool,
    default: defaultCodecConfig.extmapAllowMixed,
    doc: "Allow one-byte and two-byte header extensions in one stream.",
  },
});
