import { BlockList, isIPv6 } from "node:net";
import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import type { Millis, Timers } from "#shared/runtime/runtime";
import { type Allowance, TokenBuckets } from "#shared/runtime/token-bucket";
import type { ConferenceRequest } from "./request.ts";

/** What conference requests may cost (spec benchmarks-and-faults E3). Upstream has no limit at all. */
export interface AdmissionLimits {
  /** Requests of one client over XMPP, or of one address over HTTP: hundreds may share it. */
  readonly requests: Allowance;
  /** New rooms of one client or address. */
  readonly rooms: Allowance;
  /** Rooms that are being joined at the same time. */
  readonly joining: number;
  /** New rooms that wait for others to be joined, and for how long. */
  readonly waiting: number;
  readonly longestWait: Millis;
}

export const defaultAdmissionLimits: AdmissionLimits = {
  requests: { rate: 100, burst: 1_000 },
  rooms: { rate: 50, burst: 1_000 },
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
  readonly #lines = new TokenBuckets(logAllowance, mostSources);
  readonly #queue: ((turn: boolean) => void)[] = [];
  #joining = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #turnedAway = 0;

  constructor(limits: AdmissionLimits, timers: Timers, log: Logger) {
    this.#limits = limits;
    this.#timers = timers;
    this.#log = log;
    this.#requests = new TokenBuckets(limits.requests, mostSources);
    this.#rooms = new TokenBuckets(limits.rooms, mostSources);
  }

  /** Counts the request against its sender. `known`: whether the room has a conference. */
  admit({ from, address }: ConferenceRequest, known: boolean, now: Millis): Admission {
    const source = from ?? address ?? "";
    // A proxy in front of us has a local address: its clients cannot be told apart.
    const many = from === undefined && (address === undefined || isLocal(address));
    let verdict: Verdict = "admitted";
    if (!many && !this.#requests.take(source, now)) verdict = "refused";
    else if (!known && !many && !this.#rooms.take(source, now)) verdict = "later";
    if (verdict !== "admitted") this.#complain(source, verdict, now);
    return { verdict, loud: verdict === "admitted" && this.#lines.take(source, now) };
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

const local = new BlockList();
for (const [net, bits] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const) {
  local.addSubnet(net, bits, "ipv4");
}
local.addSubnet("::1", 128, "ipv6");
local.addSubnet("fc00::", 7, "ipv6");
local.addSubnet("fe80::", 10, "ipv6");

function isLocal(address: string): boolean {
  const plain = address.replace(/^::ffff:/, "").replace(/%.*/, "");
  return plain === "" || local.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}
