/**
 * Sending half of an association: fragments, windows, retransmission (RFC 9260 6.1, 6.3, 7.2).
 * Retransmissions never run out and the time-out is capped at 3 s, so that a channel outlives any
 * outage that ICE outlives (spec jvb-media 3.3).
 */
import type { Millis } from "#shared/runtime/runtime";
import {
  buildChunk,
  ChunkType,
  COMMON_HEADER,
  DATA_HEADER,
  MAX_PACKET,
  serialDiff,
  viewOf,
} from "./sctp-packet.ts";

const MAX_FRAGMENT = MAX_PACKET - COMMON_HEADER - DATA_HEADER;
const INITIAL_CWND = 4 * MAX_PACKET;
const RTO_INITIAL_MS = 500;
const RTO_MIN_MS = 400;
const RTO_MAX_MS = 3000;
/** Reports of a chunk as missing before it is repeated at once. */
const FAST_RETRANSMIT_AFTER = 3;
/** Gap reports looked at; honest peers never come near. */
const MAX_GAPS = 256;

interface OutChunk {
  readonly bytes: Uint8Array;
  readonly tsn: number;
  readonly size: number;
  sentAt: Millis;
  transmissions: number;
  missing: number;
  acked: boolean;
  /** Waits for its next transmission. */
  repeat: boolean;
}

interface Waiting {
  readonly stream: number;
  readonly ppid: number;
  readonly bytes: Uint8Array;
  sent: number;
  ssn: number;
}

/** Retransmission time-out after RFC 9260 6.3, also used for control chunks. */
export class RetransmissionTimeout {
  #srtt: Millis | undefined;
  #variance: Millis = 0;
  ms: Millis = RTO_INITIAL_MS;

