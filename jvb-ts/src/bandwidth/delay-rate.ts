/**
 * The estimate by delay: grows until the way is full, then falls to what the way carries less what
 * drains its queue (additive increase, multiplicative decrease; spec jvb-media 9.2, decision 0025).
 */
import type { Millis } from "#shared/runtime/runtime";
import type { UsageState } from "./delay-trend.ts";
import { Usage } from "./delay-trend.ts";
import { LinkCapacity } from "./link-capacity.ts";

const DEFAULT_RTT_MS = 200;
const MIN_DECREASE_SPACING_MS = 10;
const MAX_DECREASE_SPACING_MS = 200;
/** Growth per second while the capacity is unknown. */
const GROWTH = 1.08;
const MIN_GROWTH_BPS = 1_000;
/** Near the capacity: one packet more per round trip and what detection takes. */
const RESPONSE_MS = 100;
const MIN_SLOPE_BPS = 4_000;
const FRAMES_PER_SECOND = 30;
const PACKET_BITS = 9_600;
/** Room above what arrives: an idle sender proves nothing. */
const HEADROOM = 1.5;
const HEADROOM_BPS = 10_000;
const DECREASE_BPS = 5_000;
/** A decrease empties the queue in about this time. */
const DRAIN_MS = 600;
/**
 * But leaves so much: the lowest layer of a camera. One that is given up needs a key frame to come back,
 * which fills the queue again.
 */
const LEAST_DRAINING_BPS = 130_000;
const MAX_KEPT = 0.93;
const MIN_KEPT = 0.15;

/** Growth stops at this queue, and this one counts as overuse. */
const HOLD_QUEUE_MS = 30;
const MAX_QUEUE_MS = 60;
/** Behind a decrease: with the queue empty, the rate returns to this share of the capacity. */
const RETURN_SHARE = 0.95;
const EMPTY_QUEUE_MS = 15;
/** For so long after it what arrives is what was sent to empty the queue. */
const RETURNED_MS = 1_000;
/** A queue that stays as it is for this long while less is sent than the way takes is none: the way became longer. */
const LASTING_MS = 2_000;
/** So far it may move and still be the same: packets of one way differ in size. */
const STEADY_MS = 20;
/** Of the estimate; who sends no more than this is not what the queue comes from. */
const UNUSED_SHARE = 0.8;

export class DelayRate {
  bps: number;
  readonly capacity = new LinkCapacity();
  /** The queue did not go away although less was sent. */
  queueIsLasting = false;
  #state: "hold" | "increase" = "hold";
  #changedAt: Millis = -1;
  #decreasedAt: Millis = Number.NEGATIVE_INFINITY;
  /** A decrease waits for the queue to empty. */
  #draining = false;
  #returnedAt: Millis = Number.NEGATIVE_INFINITY;
  /** About where the queue is, and since when. */
  #steadyMs: Millis = 0;
  #steadySince: Millis = -1;
  #rttMs = DEFAULT_RTT_MS;
  readonly #minBps: number;
  readonly #maxBps: number;

  constructor(startBps: number, minBps: number, maxBps: number) {
    this.bps = startBps;
    this.#minBps = minBps;
    this.#maxBps = maxBps;
  }

  setRoundTrip(rttMs: Millis): void {
    this.#rttMs = rttMs;
  }

  get decreasedAt(): Millis {
    return this.#decreasedAt;
  }

  /** A probe or the application knows better. */
  set(bps: number, now: Millis): void {
    this.bps = this.#clamp(bps);
    this.#changedAt = now;
  }

