/**
 * Metrics under upstream's names, with Prometheus, OpenMetrics and JSON views
 * (spec packaging-and-operations C3, jicofo 10.2, jvb-control 6.6).
 */
import { Bug } from "#shared/runtime/bug";
import type { Clock } from "#shared/runtime/runtime";
import type { Family, HistogramState, LabelValues, Series } from "./family.ts";
import { type Dialect, negotiate } from "./negotiate.ts";
import { openMetricsText, prometheusText } from "./text-format.ts";

export type { LabelValues } from "./family.ts";

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

/** What every metric has. */
export interface MetricOptions {
  readonly help: string;
  readonly labels?: readonly string[];
  /** Value before the first change; 0 when not given. Metrics with labels start without values. */
  readonly initial?: number;
}

/** A rendered view and its media type. */
export interface MetricsView {
  readonly contentType: string;
  readonly body: string;
}

interface MutableFamily extends Family {
  readonly series: Map<string, Series>;
  text: string;
}

/** How a registry is built. */
export interface RegistryOptions {
  /** `jitsi_jicofo` or `jitsi_jvb`. */
  readonly prefix: string;
  readonly clock: Clock;
}

/** All metrics of a program, in the order of their making. */
export class MetricsRegistry {
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #families = new Map<string, MutableFamily>();
  readonly #collectors: (() => void)[] = [];

  constructor(options: RegistryOptions) {
    this.#prefix = options.prefix;
    this.#clock = options.clock;
  }

  /**
   * The counter of that name, made when there is none. `name` is without prefix; a `_total` at its
   * end is not part of it.
   */
  counter(name: string, options: MetricOptions): Counter {
    const family = this.#family("counter", name.replace(/_total$/, ""), options);
    return {
      inc: (labels) => {
        this.#series(family, labels).value += 1;
      },
      add: (by, labels) => {
        if (!(by >= 0)) throw new Bug(`counter ${name} cannot go down by ${by}`);
        this.#series(family, labels).value += by;
      },
      get: (labels) => family.series.get(labelKey(labels))?.value ?? 0,
      remove: (labels) => void family.series.delete(labelKey(labels)),
    };
  }

  /** The gauge of that name, made when there is none. */
  gauge(name: string, options: MetricOptions): Gauge {
    const family = this.#family("gauge", name, options);
    return {
      set: (value, labels) => {
        this.#series(family, labels).value = value;
      },
      add: (by, labels) => {
        this.#series(family, labels).value += by;
      },
      get: (labels) => family.series.get(labelKey(labels))?.value ?? 0,
      remove: (labels) => void family.series.delete(labelKey(labels)),
    };
  }

  /** A gauge of 0 and 1. */
  boolean(name: string, help: string, initial = false): BooleanGauge {
    const family = this.#family("boolean", name, { help, initial: initial ? 1 : 0 });
    return {
      set: (value) => {
        this.#series(family, undefined).value = value ? 1 : 0;
      },
      get: () => this.#series(family, undefined).value === 1,
    };
  }

  /** A text; `name` becomes both the metric's name and its label's. */
  info(name: string, help: string, initial = ""): Info {
    const family = this.#family("info", name, { help, initial: 1 });
    family.text = initial;
    return {
      set: (value) => {
        family.text = value;
      },
      get: () => family.text,
    };
  }

  /** A histogram with these upper bounds, ascending; `+Inf` is added. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const family = this.#family("histogram", name, { help }, bounds);
    const state = family.histogram;
    if (state === undefined) throw new Bug(`histogram ${name} has no state`);
    return {
      observe: (value) => {
        let bucket = state.bounds.findIndex((bound) => value <= bound);
        if (bucket < 0) bucket = state.bounds.length;
        state.counts[bucket] = (state.counts[bucket] as number) + 1;
        state.sum += value;
      },
      reset: () => {
        state.counts.fill(0);
        state.sum = 0;
        state.created = this.#clock.wallNow() / 1000;
      },
    };
  }

  /** `fn` is called before each view, to bring gauges up to date. */
  onCollect(fn: () => void): void {
    this.#collectors.push(fn);
  }