  measured(rtt: Millis): void {
    if (this.#srtt === undefined) {
      this.#srtt = rtt;
      this.#variance = rtt / 2;
    } else {
      this.#variance = 0.75 * this.#variance + 0.25 * Math.abs(this.#srtt - rtt);
      this.#srtt = 0.875 * this.#srtt + 0.125 * rtt;
    }
    this.ms = Math.min(RTO_MAX_MS, Math.max(RTO_MIN_MS, this.#srtt + 4 * this.#variance));
  }

  backOff(): void {
    this.ms = Math.min(RTO_MAX_MS, this.ms * 2);
  }
}

export class SctpSender {
  readonly #rto: RetransmissionTimeout;
  readonly #waiting: Waiting[] = [];
  #outstanding: OutChunk[] = [];
  readonly #ssns = new Map<number, number>();
  #nextTsn: number;
  #acked: number;
  #peerWindow: number;
  #cwnd = INITIAL_CWND;
  #ssthresh: number;
  #partial = 0;
  #flight = 0;
  #recoverUntil: number | undefined;
  #timeoutAt: Millis | undefined;
  /** Bytes accepted and not yet acknowledged. */
  queuedBytes = 0;

  constructor(initialTsn: number, peerWindow: number, rto: RetransmissionTimeout) {
    this.#nextTsn = initialTsn;
    this.#acked = (initialTsn - 1) >>> 0;
    this.#peerWindow = peerWindow;
    this.#ssthresh = Math.max(peerWindow, INITIAL_CWND);
    this.#rto = rto;
  }

  get timeoutAt(): Millis | undefined {
    return this.#timeoutAt;
  }
  /** The TSN before the next one. */
  get lastTsn(): number {
    return (this.#nextTsn - 1) >>> 0;
  }
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#outstanding.length === 0;
  }

  /** Queues one reliable, ordered message of at least one byte. */
  enqueue(stream: number, ppid: number, bytes: Uint8Array): void {
    this.queuedBytes += bytes.length;
    this.#waiting.push({ stream, ppid, bytes, sent: 0, ssn: -1 });
  }

  /** Our stream numbers start at 0 again. */
  resetStream(stream: number): void {
    this.#ssns.delete(stream);
  }

  /**
   * DATA chunks for one packet of at most `room` bytes: repeats first, then new ones as the windows
   * allow. Empty when nothing may be sent.
   */
  fill(room: number, now: Millis): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    let left = room;
    for (const chunk of this.#outstanding) {
      if (!chunk.repeat || chunk.bytes.length > left) continue;
      if (this.#flight > 0 && this.#flight + chunk.size > this.#cwnd) break;
      this.#transmit(chunk, now);
      chunks.push(chunk.bytes);
      left -= chunk.bytes.length;
    }
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const size = Math.min(MAX_FRAGMENT, next.bytes.length - next.sent);
      if (((size + 3) & ~3) + DATA_HEADER > left || !this.#mayStart(size)) break;
      const chunk = this.#cut(next, size);
      this.#outstanding.push(chunk);
      this.#transmit(chunk, now);
      chunks.push(chunk.bytes);
      left -= chunk.bytes.length;
    }
    return chunks;
  }

  /** One chunk may always be under way, also into a closed window (RFC 9260 6.1 A). */
  #mayStart(size: number): boolean {
    if (this.#flight === 0) return this.#outstanding.every((chunk) => !chunk.repeat);
    return this.#flight + size <= this.#cwnd && size <= this.#peerWindow;
  }

  #cut(message: Waiting, size: number): OutChunk {
    const begin = message.sent === 0;
    if (begin) {
      message.ssn = this.#ssns.get(message.stream) ?? 0;
      this.#ssns.set(message.stream, (message.ssn + 1) & 0xffff);
    }
    const part = message.bytes.subarray(message.sent, message.sent + size);
    message.sent += size;
    const end = message.sent === message.bytes.length;
    if (end) this.#waiting.shift();
    const tsn = this.#nextTsn;
    this.#nextTsn = (tsn + 1) >>> 0;
    const value = new Uint8Array(12 + size);
    const view = viewOf(value);
    view.setUint32(0, tsn);
    view.setUint16(4, message.stream);
    view.setUint16(6, message.ssn);
    view.setUint32(8, message.ppid);
    value.set(part, 12);
    const bytes = buildChunk(ChunkType.data, (begin ? 2 : 0) | (end ? 1 : 0), value);
    return {
      bytes,
      tsn,
      size,
      sentAt: 0,
      transmissions: 0,
      missing: 0,
      acked: false,
      repeat: false,
    };
  }

  #transmit(chunk: OutChunk, now: Millis): void {
    chunk.repeat = false;
    chunk.missing = 0;
    chunk.transmissions++;
    chunk.sentAt = now;
    this.#flight += chunk.size;
    this.#peerWindow = Math.max(0, this.#peerWindow - chunk.size);
    this.#timeoutAt ??= now + this.#rto.ms;
  }

