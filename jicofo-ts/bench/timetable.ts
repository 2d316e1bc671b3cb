/**
 * Does things at their times, whatever else happens (open loop). Waits in a timer until shortly
 * before, then looks at the clock between all other events, for a timer alone is up to 1 ms late.
 */

/** How early the timer ends and looking at the clock begins, ms. */
const watchMs = 1.5;

interface Entry {
  /** `performance.now()` of the due time. */
  readonly at: number;
  readonly run: (lateMs: number) => void;
}

/** Runs the entries in order of time; resolves after the last. */
export function keepTimetable(entries: readonly Entry[]): Promise<void> {
  const due = entries.toSorted((one, other) => one.at - other.at);
  const { promise, resolve } = Promise.withResolvers<void>();
  let next = 0;
  const step = (): void => {
    for (;;) {
      const entry = due[next];
      if (entry === undefined) {
        resolve();
        return;
      }
      const wait = entry.at - performance.now();
      if (wait > watchMs) {
        setTimeout(step, Math.floor(wait - watchMs));
        return;
      }
      if (wait > 0) {
        setImmediate(step);
        return;
      }
      next++;
      entry.run(-wait);
    }
  };
  step();
  return promise;
}
