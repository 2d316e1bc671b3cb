/**
 * The focus: all conferences of this process. Its entries (IQ, HTTP, REST) and the brewery talk to
 * it through this interface only; `createFocus` in `focus.ts` builds it.
 */
import type { Logger } from "#shared/logging/logger";
import type { Result } from "#shared/runtime/result";
import type { Runtime } from "#shared/runtime/runtime";
import type { XmppConnection } from "#shared/xmpp/connection";
import type { BareJid, Jid } from "#shared/xmpp/jid";
import type { MucEvent, MucRoomDoor } from "#shared/xmpp/muc";
import type { Element } from "#shared/xmpp/xml";
import type { BridgeEvent, BridgePool } from "../bridge/bridge.ts";
import type { ConferenceConfig } from "../conference/config.ts";
import type { DebugObject } from "../conference/debug-state.ts";
import type { Admission, AdmissionLimits } from "./admission.ts";
import type { ConferenceRequest, ConferenceResponse, RequestFault } from "./request.ts";

/** What the focus is told once. */
export interface FocusOptions {
  readonly conference: ConferenceConfig;
  /** Bare JID of the account, `focus@auth.DOMAIN`; printed in conference responses. */
  readonly focusJid: string;
  /** Whether people can be called by phone; printed as `sipGatewayEnabled`. */
  readonly sipGatewayEnabled: boolean;
  /**
   * Absent: authentication is off. `external`: users bring tokens; printed in responses.
   * `isAuthenticated`: whether that member, by its real full JID, is to be owner.
   */
  readonly authentication?:
    | { readonly external: boolean; readonly isAuthenticated: (member: Jid) => boolean }
    | undefined;
  /** Told when a room's conference is over. */
  readonly onEnded?: (room: string) => void;
  /** Full version of bridges that a room is pinned to; asked when its conference is created. */
  readonly pinOf?: (room: string) => string | undefined;
  /** Address of a component of the deployment (`room_metadata`), once it is known. */
  readonly componentAddress?: (type: string) => string | undefined;
  /** Limits of conference requests; the defaults if absent. */
  readonly admission?: AdmissionLimits;
}

/** What the focus reaches the world through. */
export interface FocusPorts {
  readonly runtime: Runtime;
  readonly log: Logger;
  /** Rooms, Jingle, mute. */
  readonly client: XmppConnection;
  /** COLIBRI2; the same object as `client` unless a service connection is configured. */
  readonly service: XmppConnection;
  readonly bridges: BridgePool;
  /**
   * Our occupancy of a room over `client`; events are given to `onEvent` in order. Absent for rooms
   * that must not be a conference's: what is in them is not joined, and above all not left.
   */
  openRoom(
    room: BareJid,
    nick: string,
    onEvent: (event: MucEvent) => void,
  ): MucRoomDoor | undefined;
  /**
   * Feature URIs of an occupant by disco#info, from the caps cache where possible; `undefined` when
   * it did not answer. Never rejects.
   */
  discover(occupant: Jid, presence: Element): Promise<Iterable<string> | undefined>;
  /** Told of each result that a bridge sends. */
  bridgeAnswered?(bridge: string): void;
  /** Counts an event under upstream's metric name (`conferences_created`, without prefix and `_total`). */
  count(metric: string, by?: number, labels?: Readonly<Record<string, string>>): void;
}

/** Instantaneous figures for gauges and `/stats` (spec jicofo 10.2, 10.4). */
export interface FocusFigures {
  readonly conferences: number;
  readonly participants: number;
  readonly largestConference: number;
  /** Participants of every conference that counts in statistics, at least 1. */
  readonly sizes: readonly number[];
  /** Σ n² over conferences. */
  readonly pairs: number;
  /** Jingle actions sent and received so far, by action (`session-initiate`). */
  readonly jingleSent: ReadonlyMap<string, number>;
  readonly jingleReceived: ReadonlyMap<string, number>;
}

/** How a request is to be treated. */
export interface RequestOptions {
  /** `false` for health checks: the conference is left out of figures and counters. */
  readonly statistics?: boolean;
}

/** Result of a move-endpoints request. */
export interface MoveResult {
  readonly movedEndpoints: number;
  readonly conferences: number;
}

/** All conferences. Every method returns at once unless it returns a promise. */
export interface Focus {
  /** Whether a request from outside is to be looked at; counts it against its sender. */
  admit(request: ConferenceRequest): Admission;
  /** The answer to a request whose sender is to ask again in a while. */
  notReady(room: string): ConferenceResponse;
  /** Finds or creates the conference; resolves for the creator once the room is joined. Never rejects. */
  request(
    request: ConferenceRequest,
    options?: RequestOptions,
  ): Promise<Result<ConferenceResponse, RequestFault>>;
  /** Whether the room has a conference. */
  has(room: string): boolean;
  /** Whether a breakout room of that room has a conference. */
  hasBreakouts(room: string): boolean;
  /** Somebody, by its real full JID, has proved who it is; owner rights follow where it is a member. */
  memberAuthenticated(jid: Jid): void;
  /** Told after the pool knows it. */
  handleBridge(event: BridgeEvent): void;
  /** Bare JIDs of all rooms. */
  rooms(): readonly string[];
  /** Upstream's debug object of a room (spec jicofo 10.5), or undefined. */
  debugState(room: string, full: boolean): DebugObject | undefined;
  /** `/rtcstats`: meeting id to short debug state, of rooms that have it enabled. */
  rtcstats(): DebugObject;
  participantCount(room: string): number;
  figures(): FocusFigures;
  /** `bridge` undefined: wherever the endpoint is. */
  moveEndpoint(room: string, endpoint: string, bridge: string | undefined): MoveResult;
  /** Conferences with most endpoints on the bridge first; `room` limits it to one. */
  moveEndpoints(bridge: string, room: string | undefined, count: number): MoveResult;
  /** Leaves every room and its call to the bridges; resolves when all was sent. */
  stop(): Promise<void>;
}
