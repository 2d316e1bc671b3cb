/**
 * The estimate by loss until enough was observed for the better one: grows below the low threshold,
 * falls above the high one (draft-ietf-rmcat-gcc-02 6; spec jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";
import type { BandwidthSettings } from "./settings.ts";

const MIN_PACKETS = 20;
const SPACING_MS = 300;

export class SimpleLossRule {
  /** Bits per second, infinite while losses do not matter. */
  limitBps = Number.POSITIVE_INFINITY;
  /** Share lost of the last packets, 0..1. */
  share = 0;
  readonly #settings: BandwidthSettings;
  #packets = 0;
  #lost = 0;
  #fellAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(settings: BandwidthSettings) {
    this.#settings = settings;
  }

  /** What one report says, and the estimate before it. */
  update(received: number, lost: number, estimateBps: number, now: Millis): void {
    this.#packets += received + lost;
    this.#lost += lost;
    if (this.#packets < MIN_PACKETS) return;
    const share = this.#lost / this.#packets;
    this.share = share;
    this.#packets = 0;
    this.#lost = 0;
    const { lowLoss, highLoss, lossThresholdBps } = this.#settings;
    if (share <= lowLoss) this.limitBps = Number.POSITIVE_INFINITY;
    else if (share <= highLoss || estimateBps <= lossThresholdBps) return;
    else if (now - this.#fellAt >= SPACING_MS) {
      this.#fellAt = now;
      this.limitBps = estimateBps * (1 - share / 2);
    }
  }
}
