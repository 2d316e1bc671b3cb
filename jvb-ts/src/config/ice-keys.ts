/** ICE and addresses (jvb-control 8.2 `ice`, 8.5). */
import {
  bool,
  duration,
  int,
  intBetween,
  keys,
  list,
  noEffect,
  notBuilt,
  oneOf,
  optional,
  period,
  port,
  raw,
  size,
  str,
  where,
} from "#shared/config/keys";
import { ice4j, inSeconds, inverted, legacy, listOf } from "./legacy-names.ts";

const positive = intBetween(1, 2 ** 31 - 1, "a whole number, at least 1");

function isHostAndPort(text: string): boolean {
  const port = Number(/^[^:\s]+:(\d{1,5})$/.exec(text)?.[1]);
  return port > 0 && port < 65_536;
}

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
  "resolve-remote-candidates": {
    type: bool,
    default: false,
    state: notBuilt("candidates that are host names are left out"),
    doc: "Resolve host names in candidates of endpoints.",
  },
  tcp: {
    type: optional(raw),
    state: noEffect("media goes over UDP, as upstream"),
    doc: "Keys of former versions.",
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
  "use-component-socket": {
    type: bool,
    default: true,
    legacy: [ice4j("ice.USE_COMPONENT_SOCKET")],
    state: noEffect("there is one socket for an address"),
    doc: "Merge the sockets of a component.",
  },
  "send-to-last-received-from-address": {
    type: bool,
    default: false,
    state: notBuilt("media goes to the selected pair"),
    doc: "Send to the address from which media came last.",
  },
  "redact-remote-addresses": {
    type: optional(bool),
    legacy: [ice4j("REDACT_REMOTE_ADDRESSES")],
    doc: "Mask addresses in logs although videobridge.redact-remote-addresses is false.",
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
    type: period,
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
  "harvest.timeout": {
    type: duration,
    default: 15_000,
    legacy: [inSeconds(ice4j("ice.harvest.HARVESTING_TIMEOUT"))],
    state: noEffect("host addresses are known at once"),
    doc: "Longest wait for one way of finding addresses.",
  },
  "harvest.udp.use-dynamic-ports": {
    type: bool,
    default: false,
    legacy: [ice4j("ice.harvest.USE_DYNAMIC_HOST_HARVESTER")],
    state: notBuilt("all media goes over the single port"),
    doc: "Open ports of their own for each endpoint.",
  },
  "harvest.udp.socket-pool-size": {
    type: int,
    default: 0,
    state: noEffect("every worker sends on the shared socket"),
    doc: "Sockets that send from the single port.",
  },
  "harvest.udp.receive-buffer-size": {
    type: size,
    default: 10_485_760,
    legacy: [ice4j("ice.harvest.AbstractUdpListener.SO_RCVBUF")],
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
    state: notBuilt("no cloud service is asked; give static-mappings or STUN servers"),
    doc: "Ask the AWS metadata service for our public address.",
  },
  "harvest.mapping.aws.force": {
    type: bool,
    default: false,
    legacy: [ice4j("ice.harvest.FORCE_AWS_HARVESTER")],
    state: notBuilt("no cloud service is asked; give static-mappings or STUN servers"),
    doc: "Ask it on other machines too.",
  },
  "harvest.mapping.stun.enabled": {
    type: optional(raw),
    state: noEffect("addresses decides"),
    doc: "A key of former versions.",
  },
});
