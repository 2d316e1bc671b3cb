/** Where the outgoing streams of SSRC slots stand, so that the next source goes on without a seam. */
import { isNewerSeq, isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import type { StreamEnd } from "./projection.ts";

/** Shortest advance of time from one source to the next. */
const PACKET_MS = 20;
/** Beyond so many numbers from where a source began, older ones are no longer from before that. */
const FAR_FROM_START = 0x4000;

/** Of a video slot: filled when a source leaves it. */
export class VideoSlotStream {
  end: StreamEnd | undefined = undefined;
  /** Next number of its RTX stream. */
  rtxSeq = 1;
  packets = 0;
  octets = 0;
}

/**
 * Of an audio slot: maps each source's numbers and times behind what was sent before it. A source
 * starts with its next packet; time goes on as the clock did, at least by one packet.
 */
export class AudioSlotStream {
  /** Sent on this SSRC (spec 8.2). */
  packets = 0;
  octets = 0;
  /** Outgoing minus incoming, signed 32 bits. */
  timestampDelta = 0;
  #seqDelta = 0;
  /** A packet of the present source went out. */
  #started = false;
  /** Number of its first packet; what precedes it has no number here. -1: far away. */
  #startSeq = -1;
  #lastSeq = -1;
  #lastTimestamp = 0;
  #lastSentAt: Millis = 0;

  /** Another source has the slot from now on. */
  change(): void {
    this.#started = false;
  }

  /** Whether anything of the present source went out. */
  get started(): boolean {
    return this.#started;
  }

  /** The outgoing number of a packet, `timestampDelta` is set too; -1: it has none. */
  rewrite(seq: number, timestamp: number, ticksPerMs: number, now: Millis): number {
    if (!this.#started) this.#start(seq, timestamp, ticksPerMs, now);
    if (this.#startSeq >= 0) {
      const ahead = (seq - this.#startSeq) & 0xffff;
      if (ahead >= 0x8000) return -1;
      if (ahead > FAR_FROM_START) this.#startSeq = -1;
    }
    const out = (seq + this.#seqDelta) & 0xffff;
    const outTimestamp = (timestamp + this.timestampDelta) | 0;
    if (this.#lastSeq < 0 || isNewerSeq(out, this.#lastSeq)) {
      this.#lastSeq = out;
      this.#lastSentAt = now;
    }
    if (this.packets === 0 || isNewerTimestamp(outTimestamp, this.#lastTimestamp))
      this.#lastTimestamp = outTimestamp;
    return out;
  }

  #start(seq: number, timestamp: number, ticksPerMs: number, now: Millis): void {
    this.#started = true;
    if (this.#lastSeq < 0) return;
    this.#startSeq = seq;
    this.#seqDelta = (this.#lastSeq + 1 - seq) & 0xffff;
    const elapsed = Math.max(PACKET_MS, Math.round(now - this.#lastSentAt));
    this.timestampDelta = (this.#lastTimestamp + elapsed * ticksPerMs - timestamp) | 0;
  }
}
