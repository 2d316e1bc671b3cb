/**
 * Every configuration key of the bridge (jvb-control 8.2 to 8.5), declared once in the files beside
 * this one; only `main.ts` and `bridge-config.ts` read them.
 */
import type { LegacyProperties } from "#shared/config/known-properties";
import { ccKeys, speechKeys } from "./allocation-keys.ts";
import { bweKeys } from "./bwe-keys.ts";
import { privateHttpKeys, publicHttpKeys, restKeys, webSocketKeys } from "./http-keys.ts";
import { ice4jKeys, iceKeys } from "./ice-keys.ts";
import { healthKeys, lifeKeys, tracingKeys } from "./life-keys.ts";
import { loadKeys, reducerKeys } from "./load-keys.ts";
import { mediaDebugKeys } from "./media-debug-keys.ts";
import { jmtKeys } from "./media-keys.ts";
import { cryptexKeys, exporterKeys, octoKeys, relayKeys } from "./relay-keys.ts";
import { xmppKeys } from "./xmpp-keys.ts";

/** Every table, for loading, the manual and the surface check. */
export const allKeys = [
  lifeKeys,
  healthKeys,
  ccKeys,
  speechKeys,
  iceKeys,
  ice4jKeys,
  xmppKeys,
  restKeys,
  privateHttpKeys,
  publicHttpKeys,
  webSocketKeys,
  relayKeys,
  octoKeys,
  cryptexKeys,
  exporterKeys,
  loadKeys,
  reducerKeys,
  jmtKeys,
  bweKeys,
  mediaDebugKeys,
  tracingKeys,
] as const;

/** Properties that are read elsewhere, or that upstream reads or ignores without a key of its own. */
export const legacyProperties: LegacyProperties = {
  prefixes: ["org.jitsi.videobridge.", "org.ice4j."],
  others: [
    "org.jitsi.videobridge.xmpp.user.",
    "org.jitsi.videobridge.TCP_HARVESTER_",
    "org.jitsi.videobridge.DISABLE_TCP_HARVESTER",
    "org.jitsi.videobridge.STATISTICS_",
    "org.jitsi.videobridge.ENABLE_STATISTICS",
    "org.jitsi.videobridge.rest.jetty.",
    "org.jitsi.videobridge.rest.private.jetty.",
    "org.ice4j.BIND_RETRIES",
    "org.ice4j.BIND_WILDCARD",
    "org.ice4j.FIRST_CTRAN_RETRANS_AFTER",
    "org.ice4j.MAX_CTRAN_RETRANS_TIMER",
    "org.ice4j.MAX_RETRANSMISSIONS",
    "org.ice4j.NO_KEEP_ALIVES",
    "org.ice4j.ice.harvest.NAT_HARVESTER_LOCAL_ADDRESS",
    "org.ice4j.ice.harvest.NAT_HARVESTER_PUBLIC_ADDRESS",
  ],
};
