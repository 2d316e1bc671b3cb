import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import type { Millis, Runtime, Timers } from "#shared/runtime/runtime";
import { type Allowance, TokenBucket, TokenBuckets } from "#shared/runtime/token-bucket";
import { bareOf, localOf, parseJid } from "#shared/xmpp/jid";
import type { ConferenceRequest } from "./request.ts";

/** What conference requests may cost (spec benchmarks-and-faults E3). Upstream has no limit at all. */
export interface AdmissionLimits {
  /** Requests of one account over XMPP, or of one address over HTTP: hundreds may share it. */
  readonly requests: Allowance;
  /** New rooms of one account or address. */
  readonly rooms: Allowance;
  /** Requests of all together who come over HTTP proxies. */
  readonly proxied: Allowance;
  /** New rooms of all together whom proxies do not name. */
  readonly unnamedRooms: Allowance;
  /** Rooms that are being joined at the same time. */
  readonly joining: number;
  /** New rooms that wait for others to be joined, and for how long. */
  readonly waiting: number;
  readonly longestWait: Millis;
}

export const defaultAdmissionLimits: AdmissionLimits = {
  requests: { rate: 100, burst: 1_000 },
  rooms: { rate: 50, burst: 1_000 },
  proxied: { rate: 1_000, burst: 5_000 },
  unnamedRooms: { rate: 200, burst: 2_000 },
  joining: 100,
  waiting: 2_000,
  longestWait: 10_000,
};

/**
 * `admitted`: go on. `later`: answer that the room is not ready, which clients take for "ask again
 * in a second", and open none. `refused`: an error, after which current clients give up; so it is
 * for those alone whom no real client resembles.
 */
export type Verdict = "admitted" | "later" | "refused";

/** A verdict, and whether the source has been quiet enough to be worth a line in the log. */
export interface Admission {
  readonly verdict: Verdict;
  readonly loud: boolean;
}

/** Sources kept in mind; a source is 200 bytes. */
const mostSources = 20_000;
const logAllowance: Allowance = { rate: 5, burst: 50 };
/** How often is said that requests are turned away. */
const complaintPeriod: Millis = 10_000;

/** Decides which conference requests are looked at, and when rooms are joined. */
export class RequestAdmission {
  readonly #limits: AdmissionLimits;
  readonly #timers: Timers;
  readonly #log: Logger;
  readonly #requests: TokenBuckets;
  readonly #rooms: TokenBuckets;
  readonly #proxied: TokenBucket;
  readonly #unnamedRooms: TokenBucket;
  readonly #lines = new TokenBuckets(logAllowance, mostSources);
  readonly #queue: ((turn: boolean) => void)[] = [];
  #joining = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #turnedAway = 0;

  constructor(limits: AdmissionLimits, { clock, timers }: Runtime, log: Logger) {
    const now = clock.now();
    this.#limits = limits;
    this.#timers = timers;
    this.#log = log;
    this.#requests = new TokenBuckets(limits.requests, mostSources);
    this.#rooms = new TokenBuckets(limits.rooms, mostSources);
    this.#proxied = new TokenBucket(limits.proxied, now);
    this.#unnamedRooms = new TokenBucket(limits.unnamedRooms, now);
  }

  /** Counts the request against its sender. `known`: whether the room has a conference. */
  admit(request: ConferenceRequest, known: boolean, now: Millis): Admission {
    const source = sourceOf(request);
    const proxied = request.origin?.proxied === true;
    const verdict = this.#judge(source, proxied, known, now);
    if (verdict !== "admitted") this.#complain(source ?? "a proxy", verdict, now);
    // Names that come over a proxy may be made up, as many as anybody likes.
    const speaker = proxied ? "" : (source ?? "");
    const loud = verdict === "admitted" && this.#lines.take(speaker, now);
    return { verdict, loud };
  }

  #judge(source: string | undefined, proxied: boolean, known: boolean, now: Millis): Verdict {
    if (source !== undefined && !this.#requests.take(source, now)) return "refused";
    // A proxy may hand on what clients made up. One flood among many people: nobody is sent away.
    if (proxied && !this.#proxied.take(now)) return "later";
    if (known) return "admitted";
    const mayOpen =
      source === undefined ? this.#unnamedRooms.take(now) : this.#rooms.take(source, now);
    return mayOpen ? "admitted" : "later";
  }

  /**
   * Waits until another room may be joined; `false`: too many wait, or this one did too long. Who
   * gets `true` calls `joined` once, when the joining is over.
   */
  turn(): Promise<boolean> {
    const { joining, waiting, longestWait } = this.#limits;
    if (this.#joining < joining) {
      this.#joining++;
      return Promise.resolve(true);
    }
    if (this.#queue.length >= waiting) return Promise.resolve(false);
    const turn = Promise.withResolvers<boolean>();
    const timer = this.#timers.after(longestWait, () => {
      this.#queue.splice(this.#queue.indexOf(called), 1);
      turn.resolve(false);
    });
    const called = (mine: boolean): void => {
      timer.cancel();
      turn.resolve(mine);
    };
    this.#queue.push(called);
    return turn.promise;
  }

  /** A room was joined, or it failed. */
  joined(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#joining--;
    else next(true);
  }

  /** Nobody has a turn any more. */
  stop(): void {
    for (const called of this.#queue.splice(0)) called(false);
  }

  #complain(source: string, verdict: Verdict, now: Millis): void {
    this.#turnedAway++;
    if (now - this.#complainedAt < complaintPeriod) return;
    this.#complainedAt = now;
    const count = this.#turnedAway;
    this.#turnedAway = 0;
    this.#log.warn("Turning conference requests away", { from: pii(source), verdict, count });
  }
}

/**
 * Whose budget a request counts against; `undefined`: nobody can tell. One account may have any
 * number of resources; an anonymous user has an account as long as its connection. An address
 * without an account may be a component's, with everybody behind it.
 */
function sourceOf({ from, origin }: ConferenceRequest): string | undefined {
  if (from === undefined) return origin?.address;
  const jid = parseJid(from);
  return jid === undefined || localOf(jid) === undefined ? from : bareOf(jid);
}
