/**
 * Keys of features that this focus does not have yet, read all the same: what restricts access
 * stops the start, the rest is a warning (`unsupported.ts`).
 */
import { bool, duration, int, keys, oneOf, optional, record, str } from "#shared/config/keys";
import { connectionName } from "./bridge-keys.ts";

export const jibriKeys = keys("jicofo.jibri", {
  "brewery-jid": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.jibri.BREWERY"],
    doc: "Room in which the recorders are.",
  },
  "num-retries": {
    type: int,
    default: 5,
    legacy: ["org.jitsi.jicofo.NUM_JIBRI_RETRIES"],
    doc: "Retries with other recorders; -1 without limit.",
  },
  "pending-timeout": {
    type: duration,
    default: 90_000,
    legacy: [
      { name: "org.jitsi.jicofo.jibri.PENDING_TIMEOUT", convert: (seconds) => `${seconds} s` },
    ],
    doc: "How long a recorder may take to start; 0 is off.",
  },
  "xmpp-connection-name": {
    type: connectionName,
    default: "Client",
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
    doc: "Room in which the SIP recorders are.",
  },
});

export const jigasiKeys = keys("jicofo.jigasi", {
  "brewery-jid": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.jigasi.BREWERY"],
    doc: "Room in which the gateways are.",
  },
  "xmpp-connection-name": {
    type: connectionName,
    default: "Client",
    doc: "Connection over which the brewery is joined.",
  },
  "use-private-address-connectivity": {
    type: bool,
    default: true,
    doc: "Offer gateways the bridge's private addresses.",
  },
});

function exporterKeys<const P extends "transcription" | "translation">(name: P) {
  return {
    "url-template": { type: optional(str), doc: `Address of the ${name} service.` },
    "http-headers": {
      type: record(str),
      default: {} as Readonly<Record<string, string>>,
      doc: `Headers for the ${name} service.`,
    },
    "ping.enabled": { type: bool, default: true, doc: "Ping the service." },
    "ping.interval": { type: duration, default: 10_000, doc: "Pause between pings." },
    "ping.timeout": { type: duration, default: 3000, doc: "Deadline of a ping." },
  };
}

export const transcriptionKeys = keys("jicofo.transcription", exporterKeys("transcription"));

export const translationKeys = keys("jicofo.translation", {
  ...exporterKeys("translation"),
  mode: {
    type: oneOf("per-source", "single-bridge"),
    default: "per-source",
    doc: "Whether each source is translated on its own.",
  },
  "max-languages-per-connect": { type: int, default: 5, doc: "Most languages per connection." },
});

export const visitorKeys = keys("jicofo.visitors", {
  enabled: { type: bool, default: false, doc: "Send visitors to visitor nodes." },
  "max-participants": { type: int, default: 50, doc: "Beyond it people become visitors." },
  "max-visitors-per-node": { type: int, default: 500, doc: "Most visitors per node." },
  "notification-interval": {
    type: duration,
    default: 15_000,
    doc: "Pause between two announcements of the number of visitors.",
  },
  "auto-enable-broadcast": { type: bool, default: true, doc: "Connect nodes at once." },
  "require-muc-config-flag": {
    type: bool,
    default: false,
    doc: "Only rooms that allow visitors have any.",
  },
  "enable-live-room": {
    type: bool,
    default: false,
    doc: "Visitors wait until the room is live.",
  },
  "vnode-join-latency-interval": {
    type: duration,
    default: 60_000,
    doc: "How long a redirected visitor counts before it arrives.",
  },
});

export const tracingKeys = keys("tracing", {
  enabled: { type: bool, default: false, doc: "Send traces." },
  "service-name": { type: str, default: "jicofo", doc: "Name of this process in traces." },
});

/** Keys of older versions: accepted without a word (spec jicofo 11.2, last paragraph). */
export const formerKeys: readonly string[] = [
  "jicofo.conference.enable-lip-sync",
  "jicofo.conference.enable-multi-stream-backward-compat",
  "jicofo.task-pools",
  "jicofo.octo.id",
  "jicofo.reservation",
];
