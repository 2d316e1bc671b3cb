/**
 * The operating system's clock, timers and random bytes: the only production implementation of
 * `Runtime`. Timers are unref'd, so that only sockets and servers keep a process alive.
 */
import { randomBytes, randomFillSync, randomInt } from "node:crypto";
import type { Clock, Millis, Random, Runtime, Timer, Timers } from "./runtime.ts";

/** The largest range of `randomInt`. */
const FLOAT_STEPS = 2 ** 48 - 1;

/** Node fires a timer longer than this after 1 ms. */
const LONGEST_DELAY = 0x7fff_ffff;

const clock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
};

/** Waits past Node's limit of 24.8 days in several steps. */
function after(delay: Millis, fn: () => void): Timer {
  let remaining = Math.max(0, delay);
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const step = Math.min(remaining, LONGEST_DELAY);
    remaining -= step;
    handle = setTimeout(remaining > 0 ? arm : fn, step);
    handle.unref();
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

function every(period: Millis, fn: () => void): Timer {
  const handle = setInterval(fn, Math.min(Math.max(1, period), LONGEST_DELAY));
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

const timers: Timers = { after, every };

/** Random bytes drawn ahead, for ids and keys are short and each draw is a call into the system. */
const pool = new Uint8Array(4_096);
let poolUsed = pool.length;

function bytes(length: number): Uint8Array {
  if (length > pool.length / 4) return new Uint8Array(randomBytes(length));
  if (poolUsed + length > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  const drawn = pool.slice(poolUsed, poolUsed + length);
  // What was given out may be a key: it stays with who has it.
  pool.fill(0, poolUsed, poolUsed + length);
  poolUsed += length;
  return drawn;
}

const random: Random = {
  bytes,
  int: (bound) => (bound <= 1 ? 0 : randomInt(bound)),
  float: () => randomInt(FLOAT_STEPS) / FLOAT_STEPS,
};

/** Real time and real randomness, for `main.ts` and drivers. */
export const realRuntime: Runtime = { clock, timers, random };
