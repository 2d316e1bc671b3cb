/** The addon `shared/native/process.c`: what Node cannot do with its own process. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Millis } from "./runtime.ts";

interface NativeProcess {
  /** Gives the system what the C library holds unused. */
  trim(): void;
  /** Ends the process with this status if it still lives after `ms`. */
  endWithin(status: number, ms: Millis): void;
}

/** An exit takes 10 to 30 ms, and a second where a profile is written. */
const EXIT_MS: Millis = 2000;

/** Beside the bundle, else from the sources; undefined where it is not built. */
export function nativeProcess(): NativeProcess | undefined {
  const places = ["../native/process.node", "../../../dist/native/process.node"];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const path = paths.find((candidate) => existsSync(candidate));
  return path === undefined ? path : (createRequire(import.meta.url)(path) as NativeProcess);
}

/**
 * Ends the process with `status` when `ms` have passed, whatever it does then. The first call counts. Without
 * the addon nothing happens.
 */
export function endWithin(status: number, ms: Millis): void {
  try {
    nativeProcess()?.endWithin(status, ms);
  } catch {
    // An addon that cannot be loaded must not keep a process from ending.
  }
}

/**
 * `process.exit`, and an end after 2 s at most: Node can wait for ever for its own compiling threads
 * (decision 0014).
 */
export function exitProcess(status: number): never {
  endWithin(status, EXIT_MS);
  process.exit(status);
}
