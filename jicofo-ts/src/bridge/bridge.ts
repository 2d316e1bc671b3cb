/** Full JID of a bridge in the brewery room (`jvbbrewery@internal.example.com/jvb1`): its identity. */
export type BridgeJid = string;

/** What is known of one bridge at one instant: the input of selection and of `/debug`. */
export interface Bridge {
  readonly jid: BridgeJid;
  /** Resource of `jid`: label of its metrics and name in `/debug` and logs. */
  readonly nick: string;
  readonly version: string | undefined;
  readonly release: string | undefined;
  /** `version-release`, or `version` alone; what pins and the same-version rule compare. */
  readonly fullVersion: string | undefined;
  readonly region: string | undefined;
  readonly relayId: string | undefined;
  /** As reported last; 1 is full load. */
  readonly stress: number;
  /** `stress` plus what endpoints added lately will cause (spec jicofo 6.2). */
  readonly correctedStress: number;
  readonly overloaded: boolean;
  readonly operational: boolean;
  /** Nothing was heard from it for so long that it gets nobody (`liveness.ts`). */
  readonly silent: boolean;
  /** It went silent and came back lately: others are preferred for a while. */
  readonly unsteady: boolean;
  /** Until the bridge first says otherwise it counts as draining. */
  readonly draining: boolean;
  /** Sticky. */
  readonly gracefulShutdown: boolean;
  /** Sticky. */
  readonly shuttingDown: boolean;
  /** `healthy` of its presence, true until reported. */
  readonly healthy: boolean;
  readonly failingIce: boolean;
  /** Endpoints this focus has on it now. */
  readonly endpoints: number;
  /** Restarts its endpoints asked for in the window of ICE failure detection. */
  readonly restartRequests: number;
}

/** A change of a bridge that conferences or operators must hear of (spec jicofo 5.6). */
export type BridgeEvent =
  /** First presence with statistics. */
  | { readonly kind: "added"; readonly bridge: BridgeJid }
  /** Left the brewery; `lost` unless it had announced a shutdown. Its participants must move. */
  | { readonly kind: "removed"; readonly bridge: BridgeJid; readonly lost: boolean }
  /** Says that it is unhealthy. Its participants must move. */
  | { readonly kind: "failed"; readonly bridge: BridgeJid }
  /** Does not answer health checks: not selected, conferences stay. */
  | { readonly kind: "unresponsive"; readonly bridge: BridgeJid }
  /** Nothing was heard from it for a while: not selected, conferences stay. */
  | { readonly kind: "suspect"; readonly bridge: BridgeJid }
  /** Nothing was heard from it for long. Its participants must move when another bridge is there. */
  | { readonly kind: "silent"; readonly bridge: BridgeJid }
  /** Selectable again after a failure, a silence or a drain. */
  | { readonly kind: "recovered"; readonly bridge: BridgeJid }
  /** Will end within a minute. Its participants must move. */
  | { readonly kind: "shuttingDown"; readonly bridge: BridgeJid }
  /** Takes no new conferences; participants move when another bridge can take them. */
  | { readonly kind: "gracefulShutdown"; readonly bridge: BridgeJid }
  /** As `gracefulShutdown`, but may come back. */
  | { readonly kind: "draining"; readonly bridge: BridgeJid };

/** Outcome of one health check (spec jicofo 6.5). */
export type HealthOutcome = "passed" | "failed" | "timedOut";

/** A bridge a conference already uses; `participants` and `recentlyAdded` count this conference's only. */
export interface ConferenceBridge {
  readonly bridge: BridgeJid;
  readonly participants: number;
  /** Endpoints this conference added within `maxParticipantsInterval`. */
  readonly recentlyAdded: number;
}

/** The question put to selection for one participant. */
export interface SelectionRequest {
  /** In the order in which they joined the conference. */
  readonly conferenceBridges: readonly ConferenceBridge[];
  /** Region of the participant. */
  readonly region: string | undefined;
  /** Full version the conference is pinned to. */
  readonly pinnedVersion: string | undefined;
}

/**
 * What conferences see of the bridges. Implemented by `BridgeRegistry`; `now` is the monotonic clock.
 */
export interface BridgePool {
  /** The bridge for the next participant, or `undefined` when none qualifies. */
  select(request: SelectionRequest, now: number): Bridge | undefined;
  get(jid: BridgeJid, now: number): Bridge | undefined;
  /** An endpoint was asked for on that bridge; counts towards its stress at once. */
  endpointAdded(jid: BridgeJid, now: number): void;
  endpointRemoved(jid: BridgeJid): void;
  /** A COLIBRI2 request failed in a way that is the bridge's fault (spec jicofo 5.3). */
  requestFailed(jid: BridgeJid, now: number): void;
  /** It refused with `graceful_shutdown`. */
  refusedForShutdown(jid: BridgeJid): void;
  /** One of its endpoints asked for a restart or reported an ICE failure. */
  restartRequested(jid: BridgeJid, now: number): void;
}
