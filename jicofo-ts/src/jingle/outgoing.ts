/**
 * The Jingle elements the focus sends, as data (spec jicofo 4.3, 4.7, 4.9, 4.12; wire A3 to A7, B7).
 */
import {
  type EndpointSources,
  emptyJingle,
  type Jingle,
  type JingleContent,
  type JingleReasonCondition,
  type RtpDescription,
  repeatedly,
  type StartMuted,
} from "#shared/stanza/jingle";
import type { IceTransport, Source, SourceGroup } from "#shared/stanza/media";
import { zeroTraceParent } from "#shared/stanza/trace-parent";
import type { Offer, RtpOffer } from "./offer.ts";

/** Everything a `session-initiate` is made of. */
export interface Invitation {
  readonly sid: string;
  /** Our real full JID. */
  readonly initiator: string;
  readonly offer: Offer;
  /** The bridge's transport for this participant; every content carries all of it. */
  readonly transport: IceTransport;
  /** SCTP port of the bridge; without it no data content is offered. */
  readonly sctpPort: number | undefined;
  /** By owner, already reduced to what this participant may see. */
  readonly sources: ReadonlyMap<string, EndpointSources>;
  /** Compact JSON instead of `source` elements. */
  readonly json: boolean;
  readonly startMuted: StartMuted;
  readonly bridgeSession: { readonly id: string; readonly region: string | undefined };
}

/** ms, on the audio description. */
const maxptime = 60;

/** The invitation of one participant. */
export function sessionInitiate(invitation: Invitation): Jingle {
  const { sid, offer, sources, json, startMuted, sctpPort } = invitation;
  // COMPAT(jicofo): upstream prints `cryptex='false'`, wire A5.
  const transport: IceTransport = {
    ...invitation.transport,
    rtcpMux: true,
    fingerprints: invitation.transport.fingerprints.map((fingerprint) => ({
      ...fingerprint,
      cryptex: fingerprint.cryptex ?? false,
    })),
  };
  const contents: JingleContent[] = [];
  for (const media of ["audio", "video"] as const) {
    const offered = offer[media];
    if (offered === undefined) continue;
    const description = json
      ? bareDescription(media, offered)
      : { ...bareDescription(media, offered), ...flatten(sources, media) };
    contents.push({ ...blankContent(media), senders: "both", description, transport });
  }
  if (offer.data && sctpPort !== undefined) {
    contents.push({
      ...blankContent("data"),
      senders: "both",
      description: { ...blankDescription, media: "application", rtcpMux: true },
      transport,
      sctpMap: { number: sctpPort, protocol: "webrtc-datachannel", streams: 1024 },
    });
  }
  const names = contents.map(({ name }) => name);
  return {
    ...emptyJingle("session-initiate", sid),
    initiator: invitation.initiator,
    contents,
    groups: [{ semantics: "BUNDLE", contents: names }],
    startMuted: startMuted.audio || startMuted.video ? startMuted : undefined,
    bridgeSession: { ...invitation.bridgeSession, restart: false, iceRestart: false },
    compactSources: json ? sources : undefined,
    traceParent: zeroTraceParent,
  };
}

/** One batch of `source-add` or `source-remove`. */
export function sourceChange(
  action: "source-add" | "source-remove",
  sid: string,
  sources: ReadonlyMap<string, EndpointSources>,
  json: boolean,
): Jingle {
  const jingle = emptyJingle(action, sid);
  if (json) return { ...jingle, compactSources: sources };
  const contents: JingleContent[] = [];
  for (const media of ["audio", "video"] as const) {
    const visible = flatten(sources, media);
    if (visible.sources.length === 0 && visible.groups.length === 0) continue;
    contents.push({
      ...blankContent(media),
      description: { ...blankDescription, media, ...visible },
    });
  }
  return { ...jingle, contents };
}

/** A new bridge transport for an in-place ICE restart; the content is always named `audio`. */
export function transportInfo(sid: string, transport: IceTransport): Jingle {
  return {
    ...emptyJingle("transport-info", sid),
    contents: [{ ...blankContent("audio"), transport }],
  };
}

/** Ends a session. */
export function sessionTerminate(
  sid: string,
  condition: JingleReasonCondition,
  text: string,
): Jingle {
  return { ...emptyJingle("session-terminate", sid), reason: { condition, text } };
}

interface Visible {
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

function flatten(sources: ReadonlyMap<string, EndpointSources>, media: "audio" | "video"): Visible {
  const list = [...sources.values()].map((entry) => entry[media]);
  return {
    sources: list.flatMap((entry) => entry.sources),
    groups: list.flatMap((entry) => entry.groups),
  };
}

const blankDescription = {
  media: "audio",
  ssrc: undefined,
  maxptime: undefined,
  payloadTypes: [],
  headerExtensions: [],
  extmapAllowMixed: false,
  rtcpMux: false,
  sources: [],
  groups: [],
} as const;

function blankContent(name: string): JingleContent {
  return {
    creator: "initiator",
    name,
    senders: undefined,
    description: undefined,
    transport: undefined,
    sctpMap: undefined,
    initialLastN: undefined,
  };
}

const bareDescriptions = new WeakMap<RtpOffer, RtpDescription>();

/** What is offered, without any sources: the same for everybody with this offer. */
function bareDescription(media: "audio" | "video", offered: RtpOffer): RtpDescription {
  let description = bareDescriptions.get(offered);
  if (description === undefined) {
    description = repeatedly({
      ...blankDescription,
      ...offered,
      media,
      maxptime: media === "audio" ? maxptime : undefined,
      rtcpMux: true,
    });
    bareDescriptions.set(offered, description);
  }
  return description;
}
