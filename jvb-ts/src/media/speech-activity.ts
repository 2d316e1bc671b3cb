/**
 * Who speaks and in which order endpoints are served (spec jvb-media 11.3, jvb-control 5.2): the
 * dominant speaker, recent speakers, the order with video first, and the loudest ones.
 */
import type { Millis } from "#shared/runtime/runtime";
import { DECISION_IDLE_MS, DECISION_INTERVAL_MS, DominantSpeaker } from "./dominant-speaker.ts";
import type { MediaEngineOptions } from "./engine-options.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Former speakers remembered, those who left included: some come back. */
const MAX_RECENT = 256;

/** Smoothed energy of one endpoint. */
class Energy {
  value = 0;
  at: Millis = -1;
}

export class SpeechActivity {
  /** Silence mode found that nobody speaks. */
  silence = false;
  /** The next decision; infinite while nobody is heard. */
  nextDecisionAt: Millis = NEVER;
  changes = 0;
  readonly #options: MediaEngineOptions;
  readonly #identification = new DominantSpeaker();
  /** Most recent first, members only when exposed. */
  #recent: string[] = [];
  #members = new Set<string>();
  /** Speech order: speakers by recency, then others by joining. */
  #order: string[] = [];
  #quietSince: Millis = -1;
  readonly #energies = new Map<string, Energy>();
  /** The same for the loop of each packet. */
  #allEnergies: readonly Energy[] = [];

  constructor(options: MediaEngineOptions) {
    this.#options = options;
  }

  get dominant(): string | undefined {
    return this.#identification.dominant;
  }

  addMember(id: string): void {
    if (this.#members.has(id)) return;
    this.#members.add(id);
    this.#order.push(id);
  }

  /** True when the dominant speaker left. */
  removeMember(id: string): boolean {
    const wasDominant = this.#identification.dominant === id;
    this.#members.delete(id);
    this.#order = this.#order.filter((other) => other !== id);
    this.#identification.remove(id);
    if (this.#energies.delete(id)) this.#allEnergies = [...this.#energies.values()];
    return wasDominant;
  }

  /** The dominant and at most `recentSpeakersCount` previous speakers who are still here. */
  recentSpeakers(): readonly string[] {
    const present = this.#recent.filter((id) => this.#members.has(id));
    return present.slice(0, 1 + this.#options.recentSpeakersCount);
  }

  /** Endpoints for which `hasVideo` holds first, each part in speech order. */
  order(hasVideo: (id: string) => boolean): readonly string[] {
    return [
      ...this.#order.filter((id) => hasVideo(id)),
      ...this.#order.filter((id) => !hasVideo(id)),
    ];
  }

  /**
   * One audio packet's level (0..127, larger is louder). True when the packet is not among the
   * loudest and must not be routed.
   */
  addLevel(id: string, level: number, now: Millis): boolean {
    this.#identification.addLevel(id, level, now);
    if (this.nextDecisionAt === NEVER) this.nextDecisionAt = now + DECISION_INTERVAL_MS;
    return this.#options.routeLoudestOnly && !this.#isLoud(id, level, now);
  }

  /** Takes a decision when one is due; true when the speaker or the silence state changed. */
  handleTimeout(now: Millis): boolean {
    if (now < this.nextDecisionAt) return false;
    const idle = now - this.#identification.lastLevelAt > DECISION_IDLE_MS;
    this.nextDecisionAt = idle ? NEVER : now + DECISION_INTERVAL_MS;
    const changed = this.#identification.decide(now);
    if (changed) this.#promote(this.#identification.dominant);
    const silenceChanged = this.#options.enableSilenceDetection && this.#updateSilence(now);
    return changed || silenceChanged;
  }

  #promote(id: string | undefined): void {
    if (id === undefined) return;
    this.changes++;
    this.#recent = [id, ...this.#recent.filter((other) => other !== id).slice(0, MAX_RECENT)];
    if (this.#members.has(id)) this.#order = [id, ...this.#order.filter((other) => other !== id)];
  }

  #updateSilence(now: Millis): boolean {
    const quiet = this.#identification.dominantIsQuiet();
    if (!quiet) this.#quietSince = -1;
    else if (this.#quietSince < 0) this.#quietSince = now;
    const silence = quiet && now - this.#quietSince >= this.#options.silenceDetectionTimeoutMs;
    if (silence === this.silence) return false;
    this.silence = silence;
    return true;
  }

  #isLoud(id: string, level: number, now: Millis): boolean {
    let energy = this.#energies.get(id);
    if (energy === undefined) {
      energy = new Energy();
      this.#energies.set(id, energy);
      this.#allEnergies = [...this.#energies.values()];
    }
    const options = this.#options;
    const { energyAlphaPct } = options;
    const cooked = level >= this.#identification.minLevel(id) + 10 ? level : 0;
    energy.value = Math.floor(
      (energyAlphaPct * cooked + (100 - energyAlphaPct) * energy.value + 50) / 100,
    );
    energy.at = now;
    if (options.alwaysRouteDominant && this.#identification.dominant === id) return true;
    let louder = 0;
    for (let i = 0; i < this.#allEnergies.length; i++) {
      const other = this.#allEnergies[i]!;
      if (other === energy || now - other.at > options.energyExpireTimeMs) continue;
      if (other.value >= energy.value) louder++;
    }
    return louder < options.numLoudest;
  }
}
