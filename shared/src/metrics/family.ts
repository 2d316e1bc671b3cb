/** Metrics as the views see them. */

/** Values of a metric's labels, in the order of its label names. */
export type LabelValues = readonly string[];

/** One metric as the views see it. */
export interface Family {
  readonly kind: "counter" | "gauge" | "boolean" | "info" | "histogram";
  /** Without prefix and without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Values by joined labels; one entry with the key "" when there are no labels. */
  readonly series: ReadonlyMap<string, Series>;
  readonly text: string;
  readonly histogram: HistogramState | undefined;
}

/** One combination of labels. */
export interface Series {
  readonly labels: LabelValues;
  value: number;
  /** When counting began, in seconds since the epoch. */
  readonly created: number;
}

/** Counts per bucket, not cumulated; the last is beyond every bound. */
export interface HistogramState {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
  created: number;
}
