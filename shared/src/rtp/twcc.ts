/**
 * Transport-wide congestion control feedback
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1): encoder in the chunk order of
 * libwebrtc, and a decoder for tests, loss counters and the bandwidth estimator.
 */

import { writeRtcpHeader } from "./rtcp-build.ts";
import { FeedbackType, RtcpType } from "./rtcp-walk.ts";
import { readUint16, writeInt32, writeUint16 } from "./rtp-header.ts";

/** Unit of receive deltas in ms. */
export const DELTA_TICK_MS = 0.25;
/** Unit of the reference time in ms. */
export const REFERENCE_TICK_MS = 64;

const HEADER_BYTES = 20;
const MAX_RUN = 0x1fff;
const MAX_ONE_BIT = 14;
const MAX_TWO_BIT = 7;
/** Symbols: 0 not received, 1 small delta (one byte), 2 large or negative delta (two bytes). */
const LARGE = 2;

/**
 * Encodes one feedback packet at a time. Usage: `begin`, then `add` for each received packet in
 * ascending order of unwrapped sequence numbers until it returns false (full, or the delta does
 * not fit), then `finish`. Not received ones between are filled in.
 */
export class TwccEncoder {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #maxBytes = 0;
  #base = 0;
  #next = 0;
  #referenceTicks = 0;
  #lastTicks = 0;
  // Chunks and deltas grow apart, deltas are moved behind the chunks at the end.
  readonly #chunks = new Uint16Array(1024);
  #chunkCount = 0;
  readonly #deltas = new Uint8Array(2048);
  #deltaBytes = 0;
  // The chunk being filled.
  readonly #symbols = new Uint8Array(MAX_ONE_BIT);
  #pending = 0;
  #allSame = true;
  #hasLarge = false;

