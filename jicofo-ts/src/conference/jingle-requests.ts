/** Jingle IQs of clients (spec jicofo 4.1, 4.6 to 4.11; wire A3). */
import { Bug } from "#shared/runtime/bug";
import type { Jingle } from "#shared/stanza/jingle";
import { fault, type StanzaFault } from "#shared/stanza/stanza-error";
import type { SessionInput } from "../jingle/session.ts";
import {
  colibriSources,
  hasMedia,
  isEmpty,
  type SignalledContent,
  type SourceSet,
  setFromContents,
  subtract,
} from "../source/source-set.ts";
import { expireEndpoint, reinvite, withdrawSources } from "./invite.ts";
import { senderCount } from "./presence.ts";
import { nickOf, refused } from "./refusals.ts";
import { announcedSources, announceSources, flush, sourcesChanged } from "./signaling.ts";
import { foreignClaim } from "./source-claims.ts";
import { type ConferenceState, count, emit, log, type Participant } from "./state.ts";

/** Handles one request and answers it. */
export function handleJingle(
  state: ConferenceState,
  request: number,
  from: string,
  jingle: Jingle,
): void {
  const why = process(state, from, jingle);
  if (why !== undefined) {
    const { sid, action } = jingle;
    const { condition, text } = why;
    refused(state, {
      kind: "jingle",
      from,
      suspicious: isSuspicious(state, from, sid, why),
      context: { sid, action, condition, text },
    });
  }
  emit(state, { kind: "reply", request, fault: why });
}

const unknownSession = fault("unknown session");
/** How long a page that outlived the focus before us may speak of its old session. */
const settlingMs = 30_000;

/**
 * Whether a client would not come to this by itself. Requests cross with our own, so one for what is
 * over (`gone`, `item-not-found`) is no attempt, and neither is one too many.
 */
function isSuspicious(
  state: ConferenceState,
  from: string,
  sid: string,
  why: StanzaFault,
): boolean {
  if (why.condition !== "bad-request" && why.condition !== "forbidden") return false;
  const presence = state.members.get(nickOf(from));
  if (why !== unknownSession || presence?.member.occupantJid !== from) return true;
  for (const { session } of state.participants.values()) if (session?.sid === sid) return true;
  return state.now - presence.joinedAt >= settlingMs;
}

/** The fault to answer with, or `undefined` for a result. */
function process(state: ConferenceState, from: string, jingle: Jingle): StanzaFault | undefined {
  const participant = participantOf(state, from);
  const session = participant?.session;
  if (participant === undefined || session === undefined || session.sid !== jingle.sid) {
    if (participant?.formerSids.includes(jingle.sid)) return replaced(jingle);
    return unknownSession;
  }
  const repeated = session.state === "active";
  const input = session.handle(jingle);
  if (!input.ok) return input.error;
  if (input.value.kind !== "accept") return act(state, participant, input.value);
  const refused = accept(state, participant, input.value, repeated);
  // A session whose acceptance was refused is over (spec jicofo 4.1).
  if (refused !== undefined) session.end();
  return refused;
}

/** The participant an occupant JID belongs to: nobody else may use its session. */
function participantOf(state: ConferenceState, from: string): Participant | undefined {
  const nick = nickOf(from);
  const member = state.members.get(nick)?.member;
  return member?.occupantJid === from ? state.participants.get(nick) : undefined;
}

/** A request for a session that gave way to a newer one. */
function replaced({ action }: Jingle): StanzaFault | undefined {
  switch (action) {
    case "session-accept":
    case "transport-accept":
      return fault("session has been replaced", "gone");
    case "transport-info":
      return undefined;
    default:
      return fault("jingle session no longer active", "item-not-found");
  }
}

function act(
  state: ConferenceState,
  participant: Participant,
  input: Exclude<SessionInput, { readonly kind: "accept" }>,
): StanzaFault | undefined {
  switch (input.kind) {
    case "sourceAdd":
      return addSources(state, participant, input.contents);
    case "sourceRemove":
      return removeSources(state, participant, input.contents);
    case "transportInfo":
      if (!participant.transports.take(state.now))
        return fault("rate-limited", "resource-constraint");
      state.colibri?.update(participant.id, { transport: input.transport });
      return undefined;
    case "iceRestart":
      return restartIce(state, participant, input.bridgeSession);
    case "iceFailed":
      if (input.bridgeSession === participant.session?.bridgeSession) {
        // Upstream has no limit here, and one client could invite itself a hundred times a second.
        if (!participant.restarts.accept(state.now)) {
          return fault("rate-limited", "resource-constraint");
        }
        count(state, "participants_ice_failed");
        restartRequested(state, participant);
        reinvite(state, [participant]);
      }
      return undefined;
    case "terminate":
      return terminate(state, participant, input);
    case "ignored":
      return undefined;
    default:
      throw new Bug(input satisfies never);
  }
}

function isVisitor(state: ConferenceState, { id }: Participant): boolean {
  return state.members.get(id)?.member.role === "VISITOR";
}

