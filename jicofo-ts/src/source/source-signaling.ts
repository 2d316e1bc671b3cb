import { emptySet, isEmpty, type SourceSet, subtract } from "./source-set.ts";

/** What one flush sends: removals first, each part absent when there is nothing of it. */
export interface SourceChanges {
  readonly remove: ReadonlyMap<string, SourceSet>;
  readonly add: ReadonlyMap<string, SourceSet>;
}

/**
 * What one participant has been told of the sources of the others (spec jicofo 4.7).
 *
 * Changes of an owner mark it; `flush` compares what it should be told now with what it was told,
 * so a source added and removed in between is never mentioned and each is sent exactly once.
 */
export class SourceSignaling {
  readonly #told = new Map<string, SourceSet>();
  readonly #marked = new Set<string>();

  /** A new session: the participant knows exactly these. */
  reset(initial: ReadonlyMap<string, SourceSet>): void {
    this.#told.clear();
    this.#marked.clear();
    for (const [owner, set] of initial) if (!isEmpty(set)) this.#told.set(owner, set);
  }

  /** The sources of an owner changed. */
  mark(owner: string): void {
    this.#marked.add(owner);
  }

  /** The owner left the room: clients clean up by themselves, nothing is sent for it. */
  forget(owner: string): void {
    this.#told.delete(owner);
    this.#marked.delete(owner);
  }

  get pending(): boolean {
    return this.#marked.size > 0;
  }

  /** Owners and what was told of them; for `/debug`. */
  get told(): ReadonlyMap<string, SourceSet> {
    return this.#told;
  }

  /** The changes since the last flush; `visible` says what to tell of an owner now. */
  flush(visible: (owner: string) => SourceSet): SourceChanges {
    const remove = new Map<string, SourceSet>();
    const add = new Map<string, SourceSet>();
    for (const owner of this.#marked) {
      const before = this.#told.get(owner) ?? emptySet;
      const after = visible(owner);
      const gone = subtract(before, after);
      const fresh = subtract(after, before);
      if (!isEmpty(gone)) remove.set(owner, gone);
      if (!isEmpty(fresh)) add.set(owner, fresh);
      if (isEmpty(after)) this.#told.delete(owner);
      else this.#told.set(owner, after);
    }
    this.#marked.clear();
    return { remove, add };
  }
}

/** The delay of the greatest size not above `participants`, or 0 (`source-signaling-delays`). */
export function signalingDelay(delays: ReadonlyMap<number, number>, participants: number): number {
  let best = -1;
  let delay = 0;
  for (const [size, ms] of delays) {
    if (size <= participants && size > best) {
      best = size;
      delay = ms;
    }
  }
  return delay;
}
