/** The configuration of the bridge on the stage: upstream's defaults, one worker, no HTTP server. */
import type { BridgeConfig } from "../../src/bridge-config.ts";
import { type BridgeSettings, defaultLifeSettings } from "../../src/conference/settings.ts";
import { defaultCaptureSettings } from "../../src/export/captures.ts";
import { defaultExportSettings } from "../../src/export/export-settings.ts";
import { defaultEngineOptions } from "../../src/media/engine-options.ts";
import { defaultDtlsRules } from "../../src/transport/dtls/dtls-transport.ts";
import { defaultIceSettings } from "../../src/transport/ice/ice-settings.ts";
import { bridgeAddress } from "./memory-io.ts";

/** Of the media worker. */
export const settings: BridgeSettings = {
  sockets: { addresses: [bridgeAddress], mappings: [], receiveBufferBytes: 1 },
  ice: defaultIceSettings,
  engine: defaultEngineOptions,
  dtls: { cipherSuites: [], srtpProfiles: [], rules: defaultDtlsRules },
  life: defaultLifeSettings,
  exporter: defaultExportSettings,
  capture: defaultCaptureSettings,
  sctpEnabled: true,
  webSocketPrefixes: ["ws://bridge/colibri-ws/jvb1"],
  announcedVersion: undefined,
  redactRemoteAddresses: true,
};

/** Of the whole bridge. */
export const config: BridgeConfig = {
  workers: 1,
  settings,
  stunServers: [],
  version: undefined,
  release: undefined,
  region: undefined,
  initialDrain: false,
  jvmStats: false,
  statsIntervalMs: 5000,
  presenceIntervalMs: 5000,
  statsWhitelist: undefined,
  mucClients: [],
  privateHttp: { host: undefined, port: -1, portKey: "", tls: undefined },
  publicHttp: { host: undefined, port: -1, portKey: "", tls: undefined },
  apis: {
    colibri: true,
    debug: true,
    drain: true,
    health: true,
    prometheus: true,
    rtcstats: true,
    version: true,
    shutdown: true,
  },
  health: {
    intervalMs: 60_000,
    timeoutMs: 90_000,
    requireValidAddress: false,
    requireStun: false,
  },
  shutdown: {
    gracefulMaxDurationMs: 86_400_000,
    gracefulMinParticipants: 0,
    shuttingDownDelayMs: 60_000,
  },
  load: {
    measurement: "packet-rate",
    thresholds: { load: 50_000, recovery: 40_000 },
    detectSteal: false,
    averageParticipantStress: 0.01,
    reducer: undefined,
  },
  webSockets: {
    enabled: true,
    serverId: "jvb1",
    compression: false,
    pings: true,
    pingIntervalMs: 15_000,
    idleTimeoutMs: 60_000,
  },
};
