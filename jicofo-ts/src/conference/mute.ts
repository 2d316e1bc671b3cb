/** Mute requests (spec jicofo 7.3, wire A14). */
import { fault, type StanzaFault } from "#shared/stanza/stanza-error";
import type { ConferenceEvent } from "./events.ts";
import { hasModeratorRights, type Member } from "./member.ts";
import { nickOf, refused } from "./refusals.ts";
import { type ConferenceState, emit, log } from "./state.ts";

/** Checks the rights, answers, and passes the request on to the one to be muted. */
export function handleMute(
  state: ConferenceState,
  event: Extract<ConferenceEvent, { readonly kind: "mute" }>,
): void {
  const why = check(state, event);
  emit(state, { kind: "reply", request: event.request, fault: why });
  const { target: to, from: actor, media } = event;
  if (why !== undefined) {
    const { text } = why;
    // Whoever is to be muted may just have left.
    const suspicious = why !== noSuchParticipant || !to.startsWith(`${state.room}/`);
    refused(state, {
      kind: "mute",
      from: actor,
      suspicious,
      context: { target: nickOf(to), text },
    });
  }
  if (why !== undefined || actor === to) return;
  emit(state, { kind: "mute", to, media, actor });
  log(state, "info", "Muted by a moderator", { participant: nickOf(to), media });
}

const noSuchParticipant = fault("no such participant", "internal-server-error");

function check(
  state: ConferenceState,
  { from, target, media, mute }: Extract<ConferenceEvent, { readonly kind: "mute" }>,
): StanzaFault | undefined {
  const muter = participating(state, from);
  if (muter === undefined) return fault("not a participant", "internal-server-error");
  const own = from === target;
  if (!own && !hasModeratorRights(muter)) return fault("not a moderator", "not-allowed");
  const muted = participating(state, target);
  if (muted === undefined) return noSuchParticipant;
  if (!own && !mute) return fault("others cannot be unmuted", "not-allowed");
  const features = state.participants.get(muted.nick)?.features;
  const deafJigasi = muted.isJigasi && features?.has("AUDIO_MUTE") !== true;
  if (muted.isJibri || muted.role === "VISITOR" || deafJigasi) {
    return fault(`cannot mute ${media} of that participant`, "not-allowed");
  }
  return undefined;
}

/**
 * The member of an occupant JID, if it is a participant, or will be as soon as it has said what it
 * can do: somebody who was invited before it knows no difference.
 */
function participating(state: ConferenceState, occupant: string): Member | undefined {
  const nick = nickOf(occupant);
  const member = state.members.get(nick)?.member;
  if (member?.occupantJid !== occupant) return undefined;
  const expected = state.participants.size > 0 && member.role !== "VISITOR";
  return expected || state.participants.has(nick) ? member : undefined;
}
