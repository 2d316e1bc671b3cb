/** What the focus may offer: codecs and header extensions (`jicofo.codec.*`, spec jicofo 4.4, 11.2). */

/** One video codec. */
export interface VideoCodecConfig {
  readonly enabled: boolean;
  /** Payload type, 1..127; anything else switches the codec off. */
  readonly pt: number;
  /** Payload type of its retransmissions; not positive means none. */
  readonly rtxPt: number;
  readonly enableRemb: boolean;
}

/** One RTP header extension. */
export interface HeaderExtensionConfig {
  readonly enabled: boolean;
  /** 1..255 */
  readonly id: number;
}

/** Names of the header extensions under `jicofo.codec.rtp-extensions`. */
const headerExtensionNames = [
  "audio-level",
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
export type HeaderExtensionName = (typeof headerExtensionNames)[number];

/** Everything under `jicofo.codec`. */
export interface CodecConfig {
  readonly video: Readonly<Record<"av1" | "vp8" | "h264" | "vp9", VideoCodecConfig>>;
  readonly opus: {
    readonly enabled: boolean;
    readonly pt: number;
    /** Milliseconds. */
    readonly minptime: number;
    readonly useInbandFec: boolean;
    readonly red: { readonly enabled: boolean; readonly pt: number };
  };
  readonly telephoneEvent: { readonly enabled: boolean; readonly pt: number };
  readonly extensions: Readonly<Record<HeaderExtensionName, HeaderExtensionConfig>>;
  readonly extmapAllowMixed: boolean;
}

/** Upstream's defaults. */
export const defaultCodecConfig: CodecConfig = {
  video: {
    av1: { enabled: true, pt: 41, rtxPt: 42, enableRemb: true },
    vp8: { enabled: true, pt: 100, rtxPt: 96, enableRemb: true },
    h264: { enabled: true, pt: 107, rtxPt: 99, enableRemb: true },
    vp9: { enabled: true, pt: 101, rtxPt: 97, enableRemb: true },
  },
  opus: {
    enabled: true,
    pt: 111,
    minptime: 10,
    useInbandFec: true,
    red: { enabled: false, pt: 112 },
  },
  telephoneEvent: { enabled: true, pt: 126 },
  extensions: {
    "audio-level": { enabled: true, id: 1 },
    "video-layers-allocation": { enabled: false, id: 12 },
    "av1-dependency-descriptor": { enabled: true, id: 11 },
    tof: { enabled: false, id: 2 },
    mid: { enabled: true, id: 10 },
    "abs-send-time": { enabled: true, id: 3 },
    framemarking: { enabled: false, id: 9 },
    "video-content-type": { enabled: false, id: 7 },
    rid: { enabled: false, id: 4 },
    tcc: { enabled: true, id: 5 },
  },
  extmapAllowMixed: true,
};
