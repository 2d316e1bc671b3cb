import type { Millis } from "#shared/runtime/runtime";
import type { BridgeJid } from "./bridge.ts";

/** `jicofo.ts.bridge.liveness`. */
export interface LivenessSettings {
  readonly enabled: boolean;
  /** Time between two pings. */
  readonly interval: Millis;
  /** Silence after which participants are moved away. */
  readonly timeout: Millis;
}

/** `suspect`: gets nobody new. `lost`: its participants have to move. */
export type Liveness = "alive" | "suspect" | "lost";

/** A bridge that is in another state now. */
export interface LivenessChange {
  readonly bridge: BridgeJid;
  readonly state: Liveness;
}

/** What `handleTimeout` found to do. */
export interface LivenessTurn {
  /** Send each of these a ping now. */
  readonly ping: readonly BridgeJid[];
  readonly changes: readonly LivenessChange[];
  /** Set when it turned true or false: so many are silent at once that it must be our own link. */
  readonly ownFault: boolean | undefined;
}

interface Patient {
  /** It has answered a ping. */
  answered: boolean;
  /** It lives and seems to know no pings, until it answers one: its silence means nothing. */
  deaf: boolean;
  state: Liveness;
  heardAt: Millis;
  /** The same, but for answers to pings. */
  talkedAt: Millis;
  /** When the first two pings since then were sent. */
  firstPing: Millis | undefined;
  secondPing: Millis | undefined;
}

/** Time without an answer after which a ping is lost. */
export const answerWithin: Millis = 1000;
/** Silence that makes a bridge suspect, unless `timeout` is shorter. */
const suspectAfter: Millis = 3000;
/** A turn that comes so late says that we stood still, not the bridges. */
const lateTurn: Millis = 1500;

/**
 * Notices bridges that went without a word. Their server keeps announcing them for as long as
 * their session could be resumed (XEP-0198), 15 s and more, and nobody answers for them meanwhile.
 *
 * Inputs: `watch`, `forget`, `handleHeard`, `handleAnswer`, `handleRefusal`, `handleUnreachable`,
 * `handleOnline`, `handleOffline`; then wait until `pollTimeout` and call `handleTimeout`. Owns no
 * timer and sends nothing.
 */
export class BridgeLiveness {
  readonly #settings: LivenessSettings;
  readonly #patients = new Map<BridgeJid, Patient>();
  #online = false;
  /** All are pinged together, so that all fall silent together when our own link does. */
  #nextRound: Millis = 0;
  #turnDue: Millis | undefined;
  #ownFault = false;

  constructor(settings: LivenessSettings) {
    this.#settings = settings;
  }

