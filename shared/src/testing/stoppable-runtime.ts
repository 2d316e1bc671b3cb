import type { Clock, Millis, Random, Runtime, Timer, Timers } from "../runtime/runtime.ts";

/**
 * The runtime of one process among several on a shared clock: while it is stopped (SIGSTOP) its
 * timers do not fire, and what fell due fires when it goes on, in order, a repeating one once.
 */
export class StoppableRuntime implements Runtime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  #stopped = false;
  #due: { readonly fn: () => void; live: boolean }[] = [];

  constructor(inner: Runtime) {
    this.clock = inner.clock;
    this.random = inner.random;
    this.timers = {
      after: (delay, fn) => this.#make(fn, (call) => inner.timers.after(delay, call)),
      every: (period: Millis, fn) => this.#make(fn, (call) => inner.timers.every(period, call)),
    };
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Goes on: runs what fell due. */
  resume(): void {
    this.#stopped = false;
    for (const entry of this.#due.splice(0)) if (entry.live) entry.fn();
  }

  #make(fn: () => void, start: (call: () => void) => Timer): Timer {
    const entry = { fn, live: true };
    const timer = start(() => {
      if (!this.#stopped) fn();
      else if (!this.#due.includes(entry)) this.#due.push(entry);
    });
    return {
      cancel: () => {
        entry.live = false;
        timer.cancel();
      },
    };
  }
}
