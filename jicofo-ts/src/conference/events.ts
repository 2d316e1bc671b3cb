/**
 * What goes into a conference and what comes out of it, as plain data. The driver in `focus/`
 * turns the outside world into events and effects into stanzas, timers and log lines.
 */
import type { LogContext, LogLevel } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import type { ConferenceModified, ConferenceModify } from "#shared/stanza/colibri2";
import type { Jingle, StartMuted } from "#shared/stanza/jingle";
import type { MuteMedia } from "#shared/stanza/mute";
import type { StanzaFault } from "#shared/stanza/stanza-error";
import type { BareJid, Jid } from "#shared/xmpp/jid";
import type { Occupant } from "#shared/xmpp/muc";
import type { Element } from "#shared/xmpp/xml";
import type { BridgeEvent } from "../bridge/bridge.ts";
import type { ColibriTag } from "../colibri/colibri-sessions.ts";
import type { ColibriReply } from "../colibri/reaction.ts";
import type { Features } from "../jingle/features.ts";

/** Timers of a conference; setting one again replaces it. */
export type TimerName = "initial" | "single" | "reconnect" | "signal" | "sources" | "retry";

/** Which outgoing Jingle request an answer belongs to. */
export interface InitiateTag {
  readonly nick: string;
  readonly sid: string;
}

/** One thing that happened. `request` is the driver's handle for the answer. */
export type ConferenceEvent =
  | { readonly kind: "start" }
  /** We are in the room and it is configured. */
  | {
      readonly kind: "joined";
      /** Our real full JID. */
      readonly self: string;
      readonly meetingId: string;
      readonly breakout: boolean;
    }
  | { readonly kind: "joinFailed"; readonly why: string }
  /** Another conference request for the room. */
  | { readonly kind: "requested" }
  /** A member came or sent another presence. */
  | { readonly kind: "occupant"; readonly occupant: Occupant }
  /** Somebody, member or not, has proved who it is; its real full JID. */
  | { readonly kind: "authenticated"; readonly jid: Jid }
  | { readonly kind: "left"; readonly nick: string; readonly status: string | undefined }
  /** Answer to `discover`. */
  | {
      readonly kind: "features";
      readonly nick: string;
      readonly arrival: number;
      readonly features: Features;
    }
  /** The room was destroyed, or the focus removed from it or demoted. */
  | { readonly kind: "roomLost"; readonly why: string }
  | {
      readonly kind: "jingle";
      readonly request: number;
      /** Occupant JID. */
      readonly from: string;
      readonly jingle: Jingle;
    }
  | {
      readonly kind: "initiateAnswered";
      readonly tag: InitiateTag;
      /** Condition of an error; `undefined` for a result and for no answer in time. */
      readonly error: string | undefined;
    }
  | {
      readonly kind: "mute";
      readonly request: number;
      readonly from: Jid;
      readonly media: MuteMedia;
      readonly target: Jid;
      readonly mute: boolean;
    }
  | {
      readonly kind: "colibriReply";
      readonly tag: ColibriTag;
      readonly reply: ColibriReply<ConferenceModified>;
    }
  | { readonly kind: "bridge"; readonly event: BridgeEvent }
  | { readonly kind: "moveEndpoints"; readonly endpoints: readonly string[] }
  | { readonly kind: "timer"; readonly name: TimerName }
  /** The room_metadata component said what it knows of the room. */
  | { readonly kind: "startMuted"; readonly startMuted: StartMuted }
  /** A breakout room of this one has no conference any more. */
  | { readonly kind: "breakoutEnded" }
  | { readonly kind: "connectionLost" }
  | { readonly kind: "connectionBack"; readonly resumed: boolean }
  /** `callGoesOn`: nothing is wrong with it but that we go. */
  | { readonly kind: "stop"; readonly why: string; readonly callGoesOn: boolean };

/** One thing to do. Effects of a turn are carried out in order. */
export type Effect =
  /** Join, read the room form, submit `whois=anyone`; then `joined` or `joinFailed`. */
  | { readonly kind: "joinRoom" }
  | { readonly kind: "leaveRoom" }
  | {
      readonly kind: "setPresence";
      readonly name: string;
      readonly ns: string;
      readonly extension: Element | undefined;
    }
  | { readonly kind: "grantOwner"; readonly jid: BareJid }
  /** Ask for the features of a member, then `features`. */
  | {
      readonly kind: "discover";
      readonly nick: string;
      readonly arrival: number;
      readonly occupantJid: string;
    }
  /** A Jingle request to a member; only with a tag somebody waits for the answer. */
  | {
      readonly kind: "jingle";
      readonly to: string;
      readonly jingle: Jingle;
      readonly tag: InitiateTag | undefined;
    }
  | {
      readonly kind: "mute";
      readonly to: Jid;
      readonly media: MuteMedia;
      readonly actor: Jid | undefined;
    }
  | { readonly kind: "colibri"; readonly tag: ColibriTag; readonly modify: ConferenceModify }
  /** Answers an IQ: an empty result, or an error. */
  | { readonly kind: "reply"; readonly request: number; readonly fault: StanzaFault | undefined }
  | { readonly kind: "setTimer"; readonly name: TimerName; readonly delay: Millis }
  | { readonly kind: "cancelTimer"; readonly name: TimerName }
  /** Adds to a counter of upstream's name. */
  | { readonly kind: "count"; readonly metric: string; readonly by: number }
  | {
      readonly kind: "log";
      readonly level: Exclude<LogLevel, "trace">;
      readonly message: string;
      readonly context: LogContext;
    }
  /** Requests for the room may be answered with `ready`. */
  | { readonly kind: "ready" }
  /** The conference is over; the driver forgets it after the effects before this one. */
  | {
      readonly kind: "ended";
      readonly why: string;
      /** The room may go on without us: it is to be joined again, with a new conference. */
      readonly again: boolean;
    };
