/** What the focus shows in its presence (spec jicofo 1.9, wire A13). */
import {
  buildBridgeNotAvailable,
  buildConferenceProperties,
  buildEtherpad,
  buildVersions,
} from "#shared/stanza/focus-presence";
import { localOf, parseJid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { type ConferenceState, emit, uuid } from "./state.ts";

/** Publishes everything that is there from the start. */
export function publishInitialPresence(state: ConferenceState): void {
  const { config, room, random } = state;
  const jid = parseJid(room);
  const document = config.sharedDocumentRandomName
    ? uuid(random).replaceAll("-", "")
    : ((jid && localOf(jid)) ?? room);
  emit(state, {
    kind: "setPresence",
    name: "etherpad",
    ns: NS.etherpad,
    extension: buildEtherpad(document),
  });
  emit(state, {
    kind: "setPresence",
    name: "versions",
    ns: NS.jitmeet,
    extension: buildVersions({ focus: config.version }),
  });
  setProperty(state, "support-terminate-restart", "true");
}

/** Sets one conference property; presence is sent only when the value changes. */
function setProperty(state: ConferenceState, key: string, value: string): void {
  if (state.conferenceProperties.get(key) === value) return;
  state.conferenceProperties.set(key, value);
  emit(state, {
    kind: "setPresence",
    name: "conference-properties",
    ns: NS.focus,
    extension: buildConferenceProperties(state.conferenceProperties),
  });
}

/** Shows or takes away `bridgeNotAvailable`. */
export function setBridgeAvailable(state: ConferenceState, available: boolean): void {
  if (state.bridgeAvailable === available) return;
  state.bridgeAvailable = available;
  emit(state, {
    kind: "setPresence",
    name: "bridgeNotAvailable",
    ns: NS.focus,
    extension: available ? undefined : buildBridgeNotAvailable(),
  });
}

/** Says how many bridges serve the conference; absent before the first. */
export function publishBridgeCount(state: ConferenceState): void {
  const sessions = state.colibri?.sessions.size ?? 0;
  if (sessions === 0 && !state.conferenceProperties.has("bridge-count")) return;
  setProperty(state, "bridge-count", `${sessions}`);
}

/** Members that send a kind of media. */
export function senderCount(state: ConferenceState, media: "audio" | "video"): number {
  let senders = 0;
  for (const { member } of state.members.values()) {
    if (!(media === "audio" ? member.audioMuted : member.videoMuted)) senders++;
  }
  return senders;
}

/** Publishes `audio-limit-reached` and `video-limit-reached` when they change; absent until then. */
export function publishSenderLimits(state: ConferenceState): void {
  for (const media of ["audio", "video"] as const) {
    const limit = media === "audio" ? state.config.maxAudioSenders : state.config.maxVideoSenders;
    const reached = senderCount(state, media) >= limit;
    const key = `${media}-limit-reached`;
    if (reached || state.conferenceProperties.has(key)) setProperty(state, key, `${reached}`);
  }
}
