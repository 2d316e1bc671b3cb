/** Life of conferences, endpoints and the process; health and statistics (jvb-control 8.2). */
import {
  bool,
  duration,
  int,
  intBetween,
  keys,
  noEffect,
  notBuilt,
  optional,
  period,
  raw,
  str,
} from "#shared/config/keys";
import { inSeconds, legacy } from "./legacy-names.ts";

export const lifeKeys = keys("videobridge", {
  "entity-expiration.timeout": {
    type: duration,
    default: 60_000,
    doc: "Inactivity before an endpoint may expire.",
  },
  "entity-expiration.check-interval": {
    type: period,
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
    type: period,
    default: 500,
    doc: "How often connections are checked.",
  },
  "stats.interval": {
    type: period,
    default: 5000,
    doc: "How often gauges of the statistics are refreshed.",
  },
  "stats.jvm.enabled": {
    type: bool,
    default: true,
    doc: "Publish process figures: threads, heap, garbage collection, open files.",
  },
  "stats.transit-time.enable-json": {
    type: bool,
    default: true,
    state: notBuilt("the time of packets in the bridge is not measured"),
    doc: "Show the time of packets in the bridge in the debug state.",
  },
  "stats.transit-time.enable-prometheus": {
    type: bool,
    default: false,
    state: notBuilt("the time of packets in the bridge is not measured"),
    doc: "Publish it at /metrics.",
  },
  "stats.transit-time.enable-jitter": {
    type: bool,
    default: false,
    state: notBuilt("the time of packets in the bridge is not measured"),
    doc: "Publish its jitter.",
  },
  "stats.enabled": {
    type: optional(raw),
    state: noEffect("statistics are always on"),
    doc: "A key of former versions.",
  },
  "stats.transports": {
    type: optional(raw),
    state: noEffect("statistics go to the brewery and to HTTP"),
    doc: "A key of former versions.",
  },
  "connection-stats.enabled": {
    type: bool,
    default: true,
    doc: "Tell endpoints figures of their connection.",
  },
  "connection-stats.interval": {
    type: period,
    default: 10_000,
    doc: "How often.",
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
  "redact-colibri-http-headers": {
    type: bool,
    default: true,
    state: noEffect("such headers are not logged at all"),
    doc: "Mask values of HTTP headers in COLIBRI requests in logs.",
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
  "sctp.max-channels": {
    type: int,
    default: 1,
    state: notBuilt("each endpoint has one data channel", { values: (most: number) => most > 1 }),
    doc: "Most data channels of an endpoint.",
  },
  "sctp.use-usrsctp": {
    type: optional(raw),
    state: noEffect("there is one SCTP"),
    doc: "A key of former versions.",
  },
  "transport.send.queue-size": {
    type: int,
    default: 1024,
    state: noEffect("packets leave in the batch in which they came"),
    doc: "Length of the queue of packets to an endpoint.",
  },
  "multi-stream": {
    type: optional(raw),
    state: noEffect("several sources a person are always on"),
    doc: "Keys of former versions.",
  },
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
    type: period,
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
    state: noEffect("as upstream"),
    doc: "Keep a failure until the restart.",
  },
  "max-check-duration": {
    type: duration,
    default: 3000,
    state: noEffect("checks take no time"),
    doc: "A check that takes longer fails.",
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
    default: "jvb",
    state: notBuilt("no traces are sent"),
    doc: "Name of this process in traces.",
  },
});
