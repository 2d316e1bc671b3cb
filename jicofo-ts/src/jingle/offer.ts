/**
 * Which payload types and header extensions are offered to a member, in the order clients list
 * them (spec jicofo 4.4). The same lists configure the endpoint on the bridge.
 */
import type {
  HeaderExtension,
  PayloadParameter,
  PayloadType,
  RtcpFeedback,
} from "#shared/stanza/media";
import type { CodecConfig, HeaderExtensionName, VideoCodecConfig } from "./codec-config.ts";
import type { Features } from "./features.ts";

/** What is offered for one kind of media. */
export interface RtpOffer {
  readonly payloadTypes: readonly PayloadType[];
  readonly headerExtensions: readonly HeaderExtension[];
  readonly extmapAllowMixed: boolean;
}

/** The whole offer; `undefined` is not offered. */
export interface Offer {
  readonly audio: RtpOffer | undefined;
  readonly video: RtpOffer | undefined;
  /** Whether a data channel is asked for on the bridge and offered to the client. */
  readonly data: boolean;
}

const extensionUris: Readonly<Record<HeaderExtensionName, string>> = {
  "audio-level": "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "video-layers-allocation":
    "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
  "av1-dependency-descriptor":
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
  tof: "urn:ietf:params:rtp-hdrext:toffset",
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  "abs-send-time": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  framemarking: "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07",
  "video-content-type": "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  tcc: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};
const audioExtensions = ["audio-level", "mid", "tcc"] as const;
const videoExtensions = [
  "video-layers-allocation",
  "av1-dependency-descriptor",
  "tof",
  "mid",
  "abs-send-time",
  "framemarking",
  "video-content-type",
  "rid",
  "tcc",
] as const;

const nack: readonly RtcpFeedback[] = [
  { type: "ccm", subtype: "fir" },
  { type: "nack", subtype: undefined },
  { type: "nack", subtype: "pli" },
];
const remb: RtcpFeedback = { type: "goog-remb", subtype: undefined };
const transportCc: RtcpFeedback = { type: "transport-cc", subtype: undefined };

function parameter(name: string | undefined, value: string): PayloadParameter {
  return { name, value };
}

function payload(
  id: number,
  name: string,
  clockrate: number,
  rest: {
    readonly channels?: number;
    readonly parameters?: readonly PayloadParameter[];
    readonly rtcpFeedback?: readonly RtcpFeedback[];
  } = {},
): PayloadType {
  return {
    id,
    name,
    clockrate,
    channels: rest.channels ?? 1,
    parameters: rest.parameters ?? [],
    rtcpFeedback: rest.rtcpFeedback ?? [],
  };
}

function videoPayloads(config: CodecConfig, features: Features, tcc: boolean): PayloadType[] {
  const { av1, vp8, h264, vp9 } = config.video;
  const list: PayloadType[] = [];
  const main = (
    name: string,
    codec: VideoCodecConfig,
    parameters: PayloadParameter[] = [],
  ): void => {
    if (!codec.enabled || codec.pt <= 0) return;
    const rtcpFeedback = [...nack];
    if (codec.enableRemb && features.has("REMB") && !features.has("TCC")) rtcpFeedback.push(remb);
    if (tcc) rtcpFeedback.push(transportCc);
    list.push(payload(codec.pt, name, 90_000, { parameters, rtcpFeedback }));
  };
  const rtx = (codec: VideoCodecConfig, rtcpFeedback: readonly RtcpFeedback[]): void => {
    if (!codec.enabled || codec.pt <= 0 || codec.rtxPt <= 0 || !features.has("RTX")) return;
    const parameters = [parameter("apt", `${codec.pt}`)];
    list.push(payload(codec.rtxPt, "rtx", 90_000, { parameters, rtcpFeedback }));
  };
  main("AV1", av1);
  main("VP8", vp8);
  // COMPAT(client): clients print one parameter as `name=value`, so the others ride in its value.
  main("H264", h264, [
    parameter("profile-level-id", "42e01f;level-asymmetry-allowed=1;packetization-mode=1;"),
  ]);
  main("VP9", vp9);
  rtx(av1, nack);
  rtx(vp8, nack);
  rtx(vp9, nack);
  rtx(h264, []);
  return list;
}

function audioPayloads(config: CodecConfig, features: Features, tcc: boolean): PayloadType[] {
  const { opus, telephoneEvent } = config;
  const list: PayloadType[] = [];
  if (opus.enabled && opus.pt > 0) {
    if (opus.red.enabled && opus.red.pt > 0 && features.has("OPUS_RED")) {
      const parameters = [parameter(undefined, `${opus.pt}/${opus.pt}`)];
      list.push(payload(opus.red.pt, "red", 48_000, { channels: 2, parameters }));
    }
    const parameters = [parameter("minptime", `${opus.minptime}`)];
    if (opus.useInbandFec && !opus.red.enabled) parameters.push(parameter("useinbandfec", "1"));
    const rtcpFeedback = tcc ? [transportCc] : [];
    list.push(payload(opus.pt, "opus", 48_000, { channels: 2, parameters, rtcpFeedback }));
  }
  if (telephoneEvent.enabled && telephoneEvent.pt > 0) {
    list.push(payload(telephoneEvent.pt, "telephone-event", 8_000));
  }
  return list;
}

function extensions(
  names: readonly HeaderExtensionName[],
  config: CodecConfig,
  tcc: boolean,
): HeaderExtension[] {
  return names
    .filter((name) => config.extensions[name].enabled && (name !== "tcc" || tcc))
    .map((name) => ({
      id: config.extensions[name].id,
      uri: extensionUris[name],
      senders: undefined,
    }));
}

/** What of the features an offer depends on. */
const offerFeatures = ["AUDIO", "VIDEO", "TCC", "REMB", "RTX", "OPUS_RED", "SCTP"] as const;
const offers = new WeakMap<CodecConfig, Map<string, Offer>>();

/**
 * The offer for a member with these features; the same object for the same features, so that what
 * is made of it can be kept.
 */
export function offerFor(config: CodecConfig, features: Features, sctpEnabled: boolean): Offer {
  let known = offers.get(config);
  if (known === undefined) {
    known = new Map();
    offers.set(config, known);
  }
  let key = `${sctpEnabled}`;
  for (const feature of offerFeatures) key += features.has(feature) ? "1" : "0";
  let offer = known.get(key);
  if (offer === undefined) {
    offer = buildOffer(config, features, sctpEnabled);
    known.set(key, offer);
  }
  return offer;
}

function buildOffer(config: CodecConfig, features: Features, sctpEnabled: boolean): Offer {
  const tcc = config.extensions.tcc.enabled && features.has("TCC");
  const { extmapAllowMixed } = config;
  return {
    audio: features.has("AUDIO")
      ? {
          payloadTypes: audioPayloads(config, features, tcc),
          headerExtensions: extensions(audioExtensions, config, tcc),
          extmapAllowMixed,
        }
      : undefined,
    video: features.has("VIDEO")
      ? {
          payloadTypes: videoPayloads(config, features, tcc),
          headerExtensions: extensions(videoExtensions, config, tcc),
          extmapAllowMixed,
        }
      : undefined,
    data: sctpEnabled && features.has("SCTP"),
  };
}
