/**
 * Every configuration key of the bridge (jvb-control 8.2 to 8.5), declared once. Only `main.ts`
 * reads them. Keys whose feature is not built yet stand in `laterKeys`: known, so that an
 * operator's file gives no warnings, but without effect.
 */
import {
  bandwidth,
  bool,
  double,
  duration,
  int,
  intBetween,
  keys,
  list,
  oneOf,
  optional,
  port,
  raw,
  record,
  size,
  str,
  where,
} from "#shared/config/keys";
import { SrtpProfile, type SrtpProfileId } from "./media/packet-io.ts";
import { openSslCipherSuite } from "./net/native-dtls.ts";

function isHostAndPort(text: string): boolean {
  const port = Number(/^[^:\s]+:(\d{1,5})$/.exec(text)?.[1]);
  return port > 0 && port < 65_536;
}

/** Configured names of the SRTP profiles. */
export const srtpProfileNames: Readonly<Record<string, SrtpProfileId>> = {
  SRTP_AEAD_AES_128_GCM: SrtpProfile.AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80: SrtpProfile.AES128_CM_HMAC_SHA1_80,
};

const legacy = (name: string): string => `org.jitsi.videobridge.${name}`;
const ice4j = (name: string): string => `org.ice4j.${name}`;
const rate = where(double, "a positive number", (value) => value > 0);
const positive = intBetween(1, 2 ** 31 - 1, "a whole number, at least 1");

const inverted = (name: string) => ({
  name,
  convert: (text: string): string | undefined => {
    if (/^true$/i.test(text)) return "false";
    return /^false$/i.test(text) ? "true" : undefined;
  },
});
const inSeconds = (name: string) => ({ name, convert: (text: string) => `${text} s` });
const listOf = (name: string, separator: string) => ({
  name,
  convert: (text: string): string =>
    `[${text
      .split(separator)
      .map((one) => JSON.stringify(one.trim()))
      .join(", ")}]`,
});

export const lifeKeys = keys("videobridge", {
  "entity-expiration.timeout": {
    type: duration,
    default: 60_000,
    doc: "Inactivity before an endpoint may expire.",
  },
  "entity-expiration.check-interval": {
    type: duration,
    default: 60_000,
    legacy: [inSeconds(legacy("EXPIRE_CHECK_SLEEP_SEC"))],
    follows: "videobridge.entity-expiration.timeout",
    doc: "How often endpoints and conferences are checked for expiry.",
  },
  "ep-connection-status.first-transfer-timeout": {
    type: duration,
    default: 15_000,
    legacy: [legacy("EndpointConnectionStatus.FIRST_TRANSFER_TIMEOUT")],
    doc: "An endpoint that never sent anything counts as disconnected after this long.",
  },
  "ep-connection-status.max-inactivity-limit": {
    type: duration,
    default: 8000,
    legacy: [legacy("EndpointConnectionStatus.MAX_INACTIVITY_LIMIT")],
    doc: "A silent endpoint counts as disconnected after this long.",
  },
  "ep-connection-status.check-interval": {
    type: duration,
    default: 500,
    doc: "How often connections are checked.",
  },
  "stats.interval": {
    type: duration,
    default: 5000,
    doc: "How often gauges of the statistics are refreshed.",
  },
  "stats.jvm.enabled": {
    type: bool,
    default: true,
    doc: "Publish process figures: threads, heap, garbage collection, open files.",
  },
  "stats-filter-threshold": {
    type: int,
    default: 20,
    doc: "Above this many endpoints EndpointStats go only to those who watch the sender.",
  },
  "initial-drain-mode": { type: bool, default: false, doc: "Start in drain mode." },
  "redact-remote-addresses": {
    type: bool,
    default: true,
    doc: "Mask addresses of participants in logs.",
  },
  "shutdown.graceful-shutdown-max-duration": {
    type: duration,
    default: 86_400_000,
    doc: "Longest wait for participants to leave in graceful shutdown.",
  },
  "shutdown.graceful-shutdown-min-participants": {
    type: int,
    default: 0,
    doc: "Graceful shutdown goes on when no more local endpoints than this remain.",
  },
  "shutdown.shutting-down-delay": {
    type: duration,
    default: 60_000,
    doc: "Time between announcing the shutdown and the end of the process.",
  },
  "version.announce": {
    type: bool,
    default: false,
    doc: "Tell clients the version in ServerHello.",
  },
  "version.release": {
    type: optional(str),
    doc: "Release name published in the statistics.",
  },
  "sctp.enabled": { type: bool, default: true, doc: "Offer data channels." },
  "ts.workers": {
    type: intBetween(0, 256, "a whole number from 0 to 256"),
    default: 0,
    needsRestart: true,
    doc: "Most media worker threads; 0: one fewer than cores, at least one. Started when needed.",
  },
  "ts.version": {
    type: optional(str),
    doc: "Version to publish instead of our own, for clusters mixed with upstream's bridges.",
  },
});

