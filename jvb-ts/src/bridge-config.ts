/** Turns the configuration into the values the rooms receive. Used by `main.ts` only. */
import { cpus, networkInterfaces } from "node:os";
import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, faultLine } from "#shared/config/config-error";
import { type ConfigValue, toPlain } from "#shared/config/config-value";
import type { KeyValues } from "#shared/config/keys";
import type { TlsKeys } from "#shared/http/tls-settings";
import type { Logger } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import type { BandwidthSettings } from "./bandwidth/settings.ts";
import type { BridgeSettings } from "./conference/settings.ts";
import { ccKeys, speechKeys } from "./config/allocation-keys.ts";
import { bweKeys } from "./config/bwe-keys.ts";
import { privateHttpKeys, publicHttpKeys, restKeys, webSocketKeys } from "./config/http-keys.ts";
import { ice4jKeys, iceKeys } from "./config/ice-keys.ts";
import { healthKeys, lifeKeys } from "./config/life-keys.ts";
import { loadKeys, reducerKeys } from "./config/load-keys.ts";
import { mediaDebugKeys } from "./config/media-debug-keys.ts";
import { jmtKeys, srtpProfileNames } from "./config/media-keys.ts";
import { cryptexKeys, exporterKeys, octoKeys, relayKeys } from "./config/relay-keys.ts";
import { xmppKeys } from "./config/xmpp-keys.ts";
import { defaultExportSettings } from "./export/export-settings.ts";
import type { LastNReducerSettings } from "./load/last-n-reducer.ts";
import type { LoadMeasurement, LoadThresholds } from "./load/load-monitor.ts";
import { localAddresses, whyNoAddress } from "./local-addresses.ts";
import { defaultEngineOptions } from "./media/engine-options.ts";
import { mucClients } from "./muc-client-entries.ts";
import type { StunServer } from "./net/discover-mappings.ts";
import type { HealthSettings } from "./signaling/health.ts";
import type { MucClientConfig } from "./signaling/muc-client-config.ts";
import type { ApiSwitches } from "./signaling/private-http.ts";
import type { ShutdownSettings } from "./signaling/shutdown-state.ts";
import type { AddressMapping } from "./transport/ice/address-mapping.ts";
import { defaultIceSettings } from "./transport/ice/ice-settings.ts";

export interface HttpSettings {
  readonly host: string | undefined;
  /** -1: off. */
  readonly port: number;
  readonly portKey: string;
  /** Serves TLS only. */
  readonly tls: TlsKeys | undefined;
}

type HttpValues = KeyValues<typeof privateHttpKeys>;

export interface BridgeConfig {
  readonly workers: number;
  readonly settings: BridgeSettings;
  readonly stunServers: readonly StunServer[];
  readonly version: string | undefined;
  readonly release: string | undefined;
  readonly region: string | undefined;
  readonly initialDrain: boolean;
  readonly jvmStats: boolean;
  readonly statsIntervalMs: Millis;
  readonly presenceIntervalMs: Millis;
  readonly statsWhitelist: readonly string[] | undefined;
  readonly mucClients: readonly MucClientConfig[];
  readonly privateHttp: HttpSettings;
  readonly publicHttp: HttpSettings;
  readonly apis: ApiSwitches;
  readonly health: HealthSettings & { readonly intervalMs: Millis };
  readonly shutdown: ShutdownSettings;
  readonly load: {
    readonly measurement: LoadMeasurement;
    readonly thresholds: LoadThresholds;
    readonly detectSteal: boolean;
    readonly averageParticipantStress: number;
    /** Absent: load is only measured. */
    readonly reducer: LastNReducerSettings | undefined;
  };
  readonly webSockets: {
    readonly enabled: boolean;
    readonly serverId: string;
    readonly compression: boolean;
    readonly pings: boolean;
    readonly pingIntervalMs: Millis;
    readonly idleTimeoutMs: Millis;
  };
}

