/** The state of one conference, shared by the functions that each do one part of its work. */
import type { LogContext, LogLevel } from "#shared/logging/logger";
import type { Millis, Random } from "#shared/runtime/runtime";
import type { TokenBucket, TokenBuckets } from "#shared/runtime/token-bucket";
import type { StartMuted } from "#shared/stanza/jingle";
import type { Jid } from "#shared/xmpp/jid";
import type { BridgePool } from "../bridge/bridge.ts";
import type { ColibriSessions } from "../colibri/colibri-sessions.ts";
import type { Features } from "../jingle/features.ts";
import type { RateLimiter } from "../jingle/rate-limiter.ts";
import type { JingleSession } from "../jingle/session.ts";
import type { ConferenceSources } from "../source/conference-sources.ts";
import type { SourceSet } from "../source/source-set.ts";
import type { SourceSignaling } from "../source/source-signaling.ts";
import type { ConferenceConfig } from "./config.ts";
import type { Effect } from "./events.ts";
import type { Member } from "./member.ts";

/** A member, and whether its features are known yet. */
export interface Presence {
  member: Member;
  /** Tells apart successive members of one nick. */
  readonly arrival: number;
  features: Features | undefined;
  readonly joinedAt: Millis;
}

/** Where the invitation of a participant stands. */
export type InvitePhase =
  /** Nothing under way: invited, refused, or ended by the client. */
  | "idle"
  /** The bridge has been asked. */
  | "allocating"
  /** Will be tried again: no bridge, or the bridge refused. */
  | "waiting";

/** A member the focus has decided to invite. */
export interface Participant {
  readonly id: string;
  readonly features: Features;
  session: JingleSession | undefined;
  /** Sids of earlier sessions of this participant. */
  readonly formerSids: string[];
  phase: InvitePhase;
  /** When a waiting participant is tried again. */
  retryAt: Millis;
  /** Failed attempts since the last success. */
  failures: number;
  readonly signaling: SourceSignaling;
  /** Was invited before: what is said of those who come does not count any more. */
  invited: boolean;
  readonly restarts: RateLimiter;
  readonly iceRestarts: RateLimiter;
  /** What it may still change of its sources right now. */
  readonly sourceChanges: TokenBucket;
  /** Changed its sources more often than it may: the rest is told later, at once. */
  sourcesHeld: boolean;
  /** What bridge and others were told last while the rest is held. */
  announced: SourceSet;
  /** Transports it may still send. */
  readonly transports: TokenBucket;
}

/** What the creating request says (spec jicofo 2.3). */
export interface RequestProperties {
  readonly rtcstatsEnabled: boolean;
  readonly startAudioMuted: number | undefined;
  readonly startVideoMuted: number | undefined;
}

/** Life cycle. */
export type Phase = "new" | "joining" | "running" | "ended";

export interface ConferenceState {
  readonly room: string;
  readonly config: ConferenceConfig;
  readonly properties: RequestProperties;
  readonly pool: BridgePool;
  readonly random: Random;
  readonly pinnedVersion: string | undefined;
  /** Undefined: authentication is off, and the first member becomes owner. */
  readonly isAuthenticated: ((member: Jid) => boolean) | undefined;
  /** Whether breakout rooms of this one have conferences. */
  readonly hasBreakouts: () => boolean;
  /** From the room's metadata: how those start who come. */
  startMuted: StartMuted;
  phase: Phase;
  /** When the conference was made. */
  createdAt: Millis;
  /** Our real full JID, once joined. */
  self: string;
  meetingId: string;
  breakout: boolean;
  /** Everybody in the room but us, in the order they came. */
  readonly members: Map<string, Presence>;
  readonly participants: Map<string, Participant>;
  readonly sources: ConferenceSources;
  /** Exists from the moment the room is joined. */
  colibri: ColibriSessions | undefined;
  /** Nick of the member who is or was made owner. */
  owner: string | undefined;
  /** Sessions that failed in a row since the last successful allocation. */
  bridgeFailures: number;
  readonly conferenceProperties: Map<string, string>;
  bridgeAvailable: boolean;
  /** We lose our place in the room, but people there may still hear each other. */
  callGoesOn: boolean;
  arrivals: number;
  /** Warnings that one sender may still cause. */
  readonly warnings: TokenBuckets;
  /** Of this turn. */
  now: Millis;
  effects: Effect[];
}

/** Adds an effect to the turn. */
export function emit(state: ConferenceState, effect: Effect): void {
  state.effects.push(effect);
}

export function count(state: ConferenceState, metric: string, by = 1): void {
  if (by > 0) state.effects.push({ kind: "count", metric, by });
}

export function log(
  state: ConferenceState,
  level: Exclude<LogLevel, "trace">,
  message: string,
  context: LogContext = {},
): void {
  state.effects.push({ kind: "log", level, message, context });
}

/** A random version-4 UUID. */
export function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