export const healthKeys = keys("videobridge.health", {
  interval: {
    type: duration,
    default: 60_000,
    legacy: [legacy("health.INTERVAL")],
    doc: "How often health is checked.",
  },
  timeout: {
    type: duration,
    default: 90_000,
    legacy: [legacy("health.TIMEOUT")],
    doc: "Without a check for this long the bridge is unhealthy.",
  },
  "require-valid-address": {
    type: bool,
    default: true,
    doc: "A public address must be available.",
  },
  "require-stun": { type: bool, default: false, doc: "STUN discovery must have succeeded." },
  "sticky-failures": {
    type: bool,
    default: false,
    legacy: [legacy("health.STICKY_FAILURES")],
    doc: "Accepted; without effect, as upstream.",
  },
  "max-check-duration": {
    type: duration,
    default: 3000,
    doc: "A check that takes longer fails; checks here take no time.",
  },
});

export const ccKeys = keys("videobridge.cc", {
  "default-max-height-px": {
    type: int,
    default: 180,
    doc: "Default constraint when the first constraints message has none.",
  },
  "initial-max-height-px": {
    type: int,
    default: 0,
    doc: "Default constraint before any constraints message.",
  },
  "onstage-preferred-height-px": {
    type: int,
    default: 360,
    legacy: [legacy("ONSTAGE_PREFERRED_HEIGHT")],
    doc: "Height preferred for a source on stage.",
  },
  "onstage-preferred-framerate": {
    type: double,
    default: 30,
    legacy: [legacy("ONSTAGE_PREFERRED_FRAME_RATE")],
    doc: "Frame rate preferred for a source on stage.",
  },
  "allow-oversend-onstage": {
    type: bool,
    default: true,
    legacy: [inverted(legacy("ENABLE_ONSTAGE_VIDEO_SUSPEND"))],
    doc: "A source on stage may exceed the estimate rather than be suspended.",
  },
  "max-oversend-bitrate": {
    type: bandwidth,
    default: 500_000,
    doc: "By how much it may exceed the estimate.",
  },
  "max-time-between-calculations": {
    type: duration,
    default: 5000,
    doc: "Allocation is computed anew at least this often.",
  },
  "jvb-last-n": { type: int, default: -1, doc: "Bridge-wide last-N; -1 unlimited." },
  "initial-last-n": { type: int, default: -1, doc: "Last-N of a new endpoint; -1 unlimited." },
  "assumed-bandwidth-limit": {
    type: optional(bandwidth),
    doc: "Upper bound for assumedBandwidthBps; unset: clients cannot set it.",
  },
});

export const speechKeys = keys("videobridge", {
  "speech-activity.recent-speakers-count": {
    type: int,
    default: 10,
    doc: "Previous speakers told to clients.",
  },
  "speech-activity.enable-silence-detection": {
    type: bool,
    default: false,
    doc: "Tell clients when nobody speaks.",
  },
  "speech-activity.silence-detection-timeout": {
    type: duration,
    default: 3000,
    doc: "Silence begins after this long without speech.",
  },
  "loudest.route-loudest-only": {
    type: bool,
    default: false,
    doc: "Forward audio of the loudest endpoints only.",
  },
  "loudest.num-loudest": { type: int, default: 3, doc: "How many are forwarded then." },
  "loudest.always-route-dominant": {
    type: bool,
    default: true,
    doc: "Forward the dominant speaker in any case.",
  },
  "loudest.energy-expire-time": {
    type: duration,
    default: 150,
    doc: "Energy of an endpoint without packets counts for this long.",
  },
  "loudest.energy-alpha-pct": {
    type: intBetween(0, 100),
    default: 50,
    doc: "Weight of a new energy value in per cent.",
  },
  "ssrc-limit.video": { type: int, default: 50, doc: "Video sources per receiver at most." },
});

