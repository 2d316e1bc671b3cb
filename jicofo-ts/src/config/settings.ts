import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault } from "#shared/config/config-error";
import { type KeyTable, type KeyValues, shownText } from "#shared/config/keys";
import type { Millis } from "#shared/runtime/runtime";
import { type BareJid, parseBareJid } from "#shared/xmpp/jid";
import type { AuthenticationSettings } from "../authentication/settings.ts";
import type { LivenessSettings } from "../bridge/liveness.ts";
import type { BridgeSettings, StrategyName } from "../bridge/settings.ts";
import type { ConferenceConfig } from "../conference/config.ts";
import type { RoomSettings } from "../entry/room-rules.ts";
import type { CodecConfig } from "../jingle/codec-config.ts";
import { authenticationKeys, readAuthentication } from "./authentication-keys.ts";
import {
  bareStrategy,
  bridgeKeys,
  bridgeTrustKeys,
  livenessKeys,
  octoKeys,
  regionKeys,
} from "./bridge-keys.ts";
import { audioCodecKeys, extmapKeys, headerExtensionKeys, videoCodecKeys } from "./codec-keys.ts";
import { type ComponentSettings, componentKeys, readComponent } from "./component-keys.ts";
import { conferenceKeys, sctpKeys } from "./conference-keys.ts";
import { healthKeys, metricsKeys, restKeys } from "./http-keys.ts";
import {
  formerKeys,
  jibriKeys,
  jibriSipKeys,
  jigasiKeys,
  tracingKeys,
  transcriptionKeys,
  translationKeys,
  visitorKeys,
} from "./later-keys.ts";
import { version } from "./version.ts";
import { clientKeys, serviceKeys, xmppKeys } from "./xmpp-keys.ts";

/** One XMPP account to log in with. */
export interface ConnectionSettings {
  readonly hostname: string;
  readonly port: number;
  /** Domain of the account. */
  readonly domain: string;
  readonly username: string;
  readonly resource: string;
  /** Without one the login is anonymous. */
  readonly password: string | undefined;
  readonly replyTimeout: Millis;
  readonly useTls: boolean;
  readonly verifyCertificate: boolean;
  /** Domain asked for its components. */
  readonly xmppDomain: string | undefined;
}

/** How bridges are judged (spec jicofo 6.5). */
export interface BridgeCheckSettings {
  readonly enabled: boolean;
  readonly interval: Millis;
  /** 0: a bridge is asked only once. */
  readonly retryDelay: Millis;
  readonly usePresence: boolean;
  readonly presenceTimeout: Millis;
}

/** Moving endpoints away from bridges under stress (spec jicofo 6.6). */
export interface LoadRedistributionSettings {
  readonly enabled: boolean;
  readonly interval: Millis;
  readonly stressThreshold: number;
  readonly timeout: Millis;
  readonly endpoints: number;
}

/** What the HTTP server serves. */
export interface RestSettings {
  readonly host: string;
  readonly port: number;
  readonly prometheus: boolean;
  readonly conferenceRequest: boolean;
  readonly moveEndpoints: boolean;
  readonly debug: boolean;
  readonly pin: boolean;
}

/** The focus' own health check (spec jicofo 10.3). */
export interface HealthSettings {
  readonly interval: Millis;
  readonly timeout: Millis;
  readonly maxCheckDuration: Millis;
  readonly roomNamePrefix: string;
  /** MUC service in which test rooms are made. */
  readonly mucService: string;
  /** Domain that is pinged. */
  readonly xmppDomain: string;
}

/** A brewery room and the connection over which it is joined. */
export interface BrewerySettings {
  readonly room: BareJid;
  readonly connection: "client" | "service";
}

/** Everything `main.ts` builds the program from. */
export interface FocusSettings {
  readonly client: ConnectionSettings;
  /** Absent: everything goes over `client`. */
  readonly service: ConnectionSettings | undefined;
  /** Address of mod_client_proxy (spec jicofo 1.7). */
  readonly clientProxy: string | undefined;
  /** Absent: no component connection is tried. */
  readonly component: ComponentSettings | undefined;
  /** Absent: everybody may create rooms. */
  readonly authentication: AuthenticationSettings | undefined;
  readonly bridgeBrewery: BrewerySettings | undefined;
  /** Where conferences may be. */
  readonly rooms: RoomSettings;
  readonly bridges: BridgeSettings;
  readonly bridgeChecks: BridgeCheckSettings;
  readonly liveness: LivenessSettings;
  /** Domains, besides that of the account in the brewery, whose accounts may be bridges. */
  readonly bridgeDomains: readonly string[];
  /** Whether bridges are believed whose account the brewery does not show. */
  readonly trustHiddenBridges: boolean;
  readonly loadRedistribution: LoadRedistributionSettings;
  readonly conference: ConferenceConfig;
  /** Absent: no HTTP. */
  readonly rest: RestSettings | undefined;
  /** Absent: no health checks, `/about/health` is 404. */
  readonly health: HealthSettings | undefined;
  readonly metricsInterval: Millis;
  /** A Jigasi brewery is configured: statistics have a part for it. */
  readonly sipGateway: boolean;
  /** Breweries of later features, printed by `/debug`. */
  readonly jibriBrewery: string | undefined;
  readonly jibriSipBrewery: string | undefined;
  readonly jigasiBrewery: string | undefined;
}

