/** Bytes of a stream as text, without hiding what is no text. */
import { isUtf8 } from "node:buffer";

/**
 * Stands for a byte that belongs to no UTF-8 sequence. It is no character of XML, so the stanza it is in
 * is not taken; U+FFFD, which decoders put there, would let it pass and is a character that peers may send.
 */
export const notUtf8 = "\uFFFF";

/** Decodes one stream; sequences may be cut anywhere between chunks. */
export class Utf8Stream {
  /** The beginning of a sequence: at most 3 bytes. */
  #held: Buffer = Buffer.alloc(0);

  /** Text of everything that is whole by now. */
  decode(chunk: Buffer): string {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = bytes.length - unfinished(bytes);
    this.#held = Buffer.from(bytes.subarray(end));
    const whole = bytes.subarray(0, end);
    return isUtf8(whole) ? whole.toString("utf8") : marked(whole);
  }
}

/** Bytes that a sequence with that first byte has, if it is one. */
function sequenceBytes(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

/** Bytes at the end that may be the beginning of a sequence. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) !== 0x80) return sequenceBytes(byte) > back ? back : 0;
  }
  return 0;
}

function marked(bytes: Buffer): string {
  const pieces: string[] = [];
  let from = 0;
  let at = 0;
  while (at < bytes.length) {
    const end = at + sequenceBytes(bytes[at] ?? 0);
    if (end <= bytes.length && isUtf8(bytes.subarray(at, end))) at = end;
    else {
      pieces.push(bytes.toString("utf8", from, at), notUtf8);
      at += 1;
      from = at;
    }
  }
  pieces.push(bytes.toString("utf8", from));
  return pieces.join("");
}