export const iceKeys = keys("videobridge.ice", {
  "udp.port": {
    type: port,
    default: 10_000,
    legacy: [legacy("SINGLE_PORT_HARVESTER_PORT")],
    needsRestart: true,
    doc: "UDP port shared by all endpoints.",
  },
  "ufrag-prefix": {
    type: optional(str),
    legacy: [legacy("ICE_UFRAG_PREFIX")],
    doc: "Prefix of every local ufrag.",
  },
  "keep-alive-strategy": {
    type: oneOf("selected_only", "selected_and_tcp", "all_succeeded"),
    default: "selected_only",
    legacy: [legacy("KEEP_ALIVE_STRATEGY")],
    doc: "Which candidate pairs are kept alive.",
  },
  "nomination-strategy": {
    type: oneOf(
      "NominateFirstHostOrReflexiveValid",
      "NominateFirstValid",
      "NominateHighestPriority",
      "NominateBestRTT",
    ),
    default: "NominateFirstHostOrReflexiveValid",
    doc: "Which candidate pair is nominated.",
  },
  "advertise-private-candidates": {
    type: bool,
    default: true,
    doc: "Tell endpoints private addresses of the bridge.",
  },
  "restart.enabled": { type: bool, default: true, doc: "Allow ICE restarts in place." },
  "restart.transition-window": {
    type: duration,
    default: 3000,
    doc: "The old agent is kept this long after a restart.",
  },
  "restart.timeout": {
    type: duration,
    default: 20_000,
    doc: "A restart that has not connected after this long is given up; 0 disables restarts.",
  },
});

export const ice4jKeys = keys("ice4j", {
  software: {
    type: str,
    default: "ice4j.org",
    legacy: [ice4j("SOFTWARE")],
    doc: "STUN SOFTWARE attribute; empty for none.",
  },
  "ice.max-check-list-size": {
    type: positive,
    default: 100,
    legacy: [ice4j("MAX_CHECK_LIST_SIZE")],
    doc: "Candidate pairs per check list.",
  },
  "ice.termination-delay": {
    type: duration,
    default: 3000,
    legacy: [ice4j("TERMINATION_DELAY")],
    doc: "Checks go on for this long after nomination.",
  },
  "consent-freshness.interval": {
    type: duration,
    default: 5000,
    legacy: [ice4j("ice.CONSENT_FRESHNESS_INTERVAL")],
    doc: "Time between consent checks.",
  },
  "consent-freshness.original-wait-interval": {
    type: duration,
    default: 500,
    legacy: [ice4j("ice.CONSENT_FRESHNESS_WAIT_INTERVAL")],
    doc: "First retransmission of a consent check.",
  },
  "consent-freshness.max-wait-interval": {
    type: duration,
    default: 500,
    legacy: [ice4j("ice.CONSENT_FRESHNESS_MAX_WAIT_INTERVAL")],
    doc: "Longest time between its retransmissions.",
  },
  "consent-freshness.max-retransmissions": {
    type: int,
    default: 5,
    legacy: [ice4j("ice.CONSENT_FRESHNESS_MAX_RETRANSMISSIONS")],
    doc: "Retransmissions of a consent check.",
  },
  "consent-freshness.randomize-interval": {
    type: bool,
    default: true,
    doc: "Vary the interval by a fifth either way.",
  },
  "harvest.use-ipv6": {
    type: bool,
    default: true,
    legacy: [inverted(ice4j("ipv6.DISABLED"))],
    needsRestart: true,
    doc: "Use IPv6 addresses.",
  },
  "harvest.use-link-local-addresses": {
    type: bool,
    default: false,
    legacy: [inverted(ice4j("ice.harvest.DISABLE_LINK_LOCAL_ADDRESSES"))],
    needsRestart: true,
    doc: "Use link-local addresses.",
  },
  "harvest.udp.receive-buffer-size": {
    type: size,
    default: 10_485_760,
    needsRestart: true,
    doc: "SO_RCVBUF of the sockets.",
  },
  "harvest.allowed-addresses": {
    type: list(str),
    default: [],
    legacy: [listOf(ice4j("ice.harvest.ALLOWED_ADDRESSES"), ";")],
    needsRestart: true,
    doc: "Use only these local addresses; empty: all.",
  },
  "harvest.blocked-addresses": {
    type: list(str),
    default: [],
    legacy: [listOf(ice4j("ice.harvest.BLOCKED_ADDRESSES"), ";")],
    needsRestart: true,
    doc: "Never use these local addresses.",
  },
  "harvest.allowed-interfaces": {
    type: list(str),
    default: [],
    legacy: [listOf(ice4j("ice.harvest.ALLOWED_INTERFACES"), ";")],
    needsRestart: true,
    doc: "Use only these interfaces; empty: all.",
  },
  "harvest.blocked-interfaces": {
    type: list(str),
    default: [],
    legacy: [listOf(ice4j("ice.harvest.BLOCKED_INTERFACES"), ";")],
    needsRestart: true,
    doc: "Never use these interfaces.",
  },
  "harvest.mapping.stun.addresses": {
    type: where(list(str), "a list of host:port", (servers) => servers.every(isHostAndPort)),
    default: [],
    legacy: [listOf(ice4j("ice.harvest.STUN_MAPPING_HARVESTER_ADDRESSES"), ",")],
    needsRestart: true,
    doc: "STUN servers (host:port) asked for our public address.",
  },
  "harvest.mapping.static-mappings": {
    type: list(raw),
    default: [],
    needsRestart: true,
    doc: "Mappings of local to public addresses.",
  },
  "harvest.mapping.aws.enabled": {
    type: bool,
    default: true,
    legacy: [inverted(ice4j("ice.harvest.DISABLE_AWS_HARVESTER"))],
    needsRestart: true,
    doc: "Ask the AWS metadata service for our public address.",
  },
});

