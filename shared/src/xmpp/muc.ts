/**
 * Our occupancy of one room (XEP-0045): joining, the people there, our presence, administration.
 *
 * After a session that could not be resumed the room is joined again by itself, without leaving
 * first, until that succeeds or `leave` is called.
 */
import type { Logger } from "../logging/logger.ts";
import type { Runtime, Timer } from "../runtime/runtime.ts";
import { parseForm } from "../stanza/data-form.ts";
import { iqRequest } from "../stanza/iq.ts";
import {
  buildConfigQuery,
  buildConfigSubmit,
  buildSetAffiliation,
  buildSetRole,
  type MucAffiliation,
  type MucRole,
  type MucUser,
  parseMucUser,
} from "../stanza/muc-user.ts";
import { parseStanzaError, type StanzaError } from "../stanza/stanza-error.ts";
import type { IqReply, StateChange, Unsubscribe, XmppConnection } from "./connection.ts";
import { type BareJid, type Jid, parseJid, resourceOf, withResource } from "./jid.ts";
import { NS } from "./namespaces.ts";
import { attr, childOf, childText, type Element, xml } from "./xml.ts";

export type { MucAffiliation, MucRole } from "../stanza/muc-user.ts";

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
  /** A re-join after a lost session did not succeed; it is tried again, after 1 to 30 s. */
  | { readonly kind: "rejoinFailed"; readonly error: StanzaError | "timeout" };

/** How a join ended. */
export type JoinResult =
  | { readonly kind: "joined"; readonly self: Occupant; readonly created: boolean }
  /** `conflict`: the nick is taken; `not-allowed`, `registration-required`, … as in A27. */
  | { readonly kind: "refused"; readonly error: StanzaError }
  | { readonly kind: "timeout" }
  | { readonly kind: "disconnected" };

/** Why a request to the room was not done. */
export type AdminFailure = StanzaError | "timeout" | "disconnected";

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
  readConfig(timeoutMs?: number): Promise<FormFields | AdminFailure>;
  /** Submits the given owner form fields; FORM_TYPE is added. */
  writeConfig(
    fields: Readonly<Record<string, string | readonly string[]>>,
    timeoutMs?: number,
  ): Promise<AdminFailure | undefined>;
  /** Sets the affiliation of a bare JID. `undefined`: done. */
  setAffiliation(
    jid: BareJid,
    affiliation: MucAffiliation,
    timeoutMs?: number,
  ): Promise<AdminFailure | undefined>;
  /** Removes an occupant by nick. `undefined`: done. */
  kick(nick: string, reason?: string, timeoutMs?: number): Promise<AdminFailure | undefined>;
}

/** What a room needs. */
export interface MucRoomOptions {
  readonly connection: XmppConnection;
  readonly room: BareJid;
  readonly nick: string;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly onEvent: (event: MucEvent) => void;
}

const joinTimeoutMs = 15_000;
const leaveTimeoutMs = 5000;
const rejoinMinMs = 1000;
const rejoinMaxMs = 30_000;
/** Removed by somebody or something (XEP-0045 §15.6.2). */
const removalCodes = [301, 307, 321, 322, 332, 333];
/** Removed by nobody: the service stops, or had an error on the way to us. */
const serviceCodes = [332, 333];
/** Something about the room's configuration changed. */
const configCodes = [104, 170, 171, 172, 173, 174];

type State = "out" | "joining" | "in" | "leaving";

/** Our occupancy of one room; see `MucRoomDoor`. */
export class MucRoom implements MucRoomDoor {
  readonly room: BareJid;
  readonly #options: MucRoomOptions;
  readonly #occupants = new Map<string, Occupant>();
  readonly #extensions = new Map<string, Element>();
  #nick: string;
  #state: State = "out";
  #self: Occupant | undefined = undefined;
  /** Joined once and not left since: join again when the session is lost. */
  #wanted = false;
  #password: string | undefined = undefined;
  #joining: { promise: Promise<JoinResult>; resolve: (result: JoinResult) => void } | undefined =
    undefined;
  #joinTimer: Timer | undefined = undefined;
  #rejoinTimer: Timer | undefined = undefined;
  #rejoinDelay = rejoinMinMs;
  /** The session we joined in. */
  #session = 0;
  #flush: Timer | undefined = undefined;
  #left: (() => void) | undefined = undefined;
  #unsubscribe: Unsubscribe[] = [];

