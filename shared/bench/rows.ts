/** Every row of the benchmark, in the order of the page. */
import { fleetRow } from "../../jicofo-ts/bench/fleet-row.ts";
import { focusAloneRow, focusRow } from "../../jicofo-ts/bench/row.ts";
import { packetPathRows, workerGarbageRow } from "../../jvb-ts/bench/packet-path.ts";
import { loadRows, setUpRow } from "../../jvb-ts/bench/rows/load-rows.ts";
import { startBridgeRow, startFocusRow } from "../../jvb-ts/bench/start-up.ts";
import type { Row } from "./row.ts";

export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

export const groups: readonly Group[] = [
  { title: "Media through the bridge", rows: [...loadRows, setUpRow] },
  { title: "Focus: conferences set up", rows: [focusRow, focusAloneRow] },
  { title: "Many bridges", rows: [fleetRow] },
  { title: "Start and idle", rows: [startFocusRow, startBridgeRow] },
  { title: "The packet path alone", rows: [...packetPathRows, workerGarbageRow] },
];
