/** Runs the program of a stage. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { treeOf } from "../bench/process-tree.ts";

/** Node can wait for itself at its end (decision 0014). */
const END_WITHIN_MS = 30_000;

/** In the environment of a program and so of all that it starts, also of what has lost its parent. */
const MARK = "EXECUTED_AS";
/** Marks of those that run. */
const running = new Set<string>();
let executions = 0;

export interface Execution {
  /** For the line that says it was killed. */
  readonly name: string;
  readonly cwd?: string;
  /** Takes its output as it comes. */
  readonly log: (text: string) => void;
  /** Whether it has said what it is run for. */
  readonly hasCounted: () => boolean;
  /** Beside our own environment. */
  readonly env?: Record<string, string>;
  /** How long it may live after that; default 30 s. */
  readonly endWithinMs?: number;
}

function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${MARK}=${mark}`);
  } catch {
    // It ended, or is not ours to see.
    return false;
  }
}

/** Kills a program and whatever it started: Prosody, focus, bridges and browsers would live on. */
function killAll(mark: string): void {
  const marked = readdirSync("/proc")
    .map(Number)
    .filter((pid) => isMarked(pid, mark));
  // Descendants too: parts of a browser write their titles over their environment.
  for (const pid of new Set(marked.flatMap(treeOf))) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended with another one.
    }
  }
}

process.on("exit", () => {
  for (const mark of running) killAll(mark);
});

/** Lets signals end this process so that the programs that run end with it. */
export function exitOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
}

/**
 * Runs a program and gives its status as a shell does: 128 and the number of a signal. One that does not
 * end although it has counted is killed, which is no failure of what it counted: status 0. What it started
 * ends with it, and all with this process.
 */
export function execute(
  command: string,
  args: readonly string[],
  { name, cwd, log, hasCounted, env = {}, endWithinMs = END_WITHIN_MS }: Execution,
): Promise<number> {
  return new Promise((resolve) => {
    const mark = `${process.pid}-${++executions}`;
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env, [MARK]: mark },
    });
    running.add(mark);
    child.stdout.setEncoding("utf8").on("data", log);
    child.stderr.setEncoding("utf8").on("data", log);
    child.on("error", (error) => {
      log(`${error.message}\n`);
      resolve(1);
    });
    let looks = 0;
    const looksAllowed = 10;
    const watch = setInterval(() => {
      if (!hasCounted() || ++looks < looksAllowed) return;
      clearInterval(watch);
      log(`${name} has counted and did not end in ${endWithinMs / 1000} s: killed\n`);
      killAll(mark);
      // Not when its output ends: a child that it left may hold that.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(0);
    }, endWithinMs / looksAllowed);
    // After a crash nobody else does; and its output ends with the last that holds it.
    child.on("exit", () => killAll(mark));
    child.on("close", (code, signal) => {
      clearInterval(watch);
      running.delete(mark);
      resolve(code ?? 128 + constants.signals[signal!]);
    });
  });
}