/** Reads every table. Throws `ConfigError` for what upstream would die of. */
export function readBridgeConfig(config: LoadedConfig, log: Logger): BridgeConfig {
  const life = config.readTable(lifeKeys);
  const xmpp = config.readTable(xmppKeys);
  const sockets = config.readTable(webSocketKeys);
  const publicHttp = httpSettings(config.readTable(publicHttpKeys), "public");
  const loads = config.readTable(loadKeys);
  const apis = apiSwitches(config);
  const measurement = loads["load-measurements.load-measurement"];
  return {
    workers: life["ts.workers"] > 0 ? life["ts.workers"] : Math.max(1, cpus().length - 1),
    settings: bridgeSettings(config, publicHttp, log),
    stunServers: config.readTable(ice4jKeys)["harvest.mapping.stun.addresses"].map((text) => {
      const colon = text.lastIndexOf(":");
      return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
    }),
    version: life["ts.version"],
    release: life["version.release"],
    region: regionOf(config),
    initialDrain: life["initial-drain-mode"],
    jvmStats: life["stats.jvm.enabled"],
    statsIntervalMs: life["stats.interval"],
    presenceIntervalMs: xmpp["presence-interval"],
    statsWhitelist: xmpp["stats-filter.enabled"] ? xmpp["stats-filter.whitelist"] : undefined,
    mucClients: mucClients(config, xmpp.configs, apis.colibri, log),
    privateHttp: httpSettings(config.readTable(privateHttpKeys), "private"),
    publicHttp,
    apis,
    health: healthSettings(config),
    shutdown: {
      gracefulMaxDurationMs: life["shutdown.graceful-shutdown-max-duration"],
      gracefulMinParticipants: life["shutdown.graceful-shutdown-min-participants"],
      shuttingDownDelayMs: life["shutdown.shutting-down-delay"],
    },
    load: {
      measurement,
      thresholds: {
        load: loads[`load-measurements.${measurement}.load-threshold`],
        recovery: loads[`load-measurements.${measurement}.recovery-threshold`],
      },
      detectSteal: loads["load-measurements.cpu-usage.detect-cpu-steal"],
      averageParticipantStress: loads["average-participant-stress"],
      reducer: reducerSettings(config),
    },
    webSockets: {
      enabled: sockets.enabled,
      serverId: sockets["server-id"],
      compression: sockets["enable-compression"],
      pings: sockets["send-keepalive-pings"],
      pingIntervalMs: sockets["keepalive-ping-interval"],
      idleTimeoutMs: sockets["idle-timeout"],
    },
  };
}

function regionOf(config: LoadedConfig): string | undefined {
  return config.readTable(octoKeys).region ?? config.readTable(relayKeys).region;
}

function reducerSettings(config: LoadedConfig): LastNReducerSettings | undefined {
  const reducer = config.readTable(reducerKeys);
  if (!reducer["reducer-enabled"]) return undefined;
  return {
    reductionScale: reducer["load-reducers.last-n.reduction-scale"],
    recoverScale: reducer["load-reducers.last-n.recover-scale"],
    impactTimeMs: reducer["load-reducers.last-n.impact-time"],
    minimum: reducer["load-reducers.last-n.minimum-last-n-value"],
    maximum: reducer["load-reducers.last-n.maximum-enforced-last-n-value"],
  };
}

