/** From what was measured to the figures of a cell, or the reason why it does not count. */
import { MAX_STEAL } from "../../../shared/bench/canary.ts";
import type { Cell, FigureMeta } from "../../../shared/bench/row.ts";
import type { Measured } from "./generator-messages.ts";

/** What the stand measured of the program under load while the window lasted. */
export interface ProgramUse {
  readonly seconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** MiB, once a second. */
  readonly rssMb: readonly number[];
  /** Datagrams that the kernel dropped for want of room: at the program's and at our sockets. */
  readonly programDrops: number;
  readonly ownDrops: number;
  /** Share of the machine that the hypervisor gave to others. */
  readonly stolen: number;
}

const MAX_LATENESS_US = 500;
const MAX_LOSS = 0.001;

/** Figures of every row of the load; `limits`: the row has a bound by the limit program. */
export function loadFigures(limits: boolean): readonly FigureMeta[] {
  const java = { of: "java", atMost: 0.15 } as const;
  return [
    {
      name: "CPU",
      unit: "CPU-s/M",
      better: "less",
      target: limits ? [java, { of: "limit", atMost: 2 }] : java,
    },
    { name: "kernel share", unit: "%" },
    { name: "delay p50", unit: "us", better: "less", target: { of: "java", atMost: 1 } },
    { name: "delay p90", unit: "us", better: "less" },
    { name: "delay p99", unit: "us", better: "less", target: { of: "java", atMost: 0.5 } },
    { name: "delay p99.9", unit: "us", better: "less" },
    { name: "delay max", unit: "us", better: "less" },
    { name: "RSS", unit: "MB", better: "less", target: { of: "java", atMost: 1 / 3 } },
    { name: "peak RSS", unit: "MB", better: "less" },
    { name: "packets", unit: "/s" },
    { name: "forwarded", unit: "% of asked" },
    { name: "load", unit: "% of a core" },
    { name: "loss", unit: "%", better: "less" },
    { name: "RTX and padding", unit: "/s" },
    { name: "RTCP", unit: "/s" },
    { name: "settled", unit: "ms", better: "less" },
    { name: "lateness p99", unit: "us" },
    { name: "stolen", unit: "% of the machine" },
    { name: "drops at the bridge", unit: "" },
    { name: "drops at receivers", unit: "" },
  ];
}

/** Units of the distributions and series of a cell. */
export const loadUnits: Readonly<Record<string, string>> = {
  delay: "us",
  lateness: "us",
  RSS: "MB",
};

/** `quantiles` as `DelayHistogram.quantiles` gives them. */
const at = (quantiles: readonly number[], percent: number): number =>
  quantiles[percent === 99.9 ? 101 : percent] ?? 0;

function reasonOf(measured: Measured, use: ProgramUse, lossShare: number): string | undefined {
  const { window } = measured;
  const lateness = at(window.latenessUs, 99);
  if (window.packets === 0) return "nobody received anything";
  if (window.silentPairs > 0)
    return `${window.silentPairs} of what somebody was to receive never came`;
  if (window.unverified > 0) return `${window.unverified} packets could not be verified`;
  if (lossShare > MAX_LOSS) return `${(lossShare * 100).toFixed(2)} % lost`;
  if (lateness > MAX_LATENESS_US) return `the generator was ${Math.round(lateness)} us late at p99`;
  if (use.stolen > MAX_STEAL)
    return `the hypervisor took ${(use.stolen * 100).toFixed(1)} % of the machine`;
  if (measured.sendFailures > 0) return `${measured.sendFailures} packets could not be sent`;
  return undefined;
}

export function cellOf(measured: Measured, use: ProgramUse): Cell {
  const { window } = measured;
  const { delayUs, latenessUs, packets, expected } = window;
  const cpuSeconds = use.userSeconds + use.systemSeconds;
  const lossShare = expected === 0 ? 0 : Math.max(0, window.lost) / expected;
  const rss = use.rssMb.toSorted((a, b) => a - b);
  const reason = reasonOf(measured, use, lossShare);
  return {
    figures: {
      CPU: (cpuSeconds * 1e6) / packets,
      "kernel share": (use.systemSeconds / cpuSeconds) * 100,
      "delay p50": at(delayUs, 50),
      "delay p90": at(delayUs, 90),
      "delay p99": at(delayUs, 99),
      "delay p99.9": at(delayUs, 99.9),
      "delay max": window.delayMaxUs,
      RSS: rss[rss.length >> 1] ?? Number.NaN,
      "peak RSS": rss.at(-1) ?? Number.NaN,
      packets: packets / use.seconds,
      forwarded: (packets / expected) * 100,
      load: (cpuSeconds / use.seconds) * 100,
      loss: lossShare * 100,
      "RTX and padding": window.rtx / use.seconds,
      RTCP: window.rtcp / use.seconds,
      settled: measured.settledMs ?? Number.NaN,
      "lateness p99": at(latenessUs, 99),
      stolen: use.stolen * 100,
      "drops at the bridge": use.programDrops,
      "drops at receivers": use.ownDrops,
    },
    quantiles: { delay: delayUs, lateness: latenessUs },
    series: { RSS: use.rssMb },
    ...(reason === undefined ? {} : { void: reason }),
  };
}
