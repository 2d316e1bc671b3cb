/** Starts the media worker threads and speaks to them. Driver: no decisions but restarting. */
import { Worker } from "node:worker_threads";
import type { LogSettings } from "#shared/config/log-settings";
import type { Logger } from "#shared/logging/logger";
import type { Runtime } from "#shared/runtime/runtime";
import type { BridgeSettings } from "../conference/settings.ts";
import type { FromWorker, ToWorker, WorkerStart } from "../worker-messages.ts";

/** A worker that dies is started again after this long. */
const RESTART_DELAY_MS = 1000;
/** Messages kept for a worker until it is started again; a second brings far fewer. */
const MAX_WAITING = 10_000;
/** Ending the conferences of a worker takes far less. */
const STOP_TIMEOUT_MS = 2000;

export interface MediaWorkersOptions {
  readonly count: number;
  readonly settings: BridgeSettings;
  readonly logging: LogSettings;
  readonly runtime: Runtime;
  readonly log: Logger;
  readonly onMessage: (worker: number, message: FromWorker) => void;
  /** The thread ended by itself: its conferences are gone. */
  readonly onDeath: (worker: number) => void;
}

export class MediaWorkers {
  readonly #options: MediaWorkersOptions;
  readonly #workers: (Worker | undefined)[] = [];
  /** By worker: what came before it was started (again). */
  readonly #waiting: ToWorker[][] = [];
  /** Died, and waiting for their restart. */
  readonly #resting = new Set<number>();
  #stopping = false;

  constructor(options: MediaWorkersOptions) {
    this.#options = options;
  }

  /** Starts the first one, which opens the sockets; the others start with their first message. */
  start(): void {
    this.#spawn(0);
  }

  /** Messages for a worker that died reach the one that takes its place. */
  post(worker: number, message: ToWorker): void {
    const thread = this.#workers[worker];
    if (thread !== undefined) {
      thread.postMessage(message);
      return;
    }
    this.#waiting[worker] ??= [];
    if (this.#waiting[worker].length < MAX_WAITING) this.#waiting[worker].push(message);
    if (!this.#resting.has(worker) && !this.#stopping) this.#spawn(worker);
  }

  /** Ends all threads; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#workers.map(async (worker) => {
        if (worker === undefined) return;
        const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
        worker.postMessage({ kind: "stop" } satisfies ToWorker);
        const late = this.#options.runtime.timers.after(STOP_TIMEOUT_MS, () => {
          this.#options.log.warn("A media worker does not end, terminating it");
          void worker.terminate();
        });
        await gone;
        late.cancel();
      }),
    );
  }

  #spawn(index: number): void {
    const { count, settings, logging, log } = this.#options;
    const workerData: WorkerStart = { index, workers: count, settings, logging };
    // A bundle has its worker beside it; run from source this file is one folder down.
    const bundled = import.meta.url.endsWith(".mjs");
    const url = new URL(bundled ? "./worker.mjs" : "../worker.ts", import.meta.url);
    const worker = new Worker(url, {
      workerData,
      ...(bundled ? {} : { execArgv: ["--conditions=source"] }),
    });
    this.#workers[index] = worker;
    for (const message of this.#waiting[index] ?? []) worker.postMessage(message);
    this.#waiting[index] = [];
    worker.on("message", (message: FromWorker) => this.#options.onMessage(index, message));
    worker.on("error", (cause) => log.error("A media worker failed", { worker: index }, cause));
    worker.on("exit", () => this.#exited(index));
  }

  #exited(index: number): void {
    this.#workers[index] = undefined;
    if (this.#stopping) return;
    this.#options.log.error("A media worker ended, starting it again", { worker: index });
    this.#resting.add(index);
    this.#options.onDeath(index);
    this.#options.runtime.timers.after(RESTART_DELAY_MS, () => {
      this.#resting.delete(index);
      if (!this.#stopping) this.#spawn(index);
    });
  }
}
