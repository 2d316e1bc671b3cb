/**
 * Whether the peer still wants our packets (RFC 7675): it says so by answering checks of the
 * selected pair, for which it is asked regularly. Lost consent is no failure (spec jvb-control 3.6).
 */
import type { Millis, Random } from "#shared/runtime/runtime";
import type { IceSettings } from "./ice-settings.ts";

export class Consent {
  readonly #settings: IceSettings;
  readonly #random: Random;
  #askAt: Millis = Number.POSITIVE_INFINITY;
  #lastAt: Millis | undefined;
  #isLost = false;

  constructor(settings: IceSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  /** When the peer is to be asked; infinite before a pair is selected. */
  get askAt(): Millis {
    return this.#askAt;
  }
  /** When the peer last gave it. */
  get lastAt(): Millis | undefined {
    return this.#lastAt;
  }
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The peer is asked now: when the next time is. */
  asked(now: Millis): void {
    const { consentIntervalMs, consentRandomize } = this.#settings;
    const share = consentRandomize ? 0.8 + 0.4 * this.#random.float() : 1;
    this.#askAt = now + consentIntervalMs * share;
  }

  /** The selected pair was answered; true when consent had been lost. */
  given(now: Millis): boolean {
    const wasLost = this.#isLost;
    this.#lastAt = now;
    this.#isLost = false;
    return wasLost;
  }

  /** A request ran out of retransmissions; true when consent is lost by that. */
  refused(): boolean {
    const isNews = !this.#isLost;
    this.#isLost = true;
    return isNews;
  }
}
