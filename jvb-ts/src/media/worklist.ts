/**
 * A list of things to do at the end of a batch. Unlike an array emptied through `length`, it keeps
 * its memory, so that adding to it allocates nothing once it has grown.
 */
export class Worklist<T> {
  count = 0;
  readonly #items: (T | undefined)[] = [];

  add(item: T): void {
    this.#items[this.count++] = item;
  }

  at(index: number): T {
    return this.#items[index]!;
  }

  set(index: number, item: T): void {
    this.#items[index] = item;
  }

  /** Forgets what `isDropped` holds for, and what stands twice. Allocates: not for each batch. */
  drop(isDropped: (item: T) => boolean): void {
    const kept = new Set<T>();
    for (let i = 0; i < this.count; i++) {
      const item = this.at(i);
      if (!isDropped(item)) kept.add(item);
    }
    let count = 0;
    for (const item of kept) this.set(count++, item);
    this.truncate(count);
  }

  /** Forgets everything from `count` on; references are released. */
  truncate(count: number): void {
    for (let i = count; i < this.count; i++) this.#items[i] = undefined;
    this.count = count;
  }
}
