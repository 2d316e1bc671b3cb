/** Members coming, changing and going, and the timers that depend on how many there are (spec jicofo 3). */
import type { Occupant } from "#shared/xmpp/muc";
import type { Features } from "../jingle/features.ts";
import { expireEndpoint, inviteMember, terminateSession } from "./invite.ts";
import { readMember } from "./member.ts";
import { memberCame, ownerLeft } from "./ownership.ts";
import { publishSenderLimits } from "./presence.ts";
import { type ConferenceState, count, emit, log } from "./state.ts";

/** A member came, or sent another presence. */
export function occupantSeen(state: ConferenceState, occupant: Occupant): void {
  const { nick } = occupant;
  const known = state.members.get(nick);
  if (known !== undefined) {
    known.member = readMember(occupant, known.member, state.config.trustedDomains);
    publishSenderLimits(state);
    return;
  }
  const member = readMember(occupant, undefined, state.config.trustedDomains);
  const arrival = ++state.arrivals;
  state.members.set(nick, { member, arrival, features: undefined, joinedAt: state.now });
  log(state, "info", "Member joined", { participant: nick });
  memberCame(state, member);
  publishSenderLimits(state);
  emit(state, { kind: "discover", nick, arrival, occupantJid: member.occupantJid });
}

/** A member's features are known: it, or everybody, is invited. */
export function featuresKnown(
  state: ConferenceState,
  nick: string,
  arrival: number,
  features: Features,
): void {
  // Nobody there any more: whoever waits for the next one goes on waiting.
  if (state.members.size > 0) emit(state, { kind: "cancelTimer", name: "initial" });
  const presence = state.members.get(nick);
  if (presence?.arrival !== arrival) return;
  presence.features = features;
  // Visitors are admitted to the main room only where they are enabled, which is not built yet.
  if (presence.member.role === "VISITOR") return;
  if (state.members.size < state.config.minParticipants) return;
  emit(state, { kind: "cancelTimer", name: "single" });
  if (state.participants.size > 0) {
    inviteMember(state, presence);
    return;
  }
  for (const other of [...state.members.values()]) {
    if (other.member.role !== "VISITOR") inviteMember(state, other);
  }
}

/**
 * A member left or was kicked. Clients clean up what they know of it by themselves, so nobody is
 * sent a `source-remove`. Returns why the conference is over, if it is.
 */
export function memberLeft(
  state: ConferenceState,
  nick: string,
  status: string | undefined,
): string | undefined {
  const presence = state.members.get(nick);
  if (presence === undefined) return undefined;
  state.members.delete(nick);
  count(state, "endpoint_seconds", (state.now - presence.joinedAt) / 1000);
  // COMPAT(jicofo): dashboards count these very words (spec packaging-and-operations C10).
  log(state, "info", "Member left", { participant: nick });
  const participant = state.participants.get(nick);
  if (participant !== undefined) {
    log(state, "info", "Removed participant", { participant: nick });
    participant.session?.end();
    state.participants.delete(nick);
    state.sources.removeOwner(nick);
    for (const other of state.participants.values()) other.signaling.forget(nick);
    expireEndpoint(state, nick);
  }
  ownerLeft(state, nick);
  publishSenderLimits(state);
  if (state.members.size === 0) {
    if (state.hasBreakouts()) return undefined;
    if (status !== "switch_room") return "everybody left";
    emit(state, { kind: "setTimer", name: "initial", delay: state.config.initialTimeout });
  } else if (participant !== undefined && state.participants.size === 1) {
    const delay = state.config.singleParticipantTimeout;
    emit(state, { kind: "setTimer", name: "single", delay });
  }
  return undefined;
}

/** One participant has been alone for long: its session ends, the room stays. */
export function endLonelySession(state: ConferenceState): void {
  if (state.participants.size !== 1) return;
  for (const participant of state.participants.values()) {
    terminateSession(state, participant, "expired", "Idle session timeout");
    state.sources.removeOwner(participant.id);
    expireEndpoint(state, participant.id);
  }
  state.participants.clear();
}
