/** How long this thread's event loop keeps everything else waiting (spec benchmarks-and-faults I3). */

/** Samples that a 99th percentile takes. */
const ENOUGH = 100;

/**
 * Measures from its making on. Of each wait only the time counts in which this thread worked: the
 * rest other programs took from it.
 */
export class LoopLag {
  readonly #timer: NodeJS.Timeout;
  #lags: number[] = [];

  constructor(periodMs: number) {
    let at = performance.now();
    let before = process.threadCpuUsage();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const { user, system } = process.threadCpuUsage(before);
      this.#lags.push(Math.min(Math.max(0, now - at - periodMs), (user + system) / 1000));
      at = now;
      before = process.threadCpuUsage();
    }, periodMs);
    this.#timer.unref();
  }

  /** ms of each round since the last call. */
  take(): number[] {
    const taken = this.#lags;
    this.#lags = [];
    return taken;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** 99th percentile and maximum in ms; `undefined` while there are too few to speak of one. */
export function lagFigures(lags: readonly number[]): { p99: number; worst: number } | undefined {
  if (lags.length < ENOUGH) return undefined;
  const sorted = lags.toSorted((a, b) => a - b);
  return { p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0, worst: sorted.at(-1) ?? 0 };
}