/** Every table of the program: known keys, defaults, `reference.conf`. */
export const allTables: readonly KeyTable<unknown>[] = [
  clientKeys,
  componentKeys,
  serviceKeys,
  xmppKeys,
  bridgeKeys,
  livenessKeys,
  bridgeTrustKeys,
  octoKeys,
  regionKeys,
  ...Object.values(videoCodecKeys),
  audioCodecKeys,
  ...Object.values(headerExtensionKeys),
  extmapKeys,
  conferenceKeys,
  sctpKeys,
  restKeys,
  healthKeys,
  metricsKeys,
  authenticationKeys,
  jibriKeys,
  jibriSipKeys,
  jigasiKeys,
  transcriptionKeys,
  translationKeys,
  visitorKeys,
  tracingKeys,
  formerKeys,
];

/** Reads all settings. Throws `ConfigError` with file, line and remedy. */
export function readSettings(config: LoadedConfig): FocusSettings {
  const client = readClient(config);
  const { bridgeChecks, ...bridges } = readBridges(config);
  const loads = config.readTable(bridgeKeys);
  return {
    client,
    service: readService(config),
    clientProxy: config.readTable(clientKeys)["client-proxy"]?.toLowerCase(),
    component: readComponent(config),
    authentication: readAuthentication(config),
    bridgeBrewery: readBrewery(config),
    rooms: readRooms(config),
    bridges,
    bridgeChecks,
    liveness: config.readTable(livenessKeys),
    bridgeDomains: [
      ...config.readTable(bridgeTrustKeys)["trusted-domains"],
      ...config.readTable(xmppKeys)["trusted-domains"],
    ],
    trustHiddenBridges: config.readTable(bridgeTrustKeys)["trust-hidden"],
    loadRedistribution: {
      enabled: loads["load-redistribution.enabled"],
      interval: loads["load-redistribution.interval"],
      stressThreshold: loads["load-redistribution.stress-threshold"],
      timeout: loads["load-redistribution.timeout"],
      endpoints: loads["load-redistribution.endpoints"],
    },
    conference: readConference(config, client),
    rest: readRest(config),
    health: readHealth(config),
    metricsInterval: config.readTable(metricsKeys)["update-interval"],
    sipGateway: config.readTable(jigasiKeys)["brewery-jid"] !== undefined,
    jibriBrewery: config.readTable(jibriKeys)["brewery-jid"]?.toLowerCase(),
    jibriSipBrewery: config.readTable(jibriSipKeys)["brewery-jid"]?.toLowerCase(),
    jigasiBrewery: config.readTable(jigasiKeys)["brewery-jid"]?.toLowerCase(),
  };
}

/** A fault at the place where `path` was written. */
export function faultAt(
  config: LoadedConfig,
  path: string,
  message: string,
  remedy: string,
): ConfigFault {
  return { key: path, origin: config.get(path)?.origin, message, remedy };
}

function readClient(config: LoadedConfig): ConnectionSettings {
  const values = config.readTable(clientKeys);
  return connectionSettings(values, values.domain);
}

function readService(config: LoadedConfig): ConnectionSettings | undefined {
  const values = config.readTable(serviceKeys);
  if (!values.enabled) return undefined;
  if (values.domain === undefined) {
    const path = "jicofo.xmpp.service.domain";
    const enabled = faultAt(config, "jicofo.xmpp.service.enabled", "", "");
    throw new ConfigError({
      key: path,
      origin: enabled.origin,
      message: "is missing although the service connection is enabled",
      remedy: "set it to the domain of the account, usually auth.DOMAIN",
    });
  }
  return connectionSettings(values, values.domain);
}

/** Both connections have the same keys but for what they need. */
function connectionSettings(
  values: KeyValues<typeof clientKeys> | KeyValues<typeof serviceKeys>,
  domain: string,
): ConnectionSettings {
  return {
    hostname: values.hostname,
    port: values.port,
    domain,
    username: values.username,
    resource: values.resource,
    password: values.password,
    replyTimeout: values["reply-timeout"],
    useTls: values["use-tls"],
    verifyCertificate: !values["disable-certificate-verification"],
    xmppDomain: values["xmpp-domain"],
  };
}

