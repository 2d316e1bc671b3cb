/**
 * Ending a process in order: signals, stop hooks, exit status (spec packaging-and-operations C8).
 *
 * Exit status of a signal is 128 + its number, as a JVM's: 143 on SIGTERM, 130 on SIGINT, 129 on
 * SIGHUP. An uncaught error ends with 70, a wrong configuration with 78.
 */
import { endWithin, exitProcess } from "./native-process.ts";
import type { Report } from "./report.ts";
import type { Millis, Runtime } from "./runtime.ts";

/** sysexits(3): an internal error nobody caught. */
export const EXIT_SOFTWARE = 70;
/** sysexits(3): wrong configuration. */
export const EXIT_CONFIG = 78;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const HOLD_MS = 2 ** 30;
/** A stop that was asked for ends within 5 s, whatever hangs (spec benchmarks-and-faults R23). */
const DEADLINE_MS: Millis = 4500;
/** Also when a hook never gives the thread back, or Node does not come to its end (decision 0014). */
const END_MS: Millis = 4900;
type StopSignal = keyof typeof SIGNALS;

/** The part of `process` that is used; replaced in tests. */
export interface ProcessPort {
  exitCode?: number | string | null | undefined;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

/** How a shutdown is built. */
export interface ShutdownOptions {
  readonly runtime: Runtime;
  readonly log: Report;
  readonly process?: ProcessPort;
  /** How long all hooks together may take before the process ends regardless. Default 4.5 s. */
  readonly deadlineMs?: Millis;
  /** Takes SIGHUP instead of stopping (configuration reload). */
  readonly onHangup?: () => void;
}

/** Stops one part. Rejections are logged and the next part is stopped. */
export type StopHook = () => Promise<void> | void;

/** Ordered end of a process. */
export interface Shutdown {
  /** Adds a part that has been started. Parts stop in the reverse order. Returns its removal. */
  onStop(name: string, hook: StopHook): () => void;
  /** Begins to listen for signals and uncaught errors, and keeps the process until `stop`. */
  listen(): void;
  /** Stops everything and ends the process with `exitCode`. Later calls join the first. */
  stop(reason: string, exitCode: number): Promise<void>;
  /** Whether `stop` has begun. */
  readonly stopping: boolean;
}

/** Makes the shutdown of this process. Call `listen` once the first part runs. */
export function createShutdown(options: ShutdownOptions): Shutdown {
  const { runtime, log } = options;
  const port: ProcessPort = options.process ?? process;
  const exit = options.process === undefined ? exitProcess : (code: number) => port.exit(code);
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const hooks: { readonly name: string; readonly hook: StopHook }[] = [];
  let running: Promise<void> | undefined;

  const runHooks = async (): Promise<void> => {
    for (let entry = hooks.pop(); entry !== undefined; entry = hooks.pop()) {
      try {
        await entry.hook();
      } catch (cause) {
        log.error(`Stopping ${entry.name} failed`, {}, cause);
      }
    }
  };

  const stop = (reason: string, exitCode: number): Promise<void> => {
    if (running !== undefined) return running;
    log.info(`Stopping: ${reason}`);
    // Set first: timers are unref'd, so Node may find nothing left to wait for.
    port.exitCode = exitCode;
    if (options.process === undefined) endWithin(exitCode, END_MS);
    const late = runtime.timers.after(deadlineMs, () => {
      log.error(`Not stopped after ${deadlineMs} ms, ending`, { waitingFor: hooks.at(-1)?.name });
      exit(exitCode);
    });
    running = runHooks().then(() => {
      late.cancel();
      log.info("Stopped");
      exit(exitCode);
    });
    return running;
  };

  const onSignal = (signal: StopSignal) => (): void => {
    const exitCode = 128 + SIGNALS[signal];
    if (signal === "SIGHUP" && options.onHangup !== undefined) options.onHangup();
    // A second signal means now.
    else if (running !== undefined) exit(exitCode);
    else void stop(signal, exitCode);
  };

  const onUncaught = (cause: unknown): void => {
    log.error("Uncaught error", {}, cause);
    void stop("uncaught error", EXIT_SOFTWARE);
  };

  return {
    onStop(name, hook) {
      const entry = { name, hook };
      hooks.push(entry);
      return () => {
        const at = hooks.indexOf(entry);
        if (at >= 0) hooks.splice(at, 1);
      };
    },
    listen() {
      for (const signal of Object.keys(SIGNALS) as StopSignal[]) port.on(signal, onSignal(signal));
      port.on("uncaughtException", onUncaught);
      port.on("unhandledRejection", onUncaught);
      // With no server and the XMPP server away there is no socket, and timers are unref'd: Node
      // would find nothing left to do and end in silence, with status 0.
      if (options.process === undefined) setInterval(() => {}, HOLD_MS);
    },
    stop,
    get stopping() {
      return running !== undefined;
    },
  };
}
