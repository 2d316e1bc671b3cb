/**
 * What came in on one WebSocket and may not be handed on yet, in order. The driver pushes frames,
 * polls what the endpoint's budget lets through, and reads on only while `mayRead`.
 */
import type { Millis } from "#shared/runtime/runtime";
import { type ChannelBudget, type ChannelPace, messageCost } from "../transport/channel-budget.ts";

/** The socket is not read while more than this (two seconds of budget) waits. */
const READ_BELOW = 200;
/** What had been read already, or was unpacked from little, is dropped beyond this. */
const MAX_WAITING = 1000;
/** A driver that waits for the budget wakes so often at most. */
const WAKE_MS = 100;

export class ChannelInbox {
  readonly #budget: ChannelBudget;
  #waiting: (string | undefined)[] = [];
  #first = 0;
  #cost = 0;

  constructor(budget: ChannelBudget) {
    this.#budget = budget;
  }

  /** Takes one frame, `undefined` for one without meaning (ping, binary); false: dropped. */
  push(text: string | undefined): boolean {
    if (this.#cost >= MAX_WAITING) return false;
    this.#cost += messageCost(text?.length ?? 0);
    this.#waiting.push(text);
    return true;
  }

  /** The next text that may be handed on now; drain it after each `push` and time-out. */
  poll(now: Millis): string | undefined {
    while (this.#first < this.#waiting.length) {
      const text = this.#waiting[this.#first];
      const cost = messageCost(text?.length ?? 0);
      if (!this.#budget.take(cost, now)) return undefined;
      this.#waiting[this.#first++] = undefined;
      this.#cost -= cost;
      if (this.#first > 100) {
        this.#waiting = this.#waiting.slice(this.#first);
        this.#first = 0;
      }
      if (text !== undefined) return text;
    }
    return undefined;
  }

  get mayRead(): boolean {
    return this.#cost <= READ_BELOW;
  }

  /** How the sender behaves, after a drain. */
  settle(now: Millis): ChannelPace {
    return this.#budget.settle(this.#cost, now);
  }

  /** When to drain again; undefined while the sender keeps within its budget. */
  pollTimeout(now: Millis): Millis | undefined {
    if (this.#budget.pace === "free") return undefined;
    return Math.max(this.#budget.readyAt, now + WAKE_MS);
  }
}