  /** The value of a SACK chunk; false when it is malformed or acknowledges what was never sent. */
  handleSack(value: Uint8Array, now: Millis): boolean {
    if (value.length < 12) return false;
    const view = viewOf(value);
    const cumulative = view.getUint32(0);
    const reported = view.getUint16(8);
    if (value.length < 12 + 4 * reported) return false;
    const gaps = Math.min(reported, MAX_GAPS);
    if (serialDiff(cumulative, this.lastTsn) > 0) return false;
    // An older SACK that was overtaken says nothing new.
    if (serialDiff(cumulative, this.#acked) < 0) return true;
    const flightBefore = this.#flight;
    const freed = this.#acknowledgeUpTo(cumulative, now);
    const highest = this.#acknowledgeGaps(cumulative, view, gaps, now);
    this.#setPeerWindow(view.getUint32(4));
    this.#growWindow(freed, flightBefore);
    if (highest !== undefined) this.#countMissing(highest);
    if (this.#recoverUntil !== undefined && serialDiff(cumulative, this.#recoverUntil) >= 0) {
      this.#recoverUntil = undefined;
    }
    if (this.#outstanding.length === 0) this.#timeoutAt = undefined;
    else if (freed > 0) this.#timeoutAt = now + this.#rto.ms;
    return true;
  }

  /** Cumulative acknowledgement alone (SHUTDOWN carries one). */
  handleCumulative(cumulative: number, now: Millis): void {
    if (serialDiff(cumulative, this.lastTsn) > 0 || serialDiff(cumulative, this.#acked) <= 0)
      return;
    this.#acknowledgeUpTo(cumulative, now);
    if (this.#outstanding.length === 0) this.#timeoutAt = undefined;
  }

  #acknowledgeUpTo(cumulative: number, now: Millis): number {
    let freed = 0;
    this.#acked = cumulative;
    for (let first = this.#outstanding[0]; first !== undefined; first = this.#outstanding[0]) {
      if (serialDiff(first.tsn, cumulative) > 0) break;
      this.#outstanding.shift();
      freed += first.size;
      this.queuedBytes -= first.size;
      this.#markAcked(first, now);
    }
    return freed;
  }

  #acknowledgeGaps(
    cumulative: number,
    view: DataView,
    gaps: number,
    now: Millis,
  ): number | undefined {
    let highest: number | undefined;
    for (let i = 0; i < gaps; i++) {
      const start = (cumulative + view.getUint16(12 + 4 * i)) >>> 0;
      const end = (cumulative + view.getUint16(14 + 4 * i)) >>> 0;
      for (const chunk of this.#outstanding) {
        if (serialDiff(chunk.tsn, start) < 0) continue;
        if (serialDiff(chunk.tsn, end) > 0) break;
        if (!chunk.acked) highest = chunk.tsn;
        this.#markAcked(chunk, now);
      }
    }
    return highest;
  }

  #markAcked(chunk: OutChunk, now: Millis): void {
    if (chunk.acked) return;
    chunk.acked = true;
    if (!chunk.repeat) this.#flight -= chunk.size;
    chunk.repeat = false;
    // Karn: only chunks sent once tell the round-trip time.
    if (chunk.transmissions === 1) this.#rto.measured(now - chunk.sentAt);
  }

  #setPeerWindow(advertised: number): void {
    this.#peerWindow = Math.max(0, advertised - this.#flight);
  }

  #growWindow(freed: number, flightBefore: number): void {
    if (freed === 0 || this.#recoverUntil !== undefined) return;
    if (this.#cwnd <= this.#ssthresh) {
      if (flightBefore + MAX_PACKET >= this.#cwnd) this.#cwnd += Math.min(freed, MAX_PACKET);
      return;
    }
    this.#partial += freed;
    if (this.#partial >= this.#cwnd && flightBefore + MAX_PACKET >= this.#cwnd) {
      this.#partial -= this.#cwnd;
      this.#cwnd += MAX_PACKET;
    }
  }

  /** Chunks below a newly acknowledged one are missing; the third report repeats them. */
  #countMissing(highest: number): void {
    for (const chunk of this.#outstanding) {
      if (serialDiff(chunk.tsn, highest) >= 0) break;
      if (chunk.acked || chunk.repeat || ++chunk.missing < FAST_RETRANSMIT_AFTER) continue;
      chunk.repeat = true;
      this.#flight -= chunk.size;
      if (this.#recoverUntil !== undefined) continue;
      this.#ssthresh = Math.max(this.#cwnd / 2, INITIAL_CWND);
      this.#cwnd = this.#ssthresh;
      this.#partial = 0;
      this.#recoverUntil = this.lastTsn;
    }
  }

  /** T3: everything under way is sent again. */
  handleTimeout(now: Millis): void {
    if (this.#timeoutAt === undefined || this.#timeoutAt > now) return;
    this.#rto.backOff();
    this.#ssthresh = Math.max(this.#cwnd / 2, INITIAL_CWND);
    this.#cwnd = MAX_PACKET;
    this.#partial = 0;
    this.#recoverUntil = undefined;
    this.#flight = 0;
    for (const chunk of this.#outstanding) chunk.repeat = !chunk.acked;
    this.#timeoutAt = now + this.#rto.ms;
  }
}
