/**
 * How long packets wait on the way beyond what the way itself takes: the least one-way delay of the
 * last moments above the least of the last seconds. The offset of the two clocks drops out. The least
 * of some packets, because jitter only adds.
 */
import type { Millis } from "#shared/runtime/runtime";

const RECENT_MS = 60;
const BASE_MS = 15_000;
/** A clock was set, or the way is another one. */
const JUMP_MS = 3_000;
const NONE = Number.POSITIVE_INFINITY;

export class QueueDelay {
  readonly #recent = new Float64Array(2).fill(NONE);
  readonly #base = new Float64Array(2).fill(NONE);
  #last: Millis = NONE;
  #recentUntil: Millis = Number.NEGATIVE_INFINITY;
  #baseUntil: Millis = Number.NEGATIVE_INFINITY;

  add(sentAt: Millis, arrival: Millis): void {
    const delay = arrival - sentAt;
    // From one packet to the next; a queue may grow longer than that.
    if (Math.abs(delay - this.#last) > JUMP_MS) this.reset();
    this.#last = delay;
    if (arrival >= this.#recentUntil) {
      this.#recent[1] = this.#recent[0]!;
      this.#recent[0] = NONE;
      this.#recentUntil = arrival + RECENT_MS;
    }
    if (arrival >= this.#baseUntil) {
      this.#base[1] = this.#base[0]!;
      this.#base[0] = NONE;
      this.#baseUntil = arrival + BASE_MS;
    }
    if (delay < this.#recent[0]!) this.#recent[0] = delay;
    if (delay < this.#base[0]!) this.#base[0] = delay;
  }

  /** Milliseconds, 0 before the first packet. */
  standingMs(): Millis {
    const recent = Math.min(this.#recent[0]!, this.#recent[1]!);
    const base = Math.min(this.#base[0]!, this.#base[1]!);
    return recent === NONE || base === NONE ? 0 : Math.max(0, recent - base);
  }

  /** What waits now is the way's: sending less did not help. */
  rebase(): void {
    this.#base[0] = Math.min(this.#recent[0]!, this.#recent[1]!);
    this.#base[1] = NONE;
  }

  reset(): void {
    this.#recent.fill(NONE);
    this.#base.fill(NONE);
    this.#recentUntil = Number.NEGATIVE_INFINITY;
    this.#baseUntil = Number.NEGATIVE_INFINITY;
  }
}