  /** Prometheus text format 0.0.4. */
  prometheus(): string {
    return prometheusText(this.#prefix, this.#collect());
  }

  /** OpenMetrics 1.0.0. */
  openMetrics(): string {
    return openMetricsText(this.#prefix, this.#collect());
  }

  /** Flat object of un-prefixed names; metrics with labels are left out. */
  json(): Record<string, unknown> {
    return Object.fromEntries(this.#collect().flatMap(jsonEntry));
  }

  /** The view that an `Accept` header asks for, or `undefined` when it accepts none of the three. */
  view(accept: string | undefined, dialect: Dialect): MetricsView | undefined {
    const format = negotiate(accept, dialect);
    if (format === undefined) return undefined;
    const contentType = dialect.contentTypes[format];
    switch (format) {
      case "openMetrics":
        return { contentType, body: this.openMetrics() };
      case "prometheus":
        return { contentType, body: this.prometheus() };
      case "json":
        return { contentType, body: JSON.stringify(this.json()) };
      default:
        throw new Bug(format satisfies never);
    }
  }

  #collect(): Family[] {
    for (const collector of this.#collectors) collector();
    return [...this.#families.values()];
  }

  #family(
    kind: Family["kind"],
    name: string,
    options: MetricOptions,
    bounds?: readonly number[],
  ): MutableFamily {
    const labels = options.labels ?? [];
    const existing = this.#families.get(name);
    if (existing !== undefined) {
      if (existing.kind === kind && existing.labels.join() === labels.join()) return existing;
      throw new Bug(`metric ${name} is declared twice, as ${existing.kind} and ${kind}`);
    }
    const created = this.#clock.wallNow() / 1000;
    const histogram =
      bounds === undefined
        ? undefined
        : { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0, created };
    const series = new Map<string, Series>();
    const family: MutableFamily = {
      kind,
      name,
      help: options.help,
      labels,
      series,
      text: "",
      histogram,
    };
    if (labels.length === 0) series.set("", { labels, value: options.initial ?? 0, created });
    this.#families.set(name, family);
    return family;
  }

  #series(family: MutableFamily, labels: LabelValues | undefined): Series {
    const key = labelKey(labels);
    const existing = family.series.get(key);
    if (existing !== undefined) return existing;
    if ((labels ?? []).length !== family.labels.length) {
      throw new Bug(`metric ${family.name} has the labels ${family.labels.join(", ") || "(none)"}`);
    }
    const made: Series = { labels: labels ?? [], value: 0, created: this.#clock.wallNow() / 1000 };
    family.series.set(key, made);
    return made;
  }
}

function labelKey(labels: LabelValues | undefined): string {
  return labels === undefined || labels.length === 0 ? "" : labels.join("\u0000");
}

function jsonEntry(family: Family): [string, unknown][] {
  const value = family.series.get("")?.value ?? 0;
  if (family.labels.length > 0) return [];
  switch (family.kind) {
    case "counter":
      return [[`${family.name}_total`, value]];
    case "gauge":
      return [[family.name, value]];
    case "boolean":
      return [[family.name, value === 1]];
    case "info":
      return [[family.name, family.text]];
    case "histogram":
      return family.histogram === undefined ? [] : [[family.name, jsonHistogram(family.histogram)]];
  }
}

function jsonHistogram(state: HistogramState): Record<string, number> {
  const out: Record<string, number> = {};
  let count = 0;
  for (const [at, own] of state.counts.entries()) {
    count += own;
    const bound = state.bounds[at];
    out[
      `bucket_le_${bound === undefined ? "+Inf" : `${bound}${Number.isInteger(bound) ? ".0" : ""}`}`
    ] = count;
  }
  return { ...out, count, sum: state.sum, created: state.created };
}