  constructor(options: MucRoomOptions) {
    this.#options = options;
    this.room = options.room;
    this.#nick = options.nick;
  }

  get nick(): string {
    return this.#nick;
  }

  get joined(): boolean {
    return this.#state === "in";
  }

  get occupants(): ReadonlyMap<string, Occupant> {
    return this.#occupants;
  }

  get self(): Occupant | undefined {
    return this.#self;
  }

  join(
    options: { readonly password?: string; readonly timeoutMs?: number } = {},
  ): Promise<JoinResult> {
    this.#noticeFreshSession();
    if (this.#joining !== undefined) return this.#joining.promise;
    this.#password = options.password ?? this.#password;
    this.#nick = this.#options.nick;
    const own = withResource(this.room, this.#nick);
    const { connection, runtime } = this.#options;
    if (own === undefined || connection.state !== "online") {
      return Promise.resolve({ kind: "disconnected" });
    }
    this.#rejoinTimer?.cancel();
    this.#subscribe();
    this.#forget();
    this.#state = "joining";
    this.#session = connection.sessions;
    const joining = Promise.withResolvers<JoinResult>();
    this.#joining = joining;
    this.#joinTimer = runtime.timers.after(options.timeoutMs ?? joinTimeoutMs, () => {
      this.#finishJoin({ kind: "timeout" });
    });
    const x = xml(
      "x",
      { xmlns: NS.muc },
      this.#password === undefined ? undefined : xml("password", {}, this.#password),
    );
    this.#sendPresence(own, x);
    return joining.promise;
  }

  #subscribe(): void {
    if (this.#unsubscribe.length > 0) return;
    const { connection } = this.#options;
    this.#unsubscribe = [
      connection.onStanzaFrom(this.room, (el) => this.#handleStanza(el)),
      connection.onState((change) => this.#handleState(change)),
    ];
  }

  #finishJoin(result: JoinResult): void {
    const joining = this.#joining;
    this.#joining = undefined;
    this.#joinTimer?.cancel();
    if (result.kind !== "joined" && this.#state === "joining") {
      // The room may let us in later; who gave up must not stay in it unseen.
      if (result.kind === "timeout") this.#sendUnavailable();
      this.#state = "out";
      this.#forget();
      if (!this.#wanted) this.#unsubscribeAll();
    }
    joining?.resolve(result);
  }

  leave(status?: string): Promise<void> {
    const { runtime, connection } = this.#options;
    this.#wanted = false;
    this.#rejoinTimer?.cancel();
    this.#flush?.cancel();
    this.#flush = undefined;
    if (this.#state === "joining") this.#sendUnavailable();
    this.#finishJoin({ kind: "disconnected" });
    // After a fresh login the room knows nothing of us, and would answer with an error that the next
    // one to join from here would take for its own.
    if (this.#state !== "in" || connection.sessions !== this.#session) {
      this.#close();
      return Promise.resolve();
    }
    this.#state = "leaving";
    const left = Promise.withResolvers<void>();
    const timer = runtime.timers.after(leaveTimeoutMs, () => this.#left?.());
    this.#left = () => {
      timer.cancel();
      this.#left = undefined;
      this.#close();
      left.resolve();
    };
    if (!this.#sendUnavailable(status)) this.#left();
    return left.promise;
  }

  /** `false` when there is no session. */
  #sendUnavailable(status?: string): boolean {
    return this.#options.connection.send(
      xml(
        "presence",
        { to: withResource(this.room, this.#nick), type: "unavailable" },
        status === undefined ? undefined : xml("status", {}, status),
      ),
    );
  }

  #close(): void {
    this.#state = "out";
    this.#forget();
    this.#unsubscribeAll();
  }

  #unsubscribeAll(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  #forget(): void {
    this.#occupants.clear();
    this.#self = undefined;
  }

  setPresenceExtension(name: string, ns: string, extension: Element | undefined): void {
    const key = `${name} ${ns}`;
    if (extension === undefined) this.#extensions.delete(key);
    else this.#extensions.set(key, extension);
    if (this.#state !== "in" || this.#flush !== undefined) return;
    this.#flush = this.#options.runtime.timers.after(0, () => {
      this.#flush = undefined;
      const own = withResource(this.room, this.#nick);
      if (this.#state === "in" && own !== undefined) this.#sendPresence(own);
    });
  }

  #sendPresence(to: Jid, x?: Element): void {
    this.#options.connection.send(xml("presence", { to }, x, [...this.#extensions.values()]));
  }

  #handleState({ state, resumed }: StateChange): void {
    if (state !== "online" || resumed) {
      if (state === "offline") this.#finishJoin({ kind: "disconnected" });
      return;
    }
    this.#noticeFreshSession();
    this.#rejoinDelay = rejoinMinMs;
    this.#rejoin();
  }

