/**
 * What a client answers to an invitation, as the newest client library does: payload types, header
 * extensions, one audio source, and simulcast video of three encodings with their retransmissions.
 * Built once, with marks where clients differ.
 */
import { emptyTransport } from "#shared/stanza/ice-udp";
import { buildJingle, emptyJingle, type JingleContent } from "#shared/stanza/jingle";
import type { HeaderExtension, PayloadType, RtcpFeedback, Source } from "#shared/stanza/media";
import { zeroTraceParent } from "#shared/stanza/trace-parent";
import { serialise } from "#shared/xmpp/xml";

/** What differs from client to client. */
export interface Accepting {
  readonly sid: string;
  readonly nick: string;
  readonly realJid: string;
  readonly room: string;
  /** Seven SSRCs from here: audio, three encodings, their retransmissions. */
  readonly firstSsrc: number;
}

const extensionUris: Readonly<Record<number, string>> = {
  1: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  3: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  5: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  10: "urn:ietf:params:rtp-hdrext:sdes:mid",
  11: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
};

function extensions(...ids: readonly number[]): HeaderExtension[] {
  return ids.map((id) => ({ id, uri: extensionUris[id] ?? "", senders: undefined }));
}

const feedback: readonly RtcpFeedback[] = [
  { type: "transport-cc", subtype: undefined },
  { type: "ccm", subtype: "fir" },
  { type: "nack", subtype: undefined },
  { type: "nack", subtype: "pli" },
];

function video(id: number, name: string, rtx: number, ...fmtp: [string, string][]): PayloadType[] {
  const parameters = fmtp.map(([key, value]) => ({ name: key, value }));
  return [
    { id, name, clockrate: 90_000, channels: 1, parameters, rtcpFeedback: feedback },
    {
      id: rtx,
      name: "rtx",
      clockrate: 90_000,
      channels: 1,
      parameters: [{ name: "apt", value: `${id}` }],
      rtcpFeedback: [],
    },
  ];
}

const audioTypes: readonly PayloadType[] = [
  {
    id: 111,
    name: "opus",
    clockrate: 48_000,
    channels: 2,
    parameters: [
      { name: "minptime", value: "10" },
      { name: "useinbandfec", value: "1" },
    ],
    rtcpFeedback: [{ type: "transport-cc", subtype: undefined }],
  },
  {
    id: 126,
    name: "telephone-event",
    clockrate: 8_000,
    channels: 1,
    parameters: [],
    rtcpFeedback: [],
  },
];
const videoTypes: readonly PayloadType[] = [
  ...video(41, "AV1", 42, ["level-idx", "5"], ["profile", "0"], ["tier", "0"]),
  ...video(101, "VP9", 97, ["profile-id", "0"]),
  ...video(100, "VP8", 96),
  ...video(
    107,
    "H264",
    99,
    ["level-asymmetry-allowed", "1"],
    ["packetization-mode", "1"],
    ["profile-level-id", "42e01f"],
  ),
];

/** SSRCs that stand for the client's own until they are replaced; no other number begins so. */
const markedSsrc = 4_100_000_000;
const ssrcs = [0, 1, 2, 3, 4, 5, 6].map((at) => markedSsrc + at);
const at = (index: number): number => ssrcs[index] ?? 0;

function source(ssrc: number, kind: "audio" | "video"): Source {
  return {
    ssrc,
    name: `@nick@-${kind[0]}0`,
    msid: `@nick@-${kind}-0-1 7929cb13-a5b2-4f6a-a0c3-8d33d1253d5e-1`,
    videoType: kind === "video" ? "camera" : undefined,
    rid: undefined,
    owner: undefined,
  };
}

function content(name: "audio" | "video"): JingleContent {
  const isAudio = name === "audio";
  const groups = [
    { semantics: "FID", ssrcs: [at(1), at(4)] },
    { semantics: "SIM", ssrcs: [at(1), at(2), at(3)] },
    { semantics: "FID", ssrcs: [at(2), at(5)] },
    { semantics: "FID", ssrcs: [at(3), at(6)] },
  ];
  return {
    creator: "responder",
    name,
    senders: "both",
    description: {
      media: name,
      ssrc: undefined,
      maxptime: undefined,
      payloadTypes: isAudio ? audioTypes : videoTypes,
      headerExtensions: isAudio ? extensions(1, 5, 10) : extensions(3, 5, 10, 11),
      extmapAllowMixed: true,
      rtcpMux: true,
      sources: (isAudio ? ssrcs.slice(0, 1) : ssrcs.slice(1)).map((ssrc) => source(ssrc, name)),
      groups: isAudio ? [] : groups,
    },
    transport: {
      ...emptyTransport,
      ufrag: "aSyJ",
      pwd: "cUP+pp5Aa3K0dGS1Kh5j/kZi",
      fingerprints: [
        {
          hash: "sha-256",
          setup: "active",
          value:
            "BC:D1:D3:2E:7E:36:15:C0:34:AC:C9:94:72:6A:2B:DA:10:B6:1D:44:85:3B:3C:9F:03:7D:34:6E:6C:45:81:1C",
          cryptex: undefined,
        },
      ],
    },
    sctpMap: undefined,
    initialLastN: undefined,
  };
}

const pieces = serialise(
  buildJingle({
    ...emptyJingle("session-accept", "@sid@"),
    initiator: "@room@/focus",
    responder: "@real@",
    contents: [content("audio"), content("video")],
    groups: [{ semantics: "BUNDLE", contents: ["audio", "video", "data"] }],
    traceParent: zeroTraceParent,
  }),
).split(/(@\w+@|410000000\d)/);

/** `<jingle action='session-accept'>` of one client, as text. */
export function sessionAccept({ sid, nick, realJid, room, firstSsrc }: Accepting): string {
  let text = "";
  for (const piece of pieces) {
    switch (piece) {
      case "@sid@":
        text += sid;
        break;
      case "@nick@":
        text += nick;
        break;
      case "@real@":
        text += realJid;
        break;
      case "@room@":
        text += room;
        break;
      default:
        text += /^410000000\d$/.test(piece) ? firstSsrc + Number(piece) - markedSsrc : piece;
    }
  }
  return text;
}
