/**
 * Metrics under upstream's names, with Prometheus, OpenMetrics and JSON views
 * (spec packaging-and-operations C3, jicofo 10.2, jvb-control 6.6).
 */

/** Values of a metric's labels, in the order of its label names. */
export type LabelValues = readonly string[];

/** A number that only grows. `labels` are given exactly when the metric has label names. */
export interface Counter {
  inc(labels?: LabelValues): void;
  /** `by` is at least 0. */
  add(by: number, labels?: LabelValues): void;
  get(labels?: LabelValues): number;
  /** Forgets one combination of labels. */
  remove(labels: LabelValues): void;
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number, labels?: LabelValues): void;
  add(by: number, labels?: LabelValues): void;
  get(labels?: LabelValues): number;
  remove(labels: LabelValues): void;
}

/** A truth value, shown as 0 or 1 in text and as a boolean in JSON. */
export interface BooleanGauge {
  set(value: boolean): void;
  get(): boolean;
}

/** A text, shown as an info metric with value 1. */
export interface Info {
  set(value: string): void;
  get(): string;
}

/** Counts of observations up to each bound. */
export interface Histogram {
  observe(value: number): void;
  /** Forgets all observations (upstream rebuilds `conferences_by_size` each 5 s). */
  reset(): void;
}

/** What every metric has. `name` is without prefix and without `_total`. */
export interface MetricOptions {
  readonly help: string;
  readonly labels?: readonly string[];
  /** Value before the first change; 0 when not given. */
  readonly initial?: number;
}

/** A rendered view and its media type. */
export interface MetricsView {
  readonly contentType: string;
  readonly body: string;
}
