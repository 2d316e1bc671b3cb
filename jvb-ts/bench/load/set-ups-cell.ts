/** From what setting up endpoints took to the figures of a cell. */
import { MAX_STEAL } from "../../../shared/bench/canary.ts";
import type { Cell, FigureMeta } from "../../../shared/bench/row.ts";
import type { ProgramUse } from "./cell.ts";
import type { SetUp, SetUpsDone } from "./generator-messages.ts";

export const setUpFigures: readonly FigureMeta[] = [
  { name: "keys p50", unit: "ms", better: "less", target: { atMost: 25 } },
  { name: "keys p99", unit: "ms", better: "less" },
  { name: "media p50", unit: "ms", better: "less", target: { atMost: 60 } },
  { name: "media p99", unit: "ms", better: "less" },
  { name: "first keys", unit: "ms", better: "less", target: { atMost: 25 } },
  { name: "first media", unit: "ms", better: "less", target: { atMost: 60 } },
  { name: "CPU of a create", unit: "ms", better: "less", target: { atMost: 3 } },
  { name: "create p50", unit: "ms", better: "less" },
  { name: "endpoints", unit: "" },
  { name: "stolen", unit: "% of the machine" },
];

export const setUpUnits: Readonly<Record<string, string>> = {
  keys: "ms",
  media: "ms",
  create: "ms",
};

/** At 0, 1, … 100 % and then 99.9 %. */
function quantilesOf(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return [...Array.from({ length: 101 }, (_, percent) => at(percent / 100)), at(0.999)];
}

/** @param first the first endpoint of the bridge's life, where it was set up in this window */
export function setUpsCell(
  { setUps, creations }: SetUpsDone,
  use: Pick<ProgramUse, "userSeconds" | "systemSeconds" | "stolen">,
  first?: SetUp,
): Cell {
  const keys = quantilesOf(setUps.map(({ keyed }) => keyed));
  const media = quantilesOf(setUps.map((each) => each.media));
  const create = quantilesOf(setUps.map(({ created }) => created));
  const cpuMs = (use.userSeconds + use.systemSeconds) * 1000;
  return {
    figures: {
      "keys p50": keys[50]!,
      "keys p99": keys[99]!,
      "media p50": media[50]!,
      "media p99": media[99]!,
      "CPU of a create": cpuMs / creations,
      "create p50": create[50]!,
      endpoints: setUps.length,
      stolen: use.stolen * 100,
      ...(first === undefined ? {} : { "first keys": first.keyed, "first media": first.media }),
    },
    quantiles: { keys, media, create },
    ...(use.stolen > MAX_STEAL
      ? { void: `the hypervisor took ${(use.stolen * 100).toFixed(1)} % of the machine` }
      : {}),
  };
}
