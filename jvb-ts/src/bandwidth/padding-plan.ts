/**
 * How much padding fills the gap between what is sent and the estimate, while more than the estimate is
 * wanted: it lets the estimate grow before a layer depends on it (spec jvb-media 9.4).
 */
import type { Millis } from "#shared/runtime/runtime";

/** What the estimate leaves unused is kept this long, and what exceeds it is owed this long. */
const SPARE_MS = 30;
const DEBT_MS = 200;
/** A whole packet may be owed, and room for it be kept, however slowly it adds up. */
const ONE_PACKET_BYTES = 1_300;

export class PaddingPlan {
  #owed = 0;
  #room = 0;
  #sentBytes = 0;

  /** Begins anew; `sentBytes`: all that was ever sent to the receiver. */
  begin(sentBytes: number): void {
    this.#owed = 0;
    this.#room = 0;
    this.#sentBytes = sentBytes;
  }

  /**
   * A period of `elapsedMs` went by: `targetBps` is sent of the sources, `idealBps` is wanted. Returns
   * whole bytes that are due. What really went out leaves no less room than it takes: media that is
   * larger than its layer was found to be comes first.
   */
  advance(
    targetBps: number,
    idealBps: number,
    estimateBps: number,
    elapsedMs: Millis,
    sentBytes: number,
  ): number {
    const share = estimateBps / 8000;
    const room = this.#room + elapsedMs * share - (sentBytes - this.#sentBytes);
    this.#room = Math.max(
      -DEBT_MS * share,
      Math.min(Math.max(ONE_PACKET_BYTES, SPARE_MS * share), room),
    );
    this.#sentBytes = sentBytes;
    const needed = idealBps - targetBps;
    if (needed < 1 || idealBps <= estimateBps || estimateBps <= targetBps) {
      this.#owed = 0;
      return 0;
    }
    const bps = Math.min(needed, estimateBps - targetBps);
    const most = Math.max(ONE_PACKET_BYTES, (DEBT_MS * bps) / 8000);
    this.#owed = Math.min(this.#owed + (elapsedMs * bps) / 8000, most);
    return Math.floor(Math.max(0, Math.min(this.#owed, this.#room)));
  }

  /** So many bytes of padding went out. */
  handleSent(sizeBytes: number): void {
    this.#owed = Math.max(0, this.#owed - sizeBytes);
  }
}
