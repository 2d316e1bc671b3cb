/**
 * One endpoint's share of the bridge's time: how many messages of its bridge channel are taken, on
 * a data channel as on a WebSocket (spec benchmarks-and-faults G.5 E6).
 *
 * Upstream has no rate, only a queue of 50 in which it forgets the oldest (jvb-control 4.3), so no
 * message is refused for coming fast: what is over the budget waits, and the driver stops reading
 * so that it waits at the sender. A client that keeps sending more than its budget for ten seconds
 * is disconnected. Pure: the time is an argument.
 */
import type { Millis } from "#shared/runtime/runtime";

/** Messages per second in the long run; a client sends one or two, a remote control some sixty. */
const RATE_PER_S = 100;
/** Messages at once; joining a call takes about twenty. */
const BURST = 500;
/** Long messages count as several: this many characters for one more. */
const CHARS_PER_MESSAGE = 4096;
/** With so much waiting (half a second of budget) the sender is not merely unlucky. */
const FLOOD_WAITING = 50;
/** So long a flood ends the channel. */
const FLOOD_MS = 10_000;
/** Nothing had to wait for so long: the flood is over. */
const CALM_MS = 2000;

/** `slowed`: messages have to wait. `flooding`: they did so for too long, end the channel. */
export type ChannelPace = "free" | "slowed" | "flooding";

/** What one message of `chars` characters (or bytes) takes from the budget. */
export function messageCost(chars: number): number {
  return 1 + Math.floor(chars / CHARS_PER_MESSAGE);
}

export class ChannelBudget {
  #tokens = BURST;
  #at: Millis;
  #waitedAt: Millis = Number.NEGATIVE_INFINITY;
  #floodSince: Millis | undefined;
  #pace: ChannelPace = "free";

  constructor(now: Millis) {
    this.#at = now;
  }

  get pace(): ChannelPace {
    return this.#pace;
  }

  /** Takes `cost` from the budget; false: it has to wait until `readyAt`. */
  take(cost: number, now: Millis): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    // May go below zero: a long message is never put off for ever.
    this.#tokens -= cost;
    return true;
  }

  /** When `take` succeeds again; in the past when it does now. */
  get readyAt(): Millis {
    // A little later than exactly one: rounding must not wake the driver in vain.
    return this.#at + ((1.01 - this.#tokens) / RATE_PER_S) * 1000;
  }

  /** When a budget that nobody uses is full again. */
  get fullAt(): Millis {
    return this.#at + ((BURST - this.#tokens) / RATE_PER_S) * 1000;
  }

  /** To be called after each round of `take` with the cost of all that still waits. */
  settle(waiting: number, now: Millis): ChannelPace {
    if (waiting > 0) {
      this.#waitedAt = now;
      if (this.#pace === "free") this.#pace = "slowed";
    } else if (now - this.#waitedAt >= CALM_MS && this.#pace === "slowed") {
      this.#pace = "free";
    }
    if (waiting < FLOOD_WAITING) this.#floodSince = undefined;
    else this.#floodSince ??= now;
    if (this.#floodSince !== undefined && now - this.#floodSince >= FLOOD_MS) {
      this.#pace = "flooding";
    }
    return this.#pace;
  }

  /** A new channel of the same endpoint: what was used stays used, the flood is forgotten. */
  reopen(): void {
    this.#pace = "free";
    this.#floodSince = undefined;
  }

  #refill(now: Millis): void {
    if (now <= this.#at) return;
    // Infinite when it was not used yet.
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#at) / 1000) * RATE_PER_S);
    this.#at = now;
  }
}
