/** `jicofo.conference.*` and `jicofo.sctp.*` (spec jicofo 11.2). */
import { bool, duration, int, keys, notBuilt, oneOf, record } from "#shared/config/keys";

/** The text of a boolean, turned round; anything that is not true counts as false upstream. */
export function negated(text: string): string {
  return String(text.trim().toLowerCase() !== "true");
}

export const conferenceKeys = keys("jicofo.conference", {
  "enable-auto-owner": {
    type: bool,
    default: true,
    legacy: [{ name: "org.jitsi.jicofo.DISABLE_AUTO_OWNER", convert: negated }],
    doc: "Make the first participant owner of the room.",
  },
  "enable-moderator-checks": {
    type: bool,
    default: true,
    state: notBuilt("nobody can record or dial"),
    doc: "Only moderators may record and dial.",
  },
  "initial-timeout": {
    type: duration,
    default: 15_000,
    doc: "How long an empty conference waits for its first participant.",
  },
  "max-ssrcs-per-user": {
    type: int,
    default: 20,
    legacy: ["org.jitsi.jicofo.MAX_SSRC_PER_USER"],
    doc: "Most SSRCs one participant may have.",
  },
  "max-ssrc-groups-per-user": {
    type: int,
    default: 20,
    follows: "jicofo.conference.max-ssrcs-per-user",
    doc: "Most SSRC groups one participant may have.",
  },
  "single-participant-timeout": {
    type: duration,
    default: 20_000,
    doc: "How long the media session of a participant left alone is kept.",
  },
  "min-participants": {
    type: int,
    default: 2,
    doc: "Members of a room before anybody is invited.",
  },
  "max-audio-senders": { type: int, default: 999_999, doc: "Most participants sending audio." },
  "max-video-senders": { type: int, default: 999_999, doc: "Most participants sending video." },
  "strip-simulcast": {
    type: bool,
    default: true,
    doc: "Signal one SSRC of a simulcast source to the others.",
  },
  "use-ssrc-rewriting": {
    type: bool,
    default: true,
    doc: "Let the bridge rewrite SSRCs for clients that know it.",
  },
  "use-rtp-mid-demux": {
    type: bool,
    default: true,
    doc: "Let the bridge stamp mid for clients that know it.",
  },
  "use-json-encoded-sources": {
    type: bool,
    default: true,
    doc: "Signal sources in the compact form to clients that know it.",
  },
  "shared-document.use-random-name": {
    type: bool,
    default: false,
    doc: "Name the shared document at random instead of by the room.",
  },
  "source-signaling-delays": {
    type: record(int),
    default: {} as Readonly<Record<string, number>>,
    doc: "Milliseconds to gather source changes, by conference size.",
  },
  "reinvite-method": {
    type: oneOf("RestartJingle", "ReplaceTransport"),
    default: "RestartJingle",
    state: notBuilt("participants are moved by a new session", {
      values: (method: string) => method !== "RestartJingle",
    }),
    doc: "How participants are moved to another bridge.",
  },
  "enable-ice-restart": {
    type: bool,
    default: true,
    doc: "Restart ICE within a session when the client asks for it.",
  },
  "restart-request-rate-limits.min-interval": {
    type: duration,
    default: 5000,
    doc: "Least time between two restarts of a participant.",
  },
  "restart-request-rate-limits.max-requests": {
    type: int,
    default: 5,
    doc: "Most restarts of a participant per interval.",
  },
  "restart-request-rate-limits.interval": {
    type: duration,
    default: 60_000,
    doc: "Interval of max-requests.",
  },
});

export const sctpKeys = keys("jicofo.sctp", {
  enabled: { type: bool, default: true, doc: "Offer data channels to clients that know SCTP." },
});
