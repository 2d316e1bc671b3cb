/** Other bridges, and what is sent to other services (jvb-control 8.2 `relay`, formerly `octo`). */
import {
  bool,
  duration,
  int,
  keys,
  noEffect,
  notBuilt,
  optional,
  raw,
  str,
} from "#shared/config/keys";
import { legacy } from "./legacy-names.ts";

const noRelays = "each conference stays on one bridge, relay_id is not published";

export const relayKeys = keys("videobridge.relay", {
  region: { type: optional(str), legacy: [legacy("REGION")], doc: "Region of this bridge." },
  "relay-id": {
    type: optional(str),
    state: notBuilt(noRelays),
    doc: "Id of this bridge among relays.",
  },
  enabled: {
    type: bool,
    default: false,
    state: notBuilt(noRelays),
    doc: "Join conferences over several bridges.",
  },
});

export const octoKeys = keys("videobridge.octo", {
  enabled: {
    type: optional(bool),
    state: notBuilt(noRelays, { values: (enabled) => enabled === true }),
    doc: "Older name of relay.enabled; wins over it.",
  },
  region: { type: optional(str), doc: "Older name of relay.region; wins over it." },
  "relay-id": {
    type: optional(str),
    state: notBuilt(noRelays),
    doc: "Older name of relay.relay-id; wins over it.",
  },
  "bind-address": {
    type: optional(str),
    state: notBuilt(noRelays),
    doc: "Older fallback for relay-id.",
  },
  "bind-port": {
    type: optional(raw),
    state: noEffect("upstream ignores it too"),
    doc: "A key of former versions.",
  },
  "public-address": {
    type: optional(raw),
    state: noEffect("upstream ignores it too"),
    doc: "A key of former versions.",
  },
});

export const cryptexKeys = keys("videobridge.cryptex", {
  endpoint: {
    type: bool,
    default: false,
    doc: "Encrypt header extensions to endpoints that can (RFC 9335).",
  },
  relay: {
    type: bool,
    default: false,
    state: notBuilt("there are no relays"),
    doc: "Encrypt header extensions to other bridges.",
  },
});

export const exporterKeys = keys("videobridge.exporter", {
  "max-reconnect-attempts": {
    type: optional(int),
    doc: "Most attempts to reach a recorder or transcriber again; unset: no bound.",
  },
  "base-delay": {
    type: duration,
    default: 1000,
    doc: "First pause between such attempts.",
  },
  "max-delay": {
    type: duration,
    default: 30_000,
    doc: "Longest pause between them.",
  },
  "stable-connection-threshold": {
    type: duration,
    default: 30_000,
    doc: "After this long a connection counts as good.",
  },
});