/** `repeated`: the session was accepted before; a stanza that came twice must change nothing. */
function accept(
  state: ConferenceState,
  participant: Participant,
  input: Extract<SessionInput, { readonly kind: "accept" }>,
  repeated: boolean,
): StanzaFault | undefined {
  const offered = setFromContents(input.contents);
  if (!offered.ok) return fault(offered.error);
  const { id } = participant;
  const fresh = repeated ? subtract(offered.value, state.sources.get(id)) : offered.value;
  if (!isEmpty(fresh)) {
    if (isVisitor(state, participant))
      return fault("sources not allowed for visitors", "forbidden");
    const refused = claim(state, id, fresh);
    if (refused !== undefined) return refused;
  }
  const { transport, initialLastN } = input;
  const mayConnect = !repeated || participant.transports.take(state.now);
  state.colibri?.update(id, {
    ...(transport === undefined || !mayConnect ? {} : { transport }),
    ...(initialLastN === undefined || !mayConnect ? {} : { initialLastN }),
    ...(repeated ? {} : { sources: colibriSources(id, announcedSources(state, id)) }),
  });
  if (repeated) {
    if (!isEmpty(fresh)) announceSources(state, participant);
    return undefined;
  }
  if (!isEmpty(fresh)) sourcesChanged(state, id);
  flush(state, participant);
  log(state, "info", "Session accepted", { participant: id, sid: participant.session?.sid });
  return undefined;
}

function addSources(
  state: ConferenceState,
  participant: Participant,
  contents: readonly SignalledContent[],
): StanzaFault | undefined {
  if (isVisitor(state, participant))
    return fault("add-source not allowed for visitors", "forbidden");
  const set = setFromContents(contents);
  if (!set.ok) return fault(set.error);
  if (isEmpty(set.value)) return undefined;
  const exceeded = exceededLimits(state, set.value);
  if (exceeded.length > 0) {
    return fault(`Sender count exceeded for: ${exceeded.join(", ")}`, "resource-constraint");
  }
  const refused = claim(state, participant.id, set.value);
  if (refused !== undefined) return refused;
  announceSources(state, participant);
  return undefined;
}

/** Adds all of these to what the endpoint sends, or says why not. */
function claim(state: ConferenceState, id: string, set: SourceSet): StanzaFault | undefined {
  const foreign = foreignClaim(state, id, set);
  if (foreign !== undefined) return fault(foreign);
  const added = state.sources.add(id, set);
  return added.ok ? undefined : fault(added.error);
}

/** Kinds of media of which no more senders are allowed. */
function exceededLimits(state: ConferenceState, set: SourceSet): string[] {
  const { maxAudioSenders, maxVideoSenders } = state.config;
  const exceeded: string[] = [];
  if (hasMedia(set, "audio") && senderCount(state, "audio") >= maxAudioSenders)
    exceeded.push("AUDIO");
  if (hasMedia(set, "video") && senderCount(state, "video") >= maxVideoSenders)
    exceeded.push("VIDEO");
  return exceeded;
}

function removeSources(
  state: ConferenceState,
  participant: Participant,
  contents: readonly SignalledContent[],
): StanzaFault | undefined {
  const set = setFromContents(contents);
  if (!set.ok) return fault(set.error);
  if (isEmpty(set.value)) return undefined;
  const removed = state.sources.remove(participant.id, set.value);
  if (!removed.ok) return fault(removed.error);
  announceSources(state, participant);
  return undefined;
}

function restartIce(
  state: ConferenceState,
  participant: Participant,
  bridgeSession: string | undefined,
): StanzaFault | undefined {
  if (!state.config.enableIceRestart) {
    return fault("in-place ICE restart is disabled", "feature-not-implemented");
  }
  if (!participant.iceRestarts.accept(state.now))
    return fault("rate-limited", "resource-constraint");
  if (bridgeSession !== participant.session?.bridgeSession) {
    return fault("no such bridge session", "item-not-found");
  }
  count(state, "ice_restarts_requested");
  state.colibri?.restartIce(participant.id);
  return undefined;
}

/** Counts towards the bridge's ICE failure detection. */
function restartRequested(state: ConferenceState, { id }: Participant): void {
  const bridge = state.colibri?.sessionOf(id)?.bridge.jid;
  if (bridge !== undefined) state.pool.restartRequested(bridge, state.now);
}

function terminate(
  state: ConferenceState,
  participant: Participant,
  { bridgeSession, restart }: Extract<SessionInput, { readonly kind: "terminate" }>,
): StanzaFault | undefined {
  const { id } = participant;
  if (bridgeSession !== participant.session?.bridgeSession) {
    return fault("no such bridge session", "item-not-found");
  }
  log(state, "info", restart ? "Restart requested" : "Session ended by client", {
    participant: id,
    sid: participant.session?.sid,
  });
  if (restart) {
    count(state, "participants_restart_requested");
    restartRequested(state, participant);
    if (participant.restarts.accept(state.now)) {
      reinvite(state, [participant]);
      return undefined;
    }
  }
  withdrawSources(state, id);
  expireEndpoint(state, id);
  return restart ? fault("rate-limited", "resource-constraint") : undefined;
}
