/** What a jitsi-meet client and the focus agree on, as far as the streams of the load use it. */
import { ExtensionUri } from "#shared/rtp/header-extensions";
import type { ColibriMedia, ColibriMediaSource } from "#shared/stanza/colibri2";
import type {
  HeaderExtension,
  PayloadParameter,
  PayloadType,
  RtcpFeedback,
  Source,
} from "#shared/stanza/media";
import type { ParticipantPlan } from "./workload.ts";

export const OPUS = 111;
export const VP8 = 100;
export const RTX = 96;
export const AUDIO_LEVEL = 1;
export const ABS_SEND_TIME = 3;
export const TRANSPORT_CC = 5;
const MID = 10;

const feedback = (type: string, subtype?: string): RtcpFeedback => ({ type, subtype });
const parameter = (name: string, value: string): PayloadParameter => ({ name, value });
const extension = (id: number, uri: string): HeaderExtension => ({ id, uri, senders: undefined });

const opus: PayloadType = {
  id: OPUS,
  name: "opus",
  clockrate: 48_000,
  channels: 2,
  parameters: [parameter("minptime", "10"), parameter("useinbandfec", "1")],
  rtcpFeedback: [feedback("transport-cc")],
};
const vp8: PayloadType = {
  id: VP8,
  name: "VP8",
  clockrate: 90_000,
  channels: 1,
  parameters: [parameter("x-google-start-bitrate", "800")],
  rtcpFeedback: [
    feedback("ccm", "fir"),
    feedback("nack"),
    feedback("nack", "pli"),
    feedback("transport-cc"),
  ],
};
const rtx: PayloadType = {
  id: RTX,
  name: "rtx",
  clockrate: 90_000,
  channels: 1,
  parameters: [parameter("apt", String(VP8))],
  rtcpFeedback: [],
};

export const media: readonly ColibriMedia[] = [
  {
    type: "audio",
    payloadTypes: [opus],
    headerExtensions: [
      extension(AUDIO_LEVEL, ExtensionUri.audioLevel),
      extension(TRANSPORT_CC, ExtensionUri.transportCc),
      extension(MID, ExtensionUri.mid),
    ],
    extmapAllowMixed: true,
  },
  {
    type: "video",
    payloadTypes: [vp8, rtx],
    headerExtensions: [
      extension(ABS_SEND_TIME, ExtensionUri.absSendTime),
      extension(TRANSPORT_CC, ExtensionUri.transportCc),
      extension(MID, ExtensionUri.mid),
    ],
    extmapAllowMixed: true,
  },
];

/** Names of the sources of a participant. */
export const audioName = (id: string): string => `${id}-a0`;
export const videoName = (id: string): string => `${id}-v0`;

export function sourcesOf(plan: ParticipantPlan): ColibriMediaSource[] {
  const { id, audioSsrc, encodings, rtxSsrcs } = plan;
  const source = (ssrc: number, name: string): Source => ({
    ssrc,
    name,
    msid: `${name}-1 ${name}-1`,
    videoType: undefined,
    rid: undefined,
    owner: undefined,
  });
  const sources: ColibriMediaSource[] = [];
  if (audioSsrc !== undefined) {
    const name = audioName(id);
    const own = [source(audioSsrc, name)];
    sources.push({ type: "audio", id: name, synthetic: false, sources: own, groups: [] });
  }
  if (encodings.length > 0) {
    const name = videoName(id);
    const ssrcs = encodings.map(({ ssrc }) => ssrc);
    sources.push({
      type: "video",
      id: name,
      synthetic: false,
      sources: [...ssrcs, ...rtxSsrcs].map((ssrc) => source(ssrc, name)),
      groups: [
        { semantics: "SIM", ssrcs },
        ...ssrcs.map((ssrc, at) => ({ semantics: "FID", ssrcs: [ssrc, rtxSsrcs[at]!] })),
      ],
    });
  }
  return sources;
}
