/**
 * Absolute times at which sources act: source `k` at `phase + n × interval`, for ever, whatever
 * happens meanwhile (open loop). Times are ms since the beginning of the load.
 */
export class Timetable {
  readonly #interval: Float64Array;
  readonly #phase: Float64Array;
  readonly #turn: Float64Array;
  readonly #next: Float64Array;
  /** Whose turn is next. */
  #source = 0;

  constructor(sources: readonly { readonly intervalMs: number; readonly phaseMs: number }[]) {
    this.#interval = Float64Array.from(sources, (one) => one.intervalMs);
    this.#phase = Float64Array.from(sources, (one) => one.phaseMs);
    this.#turn = new Float64Array(sources.length);
    this.#next = Float64Array.from(this.#phase);
    this.#find();
  }

  /** When the next one acts; never, when there are no sources. */
  get time(): number {
    return this.#next[this.#source] ?? Number.POSITIVE_INFINITY;
  }

  /** Who that is. */
  get source(): number {
    return this.#source;
  }

  /** Its how many-th turn that is, from 0. */
  get turn(): number {
    return this.#turn[this.#source] ?? 0;
  }

  /** Goes on to the next. */
  advance(): void {
    const source = this.#source;
    const turn = ++this.#turn[source]!;
    // Not added up: the error of 33.3 ms would add up too.
    this.#next[source] = this.#phase[source]! + turn * this.#interval[source]!;
    this.#find();
  }

  #find(): void {
    const next = this.#next;
    let best = 0;
    for (let i = 1; i < next.length; i++) if (next[i]! < next[best]!) best = i;
    this.#source = best;
  }
}