export const xmppKeys = keys("videobridge.apis.xmpp-client", {
  "presence-interval": {
    type: duration,
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
  "jid-cache-size": { type: int, default: 1000, doc: "Accepted; there is no such cache." },
  configs: {
    type: optional(raw),
    needsRestart: true,
    doc: "XMPP connections by id: hostname, domain, username, password, muc_jids, muc_nickname.",
  },
});

export const restKeys = keys("videobridge", {
  "apis.rest.enabled": {
    type: bool,
    default: false,
    legacy: [legacy("ENABLE_REST_COLIBRI")],
    needsRestart: true,
    doc: "Serve /colibri: conferences, statistics, MUC clients.",
  },
  "rest.debug.enabled": { type: bool, default: true, doc: "Serve /debug." },
  "rest.drain.enabled": { type: bool, default: true, doc: "Serve /colibri/drain." },
  "rest.health.enabled": { type: bool, default: true, doc: "Serve /about/health." },
  "rest.prometheus.enabled": { type: bool, default: true, doc: "Serve /metrics." },
  "rest.rtcstats.enabled": { type: bool, default: true, doc: "Serve /stats." },
  "rest.version.enabled": { type: bool, default: true, doc: "Serve /about/version." },
  "rest.shutdown.enabled": {
    type: bool,
    default: false,
    legacy: [legacy("ENABLE_REST_SHUTDOWN")],
    doc: "Serve /colibri/shutdown, when apis.rest is enabled too.",
  },
});

const tlsCipherSuites = [
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
] as const;

/** One HTTP server. With a key store and a `tls-port` it serves TLS only. */
function httpKeys(name: "private" | "public") {
  const old = name === "private" ? "rest.private.jetty" : "rest.jetty";
  return keys(`videobridge.http-servers.${name}`, {
    port: {
      type: port,
      default: name === "private" ? 8080 : -1,
      legacy: [legacy(`${old}.port`)],
      needsRestart: true,
      doc: "Port; -1: the server is off.",
    },
    host: {
      type: optional(str),
      ...(name === "private" ? { default: "127.0.0.1" } : {}),
      legacy: [legacy(`${old}.host`)],
      needsRestart: true,
      doc: "Address to listen on; unset: all.",
    },
    "tls-port": {
      type: port,
      default: name === "private" ? 8443 : -1,
      legacy: [legacy(`${old}.tls.port`)],
      needsRestart: true,
      doc: "Port for TLS, when key-store-path is set.",
    },
    "key-store-path": {
      type: optional(str),
      legacy: [legacy(`${old}.sslContextFactory.keyStorePath`)],
      needsRestart: true,
      doc: "PKCS12 or PEM file with certificate chain and key.",
    },
    "key-store-password": {
      type: optional(str),
      legacy: [legacy(`${old}.sslContextFactory.keyStorePassword`)],
      needsRestart: true,
      doc: "Password of the key store.",
    },
    "need-client-auth": {
      type: bool,
      default: false,
      legacy: [legacy(`${old}.sslContextFactory.needClientAuth`)],
      needsRestart: true,
      doc: "Demand a certificate of clients.",
    },
    "tls-protocols": {
      type: list(str),
      default: ["TLSv1.2", "TLSv1.3"],
      needsRestart: true,
      doc: "Versions of TLS.",
    },
    "tls-cipher-suites": {
      type: list(str),
      default: tlsCipherSuites,
      needsRestart: true,
      doc: "Cipher suites of TLS 1.2.",
    },
    "send-server-version": {
      type: bool,
      default: false,
      doc: "Accepted; no Server header is sent.",
    },
  });
}
export const privateHttpKeys = httpKeys("private");
export const publicHttpKeys = httpKeys("public");

export const webSocketKeys = keys("videobridge.websockets", {
  enabled: {
    type: bool,
    default: false,
    legacy: [inverted(legacy("rest.COLIBRI_WS_DISABLE"))],
    needsRestart: true,
    doc: "Offer the bridge channel over WebSocket.",
  },
  "server-id": {
    type: str,
    default: "default-id",
    legacy: [legacy("rest.COLIBRI_WS_SERVER_ID")],
    needsRestart: true,
    doc: "Part of the URL path that tells bridges behind one proxy apart.",
  },
  "enable-compression": { type: bool, default: true, doc: "Accept permessage-deflate." },
  "send-keepalive-pings": { type: bool, default: true, doc: "Ping idle clients." },
  "keepalive-ping-interval": { type: duration, default: 15_000, doc: "How often." },
  "idle-timeout": {
    type: duration,
    default: 60_000,
    doc: "Close a WebSocket without frames for this long.",
  },
  tls: {
    type: optional(bool),
    legacy: [legacy("rest.COLIBRI_WS_TLS")],
    doc: "Advertise wss (true) or ws (false); unset: wss when the public server has TLS.",
  },
  domains: {
    type: list(str),
    default: [],
    doc: "host[:port] of the advertised URLs, one URL each.",
  },
  domain: {
    type: optional(str),
    legacy: [legacy("rest.COLIBRI_WS_DOMAIN")],
    doc: "Older form of domains; put first.",
  },
});

export const relayKeys = keys("videobridge.relay", {
  region: { type: optional(str), legacy: [legacy("REGION")], doc: "Region of this bridge." },
  "relay-id": { type: optional(str), doc: "Id of this bridge among relays." },
  enabled: { type: bool, default: false, doc: "Join conferences over several bridges." },
});

export const octoKeys = keys("videobridge.octo", {
  enabled: { type: optional(bool), doc: "Older name of relay.enabled; wins over it." },
  region: { type: optional(str), doc: "Older name of relay.region; wins over it." },
  "relay-id": { type: optional(str), doc: "Older name of relay.relay-id; wins over it." },
  "bind-address": { type: optional(str), doc: "Older fallback for relay-id." },
});

export const loadKeys = keys("videobridge.load-management", {
  "load-measurements.load-measurement": {
    type: oneOf("cpu-usage", "packet-rate"),
    default: "cpu-usage",
    needsRestart: true,
    doc: "What stress is measured by.",
  },
  "load-measurements.packet-rate.load-threshold": {
    type: rate,
    default: 50_000,
    doc: "Packets per second that make stress 1.",
  },
  "load-measurements.packet-rate.recovery-threshold": {
    type: rate,
    default: 40_000,
    doc: "Packets per second below which the bridge has recovered.",
  },
  "load-measurements.cpu-usage.load-threshold": {
    type: rate,
    default: 0.9,
    doc: "CPU load that makes stress 1.",
  },
  "load-measurements.cpu-usage.recovery-threshold": {
    type: rate,
    default: 0.72,
    doc: "CPU load below which the bridge has recovered.",
  },
  "load-measurements.cpu-usage.detect-cpu-steal": {
    type: bool,
    default: true,
    doc: "Count time stolen by the hypervisor as load.",
  },
  "average-participant-stress": {
    type: double,
    default: 0.01,
    doc: "Stress one participant adds, told to the focus.",
  },
  "conference-last-n-limits": {
    type: record(int),
    default: {},
    doc: "Conference size to last-N.",
  },
});

const defaultCipherSuites = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
] as const;

