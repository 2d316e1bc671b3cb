/** Inviting participants, moving them, and what bridges answer (spec jicofo 4.2, 4.12, 5). */
import { Bug } from "#shared/runtime/bug";
import { TokenBucket } from "#shared/runtime/token-bucket";
import type { ColibriMedia } from "#shared/stanza/colibri2";
import { repeatedMedia } from "#shared/stanza/colibri2-parts";
import type { JingleReasonCondition } from "#shared/stanza/jingle";
import type { BridgeEvent, ConferenceBridge } from "../bridge/bridge.ts";
import type { ColibriSession, EndpointSpec } from "../colibri/colibri-session.ts";
import type { Allocation, ColibriOutcome, ColibriSessions } from "../colibri/colibri-sessions.ts";
import { type Offer, offerFor } from "../jingle/offer.ts";
import { sessionInitiate, sessionTerminate, transportInfo } from "../jingle/outgoing.ts";
import { RateLimiter } from "../jingle/rate-limiter.ts";
import { JingleSession, newSid } from "../jingle/session.ts";
import { colibriSources, emptySet, isEmpty, setFromFeedback } from "../source/source-set.ts";
import { SourceSignaling } from "../source/source-signaling.ts";
import { setBridgeAvailable } from "./presence.ts";
import {
  announcedSources,
  initialSources,
  inJingle,
  rewritesSsrcs,
  sourcesChanged,
  usesJson,
} from "./signaling.ts";
import {
  type ConferenceState,
  count,
  emit,
  log,
  type Participant,
  type Presence,
} from "./state.ts";

/** How long a participant waits for another bridge before it is tried anyway. */
const noBridgeRetryMs = 5_000;
/** Back-off after a refused allocation or a failed session: doubled with each failure. */
const firstBackoffMs = 500;
const longestBackoffMs = 10_000;

/**
 * How often a participant's changes of its sources reach the bridge and the others: the first few
 * at once (a call that starts with a shared screen makes three), then one every 500 ms.
 */
const sourceChangeAllowance = { rate: 2, burst: 3 };
/** Transports of a client that are passed on to the bridge: trickled candidates come in dozens. */
const transportAllowance = { rate: 10, burst: 100 };

function colibriOf(state: ConferenceState): ColibriSessions {
  if (state.colibri === undefined) throw new Bug("no bridge sessions before the room is joined");
  return state.colibri;
}

/** What selection must know of the bridges that the conference uses. */
function shares(state: ConferenceState, sessions: readonly ColibriSession[]): ConferenceBridge[] {
  const since = state.now - state.config.bridgeGrowthInterval;
  return sessions.map((session) => ({
    bridge: session.bridge.jid,
    participants: session.endpoints.size,
    recentlyAdded: session.recentlyAdded(since),
  }));
}

/** Makes a participant of a member whose features are known and invites it. */
export function inviteMember(state: ConferenceState, { member, features }: Presence): void {
  if (features === undefined || state.participants.has(member.nick)) return;
  const { restartLimits } = state.config;
  const participant: Participant = {
    id: member.nick,
    features,
    session: undefined,
    formerSids: [],
    phase: "idle",
    retryAt: 0,
    failures: 0,
    invited: false,
    signaling: new SourceSignaling(),
    restarts: new RateLimiter(restartLimits),
    iceRestarts: new RateLimiter(restartLimits),
    sourceChanges: new TokenBucket(sourceChangeAllowance, state.now),
    sourcesHeld: false,
    announced: emptySet,
    transports: new TokenBucket(transportAllowance, state.now),
  };
  state.participants.set(member.nick, participant);
  count(state, "participants");
  if (!features.has("START_MUTED_RMD")) count(state, "participants_no_start_muted_rmd");
  allocate(state, participant);
}

