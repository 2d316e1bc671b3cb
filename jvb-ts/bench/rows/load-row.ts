/** Rows of the load: one workload each, ours beside Java's bridge and the limit program. */
import type { Row } from "../../../shared/bench/row.ts";
import { loadFigures, loadUnits } from "../load/cell.ts";
import { startContender } from "../load/contender.ts";
import { workloads } from "../load/workload.ts";

/**
 * @param against the limit program bounds the row too
 * @throws Error when there is no such workload
 */
export function loadRow(name: string, against: { readonly limit: boolean }): Row {
  const workload = workloads.find((each) => each.name === name);
  if (workload === undefined) throw new Error(`no workload ${name}`);
  return {
    name,
    about: workload.about,
    figures: loadFigures(against.limit),
    units: loadUnits,
    contenders: {
      ours: startContender("ours", name),
      java: startContender("java", name),
      limit: startContender("limit", name),
    },
  };
}