export const jmtKeys = keys("jmt", {
  "dtls.cipher-suites": {
    type: where(list(str), "a list of TLS 1.2 cipher suites", (names) => {
      return names.length > 0 && names.every((name) => openSslCipherSuite(name) !== undefined);
    }),
    default: defaultCipherSuites,
    doc: "Cipher suites of DTLS, best first.",
  },
  "srtp.protection-profiles": {
    type: where(list(str), "a list of SRTP profiles we have", (names) => {
      return names.some((name) => Object.hasOwn(srtpProfileNames, name));
    }),
    default: Object.keys(srtpProfileNames),
    doc: "SRTP protection profiles, best first.",
  },
  "audio.level.forwarded-silence-packets-limit": {
    type: int,
    default: 3,
    doc: "Silent audio packets forwarded before silence is dropped.",
  },
  "audio.level.discard-silence": { type: bool, default: true, doc: "Drop silent audio." },
  "audio.red.policy": {
    type: oneOf("NOOP", "STRIP", "PROTECT_ALL"),
    default: "NOOP",
    doc: "What happens to RED audio.",
  },
  "keyframe.min-interval": {
    type: duration,
    default: 200,
    doc: "Between key frame requests of one receiver for one source.",
  },
  "keyframe.max-requests": {
    type: int,
    default: 3,
    doc: "Requests within max-request-interval.",
  },
  "keyframe.max-request-interval": {
    type: duration,
    default: 10_000,
    doc: "Window of max-requests.",
  },
  "keyframe.source-wide-min-interval": {
    type: duration,
    default: 200,
    doc: "Between key frame requests for one source.",
  },
});

