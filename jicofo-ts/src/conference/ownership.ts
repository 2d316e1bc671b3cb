/**
 * Who is owner of a room (spec jicofo 3.5): without authentication the first member, with it every
 * member that is authenticated and nobody else.
 */
import { bareOf, type Jid } from "#shared/xmpp/jid";
import type { Member } from "./member.ts";
import { type ConferenceState, emit, log } from "./state.ts";

function eligible(member: Member): boolean {
  return !member.isJibri && !member.isJigasi;
}

/** The room is ours: whoever is in it already may be an owner to be. */
export function electOwner(state: ConferenceState): void {
  if (state.isAuthenticated === undefined) electFirst(state);
  else for (const { member } of state.members.values()) grantAuthenticated(state, member);
}

/** A member came. */
export function memberCame(state: ConferenceState, member: Member): void {
  if (state.isAuthenticated === undefined) electFirst(state);
  else if (state.phase === "running") grantAuthenticated(state, member);
}

/** Somebody logged in, perhaps a member. */
export function memberAuthenticated(state: ConferenceState, jid: Jid): void {
  if (state.phase !== "running") return;
  for (const { member } of state.members.values()) {
    if (member.realJid === jid) grantAuthenticated(state, member);
  }
}

/** A member left: if it was the owner there is another one now. */
export function ownerLeft(state: ConferenceState, nick: string): void {
  if (state.owner !== nick) return;
  state.owner = undefined;
  electOwner(state);
}

/** Finds the owner, or makes the first eligible member owner. Does nothing while there is one. */
function electFirst(state: ConferenceState): void {
  if (!state.config.enableAutoOwner || state.breakout || state.owner !== undefined) return;
  const members = [...state.members.values()].map(({ member }) => member).filter(eligible);
  const present = members.find(({ role }) => role === "OWNER");
  if (present !== undefined) {
    state.owner = present.nick;
    return;
  }
  const chosen = members.find(({ role }) => role !== "VISITOR");
  if (chosen === undefined) return;
  state.owner = chosen.nick;
  if (chosen.realJid === undefined) {
    log(state, "warn", "Cannot make a member owner whose address is hidden", {
      participant: chosen.nick,
    });
    return;
  }
  emit(state, { kind: "grantOwner", jid: bareOf(chosen.realJid) });
  log(state, "info", "Making a member owner", { participant: chosen.nick });
}

function grantAuthenticated(state: ConferenceState, { role, realJid, nick }: Member): void {
  if (role === "OWNER" || realJid === undefined) return;
  if (state.isAuthenticated?.(realJid) !== true) return;
  emit(state, { kind: "grantOwner", jid: bareOf(realJid) });
  log(state, "info", "Making an authenticated member owner", { participant: nick });
}
