/**
 * Stream reset (RE-CONFIG, RFC 6525): answers the peer's requests and makes our own, one at a time.
 * A data channel is closed by resetting its stream in both directions (RFC 8831 6.7).
 */
import type { Millis } from "#shared/runtime/runtime";
import {
  buildChunk,
  buildParameter,
  ChunkType,
  concat,
  parseParameters,
  serialDiff,
  viewOf,
  words,
} from "./sctp-packet.ts";
import type { RetransmissionTimeout } from "./sctp-sender.ts";

const OUTGOING_RESET = 13;
const INCOMING_RESET = 14;
const RESPONSE = 16;

const Result = { nothing: 0, performed: 1, denied: 2, badSequence: 5, inProgress: 6 } as const;

interface Handled {
  /** RE-CONFIG chunk to answer with. */
  readonly response: Uint8Array | undefined;
  /** Streams the peer has just reset; empty: all. Undefined: none. */
  readonly streams: readonly number[] | undefined;
}

export class SctpReset {
  readonly #rto: RetransmissionTimeout;
  readonly #wanted = new Set<number>();
  #nextRequest: number;
  #expected: number;
  #lastResult: number = Result.nothing;
  #under:
    | { readonly sequence: number; readonly chunk: Uint8Array; readonly streams: number[] }
    | undefined;
  #repeatNow = false;
  #done: number[] = [];
  timeoutAt: Millis | undefined;

  /** Request numbers start at the initial TSNs (RFC 6525 4.1). */
  constructor(localTsn: number, peerTsn: number, rto: RetransmissionTimeout) {
    this.#nextRequest = localTsn;
    this.#expected = peerTsn;
    this.#rto = rto;
  }

  /** Our side of `stream` shall be reset once everything on it is acknowledged. */
  request(stream: number): void {
    if (!this.#under?.streams.includes(stream)) this.#wanted.add(stream);
  }

  /** Streams whose reset the peer has confirmed since the last call. */
  takeDone(): number[] {
    return this.#done.splice(0);
  }

  /** A chunk to send now, if any. `idle`: all data is acknowledged. */
  next(idle: boolean, lastTsn: number, now: Millis): Uint8Array | undefined {
    if (this.#under !== undefined) {
      if (!this.#repeatNow) return undefined;
      this.#repeatNow = false;
      return this.#under.chunk;
    }
    if (!idle || this.#wanted.size === 0) return undefined;
    const streams = [...this.#wanted];
    this.#wanted.clear();
    const sequence = this.#nextRequest;
    this.#nextRequest = (sequence + 1) >>> 0;
    const list = new Uint8Array(2 * streams.length);
    streams.forEach((stream, i) => {
      viewOf(list).setUint16(2 * i, stream);
    });
    const value = concat([words(sequence, (this.#expected - 1) >>> 0, lastTsn), list]);
    // The chunk's length must not count padding behind its last parameter.
    const parameter = buildParameter(OUTGOING_RESET, value).subarray(0, 4 + value.length);
    const chunk = buildChunk(ChunkType.reconfig, 0, parameter);
    this.#under = { sequence, chunk, streams };
    this.timeoutAt = now + this.#rto.ms;
    return chunk;
  }

  handleTimeout(now: Millis): void {
    if (this.timeoutAt === undefined || this.timeoutAt > now) return;
    this.#rto.backOff();
    this.timeoutAt = now + this.#rto.ms;
    this.#repeatNow = true;
  }

  /** The value of one RE-CONFIG chunk. `cumulative`: our cumulative TSN. */
  handle(value: Uint8Array, cumulative: number): Handled {
    const responses: Uint8Array[] = [];
    let streams: readonly number[] | undefined;
    for (const { type, value: body } of parseParameters(value).slice(0, 2)) {
      if (type === OUTGOING_RESET && body.length >= 12) {
        const view = viewOf(body);
        const sequence = view.getUint32(0);
        const done = this.#outgoingReset(sequence, view.getUint32(8), cumulative);
        if (done) streams = readStreams(body, 12);
        responses.push(this.#respond(sequence));
      } else if (type === INCOMING_RESET && body.length >= 4) {
        const sequence = viewOf(body).getUint32(0);
        if (sequence === this.#expected) {
          this.#expected = (sequence + 1) >>> 0;
          this.#lastResult = Result.denied;
        }
        responses.push(this.#respond(sequence));
      } else if (type === RESPONSE && body.length >= 8) {
        this.#handleResponse(viewOf(body).getUint32(0), viewOf(body).getUint32(4));
      }
    }
    const response =
      responses.length === 0 ? undefined : buildChunk(ChunkType.reconfig, 0, concat(responses));
    return { response, streams };
  }

  /** Whether the request is new and everything before it has arrived. */
  #outgoingReset(sequence: number, lastTsn: number, cumulative: number): boolean {
    if (sequence !== this.#expected) {
      // The last one again: its answer was lost and is repeated.
      if (sequence !== (this.#expected - 1) >>> 0) this.#lastResult = Result.badSequence;
      return false;
    }
    if (serialDiff(lastTsn, cumulative) > 0) {
      this.#lastResult = Result.inProgress;
      return false;
    }
    this.#expected = (sequence + 1) >>> 0;
    this.#lastResult = Result.performed;
    return true;
  }

  #respond(sequence: number): Uint8Array {
    return buildParameter(RESPONSE, words(sequence, this.#lastResult));
  }

  #handleResponse(sequence: number, result: number): void {
    const under = this.#under;
    // In progress: the peer still waits for data; the timer asks again.
    if (under === undefined || sequence !== under.sequence || result === Result.inProgress) return;
    this.#under = undefined;
    this.timeoutAt = undefined;
    this.#repeatNow = false;
    if (result === Result.performed || result === Result.nothing) this.#done.push(...under.streams);
  }
}

function readStreams(body: Uint8Array, offset: number): number[] {
  const view = viewOf(body);
  const streams: number[] = [];
  for (let at = offset; at + 2 <= body.length; at += 2) streams.push(view.getUint16(at));
  return streams;
}
