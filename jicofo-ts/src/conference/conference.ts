import { Bug } from "#shared/runtime/bug";
import type { Millis, Random } from "#shared/runtime/runtime";
import { fault } from "#shared/stanza/stanza-error";
import type { Jid } from "#shared/xmpp/jid";
import type { BridgePool } from "../bridge/bridge.ts";
import { ColibriSessions } from "../colibri/colibri-sessions.ts";
import { ConferenceSources } from "../source/conference-sources.ts";
import type { ConferenceConfig } from "./config.ts";
import type { ConferenceEvent, Effect, TimerName } from "./events.ts";
import {
  applyOutcome,
  failInvitation,
  handleBridge,
  moveEndpoints,
  retryWaiting,
} from "./invite.ts";
import { handleJingle } from "./jingle-requests.ts";
import { endLonelySession, featuresKnown, memberLeft, occupantSeen } from "./members.ts";
import { handleMute } from "./mute.ts";
import { electOwner, memberAuthenticated } from "./ownership.ts";
import { publishBridgeCount, publishInitialPresence } from "./presence.ts";
import { warningBudget } from "./refusals.ts";
import { flushAll, releaseSources } from "./signaling.ts";
import { type ConferenceState, count, emit, log, type RequestProperties, uuid } from "./state.ts";

/** What a conference is made of. */
export interface ConferenceOptions {
  /** Bare JID of the room. */
  readonly room: string;
  readonly config: ConferenceConfig;
  readonly properties: RequestProperties;
  /** Full version of bridges the room is pinned to. */
  readonly pinnedVersion?: string;
  readonly pool: BridgePool;
  readonly random: Random;
  /** Where authentication is on: whether that member is authenticated, by its real full JID. */
  readonly isAuthenticated?: ((member: Jid) => boolean) | undefined;
  /** Whether breakout rooms of this one have conferences: it goes on without members then. */
  readonly hasBreakouts?: () => boolean;
}

/**
 * One conference: a room, its members, their sessions and its bridges.
 *
 * `handle` takes one event and returns what is to be done about it; it never waits, reads a clock or
 * throws on peer input. After `ended` it ignores everything.
 */
export class Conference {
  readonly #state: ConferenceState;

  constructor({
    room,
    config,
    properties,
    pinnedVersion,
    pool,
    random,
    isAuthenticated,
    hasBreakouts = () => false,
  }: ConferenceOptions) {
    this.#state = {
      room,
      config,
      properties,
      pool,
      random,
      isAuthenticated,
      pinnedVersion,
      hasBreakouts,
      startMuted: { audio: false, video: false },
      phase: "new",
      createdAt: 0,
      self: "",
      meetingId: "",
      breakout: false,
      members: new Map(),
      participants: new Map(),
      sources: new ConferenceSources({
        maxSsrcs: config.maxSsrcsPerUser,
        maxGroups: config.maxSsrcGroupsPerUser,
      }),
      colibri: undefined,
      owner: undefined,
      bridgeFailures: 0,
      conferenceProperties: new Map(),
      bridgeAvailable: true,
      callGoesOn: false,
      arrivals: 0,
      warnings: warningBudget(),
      now: 0,
      effects: [],
    };
  }

  /** For `/debug` and tests; not to be changed. */
  get state(): Readonly<ConferenceState> {
    return this.#state;
  }

  handle(event: ConferenceEvent, now: Millis): Effect[] {
    const state = this.#state;
    if (state.phase === "ended") return refuse(event);
    state.now = now;
    state.effects = [];
    const over = dispatch(state, event);
    if (over !== undefined) end(state, over);
    for (const { tag, modify } of state.colibri?.drain() ?? []) {
      emit(state, { kind: "colibri", tag, modify });
    }
    if (state.colibri !== undefined && over === undefined) publishBridgeCount(state);
    if (over !== undefined) emit(state, { kind: "ended", why: over, again: state.callGoesOn });
    const { effects } = state;
    state.effects = [];
    return effects;
  }
}

/** After the end nothing happens but that nobody waits for an answer in vain. */
function refuse(event: ConferenceEvent): Effect[] {
  if (event.kind !== "jingle" && event.kind !== "mute") return [];
  return [
    { kind: "reply", request: event.request, fault: fault("no conference", "item-not-found") },
  ];
}

