import { readdirSync, readFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import type { MetricsRegistry } from "./registry.ts";

/** Which process metrics are published. */
export interface ProcessMetricsOptions {
  /** Name of the thread count: `threads` (jicofo) or `thread_count` (bridge). */
  readonly threads: string;
  /** Whether the names of `videobridge.stats.jvm.enabled` are published. */
  readonly jvm: boolean;
}

/**
 * Publishes the process under the names that dashboards of the Java programs read: heap is V8's,
 * threads are the operating system's, collections are V8's (spec packaging-and-operations C3).
 * Returns a function that ends the observation of collections.
 */
export function publishProcessMetrics(
  registry: MetricsRegistry,
  options: ProcessMetricsOptions,
): () => void {
  const threads = registry.gauge(options.threads, {
    help: "Current number of threads of the process.",
  });
  registry.onCollect(() => threads.set(threadCount()));
  if (!options.jvm) return () => {};
  const gcCount = registry.gauge("jvm_gc_count", { help: "Number of garbage collections." });
  const gcTime = registry.gauge("jvm_gc_time", {
    help: "Time spent in garbage collection, in ms.",
  });
  const committed = registry.gauge("jvm_heap_committed", { help: "Bytes reserved for the heap." });
  const used = registry.gauge("jvm_heap_used", { help: "Bytes of the heap in use." });
  const files = registry.gauge("jvm_open_fd_count", { help: "Number of open file descriptors." });
  let collections = 0;
  let collectingMs = 0;
  const observer = new PerformanceObserver((entries) => {
    for (const entry of entries.getEntries()) {
      collections++;
      collectingMs += entry.duration;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  registry.onCollect(() => {
    const memory = process.memoryUsage();
    gcCount.set(collections);
    gcTime.set(Math.round(collectingMs));
    committed.set(memory.heapTotal);
    used.set(memory.heapUsed);
    files.set(openFiles());
  });
  return () => observer.disconnect();
}

/** Threads of this process, or 0 where `/proc` is missing. */
export function threadCount(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}
