/**
 * How much padding fills the gap between what is sent and the estimate, while more than the estimate is
 * wanted: it lets the estimate grow before a layer depends on it (spec jvb-media 9.4).
 */
import type { Millis } from "#shared/runtime/runtime";

export class PaddingPlan {
  /** Whole bytes that are owed now. */
  bytes = 0;
  #owed = 0;

  /**
   * A period of `elapsedMs` went by: `targetBps` is sent of the sources, `idealBps` is wanted.
   * Sets and returns `bytes`.
   */
  advance(targetBps: number, idealBps: number, estimateBps: number, elapsedMs: Millis): number {
    const needed = idealBps - targetBps;
    this.bytes = 0;
    if (needed < 1 || idealBps <= estimateBps || estimateBps <= targetBps) {
      this.#owed = 0;
      return 0;
    }
    const bps = Math.min(needed, estimateBps - targetBps);
    this.#owed += (elapsedMs * bps) / 8000;
    this.bytes = Math.floor(this.#owed);
    return this.bytes;
  }

  /** So many bytes of padding went out. */
  handleSent(sizeBytes: number): void {
    this.#owed = Math.max(0, this.#owed - sizeBytes);
  }
}
