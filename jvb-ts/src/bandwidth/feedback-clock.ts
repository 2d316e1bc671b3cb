/** Arrival times of feedback on our own clock: the first report's arrival, then what its reference adds. */

import { DELTA_TICK_MS, REFERENCE_TICK_MS } from "#shared/rtp/twcc";
import type { Millis } from "#shared/runtime/runtime";

export class FeedbackClock {
  #reference = -1;
  #base: Millis = 0;

  /** A report begins; `reference` is its time, 24 bits of 64 ms. */
  begin(reference: number, now: Millis): void {
    if (this.#reference < 0) this.#base = now;
    else this.#base += (((reference - this.#reference) << 8) >> 8) * REFERENCE_TICK_MS;
    this.#reference = reference;
  }

  /** Arrival of a packet whose deltas add up to `ticks`. */
  arrival(ticks: number): Millis {
    return this.#base + ticks * DELTA_TICK_MS;
  }
}