/** Asks a bridge for the participant, or leaves it waiting for one. */
function allocate(state: ConferenceState, participant: Participant): void {
  const presence = state.members.get(participant.id);
  if (presence === undefined) throw new Bug("a participant is always a member");
  const { member } = presence;
  const colibri = colibriOf(state);
  const { pool, config, now } = state;
  const used = [...colibri.sessions.values()];
  const chosen = pool.select(
    {
      conferenceBridges: shares(state, used),
      region: member.region,
      pinnedVersion: state.pinnedVersion,
    },
    now,
  );
  if (chosen === undefined) {
    if (state.bridgeAvailable) log(state, "error", "No bridge can take participants");
    setBridgeAvailable(state, false);
    wait(state, participant, noBridgeRetryMs);
    return;
  }
  setBridgeAvailable(state, true);
  // Without relays a conference lives on one bridge; a strategy that would spread it is overruled.
  const first = used[0]?.bridge;
  const bridge = first !== undefined && !colibri.sessions.has(chosen.jid) ? first : chosen;
  const rewriting = rewritesSsrcs(state, participant.features);
  const offer = offerFor(config.codecs, participant.features, config.sctpEnabled);
  const spec: EndpointSpec = {
    id: participant.id,
    statsId: member.statsId,
    media: colibriMedia(offer),
    data: offer.data,
    sources: colibriSources(participant.id, state.sources.get(participant.id)),
    forceMute: { audio: false, video: false },
    visitor: member.role === "VISITOR",
    diarize: member.diarize,
    ssrcRewriting: rewriting,
    rtpMidDemux:
      rewriting &&
      config.useRtpMidDemux &&
      participant.features.has("RTP_MID_DEMUX") &&
      config.codecs.extensions.mid.enabled,
    privateAddresses:
      (member.isJibri && config.jibriPrivateAddresses) ||
      (member.isJigasi && config.jigasiPrivateAddresses),
  };
  participant.phase = "allocating";
  colibri.allocate({ jid: bridge.jid, nick: bridge.nick, region: bridge.region }, spec, now);
  pool.endpointAdded(bridge.jid, now);
  log(state, "debug", "Asking a bridge", { participant: participant.id, bridge: bridge.nick });
}

const mediaOfOffers = new WeakMap<Offer, readonly ColibriMedia[]>();

/** The offer as the endpoint's media on the bridge. */
function colibriMedia(offer: Offer): readonly ColibriMedia[] {
  let media = mediaOfOffers.get(offer);
  if (media === undefined) {
    media = (["audio", "video"] as const).flatMap((type) => {
      const offered = offer[type];
      return offered === undefined ? [] : [repeatedMedia({ type, ...offered })];
    });
    mediaOfOffers.set(offer, media);
  }
  return media;
}

function wait(state: ConferenceState, participant: Participant, delay: number): void {
  participant.phase = "waiting";
  participant.retryAt = state.now + delay;
  scheduleRetry(state);
}

function scheduleRetry(state: ConferenceState): void {
  let next = Number.POSITIVE_INFINITY;
  for (const { phase, retryAt } of state.participants.values()) {
    if (phase === "waiting") next = Math.min(next, retryAt);
  }
  if (next < Number.POSITIVE_INFINITY) {
    emit(state, { kind: "setTimer", name: "retry", delay: Math.max(0, next - state.now) });
  }
}

/** Tries everybody who waits and whose time has come; `all` regardless of the time. */
export function retryWaiting(state: ConferenceState, all: boolean): void {
  for (const participant of [...state.participants.values()]) {
    if (participant.phase !== "waiting") continue;
    if (all || participant.retryAt <= state.now) allocate(state, participant);
  }
  scheduleRetry(state);
}

function backoff(failures: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, failures - 1));
}

/** The bridge has a transport for the participant: its session begins. */
function initiate(state: ConferenceState, id: string, allocation: Allocation): void {
  const participant = state.participants.get(id);
  const presence = state.members.get(id);
  if (participant === undefined || presence === undefined) return;
  state.bridgeFailures = 0;
  participant.phase = "idle";
  participant.failures = 0;
  const { features, signaling } = participant;
  const session = new JingleSession(
    newSid(state.random),
    presence.member.occupantJid,
    allocation.bridgeSession,
  );
  replaceSession(participant, session);
  const justJoined = !participant.invited;
  participant.invited = true;
  const initial = initialSources(state, participant, setFromFeedback(allocation.feedback));
  signaling.reset(initial);
  const jingle = sessionInitiate({
    sid: session.sid,
    initiator: state.self,
    offer: offerFor(state.config.codecs, features, state.config.sctpEnabled),
    transport: allocation.transport,
    sctpPort: allocation.sctpPort,
    sources: inJingle(initial),
    json: usesJson(state, features),
    startMuted: {
      audio:
        (state.startMuted.audio && justJoined) ||
        startsMuted(state, state.config.maxAudioSenders, state.properties.startAudioMuted),
      video:
        (state.startMuted.video && justJoined) ||
        startsMuted(state, state.config.maxVideoSenders, state.properties.startVideoMuted),
    },
    bridgeSession: { id: allocation.bridgeSession, region: allocation.region },
  });
  const tag = { nick: id, sid: session.sid };
  emit(state, { kind: "jingle", to: session.peer, jingle, tag });
  const bridge = state.colibri?.sessionOf(id)?.bridge.nick;
  log(state, "info", "Invited", { participant: id, bridge, sid: session.sid });
}

