/**
 * Receiving half of an association: TSN bookkeeping, SACKs, reassembly, order within streams
 * (RFC 9260 6.2, 6.5 to 6.9; RFC 3758 3.6; RFC 6525 5.2.2). Memory is bounded by the window.
 */
import { buildChunk, ChunkType, concat, serialDiff, viewOf } from "./sctp-packet.ts";

export interface SctpMessage {
  readonly stream: number;
  /** Payload protocol identifier. */
  readonly ppid: number;
  readonly bytes: Uint8Array;
}

/** Bytes held for messages not yet complete or in order; also the longest message possible. */
const WINDOW_BYTES = 262_144;
/** Furthest TSN ahead of the cumulative one that is kept. */
const WINDOW_TSNS = 1024;
/** Streams the peer may use; DATA on others is acknowledged and dropped. */
export const MAX_STREAMS = 1024;
const MAX_GAPS = 100;
/** Less than a packet: senders stop and probe. */
const NARROW_WINDOW = 2048;
const MAX_DUPLICATES = 20;
/** What one small fragment really costs, so that empty ones cannot fill the memory. */
const FRAGMENT_OVERHEAD = 64;

const FLAG_END = 1;
const FLAG_BEGIN = 2;
const FLAG_UNORDERED = 4;

interface Fragment {
  readonly tsn: number;
  readonly flags: number;
  readonly stream: number;
  readonly ssn: number;
  readonly ppid: number;
  readonly bytes: Uint8Array;
}

interface StreamOrder {
  next: number;
  readonly waiting: Map<number, SctpMessage>;
}

export class SctpReceiver {
  /** All TSNs up to here were received. */
  #cumulative: number;
  readonly #ahead = new Set<number>();
  readonly #fragments = new Map<number, Fragment>();
  readonly #streams = new Map<number, StreamOrder>();
  /** Complete and in order, waiting for the reader. They count as held. */
  #ready: SctpMessage[] = [];
  #firstReady = 0;
  #readyBytes = 0;
  #duplicates: number[] = [];
  #held = 0;
  #advertised = WINDOW_BYTES;
  /** A message can never be completed within the window: the association must end. */
  overflow = false;

  constructor(initialTsn: number) {
    this.#cumulative = (initialTsn - 1) >>> 0;
  }

  get cumulative(): number {
    return this.#cumulative;
  }
  /** What may still be sent to us, in bytes. */
  get window(): number {
    return Math.max(0, WINDOW_BYTES - this.#held);
  }
  /** The peer believes that there is next to no room, and half of it is free again. */
  get wantsWindowUpdate(): boolean {
    return this.#advertised < NARROW_WINDOW && this.window >= WINDOW_BYTES / 2;
  }
  /** Messages that a slow reader has left, and their bytes. */
  get waiting(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#ready.length - this.#firstReady, bytes: this.#readyBytes };
  }

  /** The value of one DATA chunk; false when it is malformed. Copies what it keeps. */
  handleData(flags: number, value: Uint8Array): boolean {
    if (value.length <= 12) return false;
    const view = viewOf(value);
    const tsn = view.getUint32(0);
    const ahead = serialDiff(tsn, this.#cumulative);
    if (ahead <= 0 || this.#ahead.has(tsn)) {
      if (this.#duplicates.length < MAX_DUPLICATES) this.#duplicates.push(tsn);
      return true;
    }
    const stream = view.getUint16(4);
    const size = value.length - 12;
    if (ahead > WINDOW_TSNS) return true;
    if (this.#held + size + FRAGMENT_OVERHEAD > WINDOW_BYTES) {
      // The next in line does not fit although everything deliverable is delivered. With a slow
      // reader it is not acknowledged, and comes again (RFC 9260 6.2).
      if (ahead === 1 && this.#firstReady === this.#ready.length) this.overflow = true;
      return true;
    }
    this.#received(tsn);
    if (stream >= MAX_STREAMS) return true;
    const fragment: Fragment = {
      tsn,
      flags,
      stream,
      ssn: view.getUint16(6),
      ppid: view.getUint32(8),
      // Not `slice`, which is a view when the packet is a Buffer.
      bytes: new Uint8Array(value.subarray(12)),
    };
    this.#fragments.set(tsn, fragment);
    this.#held += size + FRAGMENT_OVERHEAD;
    this.#assemble(fragment);
    return true;
  }

  #received(tsn: number): void {
    this.#ahead.add(tsn);
    this.#advance();
  }

  #advance(): void {
    for (;;) {
      const next = (this.#cumulative + 1) >>> 0;
      if (!this.#ahead.delete(next)) return;
      this.#cumulative = next;
    }
  }

  /** Puts a message together when `fragment` was its last missing piece. */
  #assemble(fragment: Fragment): void {
    let first = fragment;
    while ((first.flags & FLAG_BEGIN) === 0) {
      const before = this.#fragments.get((first.tsn - 1) >>> 0);
      if (before === undefined || (before.flags & FLAG_END) !== 0) return;
      first = before;
    }
    const parts = [first];
    let last = first;
    while ((last.flags & FLAG_END) === 0) {
      const after = this.#fragments.get((last.tsn + 1) >>> 0);
      if (after === undefined || (after.flags & FLAG_BEGIN) !== 0) return;
      parts.push(after);
      last = after;
    }
    for (const part of parts) this.#forget(part);
    const { stream, ssn, ppid, flags } = first;
    const message = { stream, ppid, bytes: concat(parts.map(({ bytes }) => bytes)) };
    if ((flags & FLAG_UNORDERED) !== 0) this.#makeReady(message);
    else this.#order(stream, ssn, message);
  }

  #forget(fragment: Fragment): void {
    if (this.#fragments.delete(fragment.tsn)) {
      this.#held -= fragment.bytes.length + FRAGMENT_OVERHEAD;
    }
  }

  #order(stream: number, ssn: number, message: SctpMessage): void {
    let order = this.#streams.get(stream);
    if (order === undefined) {
      order = { next: 0, waiting: new Map() };
      this.#streams.set(stream, order);
    }
    if (order.waiting.has(ssn)) return;
    order.waiting.set(ssn, message);
    this.#held += message.bytes.length + FRAGMENT_OVERHEAD;
    this.#release(order);
  }

  #release(order: StreamOrder): void {
    for (;;) {
      const message = order.waiting.get(order.next);
      if (message === undefined) return;
      order.waiting.delete(order.next);
      order.next = (order.next + 1) & 0xffff;
      this.#held -= message.bytes.length + FRAGMENT_OVERHEAD;
      this.#makeReady(message);
    }
  }

