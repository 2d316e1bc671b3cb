/**
 * Who may create rooms and become owner where authentication is on (spec jicofo 2.4, 2.5): users of
 * the login domain, and whoever has the id of a session that such a user was given, on the same
 * machine.
 */
import { Bug } from "#shared/runtime/bug";
import { err, ok, type Result } from "#shared/runtime/result";
import type { Millis } from "#shared/runtime/runtime";
import { bareOf, domainOf, type Jid, localOf, parseJid } from "#shared/xmpp/jid";
import type { AuthenticationSettings } from "./settings.ts";

/** The part of a conference request that says who asks. */
export interface Credentials {
  /** Bare JID of the room asked for. */
  readonly room: string;
  /** Real full JID; undefined where the way it came proves none (HTTP). */
  readonly from: Jid | undefined;
  readonly sessionId: string | undefined;
  readonly machineUid: string | undefined;
}

/** Proof that one machine's user is authenticated. */
export interface Session {
  readonly id: string;
  readonly machineUid: string;
  /** Bare JID of the account. */
  readonly identity: string;
  /** Room for which it was made. */
  readonly room: string;
}

/** Why somebody is refused. */
export type Denial =
  /** No session has that id, or not any more. */
  | "unknown session"
  /** The session belongs to another machine. */
  | "other machine"
  /** A user of the login domain does not say which machine this is, or at unreasonable length. */
  | "no machine";

interface Kept extends Session {
  /** Full JID that used it last. */
  boundTo: Jid | undefined;
  lastUse: Millis;
}

/** Length of a machine's name; clients make ones of 32 characters. */
const maxMachineLength = 1024;

/** Sessions of one account; beyond it the one unused for longest ends, and its user gets another. */
const maxSessionsPerIdentity = 100;

/**
 * The sessions. Nothing here waits or owns a timer: call `expire` about every ten seconds and
 * `conferenceEnded` for each conference.
 */
export class Authority {
  readonly settings: AuthenticationSettings;
  readonly #newId: () => string;
  readonly #sessions = new Map<string, Kept>();
  readonly #byIdentity = new Map<string, Set<Kept>>();
  /** How many sessions are bound to an address. */
  readonly #bound = new Map<Jid, number>();

  /** `newId` makes ids that nobody can guess. */
  constructor(settings: AuthenticationSettings, newId: () => string) {
    this.settings = settings;
    this.#newId = newId;
  }

  /** Sessions there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Finds the session of a request or makes one; it is then bound to the sender. A guest without a
   * session is no error: the value is `undefined`.
   */
  authenticate(credentials: Credentials, now: Millis): Result<Session | undefined, Denial> {
    const found = this.#find(credentials, now);
    if (!found.ok || found.value === undefined) return found;
    const session = found.value;
    session.lastUse = now;
    if (credentials.from !== undefined) this.#bind(session, credentials.from);
    return ok(session);
  }

  /** Whether a session is bound to that full JID. */
  isAuthenticated(jid: Jid | undefined): boolean {
    return jid !== undefined && this.#bound.has(jid);
  }

  /**
   * Where the user of a room logs in, relative to the page; `undefined` where the page makes the
   * address of its token service itself.
   */
  loginUrl(room: string): string | undefined {
    if (this.settings.type === "JWT") return undefined;
    const jid = parseJid(room);
    return `./${(jid && localOf(jid)) ?? ""}?login=true`;
  }

  /** Ends a session; returns whose it was, `undefined` when there is none of that id. */
  logout(sessionId: string): string | undefined {
    const session = this.#sessions.get(sessionId);
    if (session !== undefined) this.#end(session);
    return session?.identity;
  }

  /** Ends sessions that were not used for their lifetime; returns how many. */
  expire(now: Millis): number {
    return this.#endWhere(({ lastUse }) => now - lastUse > this.settings.lifetime);
  }

  /** The room's conference is over: without automatic login its sessions are too. */
  conferenceEnded(room: string): number {
    if (this.settings.autoLogin) return 0;
    return this.#endWhere((session) => session.room === room);
  }

  #find(credentials: Credentials, now: Millis): Result<Kept | undefined, Denial> {
    const { from, sessionId, machineUid } = credentials;
    if (sessionId !== undefined) {
      const session = this.#sessions.get(sessionId);
      if (session === undefined) return err("unknown session");
      return session.machineUid === machineUid ? ok(session) : err("other machine");
    }
    if (from === undefined || domainOf(from) !== this.settings.loginDomain) return ok(undefined);
    if (machineUid === undefined || machineUid.trim() === "") return err("no machine");
    if (machineUid.length > maxMachineLength) return err("no machine");
    return ok(this.#create(bareOf(from), machineUid, credentials.room, now));
  }

  #create(identity: string, machineUid: string, room: string, now: Millis): Kept {
    const id = this.#newId();
    if (this.#sessions.has(id)) throw new Bug("two authentication sessions with one id");
    const session: Kept = { id, machineUid, identity, room, boundTo: undefined, lastUse: now };
    const others = this.#byIdentity.get(identity) ?? new Set();
    if (others.size >= maxSessionsPerIdentity)
      this.#end([...others].reduce((a, b) => (b.lastUse < a.lastUse ? b : a)));
    this.#sessions.set(id, session);
    this.#byIdentity.set(identity, others.add(session));
    return session;
  }

  #bind(session: Kept, jid: Jid): void {
    if (session.boundTo === jid) return;
    this.#unbind(session);
    session.boundTo = jid;
    this.#bound.set(jid, (this.#bound.get(jid) ?? 0) + 1);
  }

  #unbind({ boundTo }: Kept): void {
    if (boundTo === undefined) return;
    const left = (this.#bound.get(boundTo) ?? 1) - 1;
    if (left > 0) this.#bound.set(boundTo, left);
    else this.#bound.delete(boundTo);
  }

  #endWhere(test: (session: Kept) => boolean): number {
    const over = [...this.#sessions.values()].filter(test);
    for (const session of over) this.#end(session);
    return over.length;
  }

  #end(session: Kept): void {
    this.#unbind(session);
    this.#sessions.delete(session.id);
    const others = this.#byIdentity.get(session.identity);
    others?.delete(session);
    if (others?.size === 0) this.#byIdentity.delete(session.identity);
  }
}