function startsMuted(
  state: ConferenceState,
  senders: number,
  requested: number | undefined,
): boolean {
  return state.participants.size > Math.min(senders, requested ?? senders);
}

function replaceSession(participant: Participant, session: JingleSession | undefined): void {
  const { session: old, formerSids } = participant;
  if (old !== undefined) {
    old.end();
    formerSids.push(old.sid);
    if (formerSids.length > 4) formerSids.shift();
  }
  participant.session = session;
}

/** Ends the session with that reason unless it has ended. */
export function terminateSession(
  state: ConferenceState,
  participant: Participant,
  condition: JingleReasonCondition,
  text: string,
): void {
  const { session } = participant;
  if (session === undefined || session.state === "ended") return;
  session.end();
  log(state, "info", "Terminating session", {
    participant: participant.id,
    sid: session.sid,
    text,
  });
  const jingle = sessionTerminate(session.sid, condition, text);
  emit(state, { kind: "jingle", to: session.peer, jingle, tag: undefined });
}

/** Takes the sources of a participant away from the conference; the others are told. */
export function withdrawSources(state: ConferenceState, id: string): void {
  // Of what is held nobody has heard; what it takes away they still know.
  const known = announcedSources(state, id);
  const participant = state.participants.get(id);
  if (participant !== undefined) participant.sourcesHeld = false;
  state.sources.removeOwner(id);
  if (!isEmpty(known)) sourcesChanged(state, id);
}

/** Takes the participant off its bridge. */
export function expireEndpoint(state: ConferenceState, id: string): void {
  const bridge = colibriOf(state).expire(id);
  if (bridge !== undefined) state.pool.endpointRemoved(bridge);
}

/** Ends the session of a participant that was not, or is no longer, invited with success. */
export function failInvitation(state: ConferenceState, participant: Participant): void {
  terminateSession(state, participant, "general-error", "jingle session failed");
  withdrawSources(state, participant.id);
  expireEndpoint(state, participant.id);
  participant.phase = "idle";
}

/** Ends what the participants have and invites them afresh, perhaps after a pause. */
export function reinvite(
  state: ConferenceState,
  participants: readonly Participant[],
  delay = 0,
): void {
  // All of them are taken away first: what stays behind would bias the choice of the bridge.
  for (const participant of participants) {
    withdrawSources(state, participant.id);
    terminateSession(state, participant, "success", "moving");
    expireEndpoint(state, participant.id);
  }
  for (const participant of participants) {
    if (delay > 0) wait(state, participant, delay);
    else allocate(state, participant);
  }
}

/** Takes these off their bridges and invites them afresh (spec jicofo 5.6). */
export function moveEndpoints(state: ConferenceState, ids: readonly string[], delay = 0): void {
  const participants = ids.flatMap((id) => state.participants.get(id) ?? []);
  count(state, "participants_moved", participants.length);
  reinvite(state, participants, delay);
}

/** Ends the session on a bridge; whoever was there is invited elsewhere. */
function leaveBridge(state: ConferenceState, bridge: string, why: string, gone: boolean): void {
  const colibri = colibriOf(state);
  if (!colibri.sessions.has(bridge)) {
    if (gone) colibri.forgetBridge(bridge);
    return;
  }
  const ids = gone ? colibri.forgetBridge(bridge) : colibri.endSession(bridge);
  for (const _ of ids) state.pool.endpointRemoved(bridge);
  log(state, "warn", "Moving participants off a bridge", { bridge, why, count: ids.length });
  moveEndpoints(state, ids);
}