/** An account without a password logs in anonymously, as upstream has it; rarely meant so. */
export function anonymousLogins(settings: FocusSettings): readonly ConfigFault[] {
  return (["client", "service"] as const)
    .filter((name) => settings[name] !== undefined && settings[name].password === undefined)
    .map((name) => ({
      key: `jicofo.xmpp.${name}.password`,
      message: "is not set, so the login is anonymous",
      remedy: "set it to the password of the account",
    }));
}

function readBrewery(config: LoadedConfig): BrewerySettings | undefined {
  const values = config.readTable(bridgeKeys);
  const text = values["brewery-jid"];
  if (text === undefined) return undefined;
  const room = parseBareJid(text);
  if (room === undefined || !room.includes("@"))
    throw new ConfigError(
      faultAt(
        config,
        "jicofo.bridge.brewery-jid",
        `${shownText(text)} is not the address of a room`,
        "write it as room@service",
      ),
    );
  return { room, connection: values["xmpp-connection-name"] === "Client" ? "client" : "service" };
}

function readRooms(config: LoadedConfig): RoomSettings {
  const { "conference-muc-jid": configured, "xmpp-domain": domain } = config.readTable(clientKeys);
  const breweries = [
    config.readTable(bridgeKeys),
    config.readTable(jibriKeys),
    config.readTable(jibriSipKeys),
    config.readTable(jigasiKeys),
  ].flatMap((values) => values["brewery-jid"] ?? []);
  const service = mucService(configured, domain);
  return {
    breweries,
    service: configured === undefined ? undefined : service,
    // Jitsi's own name of the breakout rooms' service counts before the server has told it.
    usualServices: [service, `breakout.${domain}`],
  };
}

function readBridges(
  config: LoadedConfig,
): BridgeSettings & { readonly bridgeChecks: BridgeCheckSettings } {
  const values = config.readTable(bridgeKeys);
  const interval = values["health-checks.interval"];
  return {
    strategy: readStrategy(config),
    maxParticipants: values["max-bridge-participants"],
    maxParticipantsPerInterval: values["max-bridge-participants-per-interval"],
    maxParticipantsInterval: values["max-bridge-participants-interval"],
    averageParticipantStress: values["average-participant-stress"],
    rampupInterval: values["participant-rampup-interval"],
    stressThreshold: values["stress-threshold"],
    failureResetThreshold: values["failure-reset-threshold"],
    healthChecks: values["health-checks.enabled"],
    regionGroups: values["region-groups"],
    localRegion: config.readTable(regionKeys)["local-region"],
    // Bridges are not linked yet: a conference stays on one (`unsupported.ts` says so).
    severalBridges: false,
    allowMixedVersions: config.readTable(octoKeys)["allow-mixed-versions"],
    iceFailureDetection: {
      enabled: values["ice-failure-detection.enabled"],
      interval: values["ice-failure-detection.interval"],
      minEndpoints: values["ice-failure-detection.min-endpoints"],
      threshold: values["ice-failure-detection.threshold"],
      timeout: values["ice-failure-detection.timeout"],
    },
    bridgeChecks: {
      enabled: values["health-checks.enabled"],
      interval,
      retryDelay: values["health-checks.retry-delay"] ?? interval / 2,
      usePresence: values["health-checks.use-presence"],
      presenceTimeout: values["health-checks.presence-timeout"],
    },
  };
}

/** Visitors have no nodes yet, so everybody is chosen for as a participant. */
function readStrategy(config: LoadedConfig): StrategyName {
  const values = config.readTable(bridgeKeys);
  const name = bareStrategy(values["selection-strategy"]);
  if (name !== "VisitorSelectionStrategy") return name as StrategyName;
  const own = values["participant-selection-strategy"];
  const inner = own === undefined ? undefined : bareStrategy(own);
  const complete = inner !== undefined && values["visitor-selection-strategy"] !== undefined;
  if (!complete || inner === "VisitorSelectionStrategy")
    throw new ConfigError(
      faultAt(
        config,
        "jicofo.bridge.selection-strategy",
        "VisitorSelectionStrategy needs participant-selection-strategy and visitor-selection-strategy",
        "set both in jicofo.bridge",
      ),
    );
  return inner as StrategyName;
}

