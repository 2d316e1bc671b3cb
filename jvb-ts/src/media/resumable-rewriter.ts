/**
 * Renumbers a stream so that packets the bridge discards leave no gap (spec jvb-media 1.7).
 *
 * Without history (audio): one delta. With history (video): 1000 remembered numbers, so that a
 * late packet fills the hole that was kept for it.
 */
import { isNewerSeq, Unwrapper } from "#shared/rtp/arithmetic";

/** No packet is overtaken by so many: the replay window of SRTP has 128. */
const REORDERED = 1024;

/** Audio: rejecting the newest packet shifts everything after it. */
export class PlainRewriter {
  #delta = 0;
  #highestSent = -1;
  /** The last number that was shifted away, -1 none within reach. */
  #shiftedAt = -1;

  /**
   * The new number, or -1: the packet is older than a shift, so its place is taken. Sent under the
   * number of another one it would also be encrypted with that one's IV (RFC 3711 9.1).
   */
  accept(seq: number): number {
    const out = (seq - this.#delta) & 0xffff;
    if (this.#highestSent < 0 || isNewerSeq(out, this.#highestSent)) {
      this.#highestSent = out;
      if (((seq - this.#shiftedAt) & 0xffff) > REORDERED) this.#shiftedAt = -1;
      return out;
    }
    return this.#shiftedAt >= 0 && isNewerSeq(this.#shiftedAt, seq) ? -1 : out;
  }

  reject(seq: number): void {
    if (this.#highestSent < 0) return;
    if (!isNewerSeq((seq - this.#delta) & 0xffff, this.#highestSent)) return;
    this.#delta = (seq - this.#highestSent) & 0xffff;
    this.#shiftedAt = seq;
  }
}

const RING = 1024;
const HISTORY = 1000;
const UNKNOWN = 0;
const ACCEPTED = 1;
const REJECTED = 2;

/** Video: created at the first reject, until then the identity. */
export class HistoryRewriter {
  readonly #unwrapper = new Unwrapper(16);
  /** `index - newIndex` and state of the last `HISTORY` indices. */
  readonly #shift = new Float64Array(RING);
  readonly #state = new Uint8Array(RING);
  #newest = -1;
  #oldest = 0;
  /** Shift of what lies before the oldest entry: every discard there moves it the other way. */
  #oldestShift = 0;
  /** Holes that were kept for a packet which was then discarded. */
  gapsLeft = 0;

  /** Renumbers `seq`; the result means something only when `accept`. */
  rewrite(seq: number, accept: boolean): number {
    // Room below zero for packets older than the first.
    const index = this.#unwrapper.unwrap(seq);
    if (this.#newest < 0) return this.#first(seq, index, accept);
    if (index > this.#newest) return this.#advance(index, accept);
    return this.#late(index, accept);
  }

  #first(seq: number, index: number, accept: boolean): number {
    this.#newest = index;
    this.#oldest = index;
    this.#put(index, accept ? 0 : 1, accept);
    return accept ? seq : (seq - 1) & 0xffff;
  }

  #advance(index: number, accept: boolean): number {
    const shift = this.#shift[this.#slot(this.#newest)]! + (accept ? 0 : 1);
    const from = Math.max(this.#newest + 1, index - RING + 1);
    for (let i = from; i < index; i++) this.#state[this.#slot(i)] = UNKNOWN;
    this.#newest = index;
    this.#put(index, shift, accept);
    if (this.#oldest < index - HISTORY + 1) {
      this.#oldest = index - HISTORY + 1;
      this.#oldestShift = this.#nearestNewer(this.#oldest - 1);
    }
    return (index - shift) & 0xffff;
  }

  #late(index: number, accept: boolean): number {
    if (index < this.#newest - HISTORY + 1) return (index - this.#nearestNewer(index)) & 0xffff;
    if (index < this.#oldest) {
      if (!accept) this.#oldestShift--;
      const shift = this.#oldestShift;
      for (let i = index + 1; i < this.#oldest; i++) this.#state[this.#slot(i)] = UNKNOWN;
      this.#oldest = index;
      this.#put(index, shift, accept);
      return (index - shift) & 0xffff;
    }
    const slot = this.#slot(index);
    if (this.#state[slot] === UNKNOWN) {
      let older = index - 1;
      while (older >= this.#oldest && this.#state[this.#slot(older)] === UNKNOWN) older--;
      const shift = older >= this.#oldest ? this.#shift[this.#slot(older)]! : this.#oldestShift;
      if (!accept) this.gapsLeft++;
      this.#put(index, shift, accept);
      return (index - shift) & 0xffff;
    }
    if (!accept && this.#state[slot] === ACCEPTED) {
      this.#state[slot] = REJECTED;
      this.gapsLeft++;
    }
    return (index - this.#shift[slot]!) & 0xffff;
  }

  #nearestNewer(index: number): number {
    let at = Math.max(index + 1, this.#oldest);
    while (at < this.#newest && this.#state[this.#slot(at)] === UNKNOWN) at++;
    return this.#shift[this.#slot(at)]!;
  }

  #slot(index: number): number {
    return ((index % RING) + RING) % RING;
  }

  #put(index: number, shift: number, accept: boolean): void {
    const slot = this.#slot(index);
    this.#shift[slot] = shift;
    this.#state[slot] = accept ? ACCEPTED : REJECTED;
  }
}
