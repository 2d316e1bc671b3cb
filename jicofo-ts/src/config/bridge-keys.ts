/** `jicofo.bridge.*`, `jicofo.octo.*` and the focus' region (spec jicofo 6, 11.2). */
import {
  bool,
  double,
  duration,
  int,
  keys,
  list,
  noEffect,
  notBuilt,
  oneOf,
  optional,
  period,
  str,
  where,
} from "#shared/config/keys";
import { strategyNames } from "../bridge/settings.ts";

const packagePrefix = "org.jitsi.jicofo.bridge.";
const known = [...strategyNames, "VisitorSelectionStrategy"];
const expected = `one of ${known.join(", ")}`;

/** A strategy by its name, bare or with upstream's package prefix. */
export function bareStrategy(name: string): string {
  return name.startsWith(packagePrefix) ? name.slice(packagePrefix.length) : name;
}

const strategy = where(str, expected, (name) => known.includes(bareStrategy(name)));

export const connectionName = oneOf("Client", "Service");

export const bridgeKeys = keys("jicofo.bridge", {
  "brewery-jid": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.BRIDGE_MUC"],
    doc: "Room in which the bridges are; without it there are none.",
  },
  "xmpp-connection-name": {
    type: connectionName,
    default: "Service",
    doc: "Connection over which the brewery is joined.",
  },
  "max-bridge-participants": {
    type: int,
    default: 80,
    legacy: ["org.jitsi.jicofo.BridgeSelector.MAX_PARTICIPANTS_PER_BRIDGE"],
    doc: "Most participants of one conference on one bridge; 0 or less means no limit.",
  },
  "max-bridge-participants-per-interval": {
    type: int,
    default: -1,
    doc: "Most participants of one conference added to one bridge per interval; 0 or less is off.",
  },
  "max-bridge-participants-interval": {
    type: duration,
    default: 60_000,
    doc: "Interval of max-bridge-participants-per-interval.",
  },
  "average-participant-stress": {
    type: double,
    default: 0.01,
    doc: "Stress of one participant until the bridge reports its own figure.",
  },
  "participant-rampup-interval": {
    type: duration,
    default: 20_000,
    doc: "How long a new participant is added on top of the stress that the bridge reports.",
  },
  "stress-threshold": {
    type: double,
    default: 0.8,
    doc: "Stress at and above which a bridge is overloaded.",
  },
  "failure-reset-threshold": {
    type: duration,
    default: 60_000,
    legacy: ["org.jitsi.focus.BRIDGE_FAILURE_RESET_THRESHOLD"],
    doc: "How long a bridge that failed is left out at least.",
  },
  "selection-strategy": {
    type: strategy,
    default: "SingleBridgeSelectionStrategy",
    state: notBuilt("everybody gets a bridge by participant-selection-strategy", {
      values: (name: string) => bareStrategy(name) === "VisitorSelectionStrategy",
    }),
    legacy: ["org.jitsi.jicofo.BridgeSelector.BRIDGE_SELECTION_STRATEGY"],
    doc: "How a bridge is chosen among those that qualify.",
  },
  "participant-selection-strategy": {
    type: optional(strategy),
    doc: "Strategy for participants, with VisitorSelectionStrategy.",
  },
  "visitor-selection-strategy": {
    type: optional(strategy),
    state: noEffect("there are no visitors"),
    doc: "Strategy for visitors, with VisitorSelectionStrategy.",
  },
  "topology-strategy": {
    type: str,
    default: "SingleMeshTopologyStrategy",
    state: notBuilt("bridges are not linked"),
    doc: "How several bridges of a conference are linked.",
  },
  "region-groups": {
    type: list(list(str)),
    default: [] as readonly (readonly string[])[],
    doc: "Regions that are close to each other.",
  },
  "health-checks.enabled": {
    type: bool,
    default: true,
    legacy: [
      {
        name: "org.jitsi.jicofo.HEALTH_CHECK_INTERVAL",
        convert: (ms) => String(Number(ms) > 0),
      },
    ],
    doc: "Ask bridges for their health.",
  },
  "health-checks.interval": {
    type: period,
    default: 10_000,
    // 0 switches the checks off.
    legacy: [
      {
        name: "org.jitsi.jicofo.HEALTH_CHECK_INTERVAL",
        convert: (ms) => (Number(ms) > 0 ? ms : undefined),
      },
    ],
    doc: "Pause between two checks of a bridge.",
  },
  "health-checks.retry-delay": {
    type: optional(duration),
    legacy: ["org.jitsi.jicofo.HEALTH_CHECK_2NDTRY_DELAY"],
    doc: "Pause before the second question to a bridge that did not answer; half the interval unless given, 0 for none.",
  },
  "health-checks.use-presence": {
    type: bool,
    default: false,
    doc: "Judge bridges by their presence instead of asking.",
  },
  "health-checks.presence-timeout": {
    type: duration,
    default: 45_000,
    doc: "Age of presence beyond which a bridge counts as gone, with use-presence.",
  },
  "ice-failure-detection.enabled": {
    type: bool,
    default: false,
    doc: "Avoid bridges whose participants ask for many restarts.",
  },
  "ice-failure-detection.interval": {
    type: duration,
    default: 120_000,
    doc: "Window in which such requests are counted.",
  },
  "ice-failure-detection.min-endpoints": {
    type: int,
    default: 30,
    doc: "A bridge with fewer endpoints is not judged.",
  },
  "ice-failure-detection.threshold": {
    type: double,
    default: 0.1,
    doc: "Requests per endpoint from which the bridge is avoided.",
  },
  "ice-failure-detection.timeout": {
    type: duration,
    default: 600_000,
    doc: "How long it is avoided.",
  },
  "load-redistribution.enabled": {
    type: bool,
    default: false,
    doc: "Move endpoints away from bridges under stress.",
  },
  "load-redistribution.interval": { type: period, default: 60_000, doc: "Pause between runs." },
  "load-redistribution.stress-threshold": {
    type: double,
    default: 0.9,
    doc: "Stress from which endpoints are moved away.",
  },
  "load-redistribution.timeout": {
    type: duration,
    default: 180_000,
    doc: "How long a bridge is left alone after endpoints were moved away from it.",
  },
  "load-redistribution.endpoints": {
    type: int,
    default: 10,
    doc: "Endpoints moved away at a time.",
  },
});

