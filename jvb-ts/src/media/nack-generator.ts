/**
 * Asks one sender to repeat lost packets (generic NACK, RFC 4585 6.2.1) in upstream's rhythm (spec
 * jvb-media 8.3): at once, then all outstanding numbers every 150 ms, each at most 10 times.
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
        this.#count++;
      }
      this.dueAt = now;
    }
    this.#highest = seq;
  }

  /** Writes all outstanding numbers to `into` (oldest first) and returns how many. */
  collect(into: Uint16Array, now: Millis): number {
    const n = Math.min(this.#count, into.length);
    let kept = 0;
    for (let i = 0; i < n; i++) {
      const seq = this.#seqs[i]!;
      into[i] = seq;
      const requests = this.#requests[i]! + 1;
      if (requests >= NACK_MAX_REQUESTS) continue;
      this.#seqs[kept] = seq;
      this.#requests[kept] = requests;
      kept++;
    }
    this.#count = kept;
    this.dueAt = kept > 0 ? now + NACK_INTERVAL_MS : NEVER;
    return n;
  }

  #remove(seq: number): void {
    const seqs = this.#seqs;
    for (let i = 0; i < this.#count; i++) {
      if (seqs[i] !== seq) continue;
      seqs.copyWithin(i, i + 1, this.#count);
      this.#requests.copyWithin(i, i + 1, this.#count);
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
    this.#count -= excess;
  }

  #forgetAll(): void {
    this.#count = 0;
    this.dueAt = NEVER;
  }
}
