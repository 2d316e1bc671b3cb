/**
 * What a contender costs: CPU time and memory of a process with everything that it started (spec
 * benchmarks-and-faults F.0.5). Linux only.
 *
 * CPU time is the kernel's sum over a cgroup (version 2) where we may make one, which also counts
 * descendants that ended and orphans; elsewhere it is the sum over `/proc/PID/stat`, which misses
 * orphans only. Both are exact run time in the end, the second in steps of 10 ms.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** CPU seconds since some moment; only differences mean anything. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

/** Memory in MiB. PSS shares out what several processes of the machine have in common. */
export interface Memory {
  readonly rssMb: number;
  readonly pssMb: number;
}

/** Kernel ticks a second in `/proc/PID/stat`; 100 on every Linux that Node runs on. */
export const TICKS = 100;
let groups = 0;

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process ended, or this kernel has no such file.
    return undefined;
  }
}

/** Where the cgroup of this process lives, or undefined without version 2. */
function ownGroup(): string | undefined {
  const mount = readText("/proc/self/mountinfo")
    ?.split("\n")
    .find((line) => line.includes(" - cgroup2 "))
    ?.split(" ")[4];
  const path = /^0::(.*)$/m.exec(readText("/proc/self/cgroup") ?? "")?.[1];
  return mount === undefined || path === undefined ? undefined : join(mount, path);
}

interface Group {
  readonly path: string;
  /** Where its processes go back to: we ourselves may be in the group by then. */
  readonly parent: string;
}

function makeGroup(): Group | undefined {
  const parent = ownGroup();
  if (parent === undefined) return undefined;
  const group = join(parent, `jitsi-ts-bench-${process.pid}-${groups++}`);
  try {
    removeStale(parent);
    mkdirSync(group);
    if (readText(join(group, "cpu.stat"))?.startsWith("usage_usec")) return { path: group, parent };
    rmdirSync(group);
  } catch {
    // Not ours to make.
  }
  return undefined;
}

/** Groups of runners that are gone: one that was interrupted could not remove its own. */
function removeStale(parent: string): void {
  for (const name of readdirSync(parent)) {
    const runner = /^jitsi-ts-bench-(\d+)-\d+$/.exec(name)?.[1];
    if (runner === undefined || existsSync(`/proc/${runner}`)) continue;
    try {
      removeStale(join(parent, name));
      rmdirSync(join(parent, name));
    } catch {
      // Something is still in it.
    }
  }
}

/** Fields of `/proc/PID/stat` after the name, which may hold blanks and parentheses. */
export function statOf(pid: number): readonly string[] | undefined {
  const text = readText(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(") ") + 2).split(" ");
}

function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) =>
    (readText(`/proc/${pid}/task/${thread}/children`) ?? "")
      .split(" ")
      .filter((each) => each !== "")
      .map(Number),
  );
}

/** A process and its descendants, alive at the moment of the call. */
export function treeOf(pid: number): number[] {
  const all = [pid];
  for (const each of all) all.push(...childrenOf(each));
  return all;
}

export class ProcessTree {
  readonly pid: number;
  readonly #group: Group | undefined;