  /**
   * After a fresh login the room knows nothing of us any more. Others may hear of it before us and
   * join in their own way, so this is looked up and not only waited for.
   */
  #noticeFreshSession(): void {
    const { connection, onEvent } = this.#options;
    if (this.#state === "out" || connection.sessions === this.#session) return;
    this.#session = connection.sessions;
    this.#left?.();
    this.#finishJoin({ kind: "disconnected" });
    if (this.#state !== "in") return;
    this.#state = "out";
    this.#forget();
    onEvent({ kind: "lost" });
  }

  #rejoin(): void {
    if (!this.#wanted || this.#state !== "out" || this.#options.connection.state !== "online")
      return;
    this.join().then(
      (result) => this.#handleRejoin(result),
      () => {},
    );
  }

  #handleRejoin(result: JoinResult): void {
    if (result.kind === "joined" || result.kind === "disconnected" || !this.#wanted) return;
    const { runtime, onEvent } = this.#options;
    const delay = this.#rejoinDelay * (0.75 + runtime.random.float() / 2);
    this.#rejoinDelay = Math.min(rejoinMaxMs, this.#rejoinDelay * 2);
    this.#rejoinTimer = runtime.timers.after(delay, () => this.#rejoin());
    onEvent({ kind: "rejoinFailed", error: result.kind === "refused" ? result.error : "timeout" });
  }

  #handleStanza(el: Element): void {
    if (el.name === "presence") this.#handlePresence(el);
    else if (el.name === "message" && (this.#state === "in" || this.#state === "joining")) {
      const codes = parseMucUser(el).codes.filter((code) => configCodes.includes(code));
      this.#options.onEvent(
        codes.length > 0 ? { kind: "configChanged", codes } : { kind: "message", stanza: el },
      );
    }
  }