function bridgeSettings(
  config: LoadedConfig,
  publicHttp: HttpSettings,
  log: Logger,
): BridgeSettings {
  const life = config.readTable(lifeKeys);
  const ice = config.readTable(iceKeys);
  const ice4j = config.readTable(ice4jKeys);
  const cc = config.readTable(ccKeys);
  const speech = config.readTable(speechKeys);
  const bwe = config.readTable(bweKeys);
  const jmt = config.readTable(jmtKeys);
  const exporter = config.readTable(exporterKeys);
  const debug = config.readTable(mediaDebugKeys);
  const limits = config.readTable(loadKeys)["conference-last-n-limits"];
  const rules = {
    useIpv6: ice4j["harvest.use-ipv6"],
    useLinkLocal: ice4j["harvest.use-link-local-addresses"],
    allowedAddresses: ice4j["harvest.allowed-addresses"],
    blockedAddresses: ice4j["harvest.blocked-addresses"],
    allowedInterfaces: ice4j["harvest.allowed-interfaces"],
    blockedInterfaces: ice4j["harvest.blocked-interfaces"],
  };
  const interfaces = networkInterfaces();
  const addresses = localAddresses(interfaces, rules);
  if (addresses.length === 0) {
    const why = whyNoAddress(interfaces, rules);
    const key = why.key === undefined ? undefined : `ice4j.harvest.${why.key}`;
    const origin = key === undefined ? undefined : config.get(key)?.origin;
    // As upstream the bridge runs, and its health says that it takes no conference.
    log.error(faultLine({ ...why, key, origin }));
  }
  return {
    sockets: {
      addresses: addresses.map((ip) => ({ ip, port: ice["udp.port"] })),
      mappings: staticMappings(config, ice4j["harvest.mapping.static-mappings"]),
      receiveBufferBytes: ice4j["harvest.udp.receive-buffer-size"],
    },
    ice: {
      ...defaultIceSettings,
      ufragPrefix: ice["ufrag-prefix"] ?? "",
      keepAliveStrategy: ice["keep-alive-strategy"],
      nominationStrategy: ice["nomination-strategy"],
      advertisePrivateCandidates: ice["advertise-private-candidates"],
      software: ice4j.software,
      maxCheckListSize: ice4j["ice.max-check-list-size"],
      terminationDelayMs: ice4j["ice.termination-delay"],
      consentIntervalMs: ice4j["consent-freshness.interval"],
      consentRandomize: ice4j["consent-freshness.randomize-interval"],
      consentWaitMs: ice4j["consent-freshness.original-wait-interval"],
      consentMaxWaitMs: ice4j["consent-freshness.max-wait-interval"],
      consentMaxRetransmissions: ice4j["consent-freshness.max-retransmissions"],
      restartEnabled: ice["restart.enabled"],
      restartTransitionMs: ice["restart.transition-window"],
      restartTimeoutMs: ice["restart.timeout"],
    },
    engine: {
      ...defaultEngineOptions,
      initialMaxHeightPx: cc["initial-max-height-px"],
      defaultMaxHeightPx: cc["default-max-height-px"],
      onstagePreferredHeightPx: cc["onstage-preferred-height-px"],
      onstagePreferredFramerate: cc["onstage-preferred-framerate"],
      allowOversendOnstage: cc["allow-oversend-onstage"],
      maxOversendBitrateBps: cc["max-oversend-bitrate"],
      maxTimeBetweenCalculationsMs: cc["max-time-between-calculations"],
      assumedBandwidthLimitBps: cc["assumed-bandwidth-limit"],
      useVlaTargetBitrate: cc["use-vla-target-bitrate"],
      bridgeLastN: cc["jvb-last-n"],
      trustBwe: cc["trust-bwe"],
      bweChangeThreshold: cc["bwe-change-threshold"],
      initialIgnoreBwePeriodMs:
        cc["initial-ignore-bwe-period"] ??
        bwe["estimator.GoogleCc2.default-initial-ignore-bwe-period"],
      paddingPeriodMs: Math.max(1, cc["padding-period"]),
      bandwidth: bandwidthSettings(bwe),
      initialLastN: cc["initial-last-n"],
      lastNLimits: new Map(Object.entries(limits).map(([size, lastN]) => [Number(size), lastN])),
      videoSsrcLimit: speech["ssrc-limit.video"],
      audioSsrcLimit: speech["ssrc-limit.audio"],
      recentSpeakersCount: speech["speech-activity.recent-speakers-count"],
      enableSilenceDetection: speech["speech-activity.enable-silence-detection"],
      silenceDetectionTimeoutMs: speech["speech-activity.silence-detection-timeout"],
      routeLoudestOnly: speech["loudest.route-loudest-only"],
      numLoudest: speech["loudest.num-loudest"],
      alwaysRouteDominant: speech["loudest.always-route-dominant"],
      energyExpireTimeMs: speech["loudest.energy-expire-time"],
      energyAlphaPct: speech["loudest.energy-alpha-pct"],
      discardSilence: jmt["audio.level.discard-silence"],
      forwardedSilencePacketsLimit: jmt["audio.level.forwarded-silence-packets-limit"],
      redPolicy: jmt["audio.red.policy"],
      redDistance: jmt["audio.red.distance"] === "ONE" ? 1 : 2,
      redVadOnly: jmt["audio.red.vad-only"],
      keyframeMinIntervalMs: jmt["keyframe.min-interval"],
      keyframeMaxRequests: jmt["keyframe.max-requests"],
      keyframeMaxRequestIntervalMs: jmt["keyframe.max-request-interval"],
      keyframeSourceMinIntervalMs: jmt["keyframe.source-wide-min-interval"],
    },
    dtls: {
      cipherSuites: jmt["dtls.cipher-suites"],
      srtpProfiles: jmt["srtp.protection-profiles"].flatMap((name) => srtpProfileNames[name] ?? []),
      rules: {
        acceptedHashes: jmt["dtls.accepted-fingerprint-hash-functions"].map((name) =>
          name.toLowerCase(),
        ),
        cryptex: config.readTable(cryptexKeys).endpoint,
      },
    },
    life: {
      expirationTimeoutMs: life["entity-expiration.timeout"],
      expirationCheckMs: life["entity-expiration.check-interval"],
      firstTransferTimeoutMs: life["ep-connection-status.first-transfer-timeout"],
      maxInactivityMs: life["ep-connection-status.max-inactivity-limit"],
      connectivityCheckMs: life["ep-connection-status.check-interval"],
      connectionStatsMs: life["connection-stats.enabled"]
        ? life["connection-stats.interval"]
        : undefined,
      statsIntervalMs: life["stats.interval"],
      statsFilterThreshold: life["stats-filter-threshold"],
    },
    exporter: {
      ...defaultExportSettings,
      maxReconnectAttempts: exporter["max-reconnect-attempts"],
      baseDelayMs: exporter["base-delay"],
      maxDelayMs: exporter["max-delay"],
      stableConnectionMs: exporter["stable-connection-threshold"],
      region: regionOf(config),
    },
    capture: {
      enabled: debug["debug.pcap.enabled"],
      startEnabled: debug["debug.pcap.start-enabled"],
      directory: debug["debug.pcap.directory"],
    },
    sctpEnabled: life["sctp.enabled"],
    webSocketPrefixes: webSocketPrefixes(config, publicHttp),
    announcedVersion: undefined,
    redactRemoteAddresses:
      life["redact-remote-addresses"] || ice4j["redact-remote-addresses"] === true,
  };
}

