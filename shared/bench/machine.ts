/** On what the figures were measured, and how busy it was with other things. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { statOf, TICKS, treeOf } from "./process-tree.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a reader needs to know of the machine (spec F.0.1). */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly system: string;
  readonly governor: string;
  readonly virtual: string;
  readonly clock: string;
  readonly node: string;
  /** Of Node; the addon links the system's. */
  readonly nodeOpenssl: string;
  readonly openssl: string;
  readonly java: string;
  /** Which upstream programs are measured. */
  readonly upstream: string;
  readonly prosody: string;
  readonly compiler: string;
  readonly addonFlags: string;
  /** `net.core.*` in bytes, and `netdev_max_backlog` in packets. */
  readonly socketLimits: Readonly<Record<string, number>>;
  /** How CPU time of contenders is read. */
  readonly cpuTime: string;
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** First line that a program says of itself, on whichever stream. */
function firstLine(command: string, ...args: readonly string[]): string {
  try {
    const text = execFileSync("sh", ["-c", '"$0" "$@" 2>&1', command, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return text.trim().split("\n")[0] ?? "";
  } catch {
    return "not installed";
  }
}

/** Upstream's commits, as the folder's own notes name them. */
function describeUpstream(): string {
  const folder = process.env["JITSI_UPSTREAM"];
  if (folder === undefined) return "Debian packages where installed; JITSI_UPSTREAM is not set";
  const notes = fileText(join(folder, "README.md")) ?? "";
  const found = notes.match(/\b(jicofo|jitsi-videobridge) [0-9a-f]{7,40}\b/g);
  return found === null ? "by JITSI_UPSTREAM, versions unknown" : found.join(", ");
}

const LIMITS = ["rmem_default", "rmem_max", "wmem_default", "wmem_max", "netdev_max_backlog"];

export function describeMachine(cpuTime: string): Machine {
  const sysfs = "/sys/devices/system";
  const addon = fileText(join(root, "shared/tooling/addon.mjs")) ?? "";
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(fileText("/etc/os-release") ?? "")?.[1] ?? "unknown",
    governor: fileText(`${sysfs}/cpu/cpu0/cpufreq/scaling_governor`) ?? "not shown by this machine",
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(fileText("/proc/cpuinfo") ?? "") ? "yes" : "no",
    clock:
      fileText(`${sysfs}/clocksource/clocksource0/current_clocksource`) ??
      "not shown by this machine",
    node: process.version,
    nodeOpenssl: process.versions.openssl,
    openssl: firstLine("openssl", "version"),
    java: firstLine("java", "-version").replaceAll('"', ""),
    upstream: describeUpstream(),
    prosody: firstLine("prosodyctl", "about"),
    compiler: firstLine("cc", "--version"),
    addonFlags: [...new Set(addon.match(/"-(?:O\d|march=[\w-]+|flto|g)"/g) ?? [])]
      .join(" ")
      .replaceAll('"', ""),
    socketLimits: Object.fromEntries(
      LIMITS.map((name) => [name, Number(fileText(`/proc/sys/net/core/${name}`) ?? Number.NaN)]),
    ),
    cpuTime,
  };
}

/** The commit that is measured, with a mark when the sources differ from it. */
export function describeCommit(): string {
  const git = (...args: readonly string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  try {
    const commit = git("rev-parse", "--short=10", "HEAD");
    // Results of earlier rows may be uncommitted.
    const changed = git("status", "--porcelain", "--", ".", ":!bench", ":!README.md").length > 0;
    return changed ? `${commit} with changes` : commit;
  } catch {
    return "not a git checkout";
  }
}

/**
 * Seconds that all programs but ours have been on a CPU, those that ended by way of whoever waited
 * for them. The sum of /proc/stat would not do: many kernels sample it by their tick, and what
 * wakes by a timer runs in step with the tick. The kernel's own threads do not count, which also work
 * for the contenders (packets over loopback).
 */
function othersSeconds(root: number): number {
  const own = new Set(treeOf(root));
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || own.has(Number(name))) continue;
    const fields = statOf(Number(name));
    const isKernels = name === "2" || fields?.[1] === "2";
    if (fields === undefined || isKernels) continue;
    // utime, stime, and the same of children that were waited for.
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at]);
  }
  return ticks / TICKS;
}

/**
 * Says how many cores programs outside of a process tree kept busy on average since it was called.
 *
 * @param root the runner itself, which starts everything that is measured
 */
export function watchOthers(root = process.pid): () => number {
  const began = performance.now();
  const before = othersSeconds(root);
  return () => {
    const seconds = (performance.now() - began) / 1000;
    return Math.max(0, (othersSeconds(root) - before) / seconds);
  };
}
