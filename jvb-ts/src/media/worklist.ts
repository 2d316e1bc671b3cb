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

  /** Forgets everything from `count` on; references are released. */
  truncate(count: number): void {
    for (let i = count; i < this.count; i++) this.#items[i] = undefined;
    this.count = count;
  }
}
