/**
 * Every configured value a media worker needs, as plain data: `main.ts` reads the configuration
 * and hands this over at start (spec jvb-control 8.2, 8.4, 8.5). Nothing below reads configuration.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { CaptureSettings } from "../export/captures.ts";
import type { ExportSettings } from "../export/export-settings.ts";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import type { SocketAddress, SrtpProfileId } from "../media/packet-io.ts";
import type { DtlsRules } from "../transport/dtls/dtls-transport.ts";
import type { AddressMapping } from "../transport/ice/address-mapping.ts";
import type { IceSettings } from "../transport/ice/ice-settings.ts";

/** Sockets of the single port. */
export interface SocketSettings {
  /** Host addresses with `videobridge.ice.udp.port`, filtered by `ice4j.harvest`. */
  readonly addresses: readonly SocketAddress[];
  /** NAT mappings known at start; `mappings` messages replace them. */
  readonly mappings: readonly AddressMapping[];
  /** SO_RCVBUF, `ice4j.harvest.udp.receive-buffer-size`. */
  readonly receiveBufferBytes: number;
}

/** Timers of conferences and endpoints (jvb-control 5.1, 5.4, 4.2). */
export interface LifeSettings {
  /** `videobridge.entity-expiration.timeout` */
  readonly expirationTimeoutMs: Millis;
  /** `videobridge.entity-expiration.check-interval` */
  readonly expirationCheckMs: Millis;
  /** `videobridge.ep-connection-status.first-transfer-timeout` */
  readonly firstTransferTimeoutMs: Millis;
  /** `videobridge.ep-connection-status.max-inactivity-limit` */
  readonly maxInactivityMs: Millis;
  /** `videobridge.ep-connection-status.check-interval` */
  readonly connectivityCheckMs: Millis;
  /** `videobridge.stats.interval` */
  readonly statsIntervalMs: Millis;
  /** `videobridge.stats-filter-threshold`: endpoints up to which everybody gets everybody's stats. */
  readonly statsFilterThreshold: number;
  /** `videobridge.connection-stats.interval`; undefined: endpoints are not told. */
  readonly connectionStatsMs: Millis | undefined;
}

/** Upstream's. */
export const defaultLifeSettings: LifeSettings = {
  expirationTimeoutMs: 60_000,
  expirationCheckMs: 60_000,
  firstTransferTimeoutMs: 15_000,
  maxInactivityMs: 8000,
  connectivityCheckMs: 500,
  statsIntervalMs: 5000,
  statsFilterThreshold: 20,
  connectionStatsMs: 10_000,
};

/** `jmt.dtls`, `jmt.srtp`, `videobridge.cryptex` */
export interface DtlsSettings {
  /** Names as configured (`TLS_…`), all known. */
  readonly cipherSuites: readonly string[];
  readonly srtpProfiles: readonly SrtpProfileId[];
  readonly rules: DtlsRules;
}

export interface BridgeSettings {
  readonly sockets: SocketSettings;
  readonly ice: IceSettings;
  readonly engine: MediaEngineOptions;
  readonly dtls: DtlsSettings;
  readonly life: LifeSettings;
  readonly exporter: ExportSettings;
  readonly capture: CaptureSettings;
  /** `videobridge.sctp.enabled` */
  readonly sctpEnabled: boolean;
  /** URL prefixes `ws[s]://<domain>/colibri-ws/<server-id>`; empty: nothing is advertised. */
  readonly webSocketPrefixes: readonly string[];
  /** Version for `ServerHello`, when `videobridge.version.announce`. */
  readonly announcedVersion: string | undefined;
  /** `videobridge.redact-remote-addresses` */
  readonly redactRemoteAddresses: boolean;
}
