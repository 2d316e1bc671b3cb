/** The arithmetic of the benchmark: medians, bootstrap intervals and what may be said from them. */

/** A value with the interval that holds it in 95 of 100 repetitions. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export const RESAMPLES = 10_000;
/** The same rounds always give the same intervals. */
export const SEED = 0x6a697473;

/** @returns NaN of no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Uniform in [0, 1): mulberry32, which passes for resampling and needs one word of state. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Percentile bootstrap of a statistic over `rounds`, which are drawn whole: what belongs to one
 * round stays together. One round has no interval: all three are its value.
 */
export function bootstrap<R>(
  rounds: readonly R[],
  statistic: (sample: readonly R[]) => number,
): Estimate | undefined {
  if (rounds.length === 0) return undefined;
  const value = statistic(rounds);
  const random = seededRandom(SEED);
  const seen: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const sample = rounds.map(() => rounds[Math.floor(random() * rounds.length)] as R);
    seen.push(statistic(sample));
  }
  seen.sort((a, b) => a - b);
  const at = (share: number) => seen[Math.round(share * (RESAMPLES - 1))] ?? value;
  return { value, low: at(0.025), high: at(0.975) };
}

export const medianWithInterval = (values: readonly number[]): Estimate | undefined =>
  bootstrap(values, median);

/**
 * How many times the second the first is, from rounds that have both: slow minutes of the machine,
 * which slow both, then cancel out. Undefined without rounds, or where the second is zero.
 */
export function ratioWithInterval(pairs: readonly (readonly [number, number])[]) {
  const ratio = (sample: readonly (readonly [number, number])[]) =>
    median(sample.map(([ours]) => ours)) / median(sample.map(([, other]) => other));
  if (pairs.some(([, other]) => other === 0)) return undefined;
  return bootstrap(pairs, ratio);
}

/** What two intervals allow to say of the first. */
export function compare(
  ours: Estimate,
  other: Estimate,
  better: "less" | "more",
): "better" | "worse" | "no difference shown" {
  if (ours.high < other.low) return better === "less" ? "better" : "worse";
  if (ours.low > other.high) return better === "less" ? "worse" : "better";
  return "no difference shown";
}
