import type { Millis, Timer, Timers } from "#shared/runtime/runtime";
import type { HealthOutcome } from "../bridge/bridge.ts";

/** How one question to a bridge ended. `unclear`: an error that says nothing about its health. */
export type HealthAnswer = "healthy" | "unhealthy" | "timeout" | "unclear" | "disconnected";

/** What the doctor is built from. */
export interface BridgeDoctorOptions {
  readonly timers: Timers;
  /** Pause between two checks of a bridge, and before the first. */
  readonly interval: Millis;
  /** Pause before a bridge that did not answer is asked again; 0 asks only once. */
  readonly retryDelay: Millis;
  /** Sends one health question and waits for the answer. */
  readonly ask: (jid: string) => Promise<HealthAnswer>;
  readonly verdict: (jid: string, outcome: HealthOutcome) => void;
}

/**
 * Asks each bridge for its health, one interval after it came and then one interval after each
 * verdict (spec jicofo 6.5). Silence is asked about twice before it counts.
 */
export class BridgeDoctor {
  readonly #options: BridgeDoctorOptions;
  /** The one pending timer of each bridge; a bridge missing here is no longer a patient. */
  readonly #patients = new Map<string, { timer: Timer | undefined }>();

  constructor(options: BridgeDoctorOptions) {
    this.#options = options;
  }

  /** A bridge came; a second call for the same one does nothing. */
  add(jid: string): void {
    if (this.#patients.has(jid)) return;
    this.#patients.set(jid, { timer: undefined });
    this.#checkIn(jid, this.#options.interval, false);
  }

  /** A bridge left. */
  remove(jid: string): void {
    this.#patients.get(jid)?.timer?.cancel();
    this.#patients.delete(jid);
  }

  stop(): void {
    for (const jid of [...this.#patients.keys()]) this.remove(jid);
  }

  #checkIn(jid: string, delay: Millis, again: boolean): void {
    const patient = this.#patients.get(jid);
    if (!patient) return;
    patient.timer = this.#options.timers.after(delay, () => {
      void this.#options.ask(jid).then((answer) => {
        // It may have left, or left and come back, meanwhile.
        if (this.#patients.get(jid) === patient) this.#judge(jid, answer, again);
      });
    });
  }

  #judge(jid: string, answer: HealthAnswer, again: boolean): void {
    const { interval, retryDelay, verdict } = this.#options;
    switch (answer) {
      case "healthy":
        verdict(jid, "passed");
        break;
      case "unhealthy":
        verdict(jid, "failed");
        break;
      case "timeout":
        if (!again && retryDelay > 0) {
          this.#checkIn(jid, retryDelay, true);
          return;
        }
        verdict(jid, "timedOut");
        break;
      case "unclear":
      case "disconnected":
        break;
    }
    this.#checkIn(jid, interval, false);
  }
}
