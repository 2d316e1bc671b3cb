/** When a lost or refused stream is tried again, and what the log says of it: each reason once. */
import type { Logger } from "../logging/logger.ts";
import { Bug } from "../runtime/bug.ts";
import type { Millis, Runtime } from "../runtime/runtime.ts";
import type { Jid } from "./jid.ts";
import type { StreamEnd } from "./transport.ts";

/** What the log names an operator's mistake by. */
export interface ReconnectionOptions {
  /** Account and `host:port`, for what goes wrong: `focus@auth.x at 127.0.0.1:5222`. */
  readonly account?: string;
  /** Where the configuration has this connection: `jicofo.xmpp.client`. */
  readonly keyPrefix?: string;
  /** Keys there, and words, for what we log in with. */
  readonly credentials?: { readonly keys: string; readonly words: string };
}

const retryMinMs = 500;
const retryMaxMs = 2000;
/** An immediate reconnection is tried at most this often. */
const promptEveryMs = 5000;
/** Reasons of failed attempts that are said before it gets quiet … */
const mostReasons = 10;
/** … for this long: the end of a log must tell what a program waits for. */
const repeatMs = 600_000;
/** Pause after a refused login; doubled each time, as the same words seldom bring another answer. */
const loginMinMs = 2_000;
const loginMaxMs = 60_000;
/** Pause after another stream took our place; doubled each time, so that two do not fight for it. */
const conflictMinMs = 10_000;
const conflictMaxMs = 300_000;

/** One connection's attempts. */
export class Reconnection {
  readonly #domain: string;
  readonly #options: ReconnectionOptions;
  readonly #runtime: Pick<Runtime, "clock" | "random">;
  readonly #log: Logger;
  #promptAt = Number.NEGATIVE_INFINITY;
  #onlineAt = 0;
  /** How often in a row another stream took our place. */
  #conflicts = 0;
  /** Logins refused, and attempts that failed for whatever reason, since the last session. */
  #refusedLogins = 0;
  #failures = 0;
  /** Why attempts have failed since the last session, each said once. */
  readonly #saidReasons = new Set<string>();
  #saidAt = 0;

  constructor(
    domain: string,
    options: ReconnectionOptions,
    runtime: Pick<Runtime, "clock" | "random">,
    log: Logger,
  ) {
    this.#domain = domain;
    this.#options = options;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** A session began, or went on. */
  handleOnline(now: Millis): void {
    this.#saidReasons.clear();
    this.#refusedLogins = this.#failures = 0;
    this.#onlineAt = now;
  }

  /** The stream ended; `jid` is who we were. Logs it and returns the pause in ms before the next attempt. */
  handleEnd(end: StreamEnd, wasOnline: boolean, jid: Jid | undefined): Millis {
    const delay = this.#pauseAfter(end.kind, wasOnline);
    this.#say(end, wasOnline, delay, jid);
    return delay;
  }

  #pauseAfter(kind: StreamEnd["kind"], wasOnline: boolean): number {
    switch (kind) {
      case "conflict":
        return this.#conflictDelay();
      case "login":
        return this.#loginDelay();
      case "failed":
        return this.#retryDelay(wasOnline);
      default:
        throw new Bug(kind satisfies never);
    }
  }

  #loginDelay(): number {
    const pause = Math.min(loginMaxMs, loginMinMs * 2 ** this.#refusedLogins++);
    return pause * (0.75 + this.#runtime.random.float() / 4);
  }

  /**
   * At once after a loss; with jitter when that fails or does not last, so that a restarted server
   * is not stormed.
   */
  #retryDelay(wasOnline: boolean): number {
    const now = this.#runtime.clock.now();
    const prompt = wasOnline && now - this.#promptAt >= promptEveryMs;
    if (prompt) this.#promptAt = now;
    return prompt ? 0 : retryMinMs + this.#runtime.random.float() * (retryMaxMs - retryMinMs);
  }

  /** Ever longer while the other one keeps taking our place; a session that lasted starts anew. */
  #conflictDelay(): number {
    const lasted = this.#runtime.clock.now() - this.#onlineAt > 2 * conflictMaxMs;
    this.#conflicts = lasted ? 1 : this.#conflicts + 1;
    const pause = Math.min(conflictMaxMs, conflictMinMs * 2 ** (this.#conflicts - 1));
    return pause * (0.75 + this.#runtime.random.float() / 2);
  }

  #say(end: StreamEnd, wasOnline: boolean, delay: number, jid: Jid | undefined): void {
    if (end.kind === "conflict") {
      this.#sayConflict(delay, jid);
      return;
    }
    let attempts: number | undefined;
    if (!wasOnline) {
      const said = this.#saidReasons;
      const now = this.#runtime.clock.now();
      this.#failures++;
      if (said.has(end.reason) || said.size >= mostReasons) {
        if (now - this.#saidAt < repeatMs) return;
        attempts = this.#failures;
      } else said.add(end.reason);
      this.#saidAt = now;
    }
    const account = this.#options.account ?? this.#domain;
    if (wasOnline) {
      this.#log.warn(`XMPP connection lost, reconnecting: ${end.reason}`, { account });
    } else if (end.kind === "login") {
      const { keys = "username and password", words = "user name and password" } =
        this.#options.credentials ?? {};
      const check = this.#check(keys, words);
      const next = `next in ${Math.round(delay / 1000)} s`;
      this.#log.error(`XMPP ${end.reason} for ${account}; ${check}. Still trying, ${next}`, {
        attempts,
      });
    } else {
      const why = `${end.reason}, for ${account}${this.#advice(end.concerns)}`;
      this.#log.warn(`XMPP connection failed, still trying: ${why}`, { attempts });
    }
  }

  #advice(concerns: StreamEnd["concerns"]): string {
    if (concerns === "address") {
      return `; ${this.#check("hostname and port", "host name and port")}`;
    }
    if (concerns === "domain") {
      const check = this.#check("domain", "the XMPP domain");
      return `; the server does not serve the domain ${this.#domain}, ${check}`;
    }
    return "";
  }

  #check(keys: string, words: string): string {
    const { keyPrefix } = this.#options;
    return `check ${keyPrefix === undefined ? words : `${keyPrefix}.${keys}`}`;
  }

  /** Explained once; after that only that it happened again. */
  #sayConflict(delay: number, jid: Jid | undefined): void {
    const next = `Trying again in ${Math.round(delay / 1000)} s`;
    if (this.#conflicts > 1) this.#log.warn(`XMPP connection lost to the other program. ${next}`);
    else
      this.#log.error(
        `XMPP connection lost: another program logged in as ${jid ?? this.#domain} (stream error conflict); ` +
          `run only one of the two or give each its own resource. ${next}, then ever more rarely`,
      );
  }
}
