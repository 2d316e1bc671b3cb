/**
 * Graceful and forced shutdown over the API (jvb-control 7.4):
 *
 * RUNNING → GRACEFUL_SHUTDOWN (until few enough local endpoints remain, or the maximum duration)
 * → SHUTTING_DOWN (a delay, so that the focus moves everybody) → `exit`.
 *
 * Owns no timer: `handleTimeout` when `pollTimeout` has passed. It cannot be cancelled.
 */
import type { Millis } from "#shared/runtime/runtime";

export type ShutdownState = "RUNNING" | "GRACEFUL_SHUTDOWN" | "SHUTTING_DOWN";

export interface ShutdownSettings {
  readonly gracefulMaxDurationMs: Millis;
  readonly gracefulMinParticipants: number;
  readonly shuttingDownDelayMs: Millis;
}

export class Shutdown {
  readonly #settings: ShutdownSettings;
  #state: ShutdownState = "RUNNING";
  #wasGraceful = false;
  #deadline: Millis | undefined;
  #finished = false;

  constructor(settings: ShutdownSettings) {
    this.#settings = settings;
  }

  get state(): ShutdownState {
    return this.#state;
  }

  /** Stays true in SHUTTING_DOWN when a graceful shutdown led there. */
  get isGraceful(): boolean {
    return this.#wasGraceful;
  }

  get isShuttingDown(): boolean {
    return this.#state === "SHUTTING_DOWN";
  }

  /** The delay has passed: the process should stop with status 0. */
  get isFinished(): boolean {
    return this.#finished;
  }

  /** A request over the API. A second graceful one and any in SHUTTING_DOWN change nothing. */
  handleRequest(graceful: boolean, localEndpoints: number, now: Millis): void {
    if (this.#state === "SHUTTING_DOWN") return;
    if (!graceful) {
      this.#shutDown(now);
      return;
    }
    if (this.#state === "GRACEFUL_SHUTDOWN") return;
    this.#state = "GRACEFUL_SHUTDOWN";
    this.#wasGraceful = true;
    this.#deadline = now + this.#settings.gracefulMaxDurationMs;
    this.handleEndpoints(localEndpoints, now);
  }

  /** The number of local endpoints (visitors included) fell. */
  handleEndpoints(localEndpoints: number, now: Millis): void {
    if (this.#state !== "GRACEFUL_SHUTDOWN") return;
    if (localEndpoints <= this.#settings.gracefulMinParticipants) this.#shutDown(now);
  }

  handleTimeout(now: Millis): void {
    if (this.#deadline === undefined || now < this.#deadline) return;
    this.#deadline = undefined;
    if (this.#state === "GRACEFUL_SHUTDOWN") this.#shutDown(now);
    else if (this.#state === "SHUTTING_DOWN") this.#finished = true;
  }

  pollTimeout(): Millis | undefined {
    return this.#deadline;
  }

  #shutDown(now: Millis): void {
    this.#state = "SHUTTING_DOWN";
    this.#deadline = now + this.#settings.shuttingDownDelayMs;
  }
}
