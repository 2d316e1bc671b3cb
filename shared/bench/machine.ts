/** On what the figures were measured, and how busy it was with other things. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProcessTree } from "./process-tree.ts";

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
  const addon = fileText(join(root, "jvb-ts/native/build.mjs")) ?? "";
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(fileText("/etc/os-release") ?? "")?.[1] ?? "unknown",
    governor: fileText(`${sysfs}/cpu/cpu0/cpufreq/scaling_governor`) ?? "not shown by this machine",
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(fileText("/proc/cpuinfo") ?? "") ? "yes" : "no",
    clock: fileText(`${sysfs}/clocksource/clocksource0/current_clocksource`) ?? "unknown",
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
    const changed = git("status", "--porcelain", "--", ".", ":!bench").length > 0;
    return changed ? `${commit} with changes` : commit;
  } catch {
    return "not a git checkout";
  }
}

/**
 * Seconds that programs of the whole machine were on a CPU: without interrupts and without the
 * kernel's own threads, which also work for the contenders (packets over loopback).
 */
function busySeconds(): number {
  const line = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0] = line.split(" ").map(Number);
  return (user + nice + system - kernelTicks()) / 100;
}

function kernelTicks(): number {
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = fileText(`/proc/${name}/stat`) ?? "";
    const fields = text.slice(text.lastIndexOf(") ") + 2).split(" ");
    // Children of kthreadd.
    if (fields[1] === "2") ticks += Number(fields[12]);
  }
  return ticks;
}

/** Says how many cores others kept busy on average since it was made. */
export function watchOthers(own: ProcessTree): () => number {
  const used = () => {
    const { user, system } = own.cpu();
    return user + system;
  };
  const began = performance.now();
  const before = busySeconds() - used();
  return () => {
    const seconds = (performance.now() - began) / 1000;
    return Math.max(0, (busySeconds() - used() - before) / seconds);
  };
}
