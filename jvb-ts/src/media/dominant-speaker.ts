/**
 * Dominant speaker identification (Volfovich and Cohen, 2012) with the constants of upstream's
 * `DominantSpeakerIdentification` (spec jvb-media 11.3).
 *
 * Inputs: `addLevel` per audio packet, `decide` every `DECISION_INTERVAL_MS`. A speaker without a
 * level for 40 ms counts as silent; these zero levels are filled in when they matter.
 */
import type { Millis } from "#shared/runtime/runtime";

export const DECISION_INTERVAL_MS = 300;
/** Without any level for this long decisions stop. */
export const DECISION_IDLE_MS = 15_000;

const C1 = 3;
const C2 = 2;
const C3 = 0;
const N1 = 13;
const N2 = 5;
const N3 = 10;
const SUBUNIT = 10;
const MEDIUM_THRESHOLD = 7;
const LONG_THRESHOLD = 4;
const LAMBDA1 = 0.78;
const LAMBDA2 = 24;
const LAMBDA3 = 47;
const MIN_SCORE = 1e-10;
const MIN_LEVEL_WINDOW = 750;
const LEVEL_IDLE_MS = 40;
const SPEAKER_IDLE_MS = 3_600_000;
const LEVELS = 50;
const MEDIUMS = 10;
export const MAX_LEVEL = 127;

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result = (result * (n - k + i)) / i;
  return result;
}

/** Scores for v = 0..n of one time scale. */
function scores(n: number, lambda: number): Float64Array {
  const table = new Float64Array(n + 1);
  for (let v = 0; v <= n; v++) {
    const score = Math.log(binomial(n, v)) + n * Math.log(0.5) - Math.log(lambda) + lambda * v;
    table[v] = Math.max(MIN_SCORE, score);
  }
  return table;
}

export const IMMEDIATE_SCORES = scores(N1, LAMBDA1);
export const MEDIUM_SCORES = scores(N2, LAMBDA2);
export const LONG_SCORES = scores(N3, LAMBDA3);

class Speaker {
  readonly id: string;
  readonly levels = new Uint8Array(LEVELS);
  lastLevelAt: Millis = -1;
  lastHeardAt: Millis = -1;
  immediateScore = MIN_SCORE;
  mediumScore = MIN_SCORE;
  longScore = MIN_SCORE;
  /** Noise floor; 0 unknown. */
  minLevel = 0;
  #nextMinLevel = 0;
  #windowCount = 0;

  constructor(id: string) {
    this.id = id;
  }

  add(level: number, now: Millis): void {
    this.levels.copyWithin(1, 0, LEVELS - 1);
    this.levels[0] = level;
    this.lastLevelAt = now;
    this.#trackMinimum(level);
  }

  /** Pushes a zero for every 40 ms without a level. */
  fillIdle(now: Millis): void {
    if (this.lastLevelAt < 0) return;
    const gaps = Math.min(LEVELS, Math.floor((now - this.lastLevelAt) / LEVEL_IDLE_MS));
    for (let i = 0; i < gaps; i++) {
      this.levels.copyWithin(1, 0, LEVELS - 1);
      this.levels[0] = 0;
    }
    if (gaps > 0) this.lastLevelAt = now;
  }

  evaluate(): void {
    const floor = this.minLevel + SUBUNIT;
    let long = 0;
    let firstImmediate = 0;
    let firstMedium = 0;
    for (let m = 0; m < MEDIUMS; m++) {
      let medium = 0;
      for (let i = 0; i < N2; i++) {
        const level = this.levels[m * N2 + i]!;
        const immediate = level < floor ? 0 : Math.floor(level / SUBUNIT);
        if (m === 0 && i === 0) firstImmediate = immediate;
        if (immediate > MEDIUM_THRESHOLD) medium++;
      }
      if (m === 0) firstMedium = medium;
      if (medium > LONG_THRESHOLD) long++;
    }
    this.immediateScore = IMMEDIATE_SCORES[Math.min(N1, firstImmediate)]!;
    this.mediumScore = MEDIUM_SCORES[firstMedium]!;
    this.longScore = LONG_SCORES[long]!;
  }

  #trackMinimum(level: number): void {
    if (level === 0) return;
    if (this.minLevel === 0 || level < this.minLevel) {
      this.minLevel = level;
      this.#nextMinLevel = 0;
      this.#windowCount = 0;
      return;
    }
    if (this.#nextMinLevel === 0 || level < this.#nextMinLevel) this.#nextMinLevel = level;
    this.#windowCount++;
    if (this.#windowCount < MIN_LEVEL_WINDOW) return;
    this.minLevel = Math.floor(Math.sqrt(this.minLevel * this.#nextMinLevel));
    this.#nextMinLevel = 0;
    this.#windowCount = 0;
  }
}

export class DominantSpeaker {
  dominant: string | undefined = undefined;
  /** The last level of anybody. */
  lastLevelAt: Millis = -1;
  readonly #speakers = new Map<string, Speaker>();

  /** `level` 0..127, larger is louder. */
  addLevel(id: string, level: number, now: Millis): void {
    let speaker = this.#speakers.get(id);
    if (speaker === undefined) {
      speaker = new Speaker(id);
      this.#speakers.set(id, speaker);
    }
    if (now < speaker.lastLevelAt) return;
    this.lastLevelAt = now;
    speaker.lastHeardAt = now;
    speaker.fillIdle(now);
    speaker.add(Math.min(MAX_LEVEL, Math.max(0, level)), now);
  }

  /** Noise floor of a speaker, 0 unknown. */
  minLevel(id: string): number {
    return this.#speakers.get(id)?.minLevel ?? 0;
  }

  /** Whether the dominant speaker's long score is minimal: nobody speaks (silence detection). */
  dominantIsQuiet(): boolean {
    const speaker = this.dominant === undefined ? undefined : this.#speakers.get(this.dominant);
    return speaker === undefined || speaker.longScore <= MIN_SCORE;
  }

  remove(id: string): void {
    this.#speakers.delete(id);
    if (this.dominant === id) this.dominant = undefined;
  }

  /** Decides at `now`; true when `dominant` changed. */
  decide(now: Millis): boolean {
    for (const speaker of this.#speakers.values()) {
      if (now - speaker.lastHeardAt > SPEAKER_IDLE_MS && speaker.id !== this.dominant)
        this.#speakers.delete(speaker.id);
      else {
        speaker.fillIdle(now);
        speaker.evaluate();
      }
    }
    const winner = this.#winner();
    if (winner === undefined || winner === this.dominant) return false;
    this.dominant = winner;
    return true;
  }

  #winner(): string | undefined {
    const current = this.dominant === undefined ? undefined : this.#speakers.get(this.dominant);
    let best: string | undefined;
    let bestC2 = C2;
    for (const speaker of this.#speakers.values()) {
      if (current === undefined) return speaker.id;
      if (speaker === current) continue;
      const c1 = Math.log(speaker.immediateScore / current.immediateScore);
      const c2 = Math.log(speaker.mediumScore / current.mediumScore);
      const c3 = Math.log(speaker.longScore / current.longScore);
      if (c1 > C1 && c2 > C2 && c3 > C3 && c2 > bestC2) {
        bestC2 = c2;
        best = speaker.id;
      }
    }
    return best;
  }
}
