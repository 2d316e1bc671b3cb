/** One child process of the demo or of a test: started, watched, and ended for certain. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Children still running: none outlives us, not even when we end in haste. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const { pid } of running) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // Gone by itself meanwhile.
    }
  }
});

export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and error are appended to this file. */
  readonly logFile: string;
  /** Holds its process id while it runs, for a supervisor that comes after a killed one. */
  readonly pidFile?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Answers whether the program is ready; asked every 25 ms. */
  readonly ready: () => Promise<boolean>;
  /** Longest time to wait for it. */
  readonly readyWithinMs?: number;
  /** Called when it ends without having been told to. */
  readonly onExit?: (description: string) => void;
}

export class Program {
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #stopping = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  log(): string {
    return readFileSync(this.#options.logFile, "utf8");
  }

  /** Starts the process and waits until it is ready; returns the milliseconds that took. */
  async start(): Promise<number> {
    const {
      name,
      command,
      args,
      logFile,
      pidFile,
      env,
      ready,
      readyWithinMs = 20_000,
      onExit,
    } = this.#options;
    const log = openSync(logFile, "a");
    const began = performance.now();
    this.#stopping = false;
    // A process group of its own: the terminal's Ctrl-C reaches the supervisor only, which then
    // ends everything in order.
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    this.#child = child;
    running.add(child);
    if (pidFile !== undefined && child.pid !== undefined) writeFileSync(pidFile, `${child.pid}`);
    let ended: string | undefined;
    const end = (description: string) => {
      ended ??= description;
      running.delete(child);
      if (pidFile !== undefined && this.#child === child) rmSync(pidFile, { force: true });
      if (this.#child === child) this.#child = undefined;
      if (!this.#stopping) onExit?.(description);
    };
    child.on("error", (error) => end(`${name} could not be started: ${error.message}`));
    child.on("exit", (code, signal) =>
      end(`${name} ended with ${signal ?? `status ${code}`}; see ${logFile}`),
    );
    while (!(await ready())) {
      if (ended !== undefined)
        throw new Error(`${ended}\n${this.log().trimEnd().split("\n").slice(-8).join("\n")}`);
      if (performance.now() - began > readyWithinMs) {
        await this.stop();
        throw new Error(`${name} was not ready after ${readyWithinMs} ms; see ${logFile}`);
      }
      await sleep(25);
    }
    return performance.now() - began;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends the process: SIGTERM, and SIGKILL to its group when it is still there after `graceMs`. */
  async stop(graceMs = 4000): Promise<void> {
    const child = this.#child;
    this.#stopping = true;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const patience = new AbortController();
    await Promise.race([
      gone,
      sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await gone;
    }
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#stopping = true;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }
}

/** Whether something accepts TCP connections there. */
export function accepts(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Whether a GET of `url` answers with a status below 400. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
