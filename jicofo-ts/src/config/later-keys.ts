/** Keys of features that this focus does not have yet, and of former versions. */
import {
  bool,
  duration,
  int,
  keys,
  noEffect,
  notBuilt,
  oneOf,
  optional,
  raw,
  record,
  str,
} from "#shared/config/keys";
import { connectionName } from "./bridge-keys.ts";

export const jibriKeys = keys("jicofo.jibri", {
  "brewery-jid": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.jibri.BREWERY"],
    state: notBuilt("nothing is recorded"),
    doc: "Room in which the recorders are.",
  },
  "num-retries": {
    type: int,
    default: 5,
    legacy: ["org.jitsi.jicofo.NUM_JIBRI_RETRIES"],
    state: notBuilt("nothing is recorded"),
    doc: "Retries with other recorders; -1 without limit.",
  },
  "pending-timeout": {
    type: duration,
    default: 90_000,
    legacy: [
      { name: "org.jitsi.jicofo.jibri.PENDING_TIMEOUT", convert: (seconds) => `${seconds} s` },
    ],
    state: notBuilt("nothing is recorded"),
    doc: "How long a recorder may take to start; 0 is off.",
  },
  "xmpp-connection-name": {
    type: connectionName,
    default: "Client",
    state: notBuilt("the brewery is not joined"),
    doc: "Connection over which the brewery is joined.",
  },
  "use-private-address-connectivity": {
    type: bool,
    default: true,
    doc: "Offer recorders the bridge's private addresses.",
  },
});

export const jibriSipKeys = keys("jicofo.jibri-sip", {
  "brewery-jid": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.jibri.SIP_BREWERY"],
    state: notBuilt("no SIP video calls are made"),
    doc: "Room in which the SIP recorders are.",
  },
});

export const jigasiKeys = keys("jicofo.jigasi", {
  "brewery-jid": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.jigasi.BREWERY"],
    state: notBuilt("nobody can dial"),
    doc: "Room in which the gateways are.",
  },
  "xmpp-connection-name": {
    type: connectionName,
    default: "Client",
    state: notBuilt("the brewery is not joined"),
    doc: "Connection over which the brewery is joined.",
  },
  "use-private-address-connectivity": {
    type: bool,
    default: true,
    doc: "Offer gateways the bridge's private addresses.",
  },
});

function exporterKeys<const P extends "transcription" | "translation">(name: P) {
  const state = notBuilt<never>(`there is no ${name}`);
  return {
    "url-template": { type: optional(str), state, doc: `Address of the ${name} service.` },
    "http-headers": {
      type: record(str),
      default: {} as Readonly<Record<string, string>>,
      secret: true,
      state,
      doc: `Headers for the ${name} service.`,
    },
    "ping.enabled": { type: bool, default: true, state, doc: "Ping the service." },
    "ping.interval": { type: duration, default: 10_000, state, doc: "Pause between pings." },
    "ping.timeout": { type: duration, default: 3000, state, doc: "Deadline of a ping." },
  };
}

export const transcriptionKeys = keys("jicofo.transcription", exporterKeys("transcription"));

export const translationKeys = keys("jicofo.translation", {
  ...exporterKeys("translation"),
  mode: {
    type: oneOf("per-source", "single-bridge"),
    default: "per-source",
    state: notBuilt("there is no translation"),
    doc: "Whether each source is translated on its own.",
  },
  "max-languages-per-connect": {
    type: int,
    default: 5,
    state: notBuilt("there is no translation"),
    doc: "Most languages per connection.",
  },
});

const noVisitors = "nobody is sent to a visitor node";

export const visitorKeys = keys("jicofo.visitors", {
  enabled: {
    type: bool,
    default: false,
    state: notBuilt("those who should be visitors would join with all rights, beyond the limit", {
      restricts: true,
      remedy: "set it to false to let everybody take part, or keep upstream's focus",
    }),
    doc: "Send visitors to visitor nodes.",
  },
  "max-participants": {
    type: int,
    default: 50,
    state: notBuilt(noVisitors),
    doc: "Beyond it people become visitors.",
  },
  "max-visitors-per-node": {
    type: int,
    default: 500,
    state: notBuilt(noVisitors),
    doc: "Most visitors per node.",
  },
  "notification-interval": {
    type: duration,
    default: 15_000,
    state: notBuilt(noVisitors),
    doc: "Pause between two announcements of the number of visitors.",
  },
  "auto-enable-broadcast": {
    type: bool,
    default: true,
    state: notBuilt(noVisitors),
    doc: "Connect nodes at once.",
  },
  "require-muc-config-flag": {
    type: bool,
    default: false,
    state: notBuilt(noVisitors),
    doc: "Only rooms that allow visitors have any.",
  },
  "enable-live-room": {
    type: bool,
    default: false,
    state: notBuilt(noVisitors),
    doc: "Visitors wait until the room is live.",
  },
  "vnode-join-latency-interval": {
    type: duration,
    default: 60_000,
    state: notBuilt(noVisitors),
    doc: "How long a redirected visitor counts before it arrives.",
  },
});

export const tracingKeys = keys("tracing", {
  enabled: {
    type: bool,
    default: false,
    state: notBuilt("no traces are sent"),
    doc: "Send traces.",
  },
  "service-name": {
    type: str,
    default: "jicofo",
    state: notBuilt("no traces are sent"),
    doc: "Name of this process in traces.",
  },
});

const former = (why: string) =>
  ({ type: optional(raw), state: noEffect(why), doc: "A key of former versions." }) as const;

/** Keys of older versions: accepted without a word (spec jicofo 11.2, last paragraph). */
export const formerKeys = keys("jicofo", {
  "conference.enable-lip-sync": former("upstream ignores it too"),
  "conference.enable-multi-stream-backward-compat": former("upstream ignores it too"),
  "task-pools": former("there are no pools of threads"),
  "octo.id": former("upstream ignores it too"),
  reservation: former("as upstream; Prosody's mod_reservations asks the booking system"),
});
