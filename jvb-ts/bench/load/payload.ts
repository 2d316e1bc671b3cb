/**
 * What a packet carries: a piece of a noise that both ends know, and behind it a stamp that says
 * which piece, which packet and when it was to leave. Whoever rewrites headers leaves the end of a
 * payload alone, so the stamp is found from there.
 *
 *   … | noise | stream 2 | noise bytes 2 | index 4 | scheduled 8 | check 4 |
 */
import { seeded } from "./seeded.ts";

export const STAMP_BYTES = 20;
const NOISE_BYTES = 1 << 16;
const LONGEST = 1500;

function check(stream: number, index: number, bytes: number, scheduled: number): number {
  const micros = Math.round(scheduled * 1000);
  let mixed = Math.imul(stream ^ 0x5bd1, 0x2c1b_3c6d) ^ index;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x297a_2d39) ^ bytes;
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0x9e37_79b1 | 0) ^ micros;
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export class PayloadStamps {
  /** Of the payload last read well. */
  stream = 0;
  index = 0;
  /** As it was given to `write`, in ms. */
  scheduled = 0;
  readonly #noise = Buffer.alloc(NOISE_BYTES + LONGEST);

  constructor(seed: number) {
    const random = seeded(seed);
    for (let i = 0; i < this.#noise.length; i++) this.#noise[i] = Math.floor(random() * 256);
  }

  /**
   * Fills `at` to `at + length`, of `STAMP_BYTES` at least, of the buffer that `view` shows from its
   * start too.
   */
  write(
    buffer: Buffer,
    view: DataView,
    at: number,
    length: number,
    stream: number,
    index: number,
    scheduled: number,
  ): void {
    const body = length - STAMP_BYTES;
    const from = this.#from(stream, index);
    this.#noise.copy(buffer, at, from, from + body);
    const stamp = at + body;
    view.setUint16(stamp, stream);
    view.setUint16(stamp + 2, body);
    view.setUint32(stamp + 4, index);
    view.setFloat64(stamp + 8, scheduled);
    view.setUint32(stamp + 16, check(stream, index, body, scheduled));
  }

  /** Reads the payload `start` to `end` into the fields; false when a single bit is another. */
  read(buffer: Buffer, view: DataView, start: number, end: number): boolean {
    const stamp = end - STAMP_BYTES;
    if (stamp < start) return false;
    const stream = view.getUint16(stamp);
    const body = view.getUint16(stamp + 2);
    const index = view.getUint32(stamp + 4);
    const scheduled = view.getFloat64(stamp + 8);
    if (view.getUint32(stamp + 16) !== check(stream, index, body, scheduled)) return false;
    const at = stamp - body;
    if (at < start || body > LONGEST) return false;
    const from = this.#from(stream, index);
    if (this.#noise.compare(buffer, at, stamp, from, from + body) !== 0) return false;
    this.stream = stream;
    this.index = index;
    this.scheduled = scheduled;
    return true;
  }

  #from(stream: number, index: number): number {
    return (Math.imul(index, 7919) + Math.imul(stream, 104_729)) & (NOISE_BYTES - 1);
  }
}
