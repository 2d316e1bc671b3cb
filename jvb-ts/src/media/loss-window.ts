/** Loss over the last 30 to 60 s, in two halves that take turns. */
import type { Millis } from "#shared/runtime/runtime";

const HALF_MS = 30_000;

export class LossWindow {
  #total = 0;
  #lost = 0;
  #previousTotal = 0;
  #previousLost = 0;
  #rotateAt: Millis = -1;

  /** `total` packets of which `lost` did not arrive. */
  add(total: number, lost: number): void {
    this.#total += total;
    this.#lost += lost;
  }

  tick(now: Millis): void {
    if (this.#rotateAt < 0) this.#rotateAt = now + HALF_MS;
    if (now < this.#rotateAt) return;
    this.#rotateAt = now + HALF_MS;
    this.#previousTotal = this.#total;
    this.#previousLost = this.#lost;
    this.#total = 0;
    this.#lost = 0;
  }

  /** 0..1 */
  fraction(): number {
    const total = this.#total + this.#previousTotal;
    return total === 0 ? 0 : Math.max(0, this.#lost + this.#previousLost) / total;
  }
}
