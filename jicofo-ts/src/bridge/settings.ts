import type { Millis } from "#shared/runtime/runtime";

/** Names of the selection strategies this focus knows (spec jicofo 6.4), without upstream's package prefix. */
export const strategyNames = [
  "SingleBridgeSelectionStrategy",
  "SplitBridgeSelectionStrategy",
  "IntraRegionBridgeSelectionStrategy",
  "RegionBasedBridgeSelectionStrategy",
] as const;
export type StrategyName = (typeof strategyNames)[number];

/** When many of a bridge's endpoints ask for restarts its network is suspect (spec jicofo 6.2). */
export interface IceFailureDetection {
  readonly enabled: boolean;
  /** Window in which requests are counted. */
  readonly interval: Millis;
  /** Below this many endpoints a bridge is never judged. */
  readonly minEndpoints: number;
  /** Requests per endpoint above which the bridge fails. */
  readonly threshold: number;
  /** How long the judgement lasts after the last trigger. */
  readonly timeout: Millis;
}

/** Everything that decides which bridge is chosen: `jicofo.bridge.*`, `jicofo.octo.*`, `jicofo.local-region`. */
export interface BridgeSettings {
  readonly strategy: StrategyName;
  /** Per conference and bridge; 0 or less means no limit. */
  readonly maxParticipants: number;
  /** Growth limit per conference and bridge within `maxParticipantsInterval`; 0 or less is off. */
  readonly maxParticipantsPerInterval: number;
  readonly maxParticipantsInterval: Millis;
  /** Stress one endpoint causes, until the bridge reports its own figure. */
  readonly averageParticipantStress: number;
  /** How long a new endpoint is added on top of the reported stress. */
  readonly rampupInterval: Millis;
  /** Corrected stress at and above which a bridge is overloaded. */
  readonly stressThreshold: number;
  /** How long a failed bridge stays out of selection at least. */
  readonly failureResetThreshold: Millis;
  /** Whether health checks decide when a failed bridge is well again; else time alone does. */
  readonly healthChecks: boolean;
  readonly regionGroups: readonly (readonly string[])[];
  readonly localRegion: string | undefined;
  /** Whether a conference may be spread over several bridges. */
  readonly severalBridges: boolean;
  readonly allowMixedVersions: boolean;
  readonly iceFailureDetection: IceFailureDetection;
}

/** Upstream's defaults (spec jicofo 11.2). */
export const defaultBridgeSettings: BridgeSettings = {
  strategy: "SingleBridgeSelectionStrategy",
  maxParticipants: 80,
  maxParticipantsPerInterval: -1,
  maxParticipantsInterval: 60_000,
  averageParticipantStress: 0.01,
  rampupInterval: 20_000,
  stressThreshold: 0.8,
  failureResetThreshold: 60_000,
  healthChecks: true,
  regionGroups: [],
  localRegion: undefined,
  severalBridges: false,
  allowMixedVersions: false,
  iceFailureDetection: {
    enabled: false,
    interval: 120_000,
    minEndpoints: 30,
    threshold: 0.1,
    timeout: 600_000,
  },
};
