/** Upstream's debug object of a conference (spec jicofo 10.5). */
import { bridgeDebugState } from "../bridge/debug-state.ts";
import { type SourceSet, setFromFeedback } from "../source/source-set.ts";
import { senderCount } from "./presence.ts";
import type { ConferenceState, Participant, Presence } from "./state.ts";

/** JSON-able data. */
export type DebugValue =
  | string
  | number
  | boolean
  | null
  | readonly DebugValue[]
  | { readonly [key: string]: DebugValue };
export type DebugObject = { readonly [key: string]: DebugValue };

const noModeration = { enabled: false, whitelist: [] } as const;

/** `full` adds what each participant was told of the others' sources. */
export function conferenceDebugState(
  state: Readonly<ConferenceState>,
  full: boolean,
  statistics: boolean,
): DebugObject {
  const { room, properties, members, participants } = state;
  const memberCount = (flag: "isJibri" | "isJigasi" | "isTranscriber"): number =>
    [...members.values()].filter(({ member }) => member[flag]).length;
  const property = (key: string): boolean => state.conferenceProperties.get(key) === "true";
  return {
    name: room,
    meeting_id: state.meetingId,
    config: {
      rtcstatsEnabled: properties.rtcstatsEnabled,
      startAudioMuted: properties.startAudioMuted ?? null,
      startVideoMuted: properties.startVideoMuted ?? null,
    },
    chat_room: {
      room_jid: room,
      my_occupant_jid: `${room}/${state.config.nick}`,
      members: byKey(members, memberState),
      audio_senders_count: senderCount(state, "audio"),
      video_senders_count: senderCount(state, "video"),
      lobby_enabled: false,
      participants_soft_limit: -1,
      moderators: [],
      visitors_enabled: "null",
      visitors_live: false,
      av_moderation: { AUDIO: noModeration, VIDEO: noModeration, DESKTOP: noModeration },
    },
    participants: byKey(participants, (participant) => participantState(state, participant, full)),
    chat_room_role_manager: roleManager(state),
    started: state.phase === "running",
    start_audio_muted: false,
    start_video_muted: false,
    colibri_session_manager: bridgesState(state),
    conference_properties: Object.fromEntries(state.conferenceProperties),
    include_in_statistics: statistics,
    conference_sources: byKey(state.sources.sets, sourcesState),
    audio_limit_reached: property("audio-limit-reached"),
    video_limit_reached: property("video-limit-reached"),
    visitor_count: 0,
    visitor_codecs: { count: 0, ranks: {}, aggregate: [] },
    participant_count: participants.size,
    jibri_count: memberCount("isJibri"),
    jigasi_count: memberCount("isJigasi"),
    transcriber_count: memberCount("isTranscriber"),
  };
}

/** Under upstream's names (spec jicofo 3.5). */
function roleManager({
  isAuthenticated,
  config,
  breakout,
  members,
  owner,
}: Readonly<ConferenceState>) {
  if (isAuthenticated !== undefined) return { class: "AuthenticationRoleManager" };
  if (!config.enableAutoOwner || breakout) return null;
  return {
    class: "AutoOwnerRoleManager",
    owner: members.get(owner ?? "")?.member.realJid ?? "null",
  };
}

function byKey<T>(map: ReadonlyMap<string, T>, show: (value: T) => DebugValue): DebugObject {
  return Object.fromEntries([...map].map(([key, value]) => [key, show(value)]));
}

function memberState({ member, features }: Presence): DebugObject {
  return {
    region: member.region ?? "null",
    occupant_jid: member.occupantJid,
    jid: member.realJid ?? null,
    is_jibri: member.isJibri,
    is_jigasi: member.isJigasi,
    is_transcriber: member.isTranscriber,
    role: member.role,
    video_codecs: member.videoCodecs ?? null,
    stats_id: member.statsId ?? null,
    is_audio_muted: member.audioMuted,
    is_video_muted: member.videoMuted,
    diarize: member.diarize,
    features: [...(features ?? [])],
    capsNodeVer: member.caps === undefined ? null : `${member.caps.node}#${member.caps.ver}`,
  };
}

function participantState(
  state: Readonly<ConferenceState>,
  { id, features, session, phase, signaling }: Participant,
  full: boolean,
): DebugObject {
  const media = (["audio", "video"] as const).filter((kind) =>
    features.has(kind === "audio" ? "AUDIO" : "VIDEO"),
  );
  return {
    id,
    ...(full
      ? {
          source_signaling: {
            signaled_sources: byKey(signaling.told, sourcesState),
            sources: byKey(signaling.told, sourcesState),
            supported_media_types: media,
          },
        }
      : {}),
    stats_id: state.members.get(id)?.member.statsId ?? null,
    invite_runnable: phase === "allocating" ? "Running" : "Not running",
    jingle_session:
      session === undefined
        ? null
        : { sid: session.sid, remoteJid: session.peer, state: session.state.toUpperCase() },
  };
}

function bridgesState(state: Readonly<ConferenceState>): DebugObject {
  const participants: Record<string, DebugValue> = {};
  const sessions: Record<string, DebugValue> = {};
  for (const session of state.colibri?.sessions.values() ?? []) {
    const { bridge, endpoints } = session;
    const known = state.pool.get(bridge.jid, state.now);
    for (const { spec } of endpoints.values()) {
      participants[spec.id] = {
        id: spec.id,
        stats_id: spec.statsId ?? null,
        sources: sourcesState(state.sources.get(spec.id)),
        bridge: bridge.nick,
        audio_muted: spec.forceMute.audio,
        video_muted: spec.forceMute.video,
        private_addresses: spec.privateAddresses,
        ssrc_rewriting: spec.ssrcRewriting,
        rtp_mid_demux: spec.rtpMidDemux,
        visitor: spec.visitor,
        diarize: spec.diarize,
      };
    }
    sessions[bridge.nick] = {
      bridge: known === undefined ? {} : bridgeDebugState(known),
      id: session.id,
      feedback_sources: { jvb: sourcesState(setFromFeedback(session.feedback)) },
      created: true,
      recently_added_endpoints: session.recentlyAdded(
        state.now - state.config.bridgeGrowthInterval,
      ),
      relays: {},
      participants: [...endpoints.keys()],
    };
  }
  return { participants, sessions };
}

function sourcesState(set: SourceSet): DebugObject {
  return {
    sources: set.sources.map(({ ssrc, media, name, msid, videoType }) => ({
      ssrc,
      media_type: media,
      name: name ?? null,
      msid: msid ?? null,
      videoType: videoType ?? "null",
    })),
    groups: set.groups.map(({ semantics, media, ssrcs }) => ({
      semantics,
      media_type: media,
      ssrcs,
    })),
  };
}
