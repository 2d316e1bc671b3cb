/**
 * One direction of a link as numbers: rate, queue with drop-tail, delay, jitter, random and burst
 * loss, reordering, all of which may change over time. It holds no datagram and no timer: `offer`
 * says when a datagram arrives, so unit tests step it on virtual time, and a relay of real
 * datagrams arms its own timers by it. The same seed gives the same fates.
 */
import type { Millis, Random } from "../runtime/runtime.ts";

/** How datagrams in one direction fare. All default to a perfect link. */
export interface LinkConditions {
  readonly delayMs?: Millis;
  /** Added to the delay, evenly from 0 up to this. Datagrams stay in order. */
  readonly jitterMs?: Millis;
  /** Share lost before the queue, each by itself, 0 to 1. */
  readonly loss?: number;
  /** Besides, lost in bursts: `share` of all, `meanLength` datagrams in a row (two-state chain). */
  readonly burstLoss?: { readonly share: number; readonly meanLength: number };
  /** Share held back by `reorderMs`, 0 to 1: later ones overtake these. */
  readonly reorder?: number;
  readonly reorderMs?: Millis;
  /** Bits per second through a queue; beyond `queueBytes` datagrams are dropped. */
  readonly rateBps?: number;
  readonly queueBytes?: number;
}

/** Conditions for a while. */
export interface LinkPhase extends LinkConditions {
  readonly forMs: Millis;
}

/** The fate of a datagram that never arrives. */
export const LOST = -1;

const DEFAULT_QUEUE_BYTES = 64_000;
const DEFAULT_REORDER_MS = 20;

export class EmulatedLink {
  /** Offered, and what became of them; `lost` by chance, `overflowed` by a full queue. */
  offered = 0;
  lost = 0;
  overflowed = 0;
  held = 0;
  /** How long the datagram offered last waited for its turn and its sending. */
  lastQueueMs: Millis = 0;
  readonly #random: Pick<Random, "float">;
  readonly #phases: readonly LinkPhase[];
  readonly #startAt: Millis;
  readonly #period: Millis;
  #busyUntil: Millis = 0;
  #lastArrival: Millis = 0;
  #inBurst = false;

  /** `plan`: conditions that hold always, or phases from `startAt` on, repeated for ever. */
  constructor(
    random: Pick<Random, "float">,
    plan: LinkConditions | readonly LinkPhase[],
    startAt: Millis = 0,
  ) {
    this.#random = random;
    this.#phases = isPhases(plan) ? plan : [{ ...plan, forMs: Number.POSITIVE_INFINITY }];
    this.#startAt = startAt;
    this.#period = this.#phases.reduce((sum, { forMs }) => sum + forMs, 0);
    if (!(this.#period > 0)) throw new Error("the phases of a link must take time");
  }

  /** When a datagram of `bytes` sent at `now` arrives, or `LOST`. `now` never goes back. */
  offer(bytes: number, now: Millis): Millis {
    this.offered++;
    const conditions = this.conditionsAt(now);
    if (this.#isLost(conditions)) {
      this.lost++;
      return LOST;
    }
    if (conditions.rateBps !== undefined && !this.#hasRoom(bytes, conditions, now)) {
      this.overflowed++;
      return LOST;
    }
    const served = this.#serve(Math.max(now, this.#busyUntil), 8 * bytes);
    this.#busyUntil = served;
    this.lastQueueMs = served - now;
    const jitter = this.#random.float() * (conditions.jitterMs ?? 0);
    const arrival = served + (conditions.delayMs ?? 0) + jitter;
    if (this.#random.float() < (conditions.reorder ?? 0)) {
      this.held++;
      return arrival + (conditions.reorderMs ?? DEFAULT_REORDER_MS);
    }
    this.#lastArrival = Math.max(this.#lastArrival, arrival);
    return this.#lastArrival;
  }

  /** What holds at `now`. */
  conditionsAt(now: Millis): LinkConditions {
    return this.#phases[this.#phaseAt(now)]!;
  }

  /** Bytes that still wait at `now`. */
  queuedBytes(now: Millis): number {
    let bits = 0;
    let at = now;
    while (at < this.#busyUntil) {
      const end = Math.min(this.#busyUntil, this.#endOfPhase(at));
      bits += ((end - at) * (this.conditionsAt(at).rateBps ?? 0)) / 1000;
      at = end;
    }
    return bits / 8;
  }

  #hasRoom(bytes: number, { queueBytes }: LinkConditions, now: Millis): boolean {
    return this.queuedBytes(now) + bytes <= (queueBytes ?? DEFAULT_QUEUE_BYTES);
  }

  #isLost({ loss, burstLoss }: LinkConditions): boolean {
    if (this.#random.float() < (loss ?? 0)) return true;
    if (burstLoss === undefined) return false;
    const { share, meanLength } = burstLoss;
    const change = this.#inBurst ? 1 / meanLength : share / (meanLength * (1 - share));
    if (this.#random.float() < change) this.#inBurst = !this.#inBurst;
    return this.#inBurst;
  }

  /** When `bits` are through that begin at `from`, across changes of the rate. */
  #serve(from: Millis, bits: number): Millis {
    let left = bits;
    let at = from;
    for (;;) {
      const rate = this.conditionsAt(at).rateBps;
      if (rate === undefined) return at;
      const end = this.#endOfPhase(at);
      const possible = ((end - at) * rate) / 1000;
      if (possible >= left) return at + (left * 1000) / rate;
      left -= possible;
      at = end;
    }
  }

  #phaseAt(now: Millis): number {
    if (this.#phases.length === 1) return 0;
    let into = this.#into(now);
    let index = 0;
    while (index < this.#phases.length - 1 && into >= this.#phases[index]!.forMs) {
      into -= this.#phases[index]!.forMs;
      index++;
    }
    return index;
  }

  #endOfPhase(now: Millis): Millis {
    if (this.#phases.length === 1) return Number.POSITIVE_INFINITY;
    let left = -this.#into(now);
    for (let i = 0; i <= this.#phaseAt(now); i++) left += this.#phases[i]!.forMs;
    return now + left;
  }

  #into(now: Millis): Millis {
    const since = Math.max(0, now - this.#startAt);
    // Rounding must not leave a moment just before the end of a period that never ends.
    const into = Number.isFinite(this.#period) ? since % this.#period : since;
    return this.#period - into < 1e-6 ? 0 : into;
  }
}

function isPhases(plan: LinkConditions | readonly LinkPhase[]): plan is readonly LinkPhase[] {
  return Array.isArray(plan);
}
