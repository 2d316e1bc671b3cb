/** Our occupancy of one room (XEP-0045). Signatures first; `MucRoom` follows below. */
import type { StanzaError } from "../stanza/stanza-error.ts";
import type { BareJid, Jid } from "./jid.ts";
import type { Element } from "./xml.ts";

/** MUC roles. */
export type MucRole = "moderator" | "participant" | "visitor" | "none";

/** MUC affiliations. */
export type MucAffiliation = "owner" | "admin" | "member" | "outcast" | "none";

/** Somebody in the room as their latest presence shows them. */
export interface Occupant {
  /** `room/nick` */
  readonly occupantJid: Jid;
  readonly nick: string;
  /** Known when the room tells real addresses (`whois=anyone`) or we are moderators. */
  readonly realJid: Jid | undefined;
  readonly role: MucRole;
  readonly affiliation: MucAffiliation;
  /** The whole latest available presence. */
  readonly presence: Element;
}

/** Why an occupant is no longer there. */
export interface Departure {
  /** 307, 301, … (XEP-0045 §15.6.2). */
  readonly codes: readonly number[];
  /** Removed by somebody: kicked, banned, or affiliation change. */
  readonly removed: boolean;
  /** Text of `<status>`, such as `switch_room`. */
  readonly status: string | undefined;
  /** `reason` of the item or of `<destroy>`. */
  readonly reason: string | undefined;
}

/** What happens in a room. Occupants are already updated when an event is given out. */
export type MucEvent =
  /** Self-presence arrived: we are in. `created`: the room is new (status 201) and may be locked. */
  | {
      readonly kind: "joined";
      readonly self: Occupant;
      readonly created: boolean;
      readonly rejoined: boolean;
    }
  | { readonly kind: "occupantJoined"; readonly occupant: Occupant }
  | { readonly kind: "occupantLeft"; readonly occupant: Occupant; readonly departure: Departure }
  | { readonly kind: "presenceChanged"; readonly occupant: Occupant; readonly previous: Occupant }
  /** Own role or affiliation changed. */
  | { readonly kind: "selfChanged"; readonly self: Occupant; readonly previous: Occupant }
  /** We are out and did not ask for it: kicked, banned, service stopping (332), … */
  | { readonly kind: "removed"; readonly departure: Departure }
  | {
      readonly kind: "destroyed";
      readonly alternative: string | undefined;
      readonly reason: string | undefined;
    }
  /** Status 104 and the like: the room's configuration changed. */
  | { readonly kind: "configChanged"; readonly codes: readonly number[] }
  /** A message in or from the room (groupchat, private, or service). */
  | { readonly kind: "message"; readonly stanza: Element }
  /** The session was lost without resumption: occupants are forgotten; a re-join is on its way. */
  | { readonly kind: "lost" }
  /** A re-join after a lost session was refused; tried again by the owner with `join`. */
  | { readonly kind: "rejoinFailed"; readonly error: StanzaError | "timeout" };

/** How a join ended. */
export type JoinResult =
  | { readonly kind: "joined"; readonly self: Occupant; readonly created: boolean }
  /** `conflict`: the nick is taken; `not-allowed`, `registration-required`, … as in A27. */
  | { readonly kind: "refused"; readonly error: StanzaError }
  | { readonly kind: "timeout" }
  | { readonly kind: "disconnected" };

/** Fields of a `jabber:x:data` form: var to values. */
export type FormFields = ReadonlyMap<string, readonly string[]>;

/** Our occupancy of one room. */
export interface MucRoomDoor {
  readonly room: BareJid;
  readonly nick: string;
  readonly joined: boolean;
  /** Everybody but us, by nick, in the order they came. */
  readonly occupants: ReadonlyMap<string, Occupant>;
  readonly self: Occupant | undefined;
  /** Joins (or joins again). */
  join(options?: { readonly password?: string; readonly timeoutMs?: number }): Promise<JoinResult>;
  /** Leaves; resolves when the room has confirmed, or after 5 s. */
  leave(status?: string): Promise<void>;
  /** Sets or (with `undefined`) removes one presence child; sent once per turn, and on each join. */
  setPresenceExtension(name: string, ns: string, extension: Element | undefined): void;
  /** The owner form as sent by the room. */
  readConfig(timeoutMs?: number): Promise<FormFields | StanzaError | "timeout" | "disconnected">;
  /** Submits the given owner form fields; FORM_TYPE is added. */
  writeConfig(
    fields: Readonly<Record<string, string | readonly string[]>>,
    timeoutMs?: number,
  ): Promise<StanzaError | "timeout" | "disconnected" | undefined>;
  /** Sets the affiliation of a bare JID. `undefined`: done. */
  setAffiliation(
    jid: BareJid,
    affiliation: MucAffiliation,
    timeoutMs?: number,
  ): Promise<StanzaError | "timeout" | "disconnected" | undefined>;
  /** Removes an occupant by nick. `undefined`: done. */
  kick(
    nick: string,
    reason?: string,
    timeoutMs?: number,
  ): Promise<StanzaError | "timeout" | "disconnected" | undefined>;
}
