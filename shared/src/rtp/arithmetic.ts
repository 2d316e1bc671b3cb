/**
 * Arithmetic on numbers that wrap: RTP sequence numbers (16 bits), RTP timestamps (32 bits) and
 * codec counters of other widths.
 *
 * SSRCs and timestamps travel through the packet path as *signed* 32-bit integers, because V8
 * keeps those unboxed; `>>> 0` gives the number of the specifications.
 */

/** `a - b` of sequence numbers, in -32768..32767; positive when `a` is newer. */
export function seqDelta(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

export function isNewerSeq(a: number, b: number): boolean {
  const d = (a - b) & 0xffff;
  return d > 0 && d < 0x8000;
}

/** `a - b` of timestamps, in -2^31..2^31-1; positive when `a` is newer. */
export function timestampDelta(a: number, b: number): number {
  return (a - b) | 0;
}

export function isNewerTimestamp(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** `a - b` of counters with `bits` bits (1..30), in -2^(bits-1)..2^(bits-1)-1. */
export function counterDelta(a: number, b: number, bits: number): number {
  const shift = 32 - bits;
  return ((a - b) << shift) >> shift;
}

/**
 * Unwraps a counter of `bits` bits to an index that does not wrap in practice. Vectors: sequence
 * numbers 65000, 65001, 2 give 65000, 65001, 65538, and then 65002 gives 65002.
 */
export class Unwrapper {
  readonly #bits: number;
  #last = 0;
  #started = false;

  constructor(bits: number) {
    this.#bits = bits;
  }

  /** Index of `value`, remembering it when it is the newest so far. */
  unwrap(value: number): number {
    if (!this.#started) {
      this.#started = true;
      this.#last = value;
      return value;
    }
    const index = this.interpret(value);
    if (index > this.#last) this.#last = index;
    return index;
  }

  /** Index of `value` next to the newest so far; remembers nothing. */
  interpret(value: number): number {
    if (!this.#started) return value;
    const mask = 2 ** this.#bits - 1;
    return this.#last + counterDelta(value, this.#last & mask, this.#bits);
  }

  reset(): void {
    this.#started = false;
  }
}
