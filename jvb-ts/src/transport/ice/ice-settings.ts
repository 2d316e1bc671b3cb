/** Settings of ICE: spec jvb-control 3.6, 8.2 (`videobridge.ice`) and 8.5 (`ice4j`). */
import type { Millis } from "#shared/runtime/runtime";

export type NominationStrategy =
  | "NominateFirstValid"
  | "NominateHighestPriority"
  | "NominateFirstHostOrReflexiveValid"
  | "NominateBestRTT";

export type KeepAliveStrategy = "selected_only" | "all_succeeded" | "selected_and_tcp";

export interface IceSettings {
  /** `videobridge.ice.ufrag-prefix` */
  readonly ufragPrefix: string;
  /** `videobridge.ice.keep-alive-strategy` */
  readonly keepAliveStrategy: KeepAliveStrategy;
  /** `videobridge.ice.nomination-strategy` */
  readonly nominationStrategy: NominationStrategy;
  /** `videobridge.ice.advertise-private-candidates` */
  readonly advertisePrivateCandidates: boolean;
  /** `ice4j.software`: STUN SOFTWARE; empty: none. */
  readonly software: string;
  /** `ice4j.ice.max-check-list-size` */
  readonly maxCheckListSize: number;
  /** `ice4j.ice.termination-delay` */
  readonly terminationDelayMs: Millis;
  /** `ice4j.consent-freshness.interval` */
  readonly consentIntervalMs: Millis;
  /** `ice4j.consent-freshness.randomize-interval` */
  readonly consentRandomize: boolean;
  /** `ice4j.consent-freshness.original-wait-interval` */
  readonly consentWaitMs: Millis;
  /** `ice4j.consent-freshness.max-wait-interval` */
  readonly consentMaxWaitMs: Millis;
  /** `ice4j.consent-freshness.max-retransmissions` */
  readonly consentMaxRetransmissions: number;
  /** `org.ice4j.FIRST_CTRAN_RETRANS_AFTER` */
  readonly firstRetransmissionMs: Millis;
  /** `org.ice4j.MAX_CTRAN_RETRANS_TIMER` */
  readonly maxRetransmissionMs: Millis;
  /** `org.ice4j.MAX_RETRANSMISSIONS` */
  readonly maxRetransmissions: number;
  /** Ta: one check each so often. */
  readonly pacingMs: Millis;
  /** `videobridge.ice.restart.enabled` */
  readonly restartEnabled: boolean;
  /** `videobridge.ice.restart.transition-window` */
  readonly restartTransitionMs: Millis;
  /** `videobridge.ice.restart.timeout`; not positive: restarts are off. */
  readonly restartTimeoutMs: Millis;
}

/** The values that hold in an unconfigured bridge. */
export const defaultIceSettings: IceSettings = {
  ufragPrefix: "",
  keepAliveStrategy: "selected_only",
  nominationStrategy: "NominateFirstHostOrReflexiveValid",
  advertisePrivateCandidates: true,
  software: "ice4j.org",
  maxCheckListSize: 100,
  terminationDelayMs: 3000,
  consentIntervalMs: 5000,
  consentRandomize: true,
  consentWaitMs: 500,
  consentMaxWaitMs: 500,
  consentMaxRetransmissions: 5,
  firstRetransmissionMs: 100,
  maxRetransmissionMs: 1600,
  maxRetransmissions: 6,
  pacingMs: 20,
  restartEnabled: true,
  restartTransitionMs: 3000,
  restartTimeoutMs: 20_000,
};
