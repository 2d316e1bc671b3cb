/** What every row of the benchmark looks like. */

/** A row measures one round of every contender; figures by contender and name. */
export interface BenchRow {
  readonly name: string;
  readonly about: string;
  /** Opens what the rounds need; `close` gives it back. */
  open(): Promise<{ round(): Promise<Figures>; close(): Promise<void> }>;
}

/** contender → figure → value. */
export type Figures = Record<string, Record<string, number>>;
