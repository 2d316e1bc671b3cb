/**
 * Whether the queue on the way grows: the slope of the smoothed delay over the last groups, held
 * against a threshold that adapts to how much the delay varies anyway (spec jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";

export const Usage = { normal: 0, over: 1, under: 2 } as const;
export type UsageState = (typeof Usage)[keyof typeof Usage];

const POINTS = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
const MAX_COUNTED_GROUPS = 60;
const INITIAL_THRESHOLD = 12.5;
const MIN_THRESHOLD = 6;
const MAX_THRESHOLD = 600;
/** The threshold follows slowly upwards and quickly downwards, and not at all beyond this. */
const RISE = 0.0087;
const FALL = 0.039;
const OUTLIER = 15;
const MAX_STEP_MS = 100;
const OVERUSE_MS = 10;

export class DelayTrend {
  state: UsageState = Usage.normal;
  readonly #time = new Float64Array(POINTS);
  readonly #delay = new Float64Array(POINTS);
  #groups = 0;
  #accumulated = 0;
  #smoothed = 0;
  #firstArrival = -1;
  #slope = 0;
  #previousSlope = 0;
  #threshold = INITIAL_THRESHOLD;
  #thresholdAt: Millis = -1;
  #overMs = -1;
  #overCount = 0;

  /** Takes the deltas of two groups; `arrival` is the later one's. */
  add(sendDeltaMs: Millis, arrivalDeltaMs: Millis, arrival: Millis): void {
    if (this.#firstArrival < 0) this.#firstArrival = arrival;
    this.#accumulated += arrivalDeltaMs - sendDeltaMs;
    this.#smoothed = SMOOTHING * this.#smoothed + (1 - SMOOTHING) * this.#accumulated;
    const slot = this.#groups % POINTS;
    this.#time[slot] = arrival - this.#firstArrival;
    this.#delay[slot] = this.#smoothed;
    this.#groups++;
    if (this.#groups >= POINTS) this.#slope = this.#fit();
    this.#detect(sendDeltaMs, arrival);
  }

  /** After a pause everything begins anew, but for how much the delay varies. */
  reset(): void {
    this.#groups = 0;
    this.#accumulated = 0;
    this.#smoothed = 0;
    this.#firstArrival = -1;
    this.#slope = 0;
    this.#previousSlope = 0;
    this.#overMs = -1;
    this.#overCount = 0;
    this.state = Usage.normal;
  }

  /** Least squares over the ring. */
  #fit(): number {
    let time = 0;
    let delay = 0;
    for (let i = 0; i < POINTS; i++) {
      time += this.#time[i]!;
      delay += this.#delay[i]!;
    }
    time /= POINTS;
    delay /= POINTS;
    let covariance = 0;
    let variance = 0;
    for (let i = 0; i < POINTS; i++) {
      const x = this.#time[i]! - time;
      covariance += x * (this.#delay[i]! - delay);
      variance += x * x;
    }
    return variance === 0 ? this.#slope : covariance / variance;
  }

  #detect(sendDeltaMs: Millis, arrival: Millis): void {
    if (this.#groups < 2) return;
    const trend = Math.min(this.#groups, MAX_COUNTED_GROUPS) * this.#slope * GAIN;
    if (trend > this.#threshold) {
      this.#overMs = this.#overMs < 0 ? sendDeltaMs / 2 : this.#overMs + sendDeltaMs;
      this.#overCount++;
      const falling = this.#slope < this.#previousSlope;
      if (this.#overMs > OVERUSE_MS && this.#overCount > 1 && !falling) {
        this.#overMs = 0;
        this.#overCount = 0;
        this.state = Usage.over;
      }
    } else {
      this.#overMs = -1;
      this.#overCount = 0;
      this.state = trend < -this.#threshold ? Usage.under : Usage.normal;
    }
    this.#previousSlope = this.#slope;
    this.#adapt(Math.abs(trend), arrival);
  }

  #adapt(size: number, arrival: Millis): void {
    const last = this.#thresholdAt < 0 ? arrival : this.#thresholdAt;
    this.#thresholdAt = arrival;
    if (size > this.#threshold + OUTLIER) return;
    const gain = size < this.#threshold ? FALL : RISE;
    const step = Math.max(0, Math.min(arrival - last, MAX_STEP_MS));
    const next = this.#threshold + gain * (size - this.#threshold) * step;
    this.#threshold = Math.max(MIN_THRESHOLD, Math.min(MAX_THRESHOLD, next));
  }
}
