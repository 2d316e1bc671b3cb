/** Runs the program of a stage. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Node can wait for itself at its end (decision 0014). */
const END_WITHIN_MS = 30_000;

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

/**
 * Runs a program and gives its status as a shell does: 128 and the number of a signal. One that does not
 * end although it has counted is killed, which is no failure of what it counted: status 0.
 */
export function execute(
  command: string,
  args: readonly string[],
  { name, cwd, log, hasCounted, env = {}, endWithinMs = END_WITHIN_MS }: Execution,
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
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
      child.kill("SIGKILL");
      // Not when its output ends: a child that it left may hold that.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(0);
    }, endWithinMs / looksAllowed);
    child.on("close", (code, signal) => {
      clearInterval(watch);
      resolve(code ?? 128 + constants.signals[signal!]);
    });
  });
}