const probeTime = where(duration, "a duration of at least 100 ms", (ms) => ms >= 100);

/** Ours: upstream waits until the server gives a bridge up, or three health checks. */
export const livenessKeys = keys("jicofo.ts.bridge.liveness", {
  enabled: {
    type: bool,
    default: true,
    doc: "Ping bridges, so that one that dies without a word is noticed before the server gives it up.",
  },
  interval: {
    type: probeTime,
    default: 500,
    doc: "Time between two pings of a bridge; one is lost after a second without an answer. With 500 ms a death is noticed after 2.5 to 3 s whenever it comes, with 1 s after 2 to 3 s, and a standstill of 2 s may be taken for it.",
  },
  timeout: {
    type: probeTime,
    default: 3000,
    doc: "Silence after which participants are moved off a bridge when another one is there.",
  },
});

/** Ours: upstream believes everybody who is in the brewery. */
export const bridgeTrustKeys = keys("jicofo.ts.bridge", {
  "trusted-domains": {
    type: list(str),
    default: [] as readonly string[],
    doc: "Domains whose accounts may be bridges, besides the domain of the focus' own account and jicofo.xmpp.trusted-domains.",
  },
  "trust-hidden": {
    type: bool,
    default: false,
    doc: "Believe bridges whose account the brewery room hides from the focus; only for a room that nobody else can enter.",
  },
});

export const octoKeys = keys("jicofo.octo", {
  enabled: {
    type: bool,
    default: false,
    state: notBuilt("each conference stays on one bridge"),
    doc: "Spread a conference over several bridges.",
  },
  "allow-mixed-versions": {
    type: bool,
    default: false,
    doc: "Let bridges of different versions take part in one conference.",
  },
  "sctp-datachannels": {
    type: bool,
    default: true,
    follows: "jicofo.sctp.enabled",
    state: notBuilt("bridges are not linked"),
    doc: "Let bridges talk to each other over SCTP.",
  },
});

export const regionKeys = keys("jicofo", {
  "local-region": {
    type: optional(str),
    legacy: ["org.jitsi.jicofo.BridgeSelector.LOCAL_REGION"],
    doc: "Region of this focus.",
  },
});
