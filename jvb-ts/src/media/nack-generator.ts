/**
 * Asks one sender to repeat lost packets (generic NACK, RFC 4585 6.2.1): each number at once and then
 * every 150 ms, at most 10 times (spec jvb-media 8.3), and never again within a round trip. Upstream asks
 * for all that is outstanding whenever one more is lost, so at 5 % of loss for most of them twice while
 * the first answer is on its way.
 *
 * Input: `handlePacket`. When `dueAt` is reached, `collect` gives the numbers to request. Owns no
 * timer; allocates nothing after construction.
 */
import { seqDelta } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";

export const NACK_INTERVAL_MS = 150;
export const NACK_MAX_REQUESTS = 10;
/** A hole of this size or more is a restart, not a loss. */
export const NACK_MAX_GAP = 100;
/** Outstanding numbers kept; beyond, the oldest are given up. */
const MAX_OUTSTANDING = 512;

const NEVER = Number.POSITIVE_INFINITY;

export class NackGenerator {
  /** When `collect` is due; infinite when nothing is missing. */
  dueAt: Millis = NEVER;
  readonly #seqs = new Uint16Array(MAX_OUTSTANDING);
  readonly #requests = new Uint8Array(MAX_OUTSTANDING);
  /** When each is to be asked for (again). */
  readonly #times = new Float64Array(MAX_OUTSTANDING);
  #count = 0;
  #highest = -1;

  /** Notes the arrival of `seq` (restored from RTX where it came so). */
  handlePacket(seq: number, now: Millis): void {
    if (this.#highest < 0) {
      this.#highest = seq;
      return;
    }
    const d = seqDelta(seq, this.#highest);
    if (d === 0) return;
    if (d < 0) {
      this.#remove(seq);
      return;
    }
    const missing = d - 1;
    if (missing >= NACK_MAX_GAP) this.#forgetAll();
    else if (missing > 0) {
      this.#makeRoom(missing);
      for (let i = 1; i <= missing; i++) {
        this.#seqs[this.#count] = this.#highest + i;
        this.#requests[this.#count] = 0;
        this.#times[this.#count] = now;
        this.#count++;
      }
      this.dueAt = now;
    }
    this.#highest = seq;
  }

  /**
   * Writes the numbers that are due to `into` (oldest first) and returns how many. `rttMs`: the sender's
   * round trip, -1 unknown.
   */
  collect(into: Uint16Array, now: Millis, rttMs: Millis): number {
    const again = now + Math.max(NACK_INTERVAL_MS, rttMs);
    let due = 0;
    let kept = 0;
    let next = NEVER;
    for (let i = 0; i < this.#count; i++) {
      const seq = this.#seqs[i]!;
      let requests = this.#requests[i]!;
      let time = this.#times[i]!;
      if (time <= now && due < into.length) {
        into[due++] = seq;
        if (++requests >= NACK_MAX_REQUESTS) continue;
        time = again;
      }
      this.#seqs[kept] = seq;
      this.#requests[kept] = requests;
      this.#times[kept] = time;
      kept++;
      if (time < next) next = time;
    }
    this.#count = kept;
    this.dueAt = next;
    return due;
  }

  #remove(seq: number): void {
    const seqs = this.#seqs;
    for (let i = 0; i < this.#count; i++) {
      if (seqs[i] !== seq) continue;
      seqs.copyWithin(i, i + 1, this.#count);
      this.#requests.copyWithin(i, i + 1, this.#count);
      this.#times.copyWithin(i, i + 1, this.#count);
      this.#count--;
      break;
    }
    if (this.#count === 0) this.dueAt = NEVER;
  }

  #makeRoom(wanted: number): void {
    const excess = this.#count + wanted - MAX_OUTSTANDING;
    if (excess <= 0) return;
    this.#seqs.copyWithin(0, excess, this.#count);
    this.#requests.copyWithin(0, excess, this.#count);
    this.#times.copyWithin(0, excess, this.#count);
    this.#count -= excess;
  }

  #forgetAll(): void {
    this.#count = 0;
    this.dueAt = NEVER;
  }
}