function readConference(config: LoadedConfig, client: ConnectionSettings): ConferenceConfig {
  const values = config.readTable(conferenceKeys);
  const service = config.readTable(serviceKeys);
  return {
    nick: client.username,
    version,
    codecs: readCodecs(config),
    enableAutoOwner: values["enable-auto-owner"],
    initialTimeout: values["initial-timeout"],
    singleParticipantTimeout: values["single-participant-timeout"],
    minParticipants: values["min-participants"],
    maxSsrcsPerUser: values["max-ssrcs-per-user"],
    maxSsrcGroupsPerUser: values["max-ssrc-groups-per-user"],
    maxAudioSenders: values["max-audio-senders"],
    maxVideoSenders: values["max-video-senders"],
    stripSimulcast: values["strip-simulcast"],
    useSsrcRewriting: values["use-ssrc-rewriting"],
    useRtpMidDemux: values["use-rtp-mid-demux"],
    useJsonEncodedSources: values["use-json-encoded-sources"],
    sharedDocumentRandomName: values["shared-document.use-random-name"],
    sourceSignalingDelays: readDelays(config, values["source-signaling-delays"]),
    enableIceRestart: values["enable-ice-restart"],
    restartLimits: {
      minInterval: values["restart-request-rate-limits.min-interval"],
      maxRequests: values["restart-request-rate-limits.max-requests"],
      interval: values["restart-request-rate-limits.interval"],
    },
    sctpEnabled: config.readTable(sctpKeys).enabled,
    jibriPrivateAddresses: config.readTable(jibriKeys)["use-private-address-connectivity"],
    jigasiPrivateAddresses: config.readTable(jigasiKeys)["use-private-address-connectivity"],
    trustedDomains: config.readTable(xmppKeys)["trusted-domains"],
    bridgeGrowthInterval: config.readTable(bridgeKeys)["max-bridge-participants-interval"],
    clientReplyTimeout: client.replyTimeout,
    serviceReplyTimeout: service.enabled ? service["reply-timeout"] : client.replyTimeout,
  };
}

function readDelays(
  config: LoadedConfig,
  delays: Readonly<Record<string, number>>,
): ReadonlyMap<number, Millis> {
  const read = new Map<number, Millis>();
  for (const [size, delay] of Object.entries(delays)) {
    if (!/^\d+$/.test(size))
      throw new ConfigError(
        faultAt(
          config,
          "jicofo.conference.source-signaling-delays",
          `"${size}" is not a number of participants`,
          'write entries such as "50" = 1000',
        ),
      );
    read.set(Number(size), delay);
  }
  return read;
}

function readCodecs(config: LoadedConfig): CodecConfig {
  const audio = config.readTable(audioCodecKeys);
  const video = (codec: keyof typeof videoCodecKeys) => {
    const values = config.readTable(videoCodecKeys[codec]);
    const { enabled, pt } = values;
    return { enabled, pt, rtxPt: values["rtx-pt"], enableRemb: values["enable-remb"] };
  };
  const extension = (name: keyof typeof headerExtensionKeys) =>
    config.readTable(headerExtensionKeys[name]);
  return {
    video: { av1: video("av1"), vp8: video("vp8"), h264: video("h264"), vp9: video("vp9") },
    opus: {
      enabled: audio["opus.enabled"],
      pt: audio["opus.pt"],
      minptime: audio["opus.minptime"],
      useInbandFec: audio["opus.use-inband-fec"],
      red: { enabled: audio["opus.red.enabled"], pt: audio["opus.red.pt"] },
    },
    telephoneEvent: {
      enabled: audio["telephone-event.enabled"],
      pt: audio["telephone-event.pt"],
    },
    extensions: {
      "audio-level": extension("audio-level"),
      "video-layers-allocation": extension("video-layers-allocation"),
      "av1-dependency-descriptor": extension("av1-dependency-descriptor"),
      tof: extension("tof"),
      mid: extension("mid"),
      "abs-send-time": extension("abs-send-time"),
      framemarking: extension("framemarking"),
      "video-content-type": extension("video-content-type"),
      rid: extension("rid"),
      tcc: extension("tcc"),
    },
    extmapAllowMixed: config.readTable(extmapKeys)["extmap-allow-mixed"],
  };
}

function readRest(config: LoadedConfig): RestSettings | undefined {
  const values = config.readTable(restKeys);
  if (!values.enabled || values.port <= 0) return undefined;
  return {
    host: values.host,
    port: values.port,
    prometheus: values["prometheus.enabled"],
    conferenceRequest: values["conference-request.enabled"],
    moveEndpoints: values["move-endpoints.enabled"],
    debug: values["debug.enabled"],
    pin: values["pin.enabled"],
  };
}

function readHealth(config: LoadedConfig): HealthSettings | undefined {
  const values = config.readTable(healthKeys);
  if (!values.enabled) return undefined;
  const client = config.readTable(clientKeys);
  return {
    interval: values.interval,
    timeout: values.timeout,
    maxCheckDuration: values["max-check-duration"],
    roomNamePrefix: values["room-name-prefix"],
    mucService: mucService(client["conference-muc-jid"], client["xmpp-domain"]),
    xmppDomain: client["xmpp-domain"],
  };
}

/** A legacy prefix comes with a trailing dot (`xmpp-keys.ts`) and wants its domain. */
function mucService(configured: string | undefined, xmppDomain: string): string {
  if (configured === undefined) return `conference.${xmppDomain}`;
  return configured.endsWith(".") ? configured + xmppDomain : configured;
}