  /**
   * Once a report: `usage` by the trend of the delay, the queue that stands, what arrives over the
   * last second and over the last moments (-1 unknown), and whether the queue became shorter while
   * the latter arrived.
   */
  update(
    usage: UsageState,
    queueMs: Millis,
    ackedBps: number,
    recentBps: number,
    isShrinking: boolean,
    now: Millis,
  ): void {
    this.queueIsLasting = usage !== Usage.over && this.#isLasting(queueMs, ackedBps, now);
    if (this.queueIsLasting) {
      this.#draining = false;
      this.#changedAt = now;
      return;
    }
    const isFull = usage === Usage.over || (usage === Usage.normal && queueMs > MAX_QUEUE_MS);
    // Behind a decrease that works no more arrives than is sent, which tells nothing of the way; nor
    // do the few packets that are sent then.
    const isEasing =
      (this.#draining && (isShrinking || recentBps < 0 || queueMs <= HOLD_QUEUE_MS)) ||
      (now - this.#returnedAt < RETURNED_MS && queueMs <= HOLD_QUEUE_MS);
    if (isFull && !isEasing) {
      // What arrives right now is what a full way carries; while it is not full, it is by chance.
      const through =
        queueMs > HOLD_QUEUE_MS && recentBps >= 0 ? recentBps : Math.max(recentBps, ackedBps);
      if (this.#mayDecrease(through, now)) this.#decrease(usage, queueMs, through, now);
      return;
    }
    if (isFull && queueMs > HOLD_QUEUE_MS) return;
    // The trend is that of the last groups: with few of them it looks back on a queue long gone.
    if (usage === Usage.under && queueMs > EMPTY_QUEUE_MS) {
      this.#state = "hold";
      return;
    }
    if (this.#draining) this.#return(queueMs, now);
    if (this.#state === "hold") {
      this.#state = "increase";
      this.#changedAt = now;
      return;
    }
    if (queueMs <= HOLD_QUEUE_MS) this.#increase(ackedBps, now);
    else if (now - this.#steadySince > LASTING_MS) this.#tryDraining(ackedBps, now);
    else this.#changedAt = now;
  }

  /** Bits per second and second that the estimate grows when the capacity is known. */
  nearMaxIncreasePerSecond(): number {
    const frameBits = this.bps / FRAMES_PER_SECOND;
    const packets = Math.ceil(frameBits / PACKET_BITS);
    const packetBits = frameBits / packets;
    const response = 2 * (this.#rttMs + RESPONSE_MS);
    return Math.max(MIN_SLOPE_BPS, (1000 * packetBits) / response);
  }

  /** Less is sent than the way takes, and its queue does not mind. */
  #isLasting(queueMs: Millis, ackedBps: number, now: Millis): boolean {
    if (this.#steadySince < 0 || Math.abs(queueMs - this.#steadyMs) > STEADY_MS) {
      this.#steadyMs = queueMs;
      this.#steadySince = now;
    }
    const isUnused = ackedBps >= 0 && ackedBps < UNUSED_SHARE * this.bps;
    if (queueMs <= EMPTY_QUEUE_MS || !(this.#draining || isUnused)) return false;
    if (now - this.#steadySince <= LASTING_MS) return false;
    this.#steadySince = now;
    return true;
  }

  /** Growth stopped before a queue that stays: whether it is ours shows when less is sent. */
  #tryDraining(ackedBps: number, now: Millis): void {
    this.#draining = true;
    this.#steadySince = now;
    this.#decreasedAt = now;
    this.#changedAt = now;
    if (ackedBps >= 0) this.bps = this.#clamp(Math.min(this.bps, MAX_KEPT * ackedBps));
  }

  #mayDecrease(ackedBps: number, now: Millis): boolean {
    const spacing = Math.min(
      MAX_DECREASE_SPACING_MS,
      Math.max(MIN_DECREASE_SPACING_MS, this.#rttMs),
    );
    return now - this.#decreasedAt >= spacing || (ackedBps >= 0 && ackedBps < 0.5 * this.bps);
  }

  #decrease(usage: UsageState, queueMs: Millis, ackedBps: number, now: Millis): void {
    if (!this.#draining) this.#steadySince = now;
    this.#draining = true;
    this.#state = "hold";
    this.#changedAt = now;
    if (ackedBps < 0) {
      this.#decreasedAt = now;
      this.bps = this.#clamp(this.bps / 2);
      return;
    }
    const kept = Math.min(MAX_KEPT, Math.max(MIN_KEPT, 1 - queueMs / DRAIN_MS));
    if (ackedBps > this.capacity.upperBps) this.capacity.reset();
    const enough = Math.min(MAX_KEPT * ackedBps, LEAST_DRAINING_BPS);
    let next = Math.max(kept * ackedBps, enough) - DECREASE_BPS;
    if (next > this.bps && this.capacity.isKnown) next = kept * this.capacity.bps;
    if (ackedBps < this.capacity.lowerBps) this.capacity.reset();
    if (usage === Usage.over || !this.capacity.isKnown) this.capacity.add(ackedBps);
    if (next >= this.bps) return;
    this.#decreasedAt = now;
    this.bps = this.#clamp(next);
  }

  /** The queue is empty again: back to a little below the capacity. */
  #return(queueMs: Millis, now: Millis): void {
    if (queueMs > EMPTY_QUEUE_MS || now - this.#decreasedAt < this.#rttMs) return;
    this.#draining = false;
    this.#returnedAt = now;
    if (!this.capacity.isKnown) return;
    this.bps = this.#clamp(Math.max(this.bps, RETURN_SHARE * this.capacity.bps));
  }

  #increase(ackedBps: number, now: Millis): void {
    const elapsed = Math.min(1, Math.max(0, now - this.#changedAt) / 1000);
    this.#changedAt = now;
    if (ackedBps >= 0 && ackedBps > this.capacity.upperBps) this.capacity.reset();
    const limit = ackedBps < 0 ? Number.POSITIVE_INFINITY : HEADROOM * ackedBps + HEADROOM_BPS;
    if (this.bps >= limit) return;
    const next = this.capacity.isKnown
      ? this.bps + this.nearMaxIncreasePerSecond() * elapsed
      : Math.max(this.bps * GROWTH ** elapsed, this.bps + MIN_GROWTH_BPS * elapsed);
    this.bps = this.#clamp(Math.min(next, limit));
  }

  #clamp(bps: number): number {
    return Math.min(this.#maxBps, Math.max(this.#minBps, bps));
  }
}
