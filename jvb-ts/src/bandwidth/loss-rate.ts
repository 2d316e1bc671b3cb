/**
 * The estimate by loss: for some candidate bandwidths, how likely the losses of the last seconds are
 * when everything above the bandwidth is lost and everything else with one constant probability
 * (loss-based estimation v2; spec jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";
import type { BandwidthSettings } from "./settings.ts";

const OBSERVATION_MS = 250;
const WINDOW = 15;
const NEEDED = 3;
const AGING = 0.9;
/** Of an observation by its age. */
const WEIGHTS = Float64Array.from({ length: WINDOW }, (_, age) => AGING ** age);
const MIN_PROBABILITY = 1e-6;
const NEWTON_STEP = 0.75;
const INITIAL_INHERENT = 0.01;
const MIN_INHERENT = 1e-3;
const INHERENT_OFFSET = 0.12;
const INHERENT_BPS = 100_000;
const BIAS_RATE = 0.0002;
const BIAS_LOG = 0.02;
const BIAS_LOSS = 0.3;
const BIAS_SOFTNESS = 0.002;
/** An observation sent at this many times the median rate may be lossy for that. */
const FAST_SENDING = 2;
const CANDIDATES = [1.02, 1, 0.95];
const WINDOW_GROWTH = 1.3;
const GROWTH_WINDOW_MS = 300;
const HELD_GROWTH = 1.2;
const FREE_GROWTH = 1.5;
const INSTANT_BPS = 100_000;
const INSTANT_OFFSET = 0.12;
const FIRST_HOLD_MS = 300;
const LONGEST_HOLD_MS = 60_000;
/** Nothing lost for this long: what was before tells little of now. */
const CLEAN_MS = 1_000;

export type LossState = "delayBased" | "decreasing" | "increasing";

export class LossRate {
  state: LossState = "delayBased";
  readonly #settings: BandwidthSettings;
  readonly #bytes = new Float64Array(WINDOW);
  readonly #lostBytes = new Float64Array(WINDOW);
  readonly #sendingBps = new Float64Array(WINDOW);
  readonly #sorted = new Float64Array(WINDOW);
  #count = 0;
  // The observation being made.
  #partialBytes = 0;
  #partialLost = 0;
  #firstSent: Millis = -1;
  #lastSent: Millis = -1;
  #lastLostSent: Millis = Number.NEGATIVE_INFINITY;
  // The best pair of parameters.
  #bps: number;
  #inherent = INITIAL_INHERENT;
  /** The pair tried last. */
  #triedInherent = 0;
  #biasRate = 0;
  #biasLog = 0;
  #lossRatio = 0;
  #windowLimit = Number.POSITIVE_INFINITY;
  #windowUntil: Millis = Number.NEGATIVE_INFINITY;
  #holdMs = FIRST_HOLD_MS;
  #holdUntil: Millis = Number.NEGATIVE_INFINITY;
  #holdBps = Number.POSITIVE_INFINITY;

  constructor(settings: BandwidthSettings) {
    this.#settings = settings;
    this.#bps = settings.initialBps;
  }

  get isReady(): boolean {
    return this.#count >= NEEDED;
  }

  /** Weighted share of bytes lost over the window, without its best and its worst part. */
  get lossRatio(): number {
    return this.#lossRatio;
  }

  /** Whether losses are over. */
  get isClean(): boolean {
    return this.#lastSent - this.#lastLostSent > CLEAN_MS;
  }

  /** Judges anew: the losses were those of another time. */
  forget(): void {
    this.#count = 0;
    this.#inherent = INITIAL_INHERENT;
    this.#lossRatio = 0;
    this.#windowLimit = Number.POSITIVE_INFINITY;
    this.#holdUntil = Number.NEGATIVE_INFINITY;
    this.#holdMs = FIRST_HOLD_MS;
    this.#holdBps = Number.POSITIVE_INFINITY;
    this.state = "delayBased";
  }