  /** `base` is the first sequence number reported (unwrapped), `baseTimeMs` its arrival. */
  begin(bytes: Uint8Array, at: number, maxBytes: number, base: number, baseTimeMs: number): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#maxBytes = maxBytes;
    this.#base = base;
    this.#next = base;
    this.#referenceTicks = Math.floor(baseTimeMs / REFERENCE_TICK_MS);
    this.#lastTicks = this.#referenceTicks * (REFERENCE_TICK_MS / DELTA_TICK_MS);
    this.#chunkCount = 0;
    this.#deltaBytes = 0;
    this.#pending = 0;
    this.#allSame = true;
    this.#hasLarge = false;
  }

  /** False when this packet must go into another feedback packet; nothing is changed then. */
  add(index: number, arrivalMs: number): boolean {
    const ticks = Math.round(arrivalMs / DELTA_TICK_MS);
    const delta = ticks - this.#lastTicks;
    if (delta < -0x8000 || delta > 0x7fff) return false;
    const symbol = delta >= 0 && delta <= 0xff ? 1 : LARGE;
    const missing = index - this.#next;
    if (missing < 0 || index - this.#base >= 0xffff) return false;
    // Worst case: what is pending, the run of missing ones, this symbol and its delta.
    const chunks = this.#chunkCount + 4 + Math.ceil(missing / MAX_RUN);
    if (HEADER_BYTES + 2 * chunks + this.#deltaBytes + symbol + 3 > this.#maxBytes) return false;
    this.#addMissing(missing);
    this.#addSymbol(symbol);
    if (symbol === LARGE) {
      this.#deltas[this.#deltaBytes++] = delta >> 8;
      this.#deltas[this.#deltaBytes++] = delta;
    } else {
      this.#deltas[this.#deltaBytes++] = delta;
    }
    this.#lastTicks = ticks;
    this.#next = index + 1;
    return true;
  }

  /** Writes the packet and returns its length; 0 when nothing was added. */
  finish(senderSsrc: number, mediaSsrc: number, feedbackCount: number): number {
    const statusCount = this.#next - this.#base;
    if (statusCount === 0) return 0;
    while (this.#pending > 0) this.#emit(true);
    const bytes = this.#bytes;
    const at = this.#at;
    writeInt32(bytes, at + 4, senderSsrc);
    writeInt32(bytes, at + 8, mediaSsrc);
    writeUint16(bytes, at + 12, this.#base & 0xffff);
    writeUint16(bytes, at + 14, statusCount);
    const reference = this.#referenceTicks & 0xffffff;
    bytes[at + 16] = reference >> 16;
    bytes[at + 17] = reference >> 8;
    bytes[at + 18] = reference;
    bytes[at + 19] = feedbackCount;
    let length = HEADER_BYTES;
    for (let i = 0; i < this.#chunkCount; i++) {
      writeUint16(bytes, at + length, this.#chunks[i]!);
      length += 2;
    }
    for (let i = 0; i < this.#deltaBytes; i++) bytes[at + length++] = this.#deltas[i]!;
    const padding = (4 - (length & 3)) & 3;
    for (let i = 0; i < padding; i++) bytes[at + length++] = i === padding - 1 ? padding : 0;
    writeRtcpHeader(bytes, at, RtcpType.RTPFB, FeedbackType.TWCC, length);
    if (padding > 0) bytes[at] = bytes[at]! | 0x20;
    return length;
  }

  #addMissing(count: number): void {
    let left = count;
    // Whole runs need no look at each number.
    while (left > 0) {
      if (this.#pending === 0 && left > MAX_ONE_BIT) {
        const run = Math.min(left, MAX_RUN);
        this.#chunks[this.#chunkCount++] = run;
        left -= run;
      } else if (this.#pending > MAX_ONE_BIT - 1 && this.#allSame && this.#runSymbol() === 0) {
        const run = Math.min(this.#pending + left, MAX_RUN);
        left -= run - this.#pending;
        this.#chunks[this.#chunkCount++] = run;
        this.#clear();
      } else {
        this.#addSymbol(0);
        left--;
      }
    }
  }

  #runSymbol(): number {
    return this.#symbols[0]!;
  }

  #clear(): void {
    this.#pending = 0;
    this.#allSame = true;
    this.#hasLarge = false;
  }

  /** Whether one more symbol keeps the pending ones encodable in a single chunk. */
  #fits(symbol: number): boolean {
    if (this.#pending < MAX_TWO_BIT) return true;
    if (this.#pending < MAX_ONE_BIT && symbol !== LARGE && !this.#hasLarge) return true;
    return this.#pending < MAX_RUN && this.#allSame && this.#runSymbol() === symbol;
  }

  #addSymbol(symbol: number): void {
    while (!this.#fits(symbol)) this.#emit(false);
    if (this.#pending < MAX_ONE_BIT) this.#symbols[this.#pending] = symbol;
    this.#allSame = this.#pending === 0 || (this.#allSame && this.#runSymbol() === symbol);
    this.#hasLarge ||= symbol === LARGE;
    this.#pending++;
  }

  /** Turns pending symbols into one chunk, as many as fit. Only the `last` one may be half empty. */
  #emit(last: boolean): void {
    const n = this.#pending;
    const symbols = this.#symbols;
    if (this.#allSame) {
      this.#chunks[this.#chunkCount++] = (this.#runSymbol() << 13) | n;
      this.#clear();
      return;
    }
    if (!this.#hasLarge && (last || n === MAX_ONE_BIT)) {
      let chunk = 0x8000;
      for (let i = 0; i < n; i++) chunk |= symbols[i]! << (13 - i);
      this.#chunks[this.#chunkCount++] = chunk;
      this.#clear();
      return;
    }
    const taken = Math.min(n, MAX_TWO_BIT);
    let chunk = 0xc000;
    for (let i = 0; i < taken; i++) chunk |= symbols[i]! << (12 - 2 * i);
    this.#chunks[this.#chunkCount++] = chunk;
    const rest = n - taken;
    this.#clear();
    for (let i = 0; i < rest; i++) {
      const symbol = symbols[taken + i]!;
      symbols[i] = symbol;
      this.#allSame &&= symbol === symbols[0];
      this.#hasLarge ||= symbol === LARGE;
    }
    this.#pending = rest;
  }
}

/** Reference time of the feedback at `at`: 24 bits in units of 64 ms, -1 when it is too short. */
export function readTwccReference(bytes: Uint8Array, at: number, length: number): number {
  if (length < HEADER_BYTES) return -1;
  return (bytes[at + 16]! << 16) | (bytes[at + 17]! << 8) | bytes[at + 18]!;
}

/** Receives each status of a feedback packet in order; `deltaTicks` only when received. */
export type TwccVisitor = (seq: number, received: boolean, deltaTicks: number) => void;

/**
 * Decodes the feedback at `at` of `length` bytes (padding already removed). Returns false when it
 * is malformed; statuses before the fault have been visited then.
 */
export function decodeTwcc(
  bytes: Uint8Array,
  at: number,
  length: number,
  visit: TwccVisitor,
): boolean {
  if (length < HEADER_BYTES) return false;
  const end = at + length;
  const base = readUint16(bytes, at + 12);
  const count = readUint16(bytes, at + 14);
  // First pass finds where deltas start, second pass reads both.
  let deltas = at + HEADER_BYTES;
  for (let seen = 0; seen < count; deltas += 2) {
    if (deltas + 2 > end) return false;
    const chunk = readUint16(bytes, deltas);
    if ((chunk & 0x8000) === 0) {
      if ((chunk & MAX_RUN) === 0) return false;
      seen += chunk & MAX_RUN;
    } else seen += (chunk & 0x4000) === 0 ? MAX_ONE_BIT : MAX_TWO_BIT;
  }
  let chunkAt = at + HEADER_BYTES;
  let deltaAt = deltas;
  for (let seen = 0; seen < count; chunkAt += 2) {
    const chunk = readUint16(bytes, chunkAt);
    const run = (chunk & 0x8000) === 0;
    const oneBit = (chunk & 0x4000) === 0;
    const size = run ? chunk & MAX_RUN : oneBit ? MAX_ONE_BIT : MAX_TWO_BIT;
    for (let i = 0; i < size && seen < count; i++, seen++) {
      const symbol = run
        ? (chunk >> 13) & 3
        : oneBit
          ? (chunk >> (13 - i)) & 1
          : (chunk >> (12 - 2 * i)) & 3;
      const seq = (base + seen) & 0xffff;
      if (symbol === 1) {
        if (deltaAt + 1 > end) return false;
        visit(seq, true, bytes[deltaAt]!);
        deltaAt += 1;
      } else if (symbol === 2) {
        if (deltaAt + 2 > end) return false;
        visit(seq, true, (readUint16(bytes, deltaAt) << 16) >> 16);
        deltaAt += 2;
      } else {
        visit(seq, false, 0);
      }
    }
  }
  return true;
}
