/** Invented results for the tests of summary, table and page: nothing in here was measured. */
import type { Round, RowResult } from "./result.ts";
import type { Cell, ContenderName } from "./row.ts";
import { seededRandom } from "./statistics.ts";

const random = seededRandom(5);
const around = (value: number, spread = 0.03) => value * (1 + (random() - 0.5) * 2 * spread);

const machine = {
  cpu: "Sample CPU at 2.3 GHz",
  cores: 2,
  memoryGiB: 24,
  kernel: "6.1.0",
  system: "Debian GNU/Linux 12 (bookworm)",
  governor: "performance",
  virtual: "yes",
  clock: "tsc",
  node: "v24.0.0",
  nodeOpenssl: "3.5.0",
  openssl: "OpenSSL 3.0.17",
  java: "openjdk version 17.0.15",
  upstream: "jicofo 7ebb13dc3",
  prosody: "Prosody 0.12.3",
  compiler: "gcc 12.2.0",
  addonFlags: "-O2 -g",
  socketLimits: { rmem_max: 4_194_304 },
  cpuTime: "cgroup v2",
};

/** 0, 1, … 100 % and 99.9 % of a distribution with a long tail. */
const quantilesOf = (middle: number): number[] =>
  [...Array.from({ length: 101 }, (_, i) => i / 100), 0.999]
    .map((share) => Math.min(share, 0.9999))
    .map((share) => middle * (0.4 + share + 0.25 * (1 / (1 - share)) ** 0.5));

export interface SampleOptions {
  readonly row?: string;
  readonly group?: string;
  /** CPU per packet of each contender; one that is missing was not measured. */
  readonly cpu?: Readonly<Partial<Record<ContenderName, number>>>;
  readonly rounds?: number;
  /** The last so many rounds are void. */
  readonly void?: number;
  readonly quick?: boolean;
}

export function sampleResult(options: SampleOptions = {}): RowResult {
  const { cpu = { ours: 6, java: 70, limit: 4.4 }, rounds = 5 } = options;
  const cellOf = (name: ContenderName, value: number): Cell => ({
    figures: {
      "CPU per packet": around(value),
      "added delay p50": around(value / 200),
      memory: around(name === "java" ? 420 : 90),
      "packets sent": 100_000,
    },
    quantiles: { "added delay": quantilesOf(around(value / 200)) },
    series: {
      memory: Array.from({ length: 20 }, (_, i) => (name === "java" ? 400 + 3 * i : 88 + i / 20)),
    },
  });
  const entries = Object.entries(cpu) as [ContenderName, number][];
  const all = Array.from({ length: rounds }, (_, index): Round => {
    const isVoid = index >= rounds - (options.void ?? 0);
    return {
      began: `2026-11-21T10:0${index % 10}:00.000Z`,
      commit: "0123456789",
      order: entries.map(([name]) => name),
      quiet: { canaryNs: [2, 2.01], drift: 0.005, steal: isVoid ? 0.02 : 0, elsewhere: 0.01 },
      ...(isVoid ? { void: "steal 2.0 %" } : {}),
      cells: Object.fromEntries(entries.map(([name, value]) => [name, cellOf(name, value)])),
    };
  });
  return {
    row: options.row ?? "five-people",
    group: options.group ?? "Bridge",
    about: "one conference of 5, all send audio and video",
    figures: [
      {
        name: "CPU per packet",
        unit: "µs",
        better: "less",
        target: [
          { of: "java", atMost: 0.15 },
          { of: "limit", atMost: 2 },
        ],
      },
      {
        name: "added delay p50",
        unit: "ms",
        better: "less",
        target: { of: "java", atMost: 1 },
      },
      { name: "memory", unit: "MiB", better: "less", target: { of: "java", atMost: 0.33 } },
      { name: "packets sent", unit: "" },
    ],
    units: { "added delay": "ms" },
    began: "2026-11-21T10:00:00.000Z",
    ended: "2026-11-21T10:20:00.000Z",
    complete: true,
    commit: "0123456789",
    machine,
    method: {
      rounds,
      seconds: 20,
      warmSeconds: { ours: 15, java: 60, limit: 10 },
      quick: options.quick ?? false,
    },
    contenders: {
      ours: {},
      ...(cpu.java === undefined
        ? { java: { notMeasured: "JITSI_UPSTREAM is not set" } }
        : { java: { version: "jitsi-videobridge <2.3> & Java 17" } }),
      ...(cpu.limit === undefined ? {} : { limit: {} }),
    },
    rounds: all,
  };
}
