/**
 * The last 500 stripped packets of one video SSRC, kept once per source whatever the number of
 * receivers (spec jvb-media 8.4, 13.4 rule 7): a retransmission replays what the receiver's
 * projection did to the packet. Packets lie in one byte ring that grows while it would forget
 * packets younger than `KEEP_MS`.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { Stage } from "./stage.ts";

const ENTRIES = 512;
const INITIAL_BYTES = 64 * 1024;
const MAX_BYTES = 1024 * 1024;
/** A packet this young is worth more memory. */
const KEEP_MS = 2_000;

export class PacketStore {
  #bytes = Buffer.alloc(INITIAL_BYTES);
  #writeAt = 0;
  #lap = 1;
  /** Time of the packet at the start of the ring. */
  #firstAt: Millis = 0;
  readonly #seq = new Uint16Array(ENTRIES);
  readonly #at = new Int32Array(ENTRIES);
  /** Lap in which the entry was written, 0 never. */
  readonly #entryLap = new Int32Array(ENTRIES);
  readonly #headerLength = new Uint8Array(ENTRIES);
  readonly #extensionLength = new Uint16Array(ENTRIES);
  readonly #payloadLength = new Uint16Array(ENTRIES);
  readonly #payloadType = new Uint8Array(ENTRIES);
  /** 1 marker, 2 two-byte extensions, from 4 on kinds of extensions. */
  readonly #flags = new Uint8Array(ENTRIES);
  readonly #timestamp = new Int32Array(ENTRIES);
  readonly #pictureIdAt = new Uint8Array(ENTRIES);
  readonly #tl0At = new Uint8Array(ENTRIES);
  readonly #targetsAt = new Uint16Array(ENTRIES);
  readonly #usedBits = new Uint16Array(ENTRIES);
  readonly #targetCount = new Uint8Array(ENTRIES);

  /** Memory of the ring in bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  put(stage: Stage, now: Millis): void {
    const length = stage.length;
    if (this.#writeAt + length > this.#bytes.length) this.#wrap(length, now);
    const at = this.#writeAt;
    if (at === 0) this.#firstAt = now;
    stage.bytes.copy(this.#bytes, at, stage.at, stage.at + length);
    this.#writeAt = at + length;
    const slot = stage.seq & (ENTRIES - 1);
    this.#seq[slot] = stage.seq;
    this.#at[slot] = at;
    this.#entryLap[slot] = this.#lap;
    this.#headerLength[slot] = stage.headerLength;
    this.#extensionLength[slot] = stage.extensionLength;
    this.#payloadLength[slot] = stage.payloadLength;
    this.#payloadType[slot] = stage.payloadType;
    this.#flags[slot] =
      (stage.marker ? 1 : 0) | (stage.needsTwoByte ? 2 : 0) | (stage.extensionKinds << 2);
    this.#timestamp[slot] = stage.timestamp;
    this.#pictureIdAt[slot] = stage.pictureIdAt;
    this.#tl0At[slot] = stage.tl0At;
    this.#targetsAt[slot] = stage.targetsAt;
    this.#usedBits[slot] = stage.usedBits;
    this.#targetCount[slot] = stage.targetCount;
  }

  /** Bytes of the packet `seq`, -1 when it is gone. */
  lengthOf(seq: number): number {
    const slot = seq & (ENTRIES - 1);
    if (!this.#isIntact(slot, seq)) return -1;
    return this.#headerLength[slot]! + this.#extensionLength[slot]! + this.#payloadLength[slot]!;
  }

  /** Payload type of a packet that `lengthOf` found. */
  payloadTypeOf(seq: number): number {
    return this.#payloadType[seq & (ENTRIES - 1)]!;
  }

  #isIntact(slot: number, seq: number): boolean {
    const lap = this.#entryLap[slot]!;
    if (lap === 0 || this.#seq[slot] !== seq) return false;
    return lap === this.#lap || (lap === this.#lap - 1 && this.#at[slot]! >= this.#writeAt);
  }

  /** Puts the packet `seq` back on the stage; false when it is gone. */
  load(seq: number, stage: Stage): boolean {
    const slot = seq & (ENTRIES - 1);
    if (!this.#isIntact(slot, seq)) return false;
    const at = this.#at[slot]!;
    stage.seq = seq;
    stage.headerLength = this.#headerLength[slot]!;
    stage.extensionLength = this.#extensionLength[slot]!;
    stage.payloadLength = this.#payloadLength[slot]!;
    stage.payloadType = this.#payloadType[slot]!;
    stage.marker = (this.#flags[slot]! & 1) !== 0;
    stage.needsTwoByte = (this.#flags[slot]! & 2) !== 0;
    stage.extensionKinds = this.#flags[slot]! >> 2;
    stage.timestamp = this.#timestamp[slot]!;
    stage.pictureIdAt = this.#pictureIdAt[slot]!;
    stage.tl0At = this.#tl0At[slot]!;
    stage.targetsAt = this.#targetsAt[slot]!;
    stage.usedBits = this.#usedBits[slot]!;
    stage.targetCount = this.#targetCount[slot]!;
    this.#bytes.copy(stage.bytes, stage.at, at, at + stage.length);
    return true;
  }

  #wrap(length: number, now: Millis): void {
    const capacity = this.#bytes.length;
    if (capacity < MAX_BYTES && now - this.#firstAt < KEEP_MS) {
      const grown = Buffer.alloc(capacity * 2);
      this.#bytes.copy(grown, 0, 0, capacity);
      this.#bytes = grown;
      // What the previous lap left behind `writeAt` stays behind it: overwritten as before.
      if (this.#writeAt + length <= grown.length) return;
    }
    this.#writeAt = 0;
    this.#lap++;
  }
}
