/**
 * What a conference needs to know of bridges. The registry in `bridge/` implements it; scenarios
 * use a scripted one. All methods are synchronous: a choice is made within one turn.
 */
import type { Millis } from "#shared/runtime/runtime";

/** A bridge as a conference sees it. */
export interface BridgeView {
  /** Occupant JID in the brewery, the address of every request. */
  readonly jid: string;
  readonly region: string | undefined;
  /** Full version (`version-release`). */
  readonly version: string | undefined;
  readonly relayId: string | undefined;
}

/** A bridge that already serves the conference. */
export interface ConferenceBridge {
  readonly jid: string;
  /** Endpoints of this conference on it. */
  readonly participants: number;
  /** Whether its first participant is a visitor. */
  readonly visitor: boolean;
  /** Endpoints of this conference added within `max-bridge-participants-interval`. */
  readonly recentlyAdded: number;
}

/** Input of one selection (spec jicofo 6.3, 6.4). */
export interface BridgeQuery {
  /** Oldest first; non-operational ones included, the pool leaves them out itself. */
  readonly conferenceBridges: readonly ConferenceBridge[];
  readonly region: string | undefined;
  readonly visitor: boolean;
  /** Required full version, from a pin. */
  readonly pinnedVersion: string | undefined;
}

/** Why a bridge is marked after a failed request (spec jicofo 5.3). */
export type BridgeFault = "nonOperational" | "gracefulShutdown";

/** The registry of bridges, as conferences use it. */
export interface BridgePool {
  /** The best bridge now, or undefined when there is none. Pure in the registry's state and `now`. */
  select(query: BridgeQuery, now: Millis): BridgeView | undefined;
  /** An endpoint was put on the bridge; feeds the stress correction at once. */
  endpointAdded(jid: string, now: Millis): void;
  endpointRemoved(jid: string, now: Millis): void;
  /** A client on the bridge asked for a restart or reported failed ICE. */
  restartRequested(jid: string, now: Millis): void;
  /** A request to the bridge failed in a way that says something of the bridge. */
  markFault(jid: string, fault: BridgeFault, now: Millis): void;
}
