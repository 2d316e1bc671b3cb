/** How long this thread's event loop keeps everything else waiting (spec benchmarks-and-faults I3). */
import { readFileSync } from "node:fs";

/** Samples that a 99th percentile takes. */
const ENOUGH = 100;
/** Ticks of `/proc/stat` per second (Linux, everywhere). */
const TICKS = 100;

/**
 * ms that this thread has waited for a core; `undefined` where the kernel does not count that
 * (`/proc/PID/schedstat`: time on a core, time waited for one, in ns; zeros without CONFIG_SCHED_INFO).
 */
function waitedForCore(): number | undefined {
  try {
    const [ran, waited] = readFileSync("/proc/thread-self/schedstat", "utf8")
      .split(" ")
      .map(Number);
    return ran ? (waited ?? 0) / 1e6 : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is seen that a thread stands still for a lock or a disk, or only that it works. */
export const seesBlocking = waitedForCore() !== undefined;

/**
 * ms that the hypervisor has taken from each core (`steal` of `/proc/stat`): a thread waits for a core
 * then without being in a queue.
 */
function stolen(): readonly number[] {
  try {
    const lines = readFileSync("/proc/stat", "utf8").match(/^cpu\d.*$/gm) ?? [];
    return lines.map((line) => Number(line.split(" ")[8]) * (1000 / TICKS));
  } catch {
    return [];
  }
}

/** Times so far, in ms: on the clock, of this thread on a core and waiting for one, and stolen. */
function spent() {
  const { user, system } = process.threadCpuUsage();
  const worked = (user + system) / 1000;
  return { at: performance.now(), worked, waited: waitedForCore(), stolen: stolen() };
}

/** What was measured of one round, in ms. */
export interface Round {
  /** Longer than the period. */
  readonly late: number;
  readonly worked: number;
  /** For a core, in its queue; `undefined` without `seesBlocking`. */
  readonly waited: number | undefined;
  /** By the hypervisor, from the core from which it took most. */
  readonly stolen: number;
}

/**
 * How long a round kept others waiting: what this thread worked counts in any case, the rest as far as
 * nobody else took it.
 */
export function ownLag({ late, worked, waited, stolen }: Round): number {
  const stood = waited === undefined ? 0 : late - waited - stolen;
  return Math.max(0, stood, Math.min(late, worked));
}

/** Measures from its making on. */
export class LoopLag {
  readonly #timer: NodeJS.Timeout;
  #lags: number[] = [];

  constructor(periodMs: number) {
    let last = spent();
    let round: (Omit<Round, "stolen"> & { readonly before: readonly number[] }) | undefined;
    this.#timer = setInterval(() => {
      const now = spent();
      // A round late: the kernel counts what was stolen with its next tick only.
      if (round !== undefined) {
        const { before } = round;
        const most = Math.max(0, ...now.stolen.map((ms, core) => ms - (before[core] ?? ms)));
        this.#lags.push(ownLag({ ...round, stolen: most }));
      }
      round = {
        late: now.at - last.at - periodMs,
        worked: now.worked - last.worked,
        waited: now.waited === undefined ? undefined : now.waited - (last.waited ?? 0),
        before: last.stolen,
      };
      last = now;
    }, periodMs);
    this.#timer.unref();
  }

  /** ms of each round since the last call. */
  take(): number[] {
    const taken = this.#lags;
    this.#lags = [];
    return taken;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** 99th percentile and maximum in ms; `undefined` while there are too few to speak of one. */
export function lagFigures(lags: readonly number[]): { p99: number; worst: number } | undefined {
  if (lags.length < ENOUGH) return undefined;
  const sorted = lags.toSorted((a, b) => a - b);
  return { p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0, worst: sorted.at(-1) ?? 0 };
}
