/** Fleets of bridges, simulated: how even the focus loads them, and what its choice costs. */
import type { Cell, Row } from "../../shared/bench/row.ts";
import { simulateFleet } from "./fleet-simulation.ts";

/** Packets a second that a bridge can send: about a core of 20 us each. */
const capacity = 50_000;
/** Offered load, hours counted and size of each fleet; the largest for its cost alone. */
const fleets = [
  { bridges: 10, offered: 0.5, hours: 8 },
  { bridges: 100, offered: 0.5, hours: 2 },
  { bridges: 1000, offered: 0.05, hours: 0.2 },
] as const;

let seed = 0;

/** Each round other conferences: the interval of the figures is that of the draw. */
function measure(): Cell {
  seed++;
  const figures: Record<string, number> = {};
  for (const fleet of fleets) {
    const report = simulateFleet({ ...fleet, capacity, seed });
    figures[`choice of ${fleet.bridges}`] = report.selectionMicros;
    if (fleet.bridges === 1000) continue;
    figures[`mean load of ${fleet.bridges}`] = 100 * report.meanLoad;
    figures[`busiest of ${fleet.bridges}`] = 100 * report.busiestLoad;
    figures[`over capacity of ${fleet.bridges}`] = 100 * report.overCapacity;
  }
  return { figures };
}

export const fleetRow: Row = {
  name: "fleet",
  about:
    "simulated hours of conferences of 2 to 60 on fleets at half load: loads of bridges, time of one choice",
  figures: [
    { name: "mean load of 10", unit: "% of capacity" },
    { name: "busiest of 10", unit: "% of capacity, p99", better: "less" },
    { name: "over capacity of 10", unit: "% of bridge time", better: "less" },
    { name: "mean load of 100", unit: "% of capacity" },
    { name: "busiest of 100", unit: "% of capacity, p99", better: "less" },
    { name: "over capacity of 100", unit: "% of bridge time", better: "less" },
    { name: "choice of 10", unit: "us", better: "less" },
    { name: "choice of 100", unit: "us", better: "less" },
    { name: "choice of 1000", unit: "us", better: "less" },
  ],
  warmSeconds: { ours: 0 },
  contenders: {
    ours: async () => ({
      warm: async () => {},
      measure: async () => measure(),
      stop: async () => {},
    }),
  },
};
