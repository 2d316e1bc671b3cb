import type { Logger } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import type { Bridge } from "../bridge/bridge.ts";
import type { MoveResult } from "../focus/door.ts";

/** `jicofo.bridge.load-redistribution.*` (spec jicofo 6.6). */
export interface LoadRedistribution {
  readonly stressThreshold: number;
  /** How long a bridge is left alone after endpoints were moved away from it. */
  readonly timeout: Millis;
  /** Endpoints moved at a time. */
  readonly endpoints: number;
}

/** Moves endpoints away from bridges under stress, while others have room. Call `run` periodically. */
export class LoadRedistributor {
  readonly #settings: LoadRedistribution;
  readonly #move: (bridge: string, count: number) => MoveResult;
  readonly #log: Logger;
  readonly #treatedAt = new Map<string, Millis>();

  constructor(
    settings: LoadRedistribution,
    move: (bridge: string, count: number) => MoveResult,
    log: Logger,
  ) {
    this.#settings = settings;
    this.#move = move;
    this.#log = log;
  }

  /** One run; returns how many endpoints were moved, by bridge nick. */
  run(bridges: readonly Bridge[], now: Millis): ReadonlyMap<string, number> {
    const moved = new Map<string, number>();
    const { stressThreshold, timeout, endpoints } = this.#settings;
    for (const [jid, at] of this.#treatedAt) if (now - at >= timeout) this.#treatedAt.delete(jid);
    if (bridges.every((one) => one.overloaded)) return moved;
    for (const one of bridges) {
      if (one.correctedStress < stressThreshold || this.#treatedAt.has(one.jid)) continue;
      this.#treatedAt.set(one.jid, now);
      const { movedEndpoints } = this.#move(one.jid, endpoints);
      if (movedEndpoints === 0) continue;
      moved.set(one.nick, movedEndpoints);
      this.#log.info("Moved endpoints away from a bridge under stress", {
        bridge: one.jid,
        stress: one.correctedStress,
        endpoints: movedEndpoints,
      });
    }
    return moved;
  }
}
