/**
 * Recognises a repeated sequence number among the last 1500 (spec jvb-media 1.3 V2): senders probe
 * by repeating media over RTX, which SRTP's replay check cannot see.
 */
import { seqDelta } from "#shared/rtp/arithmetic";

const BITS = 2048;
const WINDOW = 1500;
/** What the renumbering of video remembers (`HistoryRewriter`). */
const MAX_RESTORED = 999;

export class DuplicateWindow {
  readonly #bits = new Int32Array(BITS / 32);
  #highest = -1;

  /** True when `seq` was seen within the window; remembers it otherwise. */
  isDuplicate(seq: number): boolean {
    const bits = this.#bits;
    if (this.#highest < 0) {
      this.#highest = seq;
    } else {
      const d = seqDelta(seq, this.#highest);
      if (d > 0) {
        if (d >= BITS) bits.fill(0);
        else for (let i = 1; i <= d; i++) this.#clear(this.#highest + i);
        this.#highest = seq;
      } else if (-d >= WINDOW) {
        return false;
      }
    }
    const at = (seq & (BITS - 1)) >> 5;
    const bit = 1 << (seq & 31);
    if ((bits[at]! & bit) !== 0) return true;
    bits[at] = bits[at]! | bit;
    return false;
  }

  /**
   * Whether `seq` lies further back than anybody asks for. SRTP's own window does not see the
   * numbers that RTX restores, and whoever forwards such a packet uses an old number again.
   */
  isTooOld(seq: number): boolean {
    return this.#highest >= 0 && seqDelta(seq, this.#highest) < -MAX_RESTORED;
  }

  #clear(seq: number): void {
    const at = (seq & (BITS - 1)) >> 5;
    this.#bits[at] = this.#bits[at]! & ~(1 << (seq & 31));
  }
}