  /** One packet of a report, in order of sending. */
  add(sentAt: Millis, sizeBytes: number, lost: boolean): void {
    if (this.#firstSent < 0) this.#firstSent = sentAt;
    this.#lastSent = Math.max(this.#lastSent, sentAt);
    this.#partialBytes += sizeBytes;
    if (!lost) return;
    this.#partialLost += sizeBytes;
    this.#lastLostSent = Math.max(this.#lastLostSent, sentAt);
  }

  /** What was counted as lost had only been overtaken. */
  addLate(sizeBytes: number): void {
    this.#partialLost = Math.max(0, this.#partialLost - sizeBytes);
  }

  /**
   * Once a report. Returns the estimate in bits per second, at most `delayBps`; call when ready.
   * `ackedBps` -1: unknown, or too little is sent for it to say anything.
   */
  update(delayBps: number, ackedBps: number, now: Millis): number {
    if (this.#close()) this.#choose(delayBps, ackedBps, now);
    const { minBps } = this.#settings;
    const floor = Math.max(minBps, ackedBps);
    const instant = Math.max(floor, Math.min(this.#bps, this.#instantLimit()));
    let bps = Math.min(instant, delayBps);
    if (this.state === "decreasing" && now < this.#holdUntil && bps < delayBps)
      bps = Math.min(bps, this.#holdBps);
    this.#enter(bps, delayBps, now);
    return Math.max(minBps, bps);
  }

  /** True when an observation was completed. */
  #close(): boolean {
    const span = this.#lastSent - this.#firstSent;
    if (this.#firstSent < 0 || span < OBSERVATION_MS) return false;
    const slot = this.#count % WINDOW;
    this.#bytes[slot] = this.#partialBytes;
    this.#lostBytes[slot] = this.#partialLost;
    this.#sendingBps[slot] = (8000 * this.#partialBytes) / span;
    this.#count++;
    this.#firstSent = this.#lastSent;
    this.#partialBytes = 0;
    this.#partialLost = 0;
    return true;
  }

  #choose(delayBps: number, ackedBps: number, now: Millis): void {
    if (!this.isReady) {
      this.#bps = Math.max(this.#settings.minBps, delayBps);
      return;
    }
    this.#lossRatio = this.#averageLoss();
    this.#biasRate = adjusted(BIAS_RATE, this.#lossRatio);
    this.#biasLog = adjusted(BIAS_LOG, this.#lossRatio);
    const current = this.#bps;
    const isLimited = this.state !== "delayBased";
    const limit = isLimited ? this.#windowLimit : this.#settings.maxBps;
    const upper = Math.max(current, limit);
    let best = current;
    let inherent = this.#inherent;
    let value = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < CANDIDATES.length + 2; i++) {
      const candidate = this.#candidate(i, current, delayBps, ackedBps, upper);
      if (candidate < 0) continue;
      const objective = this.#objective(candidate);
      if (objective <= value) continue;
      value = objective;
      best = candidate;
      inherent = this.#triedInherent;
    }
    if (best > current && this.#lossRatio > inherent) best = current;
    if (isLimited && best > current && ackedBps >= 0) {
      const growth = ackedBps < WINDOW_GROWTH * this.#holdBps ? HELD_GROWTH : FREE_GROWTH;
      best = Math.max(current, Math.min(best, growth * ackedBps));
    }
    if (now >= this.#windowUntil || best < current) {
      this.#windowLimit = Math.max(this.#settings.minBps, WINDOW_GROWTH * best);
      this.#windowUntil = now + GROWTH_WINDOW_MS;
    }
    this.#bps = best;
    this.#inherent = inherent;
  }

  /** Candidate bandwidth `index`, -1 when there is none. */
  #candidate(
    index: number,
    current: number,
    delayBps: number,
    ackedBps: number,
    upper: number,
  ): number {
    if (index < CANDIDATES.length) return Math.min(upper, CANDIDATES[index]! * current);
    if (index === CANDIDATES.length) return ackedBps < 0 ? -1 : Math.min(upper, ackedBps);
    return delayBps > current ? Math.min(upper, delayBps) : -1;
  }

  /** How well `bps` explains the window, with the inherent loss that suits it best. */
  #objective(bps: number): number {
    const inherent = this.#newton(bps);
    this.#triedInherent = inherent;
    const kbps = bps / 1000;
    const bias = this.#biasRate * kbps + this.#biasLog * Math.log(1 + kbps);
    let sum = 0;
    for (let age = 0; age < this.#observations(); age++) {
      const slot = this.#slot(age);
      const p = probability(inherent, bps, this.#sendingBps[slot]!);
      const lost = this.#lostBytes[slot]! / 1000;
      const all = this.#bytes[slot]! / 1000;
      const fit = lost * Math.log(p) + (all - lost) * Math.log(1 - p);
      sum += WEIGHTS[age]! * (fit + bias * all);
    }
    return sum;
  }

  /** One damped step towards the inherent loss that maximizes the likelihood. */
  #newton(bps: number): number {
    const limit = Math.min(1, INHERENT_OFFSET + INHERENT_BPS / bps);
    let first = 0;
    let second = 0;
    for (let age = 0; age < this.#observations(); age++) {
      const slot = this.#slot(age);
      const p = probability(this.#inherent, bps, this.#sendingBps[slot]!);
      const lost = this.#lostBytes[slot]! / 1000;
      const arrived = this.#bytes[slot]! / 1000 - lost;
      const weight = WEIGHTS[age]!;
      first += weight * (lost / p - arrived / (1 - p));
      second -= weight * (lost / (p * p) + arrived / ((1 - p) * (1 - p)));
    }
    const step = second < 0 ? (NEWTON_STEP * first) / second : 0;
    return Math.max(MIN_INHERENT, Math.min(limit, this.#inherent - step));
  }

  #observations(): number {
    return Math.min(this.#count, WINDOW);
  }

  #slot(age: number): number {
    return (this.#count - 1 - age) % WINDOW;
  }

  #averageLoss(): number {
    const count = this.#observations();
    let highest = -1;
    let lowest = -1;
    let highestSlot = -1;
    let lowestSlot = -1;
    for (let age = 0; age < count; age++) {
      const slot = this.#slot(age);
      const ratio = this.#lostBytes[slot]! / Math.max(1, this.#bytes[slot]!);
      if (highestSlot < 0 || ratio > highest) {
        highest = ratio;
        highestSlot = slot;
      }
      if (lowestSlot < 0 || ratio < lowest) {
        lowest = ratio;
        lowestSlot = slot;
      }
    }
    const fast = this.#sendingBps[highestSlot]! >= FAST_SENDING * this.#medianSending(count);
    let lost = 0;
    let all = 0;
    for (let age = 0; age < count; age++) {
      const slot = this.#slot(age);
      if (slot === lowestSlot || (slot === highestSlot && !fast)) continue;
      const weight = WEIGHTS[age]!;
      lost += weight * this.#lostBytes[slot]!;
      all += weight * this.#bytes[slot]!;
    }
    return all === 0 ? 0 : lost / all;
  }

  #medianSending(count: number): number {
    const { length } = this.#sorted;
    this.#sorted.fill(Number.POSITIVE_INFINITY);
    for (let age = 0; age < count; age++) this.#sorted[age] = this.#sendingBps[this.#slot(age)]!;
    this.#sorted.sort();
    return this.#sorted[Math.min(length - 1, Math.floor(count / 2))]!;
  }

  #instantLimit(): number {
    const over = this.#lossRatio - INSTANT_OFFSET;
    return over > 0 ? INSTANT_BPS / over : Number.POSITIVE_INFINITY;
  }

  #enter(bps: number, delayBps: number, now: Millis): void {
    if (bps >= delayBps || bps >= this.#settings.maxBps) {
      this.state = "delayBased";
      this.#holdMs = FIRST_HOLD_MS;
      this.#holdBps = Number.POSITIVE_INFINITY;
      return;
    }
    const isFalling = this.state === "delayBased" || bps < this.#holdBps;
    if (isFalling) {
      if (this.state !== "decreasing") {
        this.#holdUntil = now + this.#holdMs;
        this.#holdMs = Math.min(LONGEST_HOLD_MS, 2 * this.#holdMs);
      }
      this.state = "decreasing";
      this.#holdBps = bps;
    } else if (now >= this.#holdUntil) this.state = "increasing";
  }
}

/** Of losing a packet sent at `rate` through `bps` that loses `inherent` by itself. */
function probability(inherent: number, bps: number, rate: number): number {
  const excess = rate > bps ? (rate - bps) / rate : 0;
  const p = inherent + (1 - inherent) * excess;
  return Math.max(MIN_PROBABILITY, Math.min(1 - MIN_PROBABILITY, p));
}

/** A bias for large bandwidths, weaker and then turned around the more is lost. */
function adjusted(bias: number, loss: number): number {
  const room = BIAS_LOSS - loss;
  return (bias * room) / (BIAS_SOFTNESS + Math.abs(room));
}
