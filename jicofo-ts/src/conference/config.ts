/** Readonly values a conference works by (`jicofo.conference.*` and neighbours, spec jicofo 11.2). */
import type { Millis } from "#shared/runtime/runtime";
import { type CodecConfig, defaultCodecConfig } from "../jingle/codec-config.ts";
import type { RateLimits } from "../jingle/rate-limiter.ts";

/** Everything a conference needs from the configuration. */
export interface ConferenceConfig {
  /** `jicofo.xmpp.client.username`: nick of the focus in rooms. */
  readonly nick: string;
  /** Version printed in the presence's `versions`. */
  readonly version: string;
  readonly codecs: CodecConfig;
  readonly enableAutoOwner: boolean;
  readonly initialTimeout: Millis;
  readonly singleParticipantTimeout: Millis;
  readonly minParticipants: number;
  readonly maxSsrcsPerUser: number;
  readonly maxSsrcGroupsPerUser: number;
  readonly maxAudioSenders: number;
  readonly maxVideoSenders: number;
  readonly stripSimulcast: boolean;
  readonly useSsrcRewriting: boolean;
  readonly useRtpMidDemux: boolean;
  readonly useJsonEncodedSources: boolean;
  readonly sharedDocumentRandomName: boolean;
  /** Conference size to delay before sources are signalled; the greatest key not above counts. */
  readonly sourceSignalingDelays: ReadonlyMap<number, Millis>;
  readonly enableIceRestart: boolean;
  readonly restartLimits: RateLimits;
  /** `jicofo.sctp.enabled`: offer a data channel to clients that know SCTP. */
  readonly sctpEnabled: boolean;
  /** `jicofo.{jibri,jigasi}.use-private-address-connectivity`. */
  readonly jibriPrivateAddresses: boolean;
  readonly jigasiPrivateAddresses: boolean;
  /** Domains whose members may declare themselves Jibri, Jigasi or transcriber. */
  readonly trustedDomains: readonly string[];
  /** `jicofo.bridge.max-bridge-participants-interval`: window of the growth limit of selection. */
  readonly bridgeGrowthInterval: Millis;
  /** Reply deadline of the client and the service connection. */
  readonly clientReplyTimeout: Millis;
  readonly serviceReplyTimeout: Millis;
}

/** Upstream's defaults. */
export const defaultConferenceConfig: ConferenceConfig = {
  nick: "focus",
  version: "1.1.SNAPSHOT",
  codecs: defaultCodecConfig,
  enableAutoOwner: true,
  initialTimeout: 15_000,
  singleParticipantTimeout: 20_000,
  minParticipants: 2,
  maxSsrcsPerUser: 20,
  maxSsrcGroupsPerUser: 20,
  maxAudioSenders: 999_999,
  maxVideoSenders: 999_999,
  stripSimulcast: true,
  useSsrcRewriting: true,
  useRtpMidDemux: true,
  useJsonEncodedSources: true,
  sharedDocumentRandomName: false,
  sourceSignalingDelays: new Map(),
  enableIceRestart: true,
  restartLimits: { minInterval: 5_000, maxRequests: 5, interval: 60_000 },
  sctpEnabled: true,
  jibriPrivateAddresses: true,
  jigasiPrivateAddresses: true,
  trustedDomains: [],
  bridgeGrowthInterval: 60_000,
  clientReplyTimeout: 15_000,
  serviceReplyTimeout: 15_000,
};