/** Handles the event; returns why the conference is over, if it is. */
function dispatch(state: ConferenceState, event: ConferenceEvent): string | undefined {
  const { config } = state;
  switch (event.kind) {
    case "start":
      state.phase = "joining";
      state.createdAt = state.now;
      // What is shown from the start goes with the presence that joins.
      publishInitialPresence(state);
      emit(state, { kind: "joinRoom" });
      emit(state, { kind: "setTimer", name: "initial", delay: config.initialTimeout });
      return undefined;
    case "joined":
      joined(state, event);
      return undefined;
    case "joinFailed":
      return `could not join: ${event.why}`;
    case "requested":
      if (state.members.size === 0) {
        emit(state, { kind: "setTimer", name: "initial", delay: config.initialTimeout });
      }
      return undefined;
    case "occupant":
      occupantSeen(state, event.occupant);
      return undefined;
    case "authenticated":
      memberAuthenticated(state, event.jid);
      return undefined;
    case "left":
      return memberLeft(state, event.nick, event.status);
    case "features":
      featuresKnown(state, event.nick, event.arrival, event.features);
      return undefined;
    case "roomLost":
      return event.why;
    case "jingle":
      handleJingle(state, event.request, event.from, event.jingle);
      return undefined;
    case "initiateAnswered": {
      const participant = state.participants.get(event.tag.nick);
      const current = participant?.session?.sid === event.tag.sid;
      if (event.error === undefined || participant === undefined || !current) return undefined;
      log(state, "warn", "Invitation refused", { participant: participant.id, why: event.error });
      failInvitation(state, participant);
      return undefined;
    }
    case "mute":
      handleMute(state, event);
      return undefined;
    case "colibriReply":
      for (const outcome of state.colibri?.handleReply(event.tag, event.reply) ?? []) {
        applyOutcome(state, outcome);
      }
      return undefined;
    case "bridge":
      if (state.phase === "running") handleBridge(state, event.event);
      return undefined;
    case "moveEndpoints":
      moveEndpoints(state, event.endpoints);
      return undefined;
    case "timer":
      return timer(state, event.name);
    case "startMuted":
      state.startMuted = event.startMuted;
      return undefined;
    case "breakoutEnded":
      return state.members.size === 0 && !state.hasBreakouts()
        ? "the last breakout room ended"
        : undefined;
    case "connectionLost":
      emit(state, { kind: "setTimer", name: "reconnect", delay: config.clientReplyTimeout });
      return undefined;
    case "connectionBack":
      emit(state, { kind: "cancelTimer", name: "reconnect" });
      if (event.resumed) return undefined;
      state.callGoesOn = true;
      return "connection lost without resumption";
    case "stop":
      state.callGoesOn = event.callGoesOn;
      return event.why;
    default:
      throw new Bug(event satisfies never);
  }
}

function joined(
  state: ConferenceState,
  event: Extract<ConferenceEvent, { readonly kind: "joined" }>,
): void {
  state.phase = "running";
  state.self = event.self;
  state.meetingId = event.meetingId;
  state.breakout = event.breakout;
  const { room: name, properties, random } = state;
  const { rtcstatsEnabled } = properties;
  state.colibri = new ColibriSessions({ meetingId: event.meetingId, name, rtcstatsEnabled }, () =>
    uuid(random),
  );
  electOwner(state);
  log(state, "info", "Conference started");
  emit(state, { kind: "ready" });
}

function timer(state: ConferenceState, name: TimerName): string | undefined {
  switch (name) {
    case "initial":
      return state.members.size === 0 && !state.hasBreakouts() ? "nobody came" : undefined;
    case "single":
      endLonelySession(state);
      return undefined;
    case "reconnect":
      state.callGoesOn = true;
      return "connection lost";
    case "signal":
      flushAll(state);
      return undefined;
    case "sources":
      releaseSources(state);
      return undefined;
    case "retry":
      retryWaiting(state, false);
      return undefined;
    default:
      throw new Bug(name satisfies never);
  }
}

/**
 * Expires everything on bridges and leaves the room; nobody is sent a `session-terminate`. Where
 * the call may go on without us, bridges are left to expire by themselves what nobody uses.
 */
function end(state: ConferenceState, why: string): void {
  state.phase = "ended";
  log(state, "info", "Conference ends", { why });
  for (const [bridge, session] of state.colibri?.sessions ?? []) {
    for (const _ of session.endpoints) state.pool.endpointRemoved(bridge);
  }
  if (!state.callGoesOn) state.colibri?.endAll();
  count(state, "conferences_seconds", (state.now - state.createdAt) / 1000);
  for (const { joinedAt } of state.members.values()) {
    count(state, "endpoint_seconds", (state.now - joinedAt) / 1000);
  }
  for (const name of ["initial", "single", "reconnect", "signal", "sources", "retry"] as const) {
    emit(state, { kind: "cancelTimer", name });
  }
  emit(state, { kind: "leaveRoom" });
}