/** What happened to a bridge, as far as this conference is concerned (spec jicofo 5.6). */
export function handleBridge(state: ConferenceState, event: BridgeEvent): void {
  const { bridge, kind } = event;
  switch (kind) {
    case "removed":
      leaveBridge(state, bridge, "left the brewery", true);
      break;
    case "failed":
    case "shuttingDown":
      leaveBridge(state, bridge, kind, false);
      break;
    case "draining":
    case "gracefulShutdown":
    case "silent":
      leaveIfPossible(state, bridge, kind);
      break;
    case "added":
    case "recovered":
      retryWaiting(state, true);
      for (const session of [...colibriOf(state).sessions.values()]) {
        const used = state.pool.get(session.bridge.jid, state.now);
        if (used?.gracefulShutdown || used?.draining || used?.silent) {
          leaveIfPossible(state, used.jid, "another bridge came");
        }
      }
      break;
    case "unresponsive":
    case "suspect":
      break;
    default:
      throw new Bug(kind satisfies never);
  }
}

/** Leaves a bridge that asks for it, unless there is none better. */
function leaveIfPossible(state: ConferenceState, bridge: string, why: string): void {
  const colibri = colibriOf(state);
  const session = colibri.sessions.get(bridge);
  if (session === undefined) return;
  const others = [...colibri.sessions.values()].filter((one) => one !== session);
  const query = {
    conferenceBridges: shares(state, others),
    region: session.bridge.region,
    pinnedVersion: state.pinnedVersion,
  };
  const other = state.pool.select(query, state.now);
  if (other === undefined || other.jid === bridge) return;
  // From one that is silent any other is a way out.
  const going = other.draining || other.gracefulShutdown;
  if (going && state.pool.get(bridge, state.now)?.silent !== true) return;
  leaveBridge(state, bridge, why, false);
}

/** Carries out what an answer of a bridge means. */
export function applyOutcome(state: ConferenceState, outcome: ColibriOutcome): void {
  const { pool, now } = state;
  switch (outcome.kind) {
    case "allocated":
      initiate(state, outcome.endpoint, outcome.allocation);
      break;
    case "endpointFailed": {
      const { endpoint, bridge, fault, why } = outcome;
      pool.endpointRemoved(bridge);
      if (fault === "failed") pool.requestFailed(bridge, now);
      log(state, "warn", "A bridge refused a participant", { participant: endpoint, bridge, why });
      const participant = state.participants.get(endpoint);
      if (participant === undefined) break;
      participant.failures++;
      wait(state, participant, backoff(participant.failures));
      break;
    }
    case "endpointLost": {
      const { endpoint, bridge } = outcome;
      pool.endpointRemoved(bridge);
      log(state, "warn", "A bridge lost a participant", { participant: endpoint, bridge });
      const participant = state.participants.get(endpoint);
      if (participant !== undefined) moveEndpoints(state, [endpoint]);
      break;
    }
    case "bridgeFailed": {
      const { endpoints, bridge, fault, why } = outcome;
      for (const _ of endpoints) pool.endpointRemoved(bridge);
      if (fault === "failed") pool.requestFailed(bridge, now);
      if (fault === "shutdown") pool.refusedForShutdown(bridge);
      count(state, "bridges_removed");
      state.bridgeFailures++;
      log(state, "warn", "A bridge failed, moving its participants", { bridge, why });
      const delay = state.bridgeFailures > 1 ? backoff(state.bridgeFailures - 1) : 0;
      moveEndpoints(state, endpoints, delay);
      break;
    }
    case "iceRestarted":
      relayTransport(state, outcome);
      break;
    default:
      throw new Bug(outcome satisfies never);
  }
}

/** The bridge's answer to an in-place ICE restart goes to the client (spec jicofo 4.10). */
function relayTransport(
  state: ConferenceState,
  { endpoint, transport }: Extract<ColibriOutcome, { readonly kind: "iceRestarted" }>,
): void {
  const participant = state.participants.get(endpoint);
  const session = participant?.session;
  if (participant === undefined || session === undefined || session.state === "ended") return;
  if (transport === undefined) {
    count(state, "ice_restarts_failed");
    moveEndpoints(state, [endpoint]);
    return;
  }
  const generation = transport.iceGeneration;
  if (generation === undefined) {
    count(state, "ice_restarts_not_needed");
    return;
  }
  if (!session.advanceIce(generation)) return;
  count(state, "ice_restarts_relayed");
  const jingle = transportInfo(session.sid, transport);
  emit(state, { kind: "jingle", to: session.peer, jingle, tag: undefined });
}