  /** A bridge came. For one that is watched already this does nothing. */
  watch(bridge: BridgeJid, now: Millis): void {
    if (this.#patients.has(bridge)) return;
    if (this.#patients.size === 0) this.#nextRound = now + this.#settings.interval;
    const patient: Patient = {
      answered: false,
      deaf: false,
      state: "alive",
      heardAt: now,
      talkedAt: Number.NEGATIVE_INFINITY,
      firstPing: undefined,
      secondPing: undefined,
    };
    this.#patients.set(bridge, patient);
  }

  /** A bridge left, as the server says. */
  forget(bridge: BridgeJid): void {
    this.#patients.delete(bridge);
  }

  /** It sent something: whatever it was, it lives. */
  handleHeard(bridge: BridgeJid, now: Millis): readonly LivenessChange[] {
    const patient = this.#patients.get(bridge);
    if (patient === undefined) return [];
    patient.talkedAt = now;
    return this.#revive(bridge, patient, now);
  }

  #revive(bridge: BridgeJid, patient: Patient, now: Millis): readonly LivenessChange[] {
    hear(patient, now);
    if (patient.state === "alive") return [];
    patient.state = "alive";
    return [{ bridge, state: "alive" }];
  }

  /** It answered a ping, late or not. */
  handleAnswer(bridge: BridgeJid, now: Millis): readonly LivenessChange[] {
    const patient = this.#patients.get(bridge);
    if (patient === undefined) return [];
    patient.answered = true;
    patient.deaf = false;
    return this.#revive(bridge, patient, now);
  }

  /**
   * A ping was refused. That may be the bridge, or its server on behalf of one that is gone: from one
   * that has answered before it is the latter.
   */
  handleRefusal(bridge: BridgeJid, now: Millis): readonly LivenessChange[] {
    const patient = this.#patients.get(bridge);
    if (patient === undefined || patient.answered) return [];
    patient.deaf = true;
    return this.handleHeard(bridge, now);
  }

  /** Whatever is sent to it reaches a process that is dead: there is no need to wait for silence. */
  handleUnreachable(bridge: BridgeJid): readonly LivenessChange[] {
    const patient = this.#patients.get(bridge);
    if (patient === undefined || patient.state === "lost") return [];
    patient.state = "lost";
    return [{ bridge, state: "lost" }];
  }

  /** We are connected (again): what was not heard before proves nothing. */
  handleOnline(now: Millis): void {
    this.#online = true;
    this.#nextRound = now + this.#settings.interval;
    for (const patient of this.#patients.values()) if (patient.state !== "lost") hear(patient, now);
  }

  /** We are not connected: nobody can be heard and nobody is judged. */
  handleOffline(): void {
    this.#online = false;
  }

  /** When to call `handleTimeout`, or `undefined` for not at all. */
  pollTimeout(): Millis | undefined {
    this.#turnDue = this.#online && this.#patients.size > 0 ? this.#due() : undefined;
    return this.#turnDue;
  }

  #due(): Millis {
    let due = this.#nextRound;
    // While the fault is ours, each round asks again.
    if (this.#ownFault) return due;
    for (const patient of this.#patients.values()) {
      const next = this.#nextState(patient)?.at;
      if (next !== undefined) due = Math.min(due, next);
    }
    return due;
  }

  /** Time has passed. */
  handleTimeout(now: Millis): LivenessTurn {
    const changes: LivenessChange[] = [];
    const late = now - (this.#turnDue ?? now) > lateTurn;
    if (late) this.handleOnline(now);
    const wasFault = this.#ownFault;
    this.#ownFault = this.#online && this.#mostAreSilent(now);
    if (this.#online && !this.#ownFault) {
      for (const [bridge, patient] of this.#patients) {
        let next = this.#nextState(patient);
        if (next === undefined || next.at > now) continue;
        while (next !== undefined && next.at <= now) {
          patient.state = next.state;
          next = this.#nextState(patient);
        }
        changes.push({ bridge, state: patient.state });
      }
    }
    const ping = this.#online && now >= this.#nextRound ? this.#round(now) : [];
    return { ping, changes, ownFault: wasFault === this.#ownFault ? undefined : this.#ownFault };
  }

  /** Who just said something else is not asked whether it lives, once it is known to know pings. */
  #round(now: Millis): readonly BridgeJid[] {
    const { interval } = this.#settings;
    this.#nextRound = now + interval;
    const asked: BridgeJid[] = [];
    for (const [bridge, patient] of this.#patients) {
      const talks = patient.answered && now - patient.talkedAt < interval;
      if (talks && patient.state === "alive" && !this.#ownFault) continue;
      if (patient.firstPing === undefined) patient.firstPing = now;
      else patient.secondPing ??= now;
      asked.push(bridge);
    }
    return asked;
  }

  /** Of those not lost before, more than half miss an answer. */
  #mostAreSilent(now: Millis): boolean {
    let judged = 0;
    let silent = 0;
    for (const { deaf, state, firstPing } of this.#patients.values()) {
      if (deaf || state === "lost") continue;
      judged += 1;
      if (firstPing !== undefined && now >= firstPing + answerWithin) silent += 1;
    }
    return silent * 2 > judged;
  }

  /** What becomes of it, and when, if it stays silent. */
  #nextState({
    deaf,
    state,
    heardAt,
    secondPing,
  }: Patient): { readonly state: Liveness; readonly at: Millis } | undefined {
    if (deaf || secondPing === undefined || state === "lost") return undefined;
    const { timeout } = this.#settings;
    const lost = secondPing + answerWithin;
    const suspect = Math.max(lost, heardAt + Math.min(suspectAfter, timeout));
    if (state === "alive") return { state: "suspect", at: suspect };
    return { state: "lost", at: Math.max(suspect, heardAt + timeout) };
  }
}

function hear(patient: Patient, now: Millis): void {
  patient.heardAt = now;
  patient.firstPing = undefined;
  patient.secondPing = undefined;
}