  #makeReady(message: SctpMessage): void {
    this.#held += message.bytes.length + FRAGMENT_OVERHEAD;
    this.#readyBytes += message.bytes.length;
    this.#ready.push(message);
  }

  /** Next complete message in order. What the reader leaves narrows the window. */
  poll(): SctpMessage | undefined {
    const message = this.#ready[this.#firstReady];
    if (message === undefined) return undefined;
    this.#held -= message.bytes.length + FRAGMENT_OVERHEAD;
    this.#readyBytes -= message.bytes.length;
    if (++this.#firstReady === this.#ready.length) {
      this.#ready = [];
      this.#firstReady = 0;
    }
    return message;
  }

  /** FORWARD-TSN: the peer gave up everything up to a TSN. False when malformed. */
  handleForwardTsn(value: Uint8Array): boolean {
    if (value.length < 4 || value.length % 4 !== 0) return false;
    const view = viewOf(value);
    const tsn = view.getUint32(0);
    const ahead = serialDiff(tsn, this.#cumulative);
    if (ahead <= 0 || ahead > WINDOW_TSNS) return true;
    this.#cumulative = tsn;
    for (const each of [...this.#ahead]) if (serialDiff(each, tsn) <= 0) this.#ahead.delete(each);
    for (const fragment of [...this.#fragments.values()]) {
      if (serialDiff(fragment.tsn, tsn) <= 0) this.#forget(fragment);
    }
    this.#advance();
    for (let at = 4; at < value.length; at += 4)
      this.#skip(view.getUint16(at), view.getUint16(at + 2));
    return true;
  }

  /** Messages of a stream up to `ssn` will not come. */
  #skip(stream: number, ssn: number): void {
    const order = this.#streams.get(stream);
    if (order === undefined) {
      if (stream < MAX_STREAMS)
        this.#streams.set(stream, { next: (ssn + 1) & 0xffff, waiting: new Map() });
      return;
    }
    // Half the number space ahead counts as old.
    const skipped = (ssn - order.next) & 0xffff;
    if (skipped >= 0x8000) return;
    const distance = (each: number) => (each - order.next) & 0xffff;
    const arrived = [...order.waiting.keys()].filter((each) => distance(each) <= skipped);
    for (const each of arrived.sort((a, b) => distance(a) - distance(b))) {
      const message = order.waiting.get(each);
      if (message === undefined) continue;
      order.waiting.delete(each);
      this.#held -= message.bytes.length + FRAGMENT_OVERHEAD;
      this.#makeReady(message);
    }
    order.next = (ssn + 1) & 0xffff;
    this.#release(order);
  }

  /** The peer numbers these streams from 0 again; none given: all. */
  resetStreams(streams: readonly number[]): void {
    for (const stream of streams.length === 0 ? [...this.#streams.keys()] : streams) {
      const order = this.#streams.get(stream);
      for (const message of order?.waiting.values() ?? []) {
        this.#held -= message.bytes.length + FRAGMENT_OVERHEAD;
      }
      this.#streams.delete(stream);
    }
  }

  /** SACK chunk of the present state. */
  sack(): Uint8Array {
    const gaps = this.#gaps();
    const duplicates = this.#duplicates;
    this.#duplicates = [];
    const value = new Uint8Array(12 + 4 * gaps.length + 4 * duplicates.length);
    const view = viewOf(value);
    view.setUint32(0, this.#cumulative);
    this.#advertised = this.window;
    view.setUint32(4, this.#advertised);
    view.setUint16(8, gaps.length);
    view.setUint16(10, duplicates.length);
    gaps.forEach(([start, end], i) => {
      view.setUint16(12 + 4 * i, start);
      view.setUint16(14 + 4 * i, end);
    });
    duplicates.forEach((tsn, i) => {
      view.setUint32(12 + 4 * gaps.length + 4 * i, tsn);
    });
    return buildChunk(ChunkType.sack, 0, value);
  }

  #gaps(): [number, number][] {
    const offsets = [...this.#ahead].map((tsn) => serialDiff(tsn, this.#cumulative));
    offsets.sort((a, b) => a - b);
    const gaps: [number, number][] = [];
    for (const offset of offsets) {
      const last = gaps.at(-1);
      if (last !== undefined && last[1] + 1 === offset) last[1] = offset;
      else if (gaps.length < MAX_GAPS) gaps.push([offset, offset]);
      else break;
    }
    return gaps;
  }
}
