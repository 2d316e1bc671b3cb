import type { Logger } from "#shared/logging/logger";
import type { Millis, Timer, Timers } from "#shared/runtime/runtime";
import type { JoinResult, MucEvent, Occupant } from "#shared/xmpp/muc";

/** The room as far as a brewery uses it; `MucRoom` fits. */
export interface BreweryRoom {
  readonly joined: boolean;
  /** Everybody but us, by nick. */
  readonly occupants: ReadonlyMap<string, Occupant>;
  join(): Promise<JoinResult>;
  leave(): Promise<void>;
}

/** Who wants to know about instances. `jid` is the full occupant JID, the identity of an instance. */
export interface BreweryListener {
  /**
   * An occupant is there, or says something new. `said` is true when it has just sent that; a room
   * that is entered again repeats what was said long ago.
   */
  present(jid: string, occupant: Occupant, said: boolean): void;
  /** It left, or was not seen again in time after a lost connection. */
  gone(jid: string): void;
}

/** What a brewery is built from. */
export interface BreweryOptions {
  readonly room: BreweryRoom;
  readonly listener: BreweryListener;
  readonly timers: Timers;
  readonly log: Logger;
  /** How long instances are remembered while the room cannot be seen. */
  readonly memory: Millis;
  /**
   * Whether instances that are not in the room when it is joined again may still come within
   * `memory`. True where conferences outlive the loss, because they have another connection.
   */
  readonly keepMissing: boolean;
  /** Key of the configuration that names the room, for the log. */
  readonly addressKey: string;
}

/** Pause before the first retry of a refused join; doubles up to `memory`. */
const firstRetry: Millis = 1000;
/**
 * How long a departure waits before it counts. A server that stops takes everybody out of the room
 * one by one: those who go just before us have not left their calls.
 */
const departureGrace: Millis = 100;

/**
 * Instances of one kind (bridges, recorders, gateways) as the occupants of a room.
 *
 * When the session is lost the instances stay known for `memory`: the room is joined again at once
 * and those who are still there count as never gone. Upstream leaves first and forgets them all.
 */
export class Brewery {
  readonly #options: BreweryOptions;
  /** Occupant JIDs told to the listener. */
  readonly #known = new Set<string>();
  /** Departures that do not count yet, by occupant JID. */
  readonly #leaving = new Map<string, Timer>();
  #running = false;
  #everJoined = false;
  #retryIn = firstRetry;
  #retry: Timer | undefined;
  #forgetting: Timer | undefined;

  constructor(options: BreweryOptions) {
    this.#options = options;
  }

  /** There is a new session. The first one is joined from here; after that the room does so itself. */
  handleSession(): void {
    this.#running = true;
    if (!this.#everJoined) this.#tryJoin();
  }

  /** Leaves the room; instances are not reported as gone. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#retry?.cancel();
    this.#forgetting?.cancel();
    this.#holdDepartures();
    if (this.#options.room.joined) await this.#options.room.leave();
  }

  /** The connection went down; whether for good is not known yet. */
  handleDisconnected(): void {
    this.#forgetLater();
  }

  /** The same session goes on: nothing was missed. */
  handleResumed(): void {
    this.#keep();
    if (this.#options.room.joined) this.#forget();
  }

  /** An event of the room. */
  handle(event: MucEvent): void {
    switch (event.kind) {
      case "joined":
        this.#retryIn = firstRetry;
        this.#everJoined = true;
        for (const occupant of this.#options.room.occupants.values())
          this.#present(occupant, false);
        if (!this.#options.keepMissing) {
          this.#keep();
          this.#forget();
        }
        break;
      case "occupantJoined":
        // Left and back at once is another process, or one that lost its session: it has nothing.
        if (this.#leaving.has(event.occupant.occupantJid)) this.#gone(event.occupant.occupantJid);
        this.#present(event.occupant, false);
        break;
      case "presenceChanged":
        this.#present(event.occupant, true);
        break;
      case "occupantLeft":
        this.#goneSoon(event.occupant.occupantJid);
        break;
      case "lost":
        this.#forgetLater();
        break;
      case "removed":
      case "destroyed":
        this.#options.log.warn("Removed from the brewery room");
        this.#forgetLater();
        this.#joinLater();
        break;
      case "rejoinFailed":
        this.#options.log.warn("Could not join the brewery room again", {
          reason: event.error === "timeout" ? "timeout" : event.error.condition,
        });
        break;
      case "selfChanged":
      case "configChanged":
      case "message":
        break;
    }
  }

  #present(occupant: Occupant, said: boolean): void {
    this.#leaving.get(occupant.occupantJid)?.cancel();
    this.#leaving.delete(occupant.occupantJid);
    this.#known.add(occupant.occupantJid);
    this.#options.listener.present(occupant.occupantJid, occupant, said);
  }

  #gone(jid: string): void {
    if (this.#known.delete(jid)) this.#options.listener.gone(jid);
  }

  #goneSoon(jid: string): void {
    if (!this.#known.has(jid) || this.#leaving.has(jid)) return;
    const timer = this.#options.timers.after(departureGrace, () => {
      this.#leaving.delete(jid);
      this.#gone(jid);
    });
    this.#leaving.set(jid, timer);
  }

  /** We are out of the room ourselves: whoever went just before counts as one we cannot see. */
  #holdDepartures(): void {
    for (const timer of this.#leaving.values()) timer.cancel();
    this.#leaving.clear();
  }

  #forgetLater(): void {
    this.#holdDepartures();
    if (this.#known.size === 0) return;
    this.#forgetting ??= this.#options.timers.after(this.#options.memory, () => {
      this.#forgetting = undefined;
      this.#forget();
    });
  }

  #keep(): void {
    this.#forgetting?.cancel();
    this.#forgetting = undefined;
  }

  /** Whoever is not in the room now is gone. */
  #forget(): void {
    const { room } = this.#options;
    const here = new Set<string>();
    if (room.joined) for (const one of room.occupants.values()) here.add(one.occupantJid);
    for (const jid of [...this.#known]) if (!here.has(jid)) this.#gone(jid);
  }

  #tryJoin(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    const { room, log, addressKey } = this.#options;
    if (room.joined) return;
    void room.join().then((result) => {
      switch (result.kind) {
        case "joined":
          this.#retryIn = firstRetry;
          break;
        case "refused":
          log.warn(`Not let into the brewery room, check ${addressKey}`, {
            reason: result.error.condition,
          });
          this.#joinLater();
          break;
        case "timeout":
          log.warn(`No answer to joining the brewery room, check ${addressKey}`);
          this.#joinLater();
          break;
        case "disconnected":
          this.#joinLater();
          break;
      }
    });
  }

  #joinLater(): void {
    if (!this.#running || this.#retry) return;
    this.#retry = this.#options.timers.after(this.#retryIn, () => this.#tryJoin());
    this.#retryIn = Math.min(this.#retryIn * 2, this.#options.memory);
  }
}
