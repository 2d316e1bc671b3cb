/**
 * What one receiver was sent of one video source: per outgoing number the stored packet it came
 * from and what the projection changed, so that a NACK is answered from the source's store.
 */
import type { Millis } from "#shared/runtime/runtime";

const ENTRIES = 512;
/** Numbers behind the newest that are answered (spec jvb-media 8.4). */
export const RETRANSMISSION_WINDOW = 500;

export class SentLog {
  /** The entry found by `find`. */
  encoding = -1;
  sourceSeq = 0;
  timestampDelta = 0;
  pictureId = -1;
  tl0 = -1;
  /** See `Egress.sendMark`. */
  sendMark = -1;
  sentAt: Millis = 0;
  #slot = 0;
  #newest = -1;
  readonly #seq = new Uint16Array(ENTRIES);
  readonly #encoding = new Int8Array(ENTRIES).fill(-1);
  readonly #sourceSeq = new Uint16Array(ENTRIES);
  readonly #timestampDelta = new Int32Array(ENTRIES);
  readonly #pictureId = new Int16Array(ENTRIES);
  readonly #tl0 = new Int16Array(ENTRIES);
  readonly #sendMark = new Int32Array(ENTRIES);
  readonly #sentAt = new Float64Array(ENTRIES);

  put(
    seq: number,
    encoding: number,
    sourceSeq: number,
    timestampDelta: number,
    pictureId: number,
    tl0: number,
    sendMark: number,
    now: Millis,
  ): void {
    const slot = seq & (ENTRIES - 1);
    this.#seq[slot] = seq;
    this.#encoding[slot] = encoding;
    this.#sourceSeq[slot] = sourceSeq;
    this.#timestampDelta[slot] = timestampDelta;
    this.#pictureId[slot] = pictureId;
    this.#tl0[slot] = tl0;
    this.#sendMark[slot] = sendMark;
    this.#sentAt[slot] = now;
    if (this.#newest < 0 || ((seq - this.#newest) & 0xffff) < 0x8000) this.#newest = seq;
  }

  /** The number sent last, -1 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Finds what went out as `seq` and sets the entry fields; false when it is too old. */
  find(seq: number): boolean {
    const slot = seq & (ENTRIES - 1);
    const encoding = this.#encoding[slot]!;
    if (encoding < 0 || this.#seq[slot] !== seq) return false;
    if (((this.#newest - seq) & 0xffff) >= RETRANSMISSION_WINDOW) return false;
    this.#slot = slot;
    this.encoding = encoding;
    this.sourceSeq = this.#sourceSeq[slot]!;
    this.timestampDelta = this.#timestampDelta[slot]!;
    this.pictureId = this.#pictureId[slot]!;
    this.tl0 = this.#tl0[slot]!;
    this.sendMark = this.#sendMark[slot]!;
    this.sentAt = this.#sentAt[slot]!;
    return true;
  }

  /** The entry found last went out again. */
  markResent(now: Millis): void {
    this.#sentAt[this.#slot] = now;
  }
}
