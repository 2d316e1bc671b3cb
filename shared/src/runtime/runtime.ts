/**
 * What every core needs from the outside world: time, timers and randomness.
 *
 * Cores take these as values (`now`) or as this port; only `real-runtime.ts` and drivers touch
 * the operating system, and tests use `shared/src/testing/virtual-runtime.ts`.
 */

/** A duration or an instant in milliseconds; may be fractional. */
export type Millis = number;

/** Two clocks: one that never jumps, for intervals; one that says the date. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin (fractional, never goes back). */
  now(): Millis;
  /** Milliseconds since the Unix epoch; may jump. For stamps on the wire and in logs only. */
  wallNow(): Millis;
}

/** A pending timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** One-shot and repeating timers. A timer never keeps the process alive by itself. */
export interface Timers {
  /** Calls `fn` once, `delay` ms from now (0 = next turn). */
  after(delay: Millis, fn: () => void): Timer;
  /** Calls `fn` each `period` ms until cancelled. */
  every(period: Millis, fn: () => void): Timer;
}

/** Randomness; seeded in tests. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
  /** An integer in [0, bound). `bound` is at most 2^32. */
  int(bound: number): number;
  /** A float in [0, 1). */
  float(): number;
}

/** The three together. */
export interface Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}
