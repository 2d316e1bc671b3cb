import type { Clock, Millis, Random, Runtime, Timer, Timers } from "../runtime/runtime.ts";

interface Pending {
  at: Millis;
  readonly order: number;
  readonly fn: () => void;
  readonly period: Millis | undefined;
  live: boolean;
}

/** How a virtual runtime starts. */
export interface VirtualRuntimeOptions {
  /** 32 bits; the environment's `TEST_SEED`, else 1. */
  readonly seed?: number;
  /** First value of the monotonic clock. Default 0. */
  readonly startMs?: Millis;
  /** First value of the wall clock. Default 2026-01-01T00:00:00Z. */
  readonly wallStartMs?: Millis;
}

/**
 * Time and randomness under a test's control. Nothing happens until `advance`; then due timers run
 * in order of their time, those of the same time in order of their making, each seeing the clock
 * at its own time.
 */
export class VirtualRuntime implements Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: SeededRandom;
  /** Print it when a test fails: the same seed gives the same run. */
  readonly seed: number;
  #now: Millis;
  #order = 0;
  #live = 0;
  readonly #heap = new TimerHeap();

  constructor(options: VirtualRuntimeOptions = {}) {
    this.seed = options.seed ?? testSeed();
    this.random = new SeededRandom(this.seed);
    const startMs = options.startMs ?? 0;
    const wallStartMs = options.wallStartMs ?? Date.UTC(2026, 0, 1);
    this.#now = startMs;
    this.clock = {
      now: () => this.#now,
      wallNow: () => wallStartMs + this.#now - startMs,
    };
    this.timers = {
      after: (delay, fn) => this.#add(Math.max(0, delay), fn, undefined),
      every: (period, fn) => this.#add(Math.max(1, period), fn, Math.max(1, period)),
    };
  }

  /** Moves time forward by `ms` and runs what falls due, timers made meanwhile included. */
  advance(ms: Millis): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#heap.pop();
      if (next.period === undefined) {
        next.live = false;
        this.#live--;
      } else {
        next.at += next.period;
        this.#heap.push(next);
      }
      next.fn();
    }
    this.#now = end;
  }

  /** `advance`, with promise callbacks run after each timer; for code that awaits. */
  async advanceAsync(ms: Millis): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.advance(Math.max(0, next.at - this.#now));
      await settle();
    }
    this.advance(end - this.#now);
    await settle();
  }

  /** When the earliest timer is due, or `undefined`. */
  nextTimerAt(): Millis | undefined {
    return this.#next(Number.POSITIVE_INFINITY)?.at;
  }

  /** Timers not yet fired or cancelled; a test of a stop asserts 0. */
  get pendingTimers(): number {
    return this.#live;
  }

  #add(delay: Millis, fn: () => void, period: Millis | undefined): Timer {
    const pending = { at: this.#now + delay, order: this.#order++, fn, period, live: true };
    this.#heap.push(pending);
    this.#live++;
    return {
      cancel: () => {
        if (!pending.live) return;
        pending.live = false;
        this.#live--;
      },
    };
  }

  /** The earliest live timer up to `end`; stays in the heap. */
  #next(end: Millis): Pending | undefined {
    let top = this.#heap.peek();
    while (top !== undefined && !top.live) {
      this.#heap.pop();
      top = this.#heap.peek();
    }
    return top !== undefined && top.at <= end ? top : undefined;
  }
}

/** A binary heap, earliest first; scenarios have thousands of datagrams under way. */
class TimerHeap {
  readonly #items: Pending[] = [];

  peek(): Pending | undefined {
    return this.#items[0];
  }

  push(item: Pending): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, items[parent] as Pending)) break;
      items[at] = items[parent] as Pending;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (
        child + 1 < items.length &&
        before(items[child + 1] as Pending, items[child] as Pending)
      ) {
        child++;
      }
      if (!before(items[child] as Pending, last)) break;
      items[at] = items[child] as Pending;
      at = child;
    }
    items[at] = last;
  }
}

function before(a: Pending, b: Pending): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** xoshiro128** (Blackman and Vigna), seeded by splitmix32. Not for secrets. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let state = seed | 0;
    const splitmix = (): number => {
      state = (state + 0x9e37_79b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
      return z ^ (z >>> 16);
    };
    this.#a = splitmix();
    this.#b = splitmix();
    this.#c = splitmix();
    this.#d = splitmix() | 1;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at++) out[at] = this.#next() >>> 24;
    return out;
  }

  int(bound: number): number {
    return bound <= 1 ? 0 : Math.floor(this.float() * bound);
  }

  float(): number {
    return this.#next() / 2 ** 32;
  }

  /** Unsigned 32 bits. */
  #next(): number {
    const scrambled = Math.imul(rotl(Math.imul(this.#b, 5), 7), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotl(this.#d, 11);
    return scrambled >>> 0;
  }
}

/** The seed of this test run: `TEST_SEED` of the environment, else 1. */
export function testSeed(): number {
  const given = Number.parseInt(process.env["TEST_SEED"] ?? "", 10);
  return Number.isNaN(given) ? 1 : given >>> 0;
}

/** Runs `body`; when it throws, the message names the seed that repeats it. */
export function withSeed<T>(seed: number, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${text} (TEST_SEED=${seed})`, { cause });
  }
}

/** Lets all pending promise callbacks run, also chains of them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise<void>((resolve) => setImmediate(resolve));
}

function rotl(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
