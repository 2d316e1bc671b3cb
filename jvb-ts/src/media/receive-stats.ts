/**
 * Reception statistics of one SSRC and its RTCP report block (RFC 3550 6.4.1, A.3, A.8; spec
 * jvb-media 8.6).
 */
import { seqDelta, timestampDelta } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";

/** A hole of up to this many numbers counts as loss; a larger one as a restart of numbering. */
const MAX_DROPOUT = 3000;
/** A packet at most this late was counted as lost before. */
const MAX_MISORDER = 100;

export class ReceiveStats {
  packets = 0;
  bytes = 0;
  /** Inter-arrival jitter in ms. */
  jitterMs = 0;
  cumulativeLost = 0;
  /** Highest sequence number with its cycles above bit 16. */
  extendedHighest = 0;
  /** Of the last report. */
  fractionLost = 0;
  /** Middle 32 bits of the last SR's NTP time (signed), 0 before the first. */
  lastSrMiddle = 0;
  lastSrArrival: Millis = -1;
  #base = -1;
  #lastTimestamp = 0;
  #lastArrival: Millis = -1;
  #expectedAtReport = 0;
  #packetsAtReport = 0;

  handlePacket(
    seq: number,
    timestamp: number,
    length: number,
    arrival: Millis,
    clockRate: number,
  ): void {
    this.bytes += length;
    this.packets++;
    if (this.#base < 0) {
      this.#base = seq;
      this.extendedHighest = seq;
    } else {
      const d = seqDelta(seq, this.extendedHighest & 0xffff);
      if (d > 0) {
        if (d - 1 <= MAX_DROPOUT) this.cumulativeLost += d - 1;
        this.extendedHighest += d;
      } else if (d < 0 && -d <= MAX_MISORDER) {
        this.cumulativeLost--;
      }
    }
    if (this.#lastArrival >= 0) {
      const sent = (timestampDelta(timestamp, this.#lastTimestamp) * 1000) / clockRate;
      const difference = Math.abs(arrival - this.#lastArrival - sent);
      // Timestamp jumps (a new encoder) say nothing about the network.
      if (difference < 10_000) this.jitterMs += (difference - this.jitterMs) / 16;
    }
    this.#lastArrival = arrival;
    this.#lastTimestamp = timestamp;
  }

  handleSenderReport(ntpMiddle: number, arrival: Millis): void {
    this.lastSrMiddle = ntpMiddle;
    this.lastSrArrival = arrival;
  }

  /** Packets that should have come since the first. */
  expected(): number {
    return this.#base < 0 ? 0 : this.extendedHighest - this.#base + 1;
  }

  /** Packets since the last report that has not been made yet. */
  hasNews(): boolean {
    return this.packets !== this.#packetsAtReport;
  }

  /** Closes a report interval and sets `fractionLost` (0..255). */
  closeInterval(): void {
    const expected = this.expected();
    const expectedInterval = expected - this.#expectedAtReport;
    const lost = expectedInterval - (this.packets - this.#packetsAtReport);
    this.fractionLost =
      expectedInterval <= 0 || lost <= 0
        ? 0
        : Math.min(255, Math.floor((lost << 8) / expectedInterval));
    this.#expectedAtReport = expected;
    this.#packetsAtReport = this.packets;
  }

  /** Delay since the last SR in 1/65536 s, 0 when there was none. */
  delaySinceLastSr(now: Millis): number {
    if (this.lastSrArrival < 0) return 0;
    return Math.max(0, Math.round(((now - this.lastSrArrival) * 65536) / 1000));
  }
}
