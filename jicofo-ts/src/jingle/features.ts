/** What a member can do, resolved once by disco#info or caps (spec jicofo 3.4). */

/** Feature URIs the focus acts upon or lists in `/debug`, by the name printed there. */
export const featureUris = {
  AUDIO: "urn:xmpp:jingle:apps:rtp:audio",
  VIDEO: "urn:xmpp:jingle:apps:rtp:video",
  SCTP: "urn:xmpp:jingle:transports:dtls-sctp:1",
  RTX: "urn:ietf:rfc:4588",
  REMB: "http://jitsi.org/remb",
  TCC: "http://jitsi.org/tcc",
  JSON_SOURCES: "http://jitsi.org/json-encoded-sources",
  SSRC_REWRITING_V1: "http://jitsi.org/ssrc-rewriting-1",
  RTP_MID_DEMUX: "http://jitsi.org/rtp-mid-demux",
  OPUS_RED: "http://jitsi.org/opus-red",
  AUDIO_MUTE: "http://jitsi.org/protocol/audio-mute",
  START_MUTED_RMD: "http://jitsi.org/start-muted-room-metadata",
  SOURCE_NAMES: "http://jitsi.org/source-name",
  RECEIVE_MULTIPLE_STREAMS: "http://jitsi.org/receive-multiple-video-streams",
  AUDIO_TRANSLATION: "http://jitsi.org/protocol/audio-translation",
  JIBRI: "http://jitsi.org/protocol/jibri",
  JIGASI: "http://jitsi.org/protocol/jigasi",
  LIPSYNC: "http://jitsi.org/meet/lipsync",
  E2EE: "https://jitsi.org/meet/e2ee",
  XMPP_CAPS: "http://jabber.org/protocol/caps",
  JINGLE: "urn:xmpp:jingle:1",
  JINGLE_RTP: "urn:xmpp:jingle:apps:rtp:1",
  JINGLE_ICE: "urn:xmpp:jingle:transports:ice-udp:1",
  DTLS: "urn:xmpp:jingle:apps:dtls:0",
  RTCP_MUX: "urn:ietf:rfc:5761",
  BUNDLE: "urn:ietf:rfc:5888",
  RAYO: "urn:xmpp:rayo:client:1",
  REMOTE_CONTROL: "http://jitsi.org/meet/remotecontrol",
  VISITORS_V1: "http://jitsi.org/visitors-1",
} as const;
export type Feature = keyof typeof featureUris;
export type Features = ReadonlySet<Feature>;

const byUri = new Map<string, Feature>(
  Object.entries(featureUris).map(([name, uri]) => [uri, name as Feature]),
);

/** Assumed of a member that does not answer disco#info. */
export const defaultFeatures: Features = new Set<Feature>(["AUDIO", "VIDEO", "SCTP"]);

/** What lists told before: clients of one kind have the very same list, from the caps cache. */
const known = new WeakMap<object, Features>();

/** The known ones of a list of feature URIs, which must not change any more. */
export function featuresOf(uris: Iterable<string>): Features {
  const before = typeof uris === "object" ? known.get(uris) : undefined;
  if (before !== undefined) return before;
  const found = new Set<Feature>();
  for (const uri of uris) {
    const feature = byUri.get(uri);
    if (feature !== undefined) found.add(feature);
  }
  if (typeof uris === "object") known.set(uris, found);
  return found;
}
