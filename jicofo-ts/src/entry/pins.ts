import type { Millis } from "#shared/runtime/runtime";

/** A room held to bridges of one version (spec jicofo 6.6). */
export interface Pin {
  readonly conferenceId: string;
  readonly jvbVersion: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: Millis;
}

/** Pins by room. Asked when a conference is created; later changes do not touch it. */
export class Pins {
  readonly #pins = new Map<string, Pin>();

  /** Replaces an earlier pin of that room. `wallNow`: milliseconds since the epoch. */
  set(conferenceId: string, jvbVersion: string, minutes: number, wallNow: Millis): void {
    const expiresAt = wallNow + minutes * 60_000;
    this.#pins.set(conferenceId, { conferenceId, jvbVersion, expiresAt });
  }

  remove(conferenceId: string): void {
    this.#pins.delete(conferenceId);
  }

  /** Version the room is held to now, if any. */
  versionFor(conferenceId: string, wallNow: Millis): string | undefined {
    this.#purge(wallNow);
    return this.#pins.get(conferenceId)?.jvbVersion;
  }

  all(wallNow: Millis): readonly Pin[] {
    this.#purge(wallNow);
    return [...this.#pins.values()];
  }

  #purge(wallNow: Millis): void {
    for (const [room, pin] of this.#pins) if (pin.expiresAt <= wallNow) this.#pins.delete(room);
  }
}
