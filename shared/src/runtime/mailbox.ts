import { describe } from "./bug.ts";
import type { Report } from "./report.ts";

/** How a mailbox is built. */
export interface MailboxOptions<E> {
  /** For logs: which core this is, such as `conference r1@…`. */
  readonly name: string;
  /** Takes one event to its end; no `await` inside. */
  readonly handle: (event: E) => void;
  readonly log: Report;
  /** Told of an error thrown by `handle`, after it was logged; ends that one conference. */
  readonly onBug?: (cause: unknown, event: E) => void;
  /** Text of an event for the log; JSON, shortened, when not given. */
  readonly describe?: (event: E) => string;
}

/**
 * Delivers events one at a time, in order. `post` from outside handles the event before it
 * returns; `post` from inside a handler queues it behind the current one, so a core is never
 * entered twice. An error thrown by the handler stays here and the next event is delivered,
 * unless `onBug` closes the mailbox.
 */
export class Mailbox<E> {
  readonly #options: MailboxOptions<E>;
  readonly #queue: E[] = [];
  #busy = false;
  #closed = false;

  constructor(options: MailboxOptions<E>) {
    this.#options = options;
  }

  /** Hands in one event. Ignored after `close`. */
  post(event: E): void {
    if (this.#closed) return;
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let at = 0; at < this.#queue.length; at++) {
        this.#deliver(this.#queue[at] as E);
        if (at >= 1024) {
          this.#queue.splice(0, at + 1);
          at = -1;
        }
      }
    } finally {
      this.#queue.length = 0;
      this.#busy = false;
    }
  }

  /** Drops what is queued and everything posted later. May be called from inside a handler. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  /** Events waiting behind the one being handled, that one included. */
  get length(): number {
    return this.#queue.length;
  }

  #deliver(event: E): void {
    const { name, handle, log, onBug } = this.#options;
    try {
      handle(event);
    } catch (cause) {
      const text = this.#options.describe?.(event) ?? describe(event);
      log.error(`Bug in ${name} while handling ${text}`, {}, cause);
      try {
        onBug?.(cause, event);
      } catch (second) {
        log.error(`Bug in ${name} while giving up`, {}, second);
      }
    }
  }
}
