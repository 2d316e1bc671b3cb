/** Who is owner of a room without authentication (spec jicofo 3.5). */
import { bareOf } from "#shared/xmpp/jid";
import type { Member } from "./member.ts";
import { type ConferenceState, emit, log } from "./state.ts";

function eligible(member: Member): boolean {
  return !member.isJibri && !member.isJigasi;
}

/** Finds the owner, or makes the first eligible member owner. Does nothing while there is one. */
export function electOwner(state: ConferenceState): void {
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
  log(state, "info", "Making the first member owner", { participant: chosen.nick });
}

/** A member left: if it was the owner there is another one now. */
export function ownerLeft(state: ConferenceState, nick: string): void {
  if (state.owner !== nick) return;
  state.owner = undefined;
  electOwner(state);
}
