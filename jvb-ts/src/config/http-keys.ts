/** HTTP servers, what they serve, and WebSockets (jvb-control 8.2, 8.3). */
import {
  bool,
  duration,
  keys,
  list,
  noEffect,
  notBuilt,
  optional,
  period,
  port,
  str,
} from "#shared/config/keys";
import { inverted, legacy } from "./legacy-names.ts";

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
      state: noEffect("no Server header is sent"),
      doc: "Name the server's version in answers.",
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
  "keepalive-ping-interval": { type: period, default: 15_000, doc: "How often." },
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
  "relay-domains": {
    type: list(str),
    default: [],
    state: notBuilt("there are no relays"),
    doc: "The same for other bridges; domains unless given.",
  },
  "relay-domain": {
    type: optional(str),
    state: notBuilt("there are no relays"),
    doc: "Older form of relay-domains.",
  },
});
