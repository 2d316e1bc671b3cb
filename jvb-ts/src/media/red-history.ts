/**
 * The last Opus packets of one source, so that each one can be sent with copies of those before it
 * (RFC 2198, policy PROTECT_ALL of spec jvb-media 11.5).
 */
import { writeUint16 } from "#shared/rtp/rtp-header";
import type { Stage } from "./stage.ts";

/** More than the farthest that is repeated, and a power of two. */
const ENTRIES = 4;
/** A block's length has 10 bits. */
const MAX_BLOCK = 0x3ff;
/** A block's timestamp offset has 14 bits. */
const MAX_OFFSET = 0x3fff;
/** A payload that would grow beyond this goes without copies. */
const MAX_PAYLOAD = 1200;

export class RedHistory {
  readonly #bytes = Buffer.alloc(ENTRIES * (MAX_BLOCK + 1));
  readonly #seq = new Int32Array(ENTRIES).fill(-1);
  readonly #timestamp = new Int32Array(ENTRIES);
  readonly #length = new Uint16Array(ENTRIES);
  readonly #payloadType = new Uint8Array(ENTRIES);
  readonly #vad = new Uint8Array(ENTRIES);

  /** Notes the packet on the stage. */
  put(stage: Stage, vad: boolean): void {
    const slot = stage.seq & (ENTRIES - 1);
    if (stage.payloadLength > MAX_BLOCK) {
      this.#seq[slot] = -1;
      return;
    }
    this.#seq[slot] = stage.seq;
    this.#timestamp[slot] = stage.timestamp;
    this.#length[slot] = stage.payloadLength;
    this.#payloadType[slot] = stage.payloadType;
    this.#vad[slot] = vad ? 1 : 0;
    const at = stage.payloadAt;
    stage.bytes.copy(this.#bytes, slot * (MAX_BLOCK + 1), at, at + stage.payloadLength);
  }

  /**
   * Turns the payload on the stage into RED: one or two earlier packets, then itself. Nothing is
   * repeated behind a gap; with `vadOnly` only what was speech, or stands next to it.
   */
  wrap(stage: Stage, distance: number, vadOnly: boolean): void {
    let earlier = this.#mayRepeat(stage, 1) ? 1 : 0;
    if (earlier === 1) {
      if (distance > 1 && this.#mayRepeat(stage, 2) && this.#isWorth(stage, 2, vadOnly))
        earlier = 2;
      else if (!this.#isWorth(stage, 1, vadOnly)) earlier = 0;
    }
    let copied = 0;
    for (let back = 1; back <= earlier; back++) copied += this.#length[this.#slot(stage, back)]!;
    if (copied + stage.payloadLength > MAX_PAYLOAD) {
      earlier = 0;
      copied = 0;
    }
    const { bytes, payloadAt, payloadLength } = stage;
    const grown = 4 * earlier + 1 + copied;
    bytes.copyWithin(payloadAt + grown, payloadAt, payloadAt + payloadLength);
    let header = payloadAt;
    let data = payloadAt + 4 * earlier + 1;
    for (let back = earlier; back >= 1; back--) {
      const slot = this.#slot(stage, back);
      const length = this.#length[slot]!;
      bytes[header] = 0x80 | this.#payloadType[slot]!;
      const offset = (stage.timestamp - this.#timestamp[slot]!) & MAX_OFFSET;
      writeUint16(bytes, header + 1, (offset << 2) | (length >> 8));
      bytes[header + 3] = length;
      header += 4;
      const from = slot * (MAX_BLOCK + 1);
      this.#bytes.copy(bytes, data, from, from + length);
      data += length;
    }
    bytes[header] = stage.payloadType;
    stage.payloadLength = payloadLength + grown;
  }

  #slot(stage: Stage, back: number): number {
    return (stage.seq - back) & (ENTRIES - 1);
  }

  #mayRepeat(stage: Stage, back: number): boolean {
    const slot = this.#slot(stage, back);
    if (this.#seq[slot] !== ((stage.seq - back) & 0xffff)) return false;
    const offset = (stage.timestamp - this.#timestamp[slot]!) | 0;
    return offset >= 0 && offset <= MAX_OFFSET;
  }

  #isWorth(stage: Stage, back: number, vadOnly: boolean): boolean {
    return !vadOnly || this.#vad[this.#slot(stage, back)] === 1;
  }
}