/** A least estimate above the greatest, or a first one outside of them, means the nearest that fits. */
function bandwidthSettings(values: KeyValues<typeof bweKeys>): BandwidthSettings {
  const maxBps = Math.max(1, values["estimator.max-bw"]);
  const minBps = Math.min(maxBps, Math.max(1, values["estimator.min-bw"]));
  return {
    initialBps: Math.min(maxBps, Math.max(minBps, values["estimator.initial-bw"])),
    minBps,
    maxBps,
    lowLoss: values["send-side.low-loss-threshold"],
    highLoss: values["send-side.high-loss-threshold"],
    lossThresholdBps: values["send-side.bitrate-threshold"],
  };
}

/** The version is told to clients only when `videobridge.version.announce`. */
export function announcesVersion(config: LoadedConfig): boolean {
  return config.readTable(lifeKeys)["version.announce"];
}

function webSocketPrefixes(config: LoadedConfig, publicHttp: HttpSettings): string[] {
  const values = config.readTable(webSocketKeys);
  if (!values.enabled || publicHttp.port < 0) return [];
  const scheme = (values.tls ?? publicHttp.tls !== undefined) ? "wss" : "ws";
  const first = values.domain === undefined ? [] : [values.domain];
  const domains = [...new Set([...first, ...values.domains])];
  return domains.map((domain) => `${scheme}://${domain}/colibri-ws/${values["server-id"]}`);
}

