/** What every row of the benchmark offers to the runner (spec benchmarks-and-faults F.0). */

/** Who is measured. The limit program does the least work that the row allows at all. */
export type ContenderName = "ours" | "java" | "limit";

/** What one contender cost and delivered while one window of one round was measured. */
export interface Cell {
  /** Figure by name, in the unit that the row names; NaN never: leave out what was not measured. */
  readonly figures: Readonly<Record<string, number>>;
  /** Distributions to draw, each as ascending quantiles at 0, 1, … 100 % and then 99.9 %. */
  readonly quantiles?: Readonly<Record<string, readonly number[]>>;
  /** Series to draw over time, one value each second. */
  readonly series?: Readonly<Record<string, readonly number[]>>;
  /** Why this cell may not be quoted (late generator, unverified payloads, …); absent when valid. */
  readonly void?: string;
}

/** A running contender; started once, measured in every round. */
export interface RunningContender {
  /** Puts it under the row's load for so long without counting anything. */
  warm(seconds: number): Promise<void>;
  /** Puts it under the row's load and measures for so long. */
  measure(seconds: number): Promise<Cell>;
  stop(): Promise<void>;
  /** What exactly ran, where the runner cannot know it: "jitsi-videobridge 2.3 on Java 17.0.15". */
  readonly version?: string;
}

/** Starts a contender, or says why it cannot run here: "not measured" is never "beaten". */
export type StartContender = () => Promise<RunningContender | { readonly notMeasured: string }>;

/** Asked: ours at most so many times another contender's, or an absolute bound. */
export interface Target {
  readonly of?: "java" | "limit";
  readonly atMost: number;
}

/** One figure of a row: how it is shown, and what issue or spec asks of it. */
export interface FigureMeta {
  readonly name: string;
  readonly unit: string;
  /** Is less better? Absent: neither (a count that says what was done). */
  readonly better?: "less" | "more";
  /** One, or several that must all be met. A figure with a target is also drawn as bars. */
  readonly target?: Target | readonly Target[];
}

export interface Row {
  readonly name: string;
  /** One line for the table and the page. */
  readonly about: string;
  readonly figures: readonly FigureMeta[];
  /** Unit of each distribution and series, by name; a figure of that name may tell it as well. */
  readonly units?: Readonly<Record<string, string>>;
  /** Seconds to measure and to warm up, where the row needs others than the runner's. */
  readonly seconds?: number;
  readonly warmSeconds?: Readonly<Partial<Record<ContenderName, number>>>;
  readonly contenders: Readonly<Partial<Record<ContenderName, StartContender>>>;
}