  #handlePresence(el: Element): void {
    const from = parseJid(attr(el, "from") ?? "");
    const nick = from && resourceOf(from);
    const type = attr(el, "type");
    if (type === "error") {
      this.#handleError(el, nick);
    } else if (from !== undefined && nick !== undefined) {
      const user = parseMucUser(el);
      const self = user.codes.includes(110) || nick === this.#nick;
      if (type === "unavailable") this.#handleUnavailable(el, nick, user, self);
      else if (type === undefined) this.#handleAvailable(el, from, nick, user, self);
    }
  }

  #handleError(el: Element, nick: string | undefined): void {
    if (nick !== undefined && nick !== this.#nick) return;
    const error = parseStanzaError(el);
    if (this.#state === "joining") {
      this.#finishJoin({ kind: "refused", error });
    } else if (this.#state === "leaving") {
      this.#left?.();
    } else if (
      this.#state === "in" &&
      (error.condition === "item-not-found" || error.condition === "not-acceptable")
    ) {
      // The room says that we are not in it: it was made anew behind our back.
      this.#remove({ codes: [], removed: true, status: undefined, reason: error.text });
    }
  }

  #handleAvailable(el: Element, from: Jid, nick: string, user: MucUser, self: boolean): void {
    if (this.#state !== "joining" && this.#state !== "in") return;
    const occupant: Occupant = {
      occupantJid: from,
      nick,
      realJid: user.realJid,
      role: user.role,
      affiliation: user.affiliation,
      presence: el,
    };
    if (self) {
      this.#handleSelf(occupant, user);
      return;
    }
    const previous = this.#occupants.get(nick);
    this.#occupants.set(nick, occupant);
    // Those already there are told after `joined`.
    if (this.#state === "joining") return;
    if (previous === undefined) this.#options.onEvent({ kind: "occupantJoined", occupant });
    else this.#options.onEvent({ kind: "presenceChanged", occupant, previous });
  }

  #handleSelf(self: Occupant, user: MucUser): void {
    const { onEvent, log } = this.#options;
    const previous = this.#self;
    this.#self = self;
    this.#nick = self.nick;
    if (this.#state === "joining") {
      const rejoined = this.#wanted;
      const created = user.codes.includes(201);
      this.#state = "in";
      this.#wanted = true;
      this.#rejoinDelay = rejoinMinMs;
      log.info(rejoined ? "Joined the room again" : "Joined the room", { room: this.room });
      this.#finishJoin({ kind: "joined", self, created });
      onEvent({ kind: "joined", self, created, rejoined });
      for (const occupant of [...this.#occupants.values()]) {
        if (this.#occupants.get(occupant.nick) === occupant) {
          onEvent({ kind: "occupantJoined", occupant });
        }
      }
    } else if (
      previous !== undefined &&
      (previous.role !== self.role || previous.affiliation !== self.affiliation)
    ) {
      onEvent({ kind: "selfChanged", self, previous });
    }
  }

  #handleUnavailable(el: Element, nick: string, user: MucUser, self: boolean): void {
    const departure: Departure = {
      codes: user.codes,
      removed: user.codes.some((code) => removalCodes.includes(code)),
      status: childText(el, "status"),
      reason: user.reason,
    };
    if (self) {
      if (this.#state === "leaving") this.#left?.();
      else if (this.#state === "in" && user.destroyed !== undefined) {
        this.#wanted = false;
        this.#close();
        this.#options.onEvent({
          kind: "destroyed",
          alternative: user.destroyed.jid,
          reason: user.reason,
        });
      } else if (this.#state === "in") this.#remove(departure);
      return;
    }
    const occupant = this.#occupants.get(nick);
    if (occupant === undefined) return;
    this.#occupants.delete(nick);
    if (this.#state === "in") {
      this.#options.onEvent({ kind: "occupantLeft", occupant, departure });
    }
  }

  #remove(departure: Departure): void {
    // The service stops or lost us: with the next session we belong here again.
    this.#wanted = departure.codes.some((code) => serviceCodes.includes(code));
    if (this.#wanted) {
      this.#state = "out";
      this.#forget();
    } else this.#close();
    this.#options.log.warn("Removed from the room", {
      room: this.room,
      codes: departure.codes.join(","),
    });
    this.#options.onEvent({ kind: "removed", departure });
  }

  async readConfig(timeoutMs?: number): Promise<FormFields | AdminFailure> {
    const reply = await this.#ask("get", buildConfigQuery(), timeoutMs);
    if (reply.kind !== "result") return failureOf(reply);
    const query = childOf(reply.iq, "query", NS.mucOwner);
    const form = query && childOf(query, "x", NS.dataForm);
    return form === undefined ? new Map<string, readonly string[]>() : parseForm(form).fields;
  }

  async writeConfig(
    fields: Readonly<Record<string, string | readonly string[]>>,
    timeoutMs?: number,
  ): Promise<AdminFailure | undefined> {
    const reply = await this.#ask("set", buildConfigSubmit(fields), timeoutMs);
    return reply.kind === "result" ? undefined : failureOf(reply);
  }

  async setAffiliation(
    jid: BareJid,
    affiliation: MucAffiliation,
    timeoutMs?: number,
  ): Promise<AdminFailure | undefined> {
    const reply = await this.#ask("set", buildSetAffiliation(jid, affiliation), timeoutMs);
    return reply.kind === "result" ? undefined : failureOf(reply);
  }

  async kick(nick: string, reason?: string, timeoutMs?: number): Promise<AdminFailure | undefined> {
    const reply = await this.#ask("set", buildSetRole(nick, "none", reason), timeoutMs);
    return reply.kind === "result" ? undefined : failureOf(reply);
  }

  #ask(type: "get" | "set", payload: Element, timeoutMs?: number): Promise<IqReply> {
    return this.#options.connection.request(iqRequest(type, this.room, payload), timeoutMs);
  }
}

function failureOf(reply: Exclude<IqReply, { kind: "result" }>): AdminFailure {
  return reply.kind === "error" ? reply.error : reply.kind;
}
