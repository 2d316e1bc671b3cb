/**
 * Sender reports that one receiver was sent, to measure its round trip from report blocks (RFC 3550
 * 6.4.1; spec jvb-media 8.7).
 */
import type { Millis } from "#shared/runtime/runtime";

const ENTRIES = 256;
const MAX_DELAY_MS = 5 * 60_000;
const MAX_RTT_MS = 7_000;

export class SenderReportLog {
  readonly #ssrc = new Int32Array(ENTRIES);
  readonly #ntp = new Int32Array(ENTRIES);
  readonly #sentAt = new Float64Array(ENTRIES).fill(-1);
  #next = 0;

  /** `ntpMiddle`: the middle 32 bits of the SR's NTP time. */
  sent(ssrc: number, ntpMiddle: number, now: Millis): void {
    const slot = this.#next++ & (ENTRIES - 1);
    this.#ssrc[slot] = ssrc;
    this.#ntp[slot] = ntpMiddle;
    this.#sentAt[slot] = now;
  }

  /**
   * Round trip in ms by one report block, or -1 when it says nothing. `delay` (DLSR) is unsigned,
   * in 1/65536 s.
   */
  roundTrip(ssrc: number, lastSr: number, delay: number, now: Millis): number {
    if (lastSr === 0 && delay === 0) return -1;
    const delayMs = (delay * 1000) / 65_536;
    if (delayMs > MAX_DELAY_MS) return -1;
    for (let i = 1; i <= ENTRIES; i++) {
      const slot = (this.#next - i) & (ENTRIES - 1);
      if (this.#sentAt[slot]! < 0) return -1;
      if (this.#ntp[slot] !== lastSr || this.#ssrc[slot] !== ssrc) continue;
      const rtt = now - this.#sentAt[slot]! - delayMs;
      return rtt < 0 || rtt > MAX_RTT_MS ? -1 : rtt;
    }
    return -1;
  }
}
