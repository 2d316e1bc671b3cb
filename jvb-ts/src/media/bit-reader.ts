/** Bits of a byte range, most significant first. One object is pointed at range after range. */
export class BitReader {
  /** The range was too short for what was asked. */
  exhausted = false;
  /** Bits read so far. */
  position = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #end = 0;

  /** Starts at bit `position` of the `length` bytes at `offset`. */
  start(bytes: Uint8Array, offset: number, length: number, position = 0): void {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = 8 * length;
    this.position = position;
    this.exhausted = false;
  }

  /** The next `count` bits (0..32) as an integer, of 32 bits as a signed one; 0 past the end. */
  bits(count: number): number {
    const stop = this.position + count;
    if (stop > this.#end) {
      this.exhausted = true;
      this.position = this.#end;
      return 0;
    }
    let value = 0;
    let at = this.position;
    while (at < stop) {
      const inByte = 8 - (at & 7);
      const take = Math.min(inByte, stop - at);
      const byte = this.#bytes[this.#offset + (at >> 3)]!;
      value = (value << take) | ((byte >> (inByte - take)) & ((1 << take) - 1));
      at += take;
    }
    this.position = stop;
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** A number below `bound` (at least 1) that takes as few bits as possible: ns(n) of AV1 4.10.7. */
  belowBound(bound: number): number {
    let width = 0;
    for (let rest = bound; rest !== 0; rest >>= 1) width++;
    const short = (1 << width) - bound;
    const value = this.bits(width - 1);
    if (value < short) return value;
    return (value << 1) - short + this.bits(1);
  }
}
