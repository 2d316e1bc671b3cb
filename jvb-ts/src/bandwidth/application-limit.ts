/**
 * Whether far less is sent than the estimate allows, so that what arrives says little about the way
 * (application limited region; spec jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";

/** Of the estimate that counts as used up, and the time over which it may be saved or owed. */
const SHARE = 0.8;
const WINDOW_MS = 500;
const START = 0.4;
/** Upstream ends the state at the ratio where it begins (a defect, repaired). */
const STOP = -0.6;

export class ApplicationLimit {
  isLimited = false;
  #budgetBits = 0;
  #sentBytes = 0;
  #at: Millis = -1;

  /** `sentBytes`: all that was ever sent. */
  update(estimateBps: number, sentBytes: number, now: Millis): void {
    const full = (SHARE * estimateBps * WINDOW_MS) / 1000;
    if (this.#at >= 0) {
      const earned = (SHARE * estimateBps * Math.max(0, now - this.#at)) / 1000;
      const spent = 8 * (sentBytes - this.#sentBytes);
      this.#budgetBits = Math.max(-full, Math.min(full, this.#budgetBits + earned - spent));
    }
    this.#at = now;
    this.#sentBytes = sentBytes;
    const ratio = full > 0 ? this.#budgetBits / full : 0;
    if (ratio > START) this.isLimited = true;
    else if (ratio < STOP) this.isLimited = false;
  }
}
