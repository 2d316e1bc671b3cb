/** XMPP connections (jvb-control 8.2 `apis.xmpp-client`). */
import { bool, int, keys, list, noEffect, optional, period, raw, str } from "#shared/config/keys";
import { mucClientProperties } from "../signaling/muc-client-config.ts";

export const xmppKeys = keys("videobridge.apis.xmpp-client", {
  "presence-interval": {
    type: period,
    default: 5000,
    follows: "videobridge.stats.interval",
    doc: "How often the statistics presence is sent.",
  },
  "stats-filter.enabled": {
    type: bool,
    default: false,
    doc: "Publish only the names of the whitelist.",
  },
  "stats-filter.whitelist": {
    type: list(str),
    default: [
      "average_participant_stress",
      "colibri2",
      "current_timestamp",
      "drain",
      "graceful_shutdown",
      "healthy",
      "region",
      "relay_id",
      "release",
      "shutting_down",
      "stress_level",
      "version",
    ],
    doc: "Statistics to publish when the filter is on.",
  },
  "jid-cache-size": {
    type: int,
    default: 1000,
    state: noEffect("there is no such cache"),
    doc: "Size of a cache of addresses.",
  },
  configs: {
    type: optional(raw),
    entryFields: mucClientProperties.map((name) => name.toLowerCase()),
    needsRestart: true,
    doc: "XMPP connections by id: hostname, domain, username, password, muc_jids, muc_nickname.",
  },
});
