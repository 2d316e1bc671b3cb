/** Telling participants of each other's sources (spec jicofo 4.5, 4.7). */
import type { EndpointSources } from "#shared/stanza/jingle";
import type { Features } from "../jingle/features.ts";
import { sourceChange } from "../jingle/outgoing.ts";
import {
  bridgeOwner,
  colibriSources,
  filterMedia,
  isEmpty,
  jingleSources,
  type SourceSet,
  stripSimulcast,
} from "../source/source-set.ts";
import { signalingDelay } from "../source/source-signaling.ts";
import { type ConferenceState, emit, type Participant } from "./state.ts";

/** Whether the participant gets its remote sources from the bridge instead. */
export function rewritesSsrcs(state: ConferenceState, features: Features): boolean {
  return state.config.useSsrcRewriting && features.has("SSRC_REWRITING_V1");
}

/** Whether sources go to the participant as compact JSON. */
export function usesJson(state: ConferenceState, features: Features): boolean {
  return state.config.useJsonEncodedSources && features.has("JSON_SOURCES");
}

/** The sources of an owner as the participant may see them. */
function visible(state: ConferenceState, participant: Participant, set: SourceSet): SourceSet {
  const { features } = participant;
  const reduced = state.config.stripSimulcast ? stripSimulcast(set) : set;
  return filterMedia(reduced, features.has("AUDIO"), features.has("VIDEO"));
}

/** What others may know of an owner's sources: as much as its bridge knows. */
export function announcedSources(state: ConferenceState, owner: string): SourceSet {
  const participant = state.participants.get(owner);
  return participant?.sourcesHeld ? participant.announced : state.sources.get(owner);
}

/** What a new session of the participant starts with: everybody else's sources and the bridge's. */
export function initialSources(
  state: ConferenceState,
  participant: Participant,
  feedback: SourceSet,
): Map<string, SourceSet> {
  const initial = new Map<string, SourceSet>();
  if (!rewritesSsrcs(state, participant.features)) {
    for (const owner of state.participants.keys()) {
      if (owner === participant.id) continue;
      const seen = visible(state, participant, announcedSources(state, owner));
      if (!isEmpty(seen)) initial.set(owner, seen);
    }
  }
  const own = visible(state, participant, feedback);
  if (!isEmpty(own)) initial.set(bridgeOwner, own);
  return initial;
}

/** Sets in Jingle's form. */
export function inJingle(sets: ReadonlyMap<string, SourceSet>): Map<string, EndpointSources> {
  return new Map([...sets].map(([owner, set]) => [owner, jingleSources(owner, set)]));
}

/** The sources of `owner` changed: the others hear of it with the next flush. */
export function sourcesChanged(state: ConferenceState, owner: string): void {
  const changed = state.participants.get(owner);
  if (changed !== undefined && !changed.sourcesHeld) changed.announced = state.sources.get(owner);
  for (const participant of state.participants.values()) {
    if (participant.id === owner || rewritesSsrcs(state, participant.features)) continue;
    participant.signaling.mark(owner);
  }
  const delay = signalingDelay(state.config.sourceSignalingDelays, state.participants.size);
  // With no delay the timer still runs: it joins changes that arrive together into one batch.
  emit(state, { kind: "setTimer", name: "signal", delay });
}

/**
 * The bridge and the others learn what the participant sends now. One that changes without pause
 * has to wait: what it sends by then is told in one piece.
 */
export function announceSources(state: ConferenceState, participant: Participant): void {
  if (participant.sourcesHeld) return;
  const { id, sourceChanges } = participant;
  if (!sourceChanges.take(state.now)) {
    participant.sourcesHeld = true;
    const delay = sourceChanges.nextAt(state.now) - state.now;
    emit(state, { kind: "setTimer", name: "sources", delay });
    return;
  }
  const announced = state.sources.get(id);
  state.colibri?.update(id, { sources: colibriSources(id, announced) });
  sourcesChanged(state, id);
}

/** Those whose sources were held back have their turn, or go on waiting. */
export function releaseSources(state: ConferenceState): void {
  for (const participant of state.participants.values()) {
    if (!participant.sourcesHeld) continue;
    participant.sourcesHeld = false;
    announceSources(state, participant);
  }
}

/** Tells every participant with an accepted session what changed for it. */
export function flushAll(state: ConferenceState): void {
  for (const participant of state.participants.values()) flush(state, participant);
}

/** Tells one participant what changed; queued until its session is accepted. */
export function flush(state: ConferenceState, participant: Participant): void {
  const { session, signaling, features } = participant;
  if (session?.state !== "active" || !signaling.pending) return;
  const { remove, add } = signaling.flush((owner) =>
    visible(state, participant, announcedSources(state, owner)),
  );
  const json = usesJson(state, features);
  for (const [action, sets] of [
    ["source-remove", remove],
    ["source-add", add],
  ] as const) {
    if (sets.size === 0) continue;
    const jingle = sourceChange(action, session.sid, inJingle(sets), json);
    emit(state, { kind: "jingle", to: session.peer, jingle, tag: undefined });
  }
}
