/** One of our programs as a process of its own, run from its source, with a configuration file. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endsWithUs } from "./ends-with-us.ts";

/** Ticks of /proc/PID/stat per second (Linux, everywhere). */
const TICKS = 100;
/** Files of `loop-probe.ts`. */
const LAGS = "lags";
const PROBE = new URL("loop-probe.ts", import.meta.url).pathname;

/** What is started. */
export interface ProgramStart {
  /** Path of its `main.ts`. */
  readonly main: string;
  /** HOCON; none: no `--config`. */
  readonly config?: string;
  /** Further words of the command line. */
  readonly words?: readonly string[];
  /** Whether to measure its event loops (`loopLags`). */
  readonly probe?: boolean;
}

export class StartedProgram {
  /** What it printed, over all its lives. */
  stdout = "";
  stderr = "";
  /** Both, as they came. */
  output = "";
  /** Exit status of its present life, or the name of the signal that ended it. */
  ended: Promise<number | string | null> = Promise.resolve(null);
  readonly #folder = mkdtempSync(join(tmpdir(), "program-"));
  readonly #words: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor({ main, config, words = [], probe = false }: ProgramStart) {
    const file = join(this.#folder, "x.conf");
    if (config !== undefined) writeFileSync(file, config);
    const named = config === undefined ? [] : ["--config", file];
    this.#words = ["--conditions=source", main, ...named, ...words];
    this.#env = probe
      ? { ...process.env, LOOP_PROBE: join(this.#folder, LAGS), NODE_OPTIONS: `--import ${PROBE}` }
      : process.env;
    this.again();
  }

  /** Starts it again with the same words and configuration. */
  again(): void {
    const child = endsWithUs(
      spawn(process.execPath, this.#words, { stdio: ["ignore", "pipe", "pipe"], env: this.#env }),
    );
    this.#child = child;
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (data: Buffer) => {
        this[name] += data.toString();
        this.output += data.toString();
      });
    }
    this.ended = new Promise((resolve) => {
      child.once("close", (status, signal) => resolve(status ?? signal));
    });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }
  /** Resident memory in kB. */
  get memoryKb(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  }
  /** Seconds of CPU used so far, of all threads. */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }
  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** ms that each round of each event loop was late, by thread, since the start; with `probe`. */
  loopLags(): ReadonlyMap<string, Float32Array> {
    const files = readdirSync(this.#folder).filter((name) => name.startsWith(`${LAGS}.`));
    return new Map(
      files.map((name) => {
        const bytes = Uint8Array.from(readFileSync(join(this.#folder, name)));
        return [name.slice(LAGS.length + 1), new Float32Array(bytes.buffer, 0, bytes.length >> 2)];
      }),
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Waits for something to hold, 15 s at most; says what was printed when it does not. */
  async until(holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`not in time: ${holds}\n${this.output}`);
      await sleep(25);
    }
  }

  /** Ends it, if it has not ended, and removes its files. */
  async stop(): Promise<void> {
    if (this.isRunning) this.kill("SIGKILL");
    await this.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
