/**
 * How many lines the log takes from one source and of one kind, so that a peer who provokes lines
 * fills no disk (spec benchmarks-and-faults I9, E14). Only lines of `info` and up are counted.
 */
import type { Millis } from "#shared/runtime/runtime";
import { TokenBuckets } from "#shared/runtime/token-bucket";

/** Lines with one message about one source; 30 at once, as when a whole room leaves. */
const PER_KIND = { rate: 5, burst: 30 };
/** Lines about one source, whatever they say and whoever says it. */
const PER_SOURCE = { rate: 5, burst: 50 };
/** Lines of one component at one level, whoever causes them. */
const PER_COMPONENT = { rate: 100, burst: 1000 };
const MOST_KINDS = 5000;
const MOST_SOURCES = 5000;
const MOST_COMPONENTS = 500;

/** What a line counts for. */
export interface LineKind {
  /** Component and level. */
  readonly component: string;
  /** Who caused it; empty for the program itself, which has no allowance of its own. */
  readonly source: string;
  /** What it says. */
  readonly message: string;
}

export class LineBudget {
  readonly #kinds = new TokenBuckets(PER_KIND, MOST_KINDS);
  readonly #sources = new TokenBuckets(PER_SOURCE, MOST_SOURCES);
  readonly #components = new TokenBuckets(PER_COMPONENT, MOST_COMPONENTS);
  readonly #leftOut = new Map<string, number>();

  /**
   * Whether a line may be written: `undefined` when not, else how many lines like it were left out
   * since the last one that was.
   */
  take({ component, source, message }: LineKind, now: Millis): number | undefined {
    const kind = `${component} ${source} ${message}`;
    if (
      this.#kinds.take(kind, now) &&
      (source === "" || this.#sources.take(source, now)) &&
      this.#components.take(component, now)
    ) {
      const before = this.#leftOut.get(kind);
      if (before === undefined) return 0;
      this.#leftOut.delete(kind);
      return before;
    }
    if (this.#leftOut.size >= MOST_KINDS) this.#leftOut.clear();
    this.#leftOut.set(kind, (this.#leftOut.get(kind) ?? 0) + 1);
    return undefined;
  }
}