/** Known, so that files of upstream's read without warnings; nothing here has an effect yet. */
const accepted = { type: optional(raw), doc: "Accepted; no effect yet." } as const;
const acceptedKeys = (prefix: string, names: readonly string[]) =>
  keys(prefix, Object.fromEntries(names.map((name) => [name, accepted])));

export const laterKeys = [
  acceptedKeys("videobridge", [
    "cryptex.endpoint",
    "cryptex.relay",
    "cc.bwe-change-threshold",
    "cc.bwe-change-threshold-pct",
    "cc.thumbnail-max-height-px",
    "cc.enable-onstage-video-suspend",
    "cc.trust-bwe",
    "cc.padding-period",
    "cc.use-vla-target-bitrate",
    "cc.initial-ignore-bwe-period",
    "load-management.reducer-enabled",
    "load-management.load-reducers.last-n.reduction-scale",
    "load-management.load-reducers.last-n.recover-scale",
    "load-management.load-reducers.last-n.impact-time",
    "load-management.load-reducers.last-n.minimum-last-n-value",
    "load-management.load-reducers.last-n.maximum-enforced-last-n-value",
    "sctp.max-channels",
    "sctp.use-usrsctp",
    "stats.enabled",
    "stats.transports",
    "stats.transit-time.enable-json",
    "stats.transit-time.enable-prometheus",
    "stats.transit-time.enable-jitter",
    "websockets.relay-domain",
    "websockets.relay-domains",
    "ice.resolve-remote-candidates",
    "ice.tcp",
    "octo.bind-port",
    "octo.public-address",
    "multi-stream",
    "transport.send.queue-size",
    "redact-colibri-http-headers",
    "connection-stats.enabled",
    "connection-stats.interval",
    "ssrc-limit.audio",
    "exporter.max-reconnect-attempts",
    "exporter.base-delay",
    "exporter.max-delay",
    "exporter.stable-connection-threshold",
  ]),
  acceptedKeys("ice4j", [
    "use-component-socket",
    "send-to-last-received-from-address",
    "redact-remote-addresses",
    "harvest.timeout",
    "harvest.udp.use-dynamic-ports",
    "harvest.udp.socket-pool-size",
    "harvest.mapping.aws.force",
    "harvest.mapping.stun.enabled",
  ]),
  acceptedKeys("tracing", ["enabled", "service-name"]),
] as const;

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
  loadKeys,
  jmtKeys,
  ...laterKeys,
] as const;

/** Paths below which any key is accepted. */
export const openPaths = [
  "videobridge.apis.xmpp-client.configs",
  "videobridge.ice.tcp",
  "videobridge.multi-stream",
  "videobridge.load-management.conference-last-n-limits",
  "jmt",
];
