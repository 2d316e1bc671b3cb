/**
 * A histogram of microseconds: exact up to 1023, then 512 steps to each power of two (0.2 %), up to
 * half an hour. `add` allocates nothing.
 */
const EXACT = 1024;
const STEPS = 512;
const LARGEST = 2 ** 31 - 1;
const BUCKETS = EXACT + STEPS * 21;

function bucketOf(us: number): number {
  if (us < EXACT) return us;
  // 10 for 1024 to 2047, and so on.
  const power = 31 - Math.clz32(us);
  return EXACT + (power - 10) * STEPS + ((us >>> (power - 9)) - STEPS);
}

/** The middle of a bucket. */
function middleOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const power = 10 + Math.floor((bucket - EXACT) / STEPS);
  const width = 2 ** (power - 9);
  return (STEPS + ((bucket - EXACT) % STEPS)) * width + width / 2;
}

export class DelayHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;
  #min = LARGEST;

  /** One delay in microseconds; less than nothing counts as nothing. */
  add(us: number): void {
    const whole = Math.max(0, Math.min(LARGEST, Math.round(us)));
    this.#counts[bucketOf(whole)]!++;
    this.#total++;
    if (whole > this.#max) this.#max = whole;
    if (whole < this.#min) this.#min = whole;
  }

  get count(): number {
    return this.#total;
  }

  get max(): number {
    return this.#max;
  }

  /** The smallest value that at least this share (0..1) does not pass; 0 of nothing. */
  quantile(share: number): number {
    if (this.#total === 0) return 0;
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) return Math.max(this.#min, Math.min(this.#max, middleOf(bucket)));
    }
    return this.#max;
  }

  /** At 0, 1, … 100 % and then 99.9 %, as `Cell.quantiles` wants them. */
  quantiles(): number[] {
    const shares = Array.from({ length: 101 }, (_, percent) => percent / 100);
    return [...shares, 0.999].map((share) => this.quantile(share));
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#max = 0;
    this.#min = LARGEST;
  }
}
