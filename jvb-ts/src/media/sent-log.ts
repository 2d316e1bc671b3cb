/**
 * What one receiver was sent of one video source: per outgoing number the stored packet it came
 * from and what the projection changed, so that a NACK is answered from the source's store.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { PacketEdit } from "./projection.ts";

const ENTRIES = 512;
/** Numbers behind the newest that are answered (spec jvb-media 8.4). */
export const RETRANSMISSION_WINDOW = 500;

const SETS_MARKER = 1;
const WRITES_TARGETS = 2;

export class SentLog implements PacketEdit {
  /** The entry found by `find`. */
  encoding = -1;
  sourceSeq = 0;
  timestampDelta = 0;
  outPictureId = -1;
  outTl0 = -1;
  setsMarker = false;
  templateShift = 0;
  writesTargets = false;
  activeTargets = 0;
  /** See `Egress.sendMark`. */
  sendMark = -1;
  sentAt: Millis = 0;
  #slot = 0;
  #newest = -1;
  readonly #seq = new Uint16Array(ENTRIES);
  readonly #encoding = new Int8Array(ENTRIES).fill(-1);
  readonly #sourceSeq = new Uint16Array(ENTRIES);
  readonly #timestampDelta = new Int32Array(ENTRIES);
  /** Picture id or frame number. */
  readonly #pictureId = new Int32Array(ENTRIES);
  readonly #tl0 = new Int16Array(ENTRIES);
  readonly #flags = new Uint8Array(ENTRIES);
  readonly #templateShift = new Uint8Array(ENTRIES);
  /** Made with the first packet whose active decode targets are written. */
  #activeTargets: Int32Array | undefined = undefined;
  readonly #sendMark = new Int32Array(ENTRIES);
  readonly #sentAt = new Float64Array(ENTRIES);

  get frameNumber(): number {
    return this.outPictureId;
  }

  /** `seq` went out, made from `sourceSeq` of an encoding by `edit`. */
  put(
    seq: number,
    encoding: number,
    sourceSeq: number,
    edit: PacketEdit,
    sendMark: number,
    now: Millis,
  ): void {
    const slot = seq & (ENTRIES - 1);
    this.#seq[slot] = seq;
    this.#encoding[slot] = encoding;
    this.#sourceSeq[slot] = sourceSeq;
    this.#timestampDelta[slot] = edit.timestampDelta;
    this.#pictureId[slot] = edit.outPictureId;
    this.#tl0[slot] = edit.outTl0;
    this.#flags[slot] =
      (edit.setsMarker ? SETS_MARKER : 0) | (edit.writesTargets ? WRITES_TARGETS : 0);
    this.#templateShift[slot] = edit.templateShift;
    if (edit.writesTargets) {
      this.#activeTargets ??= new Int32Array(ENTRIES);
      this.#activeTargets[slot] = edit.activeTargets;
    }
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
    this.outPictureId = this.#pictureId[slot]!;
    this.outTl0 = this.#tl0[slot]!;
    this.setsMarker = (this.#flags[slot]! & SETS_MARKER) !== 0;
    this.templateShift = this.#templateShift[slot]!;
    this.writesTargets = (this.#flags[slot]! & WRITES_TARGETS) !== 0;
    this.activeTargets = this.writesTargets ? this.#activeTargets![slot]! : 0;
    this.sendMark = this.#sendMark[slot]!;
    this.sentAt = this.#sentAt[slot]!;
    return true;
  }

  /** The entry found last went out again. */
  markResent(now: Millis): void {
    this.#sentAt[this.#slot] = now;
  }
}
