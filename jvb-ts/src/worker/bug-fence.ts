/**
 * What a bug of ours ends: the conference in whose step it happened and no other; nothing where
 * somebody only looked. What belongs to no conference is logged, and the worker goes on.
 */
import type { Logger } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import type { ConferenceCounter } from "../conference/counters.ts";

/** Bugs that are nobody's may come with each batch: one line in that time. */
const COMPLAINT_MS = 1000;

/** What a bug may end: a conference. */
export interface Fenced {
  readonly id: string;
  expire(now: Millis): void;
}

export class BugFence {
  readonly #log: Logger;
  readonly #counters: Record<ConferenceCounter, number>;
  /** Conferences in which looking broke, told once for each. */
  readonly #unreadable = new WeakSet<Fenced>();
  #complainedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(log: Logger, counters: Record<ConferenceCounter, number>) {
    this.#log = log;
    this.#counters = counters;
  }

  /** Runs one step of a conference; a bug ends that conference and nothing else. */
  guard<T>(conference: Fenced, now: Millis, step: () => T): T | undefined {
    try {
      return step();
    } catch (cause) {
      this.end(conference, now, cause);
      return undefined;
    }
  }

  /** Looks at a conference. A bug there ends nothing: what is looked at is left out. */
  look<T>(conference: Fenced, step: () => T): T | undefined {
    try {
      return step();
    } catch (cause) {
      if (this.#unreadable.has(conference)) return undefined;
      this.#unreadable.add(conference);
      const message = "Bug while looking at a conference, leaving it out";
      this.#log.error(message, { conf: conference.id }, cause);
      return undefined;
    }
  }

  /** A conference whose step broke: it expires. */
  end(conference: Fenced, now: Millis, cause: unknown): void {
    this.#counters.colibri_queue_exceptions++;
    this.#log.error("Bug in a conference, ending it", { conf: conference.id }, cause);
    try {
      conference.expire(now);
    } catch (second) {
      this.#log.error("Bug while ending a conference", { conf: conference.id }, second);
    }
  }

  /** A bug that is no conference's. */
  complain(cause: unknown, now: Millis): void {
    if (now - this.#complainedAt < COMPLAINT_MS) return;
    this.#complainedAt = now;
    this.#log.error("Bug in a media worker, going on", {}, cause);
  }
}
