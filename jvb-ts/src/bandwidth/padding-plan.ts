/**
 * How much padding fills the gap between what is sent and the estimate, while more than the estimate is
 * wanted: it lets the estimate grow before a layer depends on it (spec jvb-media 9.4).
 */
import type { Millis } from "#shared/runtime/runtime";

/** What the estimate leaves unused is kept this long, and what exceeds it is owed this long. */
const SPARE_MS = 30;
const DEBT_MS = 200;
/** A whole packet may be owed, and room for it be kept, however slowly it adds up. */
const ONE_PACKET_BYTES = 1_300;
/** What comes of the sources is looked at over about this long, and may be so much more of what it was. */
const MEDIA_MS = 500;
const MEDIA_MARGIN = 1.25;

export class PaddingPlan {
  #owed = 0;
  #room = 0;
  #sentBytes = 0;
  #paddingBytes = 0;
  /** Bits per second sent besides padding, -1 not known yet. */
  #mediaBps = -1;

  /** Begins anew; `sentBytes`: all that was ever sent to the receiver. */
  begin(sentBytes: number): void {
    this.#owed = 0;
    this.#room = 0;
    this.#sentBytes = sentBytes;
    this.#paddingBytes = 0;
    this.#mediaBps = -1;
  }

  /**
   * A period of `elapsedMs` went by: `targetBps` is to be sent of the sources, `idealBps` is wanted.
   * Returns whole bytes that are due. What really went out leaves no less room than it takes: media that
   * is larger than its layer was found to be comes first. And media that does not come (it waits for a key
   * frame) is padded for: an estimate of what nobody uses does not grow.
   */
  advance(
    targetBps: number,
    idealBps: number,
    estimateBps: number,
    elapsedMs: Millis,
    sentBytes: number,
  ): number {
    const share = estimateBps / 8000;
    const room = this.#room + elapsedMs * share - (sentBytes - this.#sentBytes);
    const comingBps = Math.min(
      targetBps,
      MEDIA_MARGIN * this.#media(elapsedMs, sentBytes, targetBps),
    );
    this.#room = Math.max(
      -DEBT_MS * share,
      Math.min(Math.max(ONE_PACKET_BYTES, SPARE_MS * share), room),
    );
    this.#sentBytes = sentBytes;
    const needed = idealBps - comingBps;
    if (needed < 1 || idealBps <= estimateBps || estimateBps <= comingBps) {
      this.#owed = 0;
      return 0;
    }
    const bps = Math.min(needed, estimateBps - comingBps);
    const most = Math.max(ONE_PACKET_BYTES, (DEBT_MS * bps) / 8000);
    this.#owed = Math.min(this.#owed + (elapsedMs * bps) / 8000, most);
    return Math.floor(Math.max(0, Math.min(this.#owed, this.#room)));
  }

  /** So many bytes of padding went out. */
  handleSent(sizeBytes: number): void {
    this.#owed = Math.max(0, this.#owed - sizeBytes);
    this.#paddingBytes += sizeBytes;
  }

  #media(elapsedMs: Millis, sentBytes: number, targetBps: number): number {
    const bytes = Math.max(0, sentBytes - this.#sentBytes - this.#paddingBytes);
    this.#paddingBytes = 0;
    if (this.#mediaBps < 0) this.#mediaBps = targetBps;
    const step = Math.min(1, elapsedMs / MEDIA_MS);
    this.#mediaBps += step * ((8000 * bytes) / elapsedMs - this.#mediaBps);
    return this.#mediaBps;
  }
}
