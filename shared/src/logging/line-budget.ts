/**
 * How many lines the log takes from one source and of one kind, so that a peer who provokes lines
 * fills no disk (spec benchmarks-and-faults I9, E14). Only lines of `info` and up are counted.
 */
import type { Millis } from "#shared/runtime/runtime";
import { TokenBuckets } from "#shared/runtime/token-bucket";

/** Lines with one message about one source; 30 at once, as when a whole room leaves. */
const PER_SOURCE = { rate: 5, burst: 30 };
/** Lines of one component at one level, whoever causes them. */
const PER_COMPONENT = { rate: 100, burst: 1000 };
const MOST_SOURCES = 5000;
const MOST_COMPONENTS = 500;

export class LineBudget {
  readonly #sources = new TokenBuckets(PER_SOURCE, MOST_SOURCES);
  readonly #components = new TokenBuckets(PER_COMPONENT, MOST_COMPONENTS);
  readonly #leftOut = new Map<string, number>();

  /**
   * Whether a line may be written: `undefined` when not, else how many lines like it were left out
   * since the last one that was.
   */
  take(component: string, source: string, now: Millis): number | undefined {
    if (this.#sources.take(source, now) && this.#components.take(component, now)) {
      const before = this.#leftOut.get(source);
      if (before === undefined) return 0;
      this.#leftOut.delete(source);
      return before;
    }
    if (this.#leftOut.size >= MOST_SOURCES) this.#leftOut.clear();
    this.#leftOut.set(source, (this.#leftOut.get(source) ?? 0) + 1);
    return undefined;
  }
}
