import type { Millis } from "#shared/runtime/runtime";

/** What somebody is known to do since it was last said. */
interface Told {
  at: Millis;
  unsaid: number;
}

/** Keys kept in mind: strangers choose them. */
const mostKeys = 1_000;

/** What somebody does again and again is said the first time, and at intervals how often since. */
export class QuietLines {
  readonly #interval: Millis;
  readonly #told = new Map<string, Told>();

  constructor(interval: Millis) {
    this.#interval = interval;
  }

  /** How often it went unsaid since the last line, now that one is due; otherwise `undefined`. */
  due(key: string, now: Millis): number | undefined {
    const told = this.#told.get(key);
    if (told !== undefined && now - told.at < this.#interval) {
      told.unsaid++;
      return undefined;
    }
    // Said anew, it is the youngest again; the oldest is forgotten first.
    this.#told.delete(key);
    this.#told.set(key, { at: now, unsaid: 0 });
    const [oldest] = this.#told.keys();
    if (this.#told.size > mostKeys && oldest !== undefined) this.#told.delete(oldest);
    return told?.unsaid ?? 0;
  }
}
