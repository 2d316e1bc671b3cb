import { loadRow } from "./load-row.ts";

export const panelRow = loadRow("panel", { limit: false });
