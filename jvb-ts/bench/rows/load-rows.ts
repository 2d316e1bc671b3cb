/** Rows of the load: one workload each, and endpoints that come; ours beside Java's bridge and the limit program. */
import type { Row } from "../../../shared/bench/row.ts";
import { loadFigures, loadUnits } from "../load/cell.ts";
import { startContender, startSetUps } from "../load/contender.ts";
import { setUpFigures, setUpUnits } from "../load/set-ups-cell.ts";
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

export const setUpRow: Row = {
  name: "set-ups",
  about:
    "endpoints that come one by one into a call: from the first ICE packet to the keys of SRTP and to " +
    "the first packet of another; then endpoints that are only created",
  figures: setUpFigures,
  units: setUpUnits,
  contenders: { ours: startSetUps("ours"), java: startSetUps("java") },
};
