/** Numbers with units as Typesafe config and upstream's bandwidth class read them. */

const DURATION_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  nano: 1e-6,
  nanos: 1e-6,
  nanosecond: 1e-6,
  nanoseconds: 1e-6,
  us: 1e-3,
  micro: 1e-3,
  micros: 1e-3,
  microsecond: 1e-3,
  microseconds: 1e-3,
  "": 1,
  ms: 1,
  milli: 1,
  millis: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1e3,
  second: 1e3,
  seconds: 1e3,
  m: 60e3,
  minute: 60e3,
  minutes: 60e3,
  h: 3600e3,
  hour: 3600e3,
  hours: 3600e3,
  d: 86_400e3,
  day: 86_400e3,
  days: 86_400e3,
};

const PREFIXES = ["kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta"] as const;
const BINARY_PREFIXES = ["kibi", "mebi", "gibi", "tebi", "pebi", "exbi", "zebi", "yobi"] as const;

const SIZE_BYTES: Readonly<Record<string, number>> = sizeUnits();

function sizeUnits(): Record<string, number> {
  const units: Record<string, number> = { "": 1, b: 1, B: 1, byte: 1, bytes: 1 };
  for (const [at, letter] of [..."kmgtpezy"].entries()) {
    const decimal = 1000 ** (at + 1);
    const binary = 1024 ** (at + 1);
    const upper = letter.toUpperCase();
    // Typesafe: `k`, `K`, `Ki`, `KiB` are powers of 1024; `kB` (and `MB` …) powers of 1000.
    units[letter] = binary;
    units[upper] = binary;
    units[`${upper}i`] = binary;
    units[`${upper}iB`] = binary;
    units[at === 0 ? "kB" : `${upper}B`] = decimal;
    units[`${PREFIXES[at]}byte`] = decimal;
    units[`${PREFIXES[at]}bytes`] = decimal;
    units[`${BINARY_PREFIXES[at]}byte`] = binary;
    units[`${BINARY_PREFIXES[at]}bytes`] = binary;
  }
  return units;
}

const BIT_RATE: Readonly<Record<string, number>> = {
  "": 1,
  bps: 1,
  kbps: 1e3,
  mbps: 1e6,
  gbps: 1e9,
};

/** Whether any kind of value here has that unit, in any case; the empty one counts. */
export function isUnit(unit: string): boolean {
  const small = unit.toLowerCase();
  return [DURATION_MS, SIZE_BYTES, BIT_RATE, { "%": 1 }].some(
    (units) => Object.hasOwn(units, unit) || Object.hasOwn(units, small),
  );
}

/** Milliseconds, or `undefined`. Units are case-sensitive; a bare number is milliseconds. */
export function parseDuration(text: string): number | undefined {
  return withUnit(text, DURATION_MS, (unit) => unit);
}

/** Bytes, or `undefined`. */
export function parseSize(text: string): number | undefined {
  const bytes = withUnit(text, SIZE_BYTES, (unit) => unit);
  return bytes === undefined || bytes < 0 ? undefined : Math.trunc(bytes);
}

/** Bits per second, or `undefined`. */
export function parseBandwidth(text: string): number | undefined {
  return withUnit(text, BIT_RATE, (unit) => unit.toLowerCase());
}

/** A number, or a percentage as a fraction of 1. */
export function parseFraction(text: string): number | undefined {
  return withUnit(text, { "": 1, "%": 0.01 }, (unit) => unit);
}

// Every character can be matched in one way only, so that long nonsense costs no more than its length.
const numberAndUnit = /^([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-zA-Z%]*)$/;

function withUnit(
  text: string,
  units: Readonly<Record<string, number>>,
  spelling: (unit: string) => string,
): number | undefined {
  const parts = numberAndUnit.exec(text.trim());
  if (parts === null) return undefined;
  const unit = spelling(parts[2] as string);
  if (!Object.hasOwn(units, unit)) return undefined;
  const result = Number(parts[1]) * (units[unit] as number);
  return Number.isFinite(result) ? result : undefined;
}
