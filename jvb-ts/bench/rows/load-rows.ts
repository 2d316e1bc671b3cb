/** Rows of the load: one workload each, ours beside Java's bridge and the limit program. */
import type { Row } from "../../../shared/bench/row.ts";
import { loadFigures, loadUnits } from "../load/cell.ts";
import { startContender } from "../load/contender.ts";
import { workloads } from "../load/workload.ts";

/** Rows that the limit program bounds too: no decision but to forward. */
const bounded = new Set(["audio", "broadcast"]);

export const loadRows: readonly Row[] = workloads.map(({ name, about }) => ({
  name,
  about,
  figures: loadFigures(bounded.has(name)),
  units: loadUnits,
  contenders: {
    ours: startContender("ours", name),
    java: startContender("java", name),
    limit: startContender("limit", name),
  },
}));
