/**
 * What the way from a sender to us carries, by the times it stamps on its packets (abs-send-time):
 * told by REMB to senders that know no transport-cc (spec jvb-media 8.8, draft-ietf-rmcat-gcc-02).
 */
import { Unwrapper } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import { DelayTrend, Usage } from "../bandwidth/delay-trend.ts";
import { PacketGroups } from "../bandwidth/packet-groups.ts";
import { RateTracker } from "./rate-tracker.ts";

/** abs-send-time: 6.18 bits of seconds. */
const BITS = 24;
const TICK_MS = 1000 / 2 ** 18;
const WINDOW_MS = 1_000;
/** After such a pause the times say nothing about those before it (and wrap after 64 s). */
const PAUSE_MS = 2_000;
const GROWTH_PER_SECOND = 1.08;
const KEPT = 0.85;
/** A decrease needs so long to be seen in what arrives. */
const DECREASE_SPACING_MS = 300;
/** Room above what arrives: a sender that sends little proves little. */
const HEADROOM = 1.5;
const HEADROOM_BPS = 10_000;

export class ReceiveEstimate {
  /** Bits per second, 0 before packets have come for a second. */
  bps = 0;
  readonly #minBps: number;
  readonly #maxBps: number;
  readonly #incoming = new RateTracker(WINDOW_MS);
  readonly #groups = new PacketGroups();
  readonly #trend = new DelayTrend();
  readonly #sendTimes = new Unwrapper(BITS);
  #firstArrival: Millis = -1;
  #lastArrival: Millis = -1;
  #grownAt: Millis = 0;
  #decreasedAt: Millis = Number.NEGATIVE_INFINITY;
  /** The way was full once: from then on growth is slow. */
  #wasFull = false;

  constructor(minBps: number, maxBps: number) {
    this.#minBps = minBps;
    this.#maxBps = maxBps;
  }

  /** Takes a packet of `bytes` that was stamped with `sendTime` (24 bits). */
  handlePacket(sendTime: number, bytes: number, arrival: Millis): void {
    if (this.#firstArrival < 0 || arrival - this.#lastArrival > PAUSE_MS) this.#begin(arrival);
    this.#lastArrival = arrival;
    this.#incoming.add(8 * bytes, arrival);
    const sentAt = this.#sendTimes.unwrap(sendTime) * TICK_MS;
    if (!this.#groups.add(sentAt, arrival, arrival)) return;
    const { sendDeltaMs, arrivalDeltaMs } = this.#groups;
    this.#trend.add(sendDeltaMs, arrivalDeltaMs, arrival);
    this.#update(arrival);
  }

  #begin(arrival: Millis): void {
    this.#firstArrival = arrival;
    this.#grownAt = arrival;
    this.#sendTimes.reset();
    this.#groups.reset();
    this.#trend.reset();
  }

  #update(now: Millis): void {
    const incoming = this.#incoming.rate(now);
    if (this.#trend.state === Usage.over) {
      this.#grownAt = now;
      this.#decrease(incoming, now);
      return;
    }
    const elapsed = Math.min(WINDOW_MS, Math.max(0, now - this.#grownAt)) / 1000;
    this.#grownAt = now;
    if (this.#trend.state === Usage.under || now - this.#firstArrival < WINDOW_MS) return;
    const limit = HEADROOM * incoming + HEADROOM_BPS;
    if (this.bps >= limit) return;
    const grown = this.#wasFull ? this.bps * GROWTH_PER_SECOND ** elapsed : limit;
    this.bps = this.#clamp(Math.min(grown, limit));
  }

  #decrease(incoming: number, now: Millis): void {
    if (now - this.#decreasedAt < DECREASE_SPACING_MS) return;
    const next = KEPT * incoming;
    if (this.bps > 0 && next >= this.bps) return;
    this.#wasFull = true;
    this.#decreasedAt = now;
    this.bps = this.#clamp(next);
  }

  #clamp(bps: number): number {
    return Math.min(this.#maxBps, Math.max(this.#minBps, bps));
  }
}