function httpSettings(values: HttpValues, name: "private" | "public"): HttpSettings {
  const prefix = `videobridge.http-servers.${name}`;
  const keyStorePath = values["key-store-path"];
  const { host } = values;
  if (keyStorePath === undefined || values["tls-port"] <= 0) {
    return { host, port: values.port, portKey: `${prefix}.port`, tls: undefined };
  }
  const tls: TlsKeys = {
    keyStoreKey: `${prefix}.key-store-path`,
    keyStorePath,
    keyStorePassword: values["key-store-password"],
    needClientAuth: values["need-client-auth"],
    protocols: values["tls-protocols"],
    cipherSuites: values["tls-cipher-suites"],
  };
  return { host, port: values["tls-port"], portKey: `${prefix}.tls-port`, tls };
}

function apiSwitches(config: LoadedConfig): ApiSwitches {
  const rest = config.readTable(restKeys);
  return {
    colibri: rest["apis.rest.enabled"],
    debug: rest["rest.debug.enabled"],
    drain: rest["rest.drain.enabled"],
    health: rest["rest.health.enabled"],
    prometheus: rest["rest.prometheus.enabled"],
    rtcstats: rest["rest.rtcstats.enabled"],
    version: rest["rest.version.enabled"],
    shutdown: rest["rest.shutdown.enabled"],
  };
}

function healthSettings(config: LoadedConfig): BridgeConfig["health"] {
  const health = config.readTable(healthKeys);
  return {
    intervalMs: health.interval,
    timeoutMs: health.timeout,
    requireValidAddress: health["require-valid-address"],
    requireStun: health["require-stun"],
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Static mappings of the file and the one of the legacy NAT properties. */
function staticMappings(config: LoadedConfig, items: readonly ConfigValue[]): AddressMapping[] {
  const mappings = items.map((item): AddressMapping => {
    const fields = toPlain(item);
    const wrong = (message: string): never => {
      throw new ConfigError({
        key: "ice4j.harvest.mapping.static-mappings",
        origin: item.origin,
        message,
        remedy: "give local-address and public-address, and both ports or none",
      });
    };
    if (!isRecord(fields)) return wrong("a mapping is an object");
    const address = (key: string): string => {
      const value = fields[key];
      return typeof value === "string" ? value : wrong(`${key} is missing`);
    };
    const port = (key: string): number | undefined => {
      const value = fields[key];
      if (value === undefined) return undefined;
      const number = Number(value);
      const fits = Number.isInteger(number) && number > 0 && number < 65_536;
      return fits ? number : wrong(`${key} is not a port number`);
    };
    const localPort = port("local-port");
    const publicPort = port("public-port");
    if ((localPort === undefined) !== (publicPort === undefined)) wrong("only one port is given");
    const localIp = address("local-address");
    return { localIp, publicIp: address("public-address"), localPort, publicPort };
  });
  const old = (name: string): string | undefined => {
    const value = config.legacy(`org.ice4j.ice.harvest.NAT_HARVESTER_${name}_ADDRESS`);
    return value === undefined ? undefined : String(toPlain(value));
  };
  const localIp = old("LOCAL");
  const publicIp = old("PUBLIC");
  if (localIp === undefined || publicIp === undefined) return mappings;
  return [...mappings, { localIp, publicIp, localPort: undefined, publicPort: undefined }];
}
