import { loadRow } from "./load-row.ts";

export const smallCallsRow = loadRow("small-calls", { limit: false });
