/**
 * How many DTLS handshakes one worker has half open (spec benchmarks-and-faults G.5 E2): each pins a
 * session of the library, and peers who start one and never end it must not pin them without bound.
 * An endpoint has one association, so its own bound of 64 holds by itself.
 */

/** Half-open handshakes of the whole bridge. */
export const MAX_HALF_OPEN = 2000;

export class HandshakeSlots {
  readonly #limit: number;
  readonly #onFull: () => void;
  #taken = 0;

  /** `onFull` is called once for each handshake that has to wait. */
  constructor(limit: number, onFull: () => void) {
    this.#limit = limit;
    this.#onFull = onFull;
  }

  get taken(): number {
    return this.#taken;
  }

  /** False: all are taken, ask again later. `waiting`: it has been told so before. */
  tryTake(waiting: boolean): boolean {
    if (this.#taken >= this.#limit) {
      if (!waiting) this.#onFull();
      return false;
    }
    this.#taken++;
    return true;
  }

  /** For each `tryTake` that was true, once. */
  release(): void {
    this.#taken--;
  }
}
