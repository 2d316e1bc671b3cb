/**
 * Gives back what a rush left behind. V8's own reducer waits for a low rate of allocation, which it
 * measures only while it collects, and the C library keeps what was freed between two blocks in use:
 * a program at rest would hold the memory of its busiest minute for hours (spec
 * benchmarks-and-faults G, I4; decision 0012).
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nativeProcess } from "./native-process.ts";
import type { Report } from "./report.ts";
import type { Millis, Timer, Timers } from "./runtime.ts";

const MIB = 2 ** 20;
/** Six looks before I4's minute is over. */
const PERIOD: Millis = 10_000;
/** Half of what I4 allows above the level of before. */
const SLACK_SHARE = 0.05;
const SLACK_BYTES = 10 * MIB;
/** Share of the time above which the thread has better to do than to stand still for some 25 ms. */
const BUSY = 0.25;
/** A rush is over when the process works less than this share of its busiest since the last look. */
const CALMER = 0.5;
/** Processors' time a second below which no rush is seen: the programs at rest need a tenth of it. */
const RUSH = 0.05;

/** What is looked at and done; replaced in tests. */
export interface MemoryPort {
  /** Resident bytes of the process. */
  residentBytes(): number;
  /** Share (0 to 1) of the time since the last call in which this thread's event loop worked. */
  utilization(): number;
  /** Processors' time of all threads since the last call, a second of real time (2 = two full ones). */
  processorShare(): number;
  /** Frees what can be freed; takes some 25 ms for a small heap. */
  release(): void;
}

/** What is given. */
export interface MemoryReturnOptions {
  readonly timers: Timers;
  readonly log: Report;
  readonly memory: MemoryPort;
}

/**
 * Looks every 10 s whether the process grew by more than 5 % and 10 MiB, and frees what can be freed
 * while the thread is quiet. What cannot be freed is in use, and the level of the next comparison,
 * until a rush is over: what that left is more than the least the process ever came down to.
 */
export function returnMemory({ timers, log, memory }: MemoryReturnOptions): Timer {
  let least = memory.residentBytes();
  let level = least;
  let busiest = 0;
  const grown = (resident: number, from: number) =>
    resident > from * (1 + SLACK_SHARE) + SLACK_BYTES;
  return timers.every(PERIOD, () => {
    const utilization = memory.utilization();
    const share = memory.processorShare();
    const resident = memory.residentBytes();
    least = Math.min(least, resident);
    level = Math.min(level, resident);
    busiest = Math.max(busiest, share);
    const rushIsOver = busiest > RUSH && share < busiest * CALMER;
    if (utilization > BUSY) return;
    if (!grown(resident, level) && !(rushIsOver && grown(resident, least))) return;
    memory.release();
    level = memory.residentBytes();
    busiest = share;
    log.debug("Memory returned", { from_mib: mebibytes(resident), to_mib: mebibytes(level) });
  });
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / MIB);
}

/** The heap of this thread, and what the C library holds for the whole process. */
export function processMemory(): MemoryPort {
  let since = performance.eventLoopUtilization();
  let processors = process.cpuUsage();
  let read = performance.now();
  return {
    residentBytes: () => process.memoryUsage.rss(),
    processorShare() {
      const used = process.cpuUsage(processors);
      const now = performance.now();
      const share = (used.user + used.system) / 1000 / Math.max(now - read, 1);
      processors = process.cpuUsage();
      read = now;
      return share;
    },
    utilization() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, since);
      since = now;
      return utilization;
    },
    release() {
      // Any other flavor leaves the freed pages in V8's pool.
      collector()({ type: "major", execution: "sync", flavor: "last-resort" });
      // Without the addon only heaps shrink.
      nativeProcess()?.trim();
    },
  };
}

/** V8's collector, as a context made with `--expose-gc` has it. */
function collector(): NodeJS.GCFunction {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as NodeJS.GCFunction;
  setFlagsFromString("--no-expose-gc");
  return gc;
}