  /**
   * @param pid the contender; make the tree before it is put under load
   * @param useGroup false keeps to `/proc`, for tests
   */
  constructor(pid: number, useGroup = true) {
    this.pid = pid;
    const group = useGroup ? makeGroup() : undefined;
    this.#group = group !== undefined && adopt(pid, group.path) ? group : undefined;
    if (group !== undefined && this.#group === undefined) removeGroup(group);
  }

  /** Where CPU time comes from; belongs into the method of a result. */
  get source(): "cgroup v2" | "/proc/PID/stat" {
    return this.#group === undefined ? "/proc/PID/stat" : "cgroup v2";
  }

  /** CPU time so far. By `/proc` a tree that is gone answers zero, so ask while it lives. */
  cpu(): CpuTime {
    if (this.#group !== undefined) {
      const text = readText(join(this.#group.path, "cpu.stat")) ?? "";
      const seconds = (name: string) =>
        Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)?.[1] ?? 0) / 1e6;
      return { user: seconds("user_usec"), system: seconds("system_usec") };
    }
    let user = 0;
    let system = 0;
    for (const pid of treeOf(this.pid)) {
      const fields = statOf(pid);
      // utime, stime, and the same of children that were waited for.
      user += Number(fields?.[11] ?? 0) + Number(fields?.[13] ?? 0);
      system += Number(fields?.[12] ?? 0) + Number(fields?.[14] ?? 0);
    }
    return { user: user / TICKS, system: system / TICKS };
  }

  /** Memory now. Costs the caller about a millisecond per 100 MiB of the contender. */
  memory(): Memory {
    let rssKb = 0;
    let pssKb = 0;
    for (const pid of treeOf(this.pid)) {
      const text = readText(`/proc/${pid}/smaps_rollup`) ?? "";
      rssKb += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
      pssKb += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    }
    return { rssMb: rssKb / 1024, pssMb: pssKb / 1024 };
  }

  threads(): number {
    return treeOf(this.pid).reduce((sum, pid) => sum + Number(statOf(pid)?.[17] ?? 0), 0);
  }

  /** Gives the cgroup back; call it before or after the contender ends. */
  close(): void {
    if (this.#group !== undefined) removeGroup(this.#group);
  }
}

/** Moves the tree into the group. A child that is born meanwhile is found by the second look. */
function adopt(root: number, group: string): boolean {
  const moved = new Set<number>();
  for (let fresh = [root]; fresh.length > 0; ) {
    for (const pid of fresh) {
      moved.add(pid);
      try {
        writeFileSync(join(group, "cgroup.procs"), `${pid}`);
      } catch {
        // An ended child does not matter; the root that cannot be moved does.
        if (pid === root) return false;
      }
    }
    fresh = treeOf(root).filter((pid) => !moved.has(pid));
  }
  return true;
}

function removeGroup({ path, parent }: Group): void {
  for (const pid of (readText(join(path, "cgroup.procs")) ?? "").split("\n")) {
    if (pid === "") continue;
    try {
      writeFileSync(join(parent, "cgroup.procs"), pid);
    } catch {
      // It ended at this moment.
    }
  }
  try {
    rmdirSync(path);
  } catch {
    // A group within it was not given back; an empty group harms nobody.
  }
}

/** What a tree used while it was watched. */
export interface TreeUse {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Medians of the samples. */
  readonly rssMb: number;
  readonly pssMb: number;
  readonly peakRssMb: number;
  /** One sample a second, for `Cell.series`. */
  readonly series: { readonly rssMb: readonly number[]; readonly pssMb: readonly number[] };
}

/**
 * Watches a tree from now until `stop`, memory once a second.
 *
 * Sampling is synchronous, so do it in a process that has nothing urgent to do: not in the thread
 * that sends the load.
 */
export function watchTree(tree: ProcessTree, everyMs = 1000): { stop(): TreeUse } {
  const rssMb: number[] = [];
  const pssMb: number[] = [];
  const sample = (): void => {
    const memory = tree.memory();
    rssMb.push(memory.rssMb);
    pssMb.push(memory.pssMb);
  };
  sample();
  const timer = setInterval(sample, everyMs);
  const began = performance.now();
  const before = tree.cpu();
  const middle = (values: readonly number[]) =>
    values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  return {
    stop() {
      const after = tree.cpu();
      const seconds = (performance.now() - began) / 1000;
      clearInterval(timer);
      const userSeconds = after.user - before.user;
      const systemSeconds = after.system - before.system;
      return {
        seconds,
        cpuSeconds: userSeconds + systemSeconds,
        userSeconds,
        systemSeconds,
        rssMb: middle(rssMb),
        pssMb: middle(pssMb),
        peakRssMb: Math.max(...rssMb),
        series: { rssMb, pssMb },
      };
    },
  };
}
