/**
 * Every configured value a media worker needs, as plain data: `main.ts` reads the configuration
 * and hands this over at start (spec jvb-control 8.2, 8.4, 8.5). Nothing below reads configuration.
 */
import type { Millis } from "#shared/runtime/runtime";

/** A static or discovered address mapping: local address to public address. */
export interface AddressMapping {
  readonly localAddress: string;
  readonly publicAddress: string;
  /** Both ports or none; without them the host candidate's port is kept. */
  readonly localPort: number | undefined;
  readonly publicPort: number | undefined;
}

export type KeepAliveStrategy = "selected_only" | "selected_and_tcp" | "all_succeeded";
export type NominationStrategy =
  | "NominateFirstHostOrReflexiveValid"
  | "NominateFirstValid"
  | "NominateHighestPriority"
  | "NominateBestRTT";

/** `videobridge.ice`, `ice4j` */
export interface IceSettings {
  readonly port: number;
  /** Addresses of the host candidates; filtered by the `ice4j.harvest` keys already. */
  readonly localAddresses: readonly string[];
  readonly mappings: readonly AddressMapping[];
  readonly ufragPrefix: string;
  readonly software: string;
  readonly keepAliveStrategy: KeepAliveStrategy;
  readonly nominationStrategy: NominationStrategy;
  readonly resolveRemoteCandidates: boolean;
  readonly advertisePrivateCandidates: boolean;
  readonly maxCheckListSize: number;
  readonly terminationDelayMs: Millis;
  readonly consentIntervalMs: Millis;
  readonly consentRetransmitMs: Millis;
  readonly consentMaxRetransmissions: number;
  readonly consentRandomize: boolean;
  readonly restartEnabled: boolean;
  readonly restartTransitionWindowMs: Millis;
  readonly restartTimeoutMs: Millis;
  /** SO_RCVBUF in bytes. */
  readonly receiveBufferBytes: number;
  readonly redactRemoteAddresses: boolean;
}

/** `jmt.dtls`, `jmt.srtp`, `videobridge.cryptex` */
export interface DtlsSettings {
  readonly handshakeTimeoutMs: Millis;
  readonly cipherSuites: readonly string[];
  readonly localFingerprintHash: string;
  readonly acceptedFingerprintHashes: readonly string[];
  /** Names as configured, `SRTP_AEAD_AES_128_GCM` and so on, in order of preference. */
  readonly srtpProfiles: readonly string[];
}

/** `videobridge.websockets`: what descriptions advertise. */
export interface WebSocketSettings {
  /** URL prefixes `ws[s]://<domain>/colibri-ws/<server-id>`; empty: nothing is advertised. */
  readonly urlPrefixes: readonly string[];
  readonly idleTimeoutMs: Millis;
}

/** `videobridge.speech-activity`, `videobridge.loudest` */
export interface SpeechSettings {
  readonly recentSpeakersCount: number;
  readonly silenceDetection: boolean;
  readonly silenceTimeoutMs: Millis;
  readonly routeLoudestOnly: boolean;
  readonly numLoudest: number;
  readonly alwaysRouteDominant: boolean;
  readonly energyExpireTimeMs: Millis;
  /** 0..100 */
  readonly energyAlphaPercent: number;
}

/** `videobridge.cc`, `jmt.bwe` */
export interface CongestionSettings {
  readonly bweChangeThreshold: number;
  readonly defaultMaxHeightPx: number;
  readonly initialMaxHeightPx: number;
  readonly onstagePreferredHeightPx: number;
  readonly onstagePreferredFramerate: number;
  readonly allowOversendOnstage: boolean;
  readonly maxOversendBps: number;
  readonly trustBwe: boolean;
  readonly paddingPeriodMs: Millis;
  readonly maxTimeBetweenCalculationsMs: Millis;
  readonly jvbLastN: number;
  readonly initialLastN: number;
  readonly assumedBandwidthLimitBps: number | undefined;
  /** Conference size to last-N; the largest key not above the size counts. */
  readonly conferenceLastNLimits: readonly (readonly [size: number, lastN: number])[];
}

/** Timers of conferences and endpoints (5.1, 5.4). */
export interface LifeSettings {
  readonly expirationTimeoutMs: Millis;
  readonly expirationCheckMs: Millis;
  readonly firstTransferTimeoutMs: Millis;
  readonly maxInactivityMs: Millis;
  readonly connectivityCheckMs: Millis;
  readonly statsIntervalMs: Millis;
  readonly connectionStatsEnabled: boolean;
  readonly connectionStatsIntervalMs: Millis;
  readonly statsFilterThreshold: number;
}

export interface KeyframeSettings {
  readonly minIntervalMs: Millis;
  readonly maxRequests: number;
  readonly maxRequestIntervalMs: Millis;
}

export interface BridgeSettings {
  readonly ice: IceSettings;
  readonly dtls: DtlsSettings;
  readonly sctpEnabled: boolean;
  readonly webSockets: WebSocketSettings;
  readonly speech: SpeechSettings;
  readonly cc: CongestionSettings;
  readonly life: LifeSettings;
  readonly keyframe: KeyframeSettings;
  readonly ssrcLimitVideo: number;
  readonly ssrcLimitAudio: number;
  /** Version for `ServerHello`, when `videobridge.version.announce`. */
  readonly announcedVersion: string | undefined;
  readonly transportCcEnabled: boolean;
}
