/** The focus in the benchmark of all: what `npm run bench` shows of it. */
import type {
  Cell,
  FigureMeta,
  Row,
  RunningContender,
  StartContender,
} from "../../shared/bench/row.ts";
import type { FocusName } from "./contender.ts";
import {
  type Batch,
  conferenceSize,
  FocusBench,
  type Held,
  type ServerKind,
  type TrafficReport,
} from "./focus-bench.ts";

const rate = 10;
// 300 participants at a time; Java is measured after 2100, and how it goes on is in each cell.
const times = { seconds: 10, warmSeconds: { ours: 20, java: 50 } } as const;
/** Lives of the focus in which the first conference is timed. */
const firstTries = 3;
const countedConferences = 20;
/**
 * A generator that is later than this (p99, ms) measures itself. More than the half millisecond of
 * media: it shares its core with the server, what it times takes tens of ms, and that counts from the
 * scheduled moment anyway.
 */
const mostLateness = 3;

/** The value at that share of ascending or unsorted values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const figures: readonly FigureMeta[] = [
  { name: "cpu", unit: "ms per participant", better: "less", target: { of: "java", atMost: 0.3 } },
  { name: "join p50", unit: "ms", better: "less", target: { atMost: 15 } },
  { name: "join p99", unit: "ms", better: "less", target: { atMost: 40 } },
  { name: "first conference", unit: "ms", better: "less", target: { atMost: 60 } },
  { name: "heap held", unit: "KiB per participant", better: "less", target: { atMost: 30 } },
  { name: "resident held", unit: "KiB per participant", better: "less" },
  { name: "memory", unit: "MiB", better: "less" },
  { name: "server's cpu", unit: "ms per participant", better: "less" },
  { name: "stanzas sent", unit: "per join", better: "less" },
  { name: "stanzas received", unit: "per join", better: "less" },
  { name: "bytes sent", unit: "per join", better: "less" },
  { name: "bytes received", unit: "per join", better: "less" },
  { name: "set up before", unit: "participants" },
  { name: "generator lateness p99", unit: "ms" },
];

/** Why a batch may not be quoted. */
export function voidOf(batch: Batch): string | undefined {
  const { complete, participants, faults } = batch;
  if (faults.length > 0) return `${faults.length} faults, such as: ${faults[0]}`;
  if (complete < participants) return `only ${complete} of ${participants} were set up`;
  const late = quantile(batch.lateness, 0.99);
  return late > mostLateness ? `the generator was late by ${late.toFixed(2)} ms (p99)` : undefined;
}

function percentiles(values: readonly number[]): number[] {
  const shares = Array.from({ length: 101 }, (_, at) => at / 100);
  return [...shares, 0.999].map((share) => quantile(values, share));
}

/** What a row shows of a batch. */
export function cellOf(
  batch: Batch,
  firsts: readonly number[],
  traffic: TrafficReport | undefined,
  held: Held | undefined,
): Cell {
  const measured: Record<string, number | undefined> = {
    cpu: batch.cpuMs,
    "join p50": quantile(batch.joinToInitiate, 0.5),
    "join p99": quantile(batch.joinToInitiate, 0.99),
    "first conference": firsts.length > 0 ? quantile(firsts, 0.5) : undefined,
    "heap held": held?.heapKib,
    "resident held": held?.rssKib,
    memory: batch.rssMb,
    "server's cpu": batch.serverCpuMs,
    "stanzas sent": traffic && traffic.sent.stanzas / traffic.participants,
    "stanzas received": traffic && traffic.received.stanzas / traffic.participants,
    "bytes sent": traffic && traffic.sent.bytes / traffic.participants,
    "bytes received": traffic && traffic.received.bytes / traffic.participants,
    "set up before": batch.before,
    "generator lateness p99": quantile(batch.lateness, 0.99),
  };
  const why = voidOf(batch);
  return {
    figures: Object.fromEntries(
      Object.entries(measured).filter(
        (entry): entry is [string, number] => entry[1] !== undefined && !Number.isNaN(entry[1]),
      ),
    ),
    quantiles: { "join to invitation": percentiles(batch.joinToInitiate) },
    ...(why === undefined ? {} : { void: why }),
  };
}

function starter(name: FocusName, server: ServerKind): StartContender {
  return async () => {
    const bench = await FocusBench.open(name, server);
    try {
      const firsts: number[] = [];
      for (let at = 0; at < firstTries; at++) {
        const ms = await bench.first();
        if (ms !== undefined) firsts.push(ms);
      }
      const traffic = await bench.traffic(countedConferences);
      const why = await bench.start();
      if (why !== undefined) {
        await bench.close();
        return { notMeasured: why };
      }
      const arrivals = (seconds: number) => ({
        conferences: Math.max(1, Math.round(rate * seconds)),
        rate,
        size: conferenceSize,
      });
      const held = await bench.held(arrivals(times.seconds));
      const running: RunningContender = {
        version: await bench.focus.version(),
        warm: async (seconds) => {
          // As much as is measured at a time: hundreds of rooms must not pile up.
          for (let left = seconds; left > 0; left -= 10)
            await bench.batch(arrivals(Math.min(10, left)));
        },
        measure: async (seconds) =>
          cellOf(await bench.batch(arrivals(seconds)), firsts, traffic, held),
        stop: () => bench.close(),
      };
      return running;
    } catch (error) {
      await bench.close();
      throw error;
    }
  };
}

const units = { "join to invitation": "ms" };

export const focusRow: Row = {
  name: "focus",
  about: "conferences of 3 arriving at 10 per second over one Prosody",
  figures,
  units,
  ...times,
  contenders: { ours: starter("ours", "prosody"), java: starter("java", "prosody") },
};

export const focusAloneRow: Row = {
  name: "focus-alone",
  about: "the same over the benchmark's own XMPP server, which costs next to nothing",
  figures,
  units,
  ...times,
  contenders: { ours: starter("ours", "lean"), java: starter("java", "lean") },
};
