import { loadRow } from "./load-row.ts";

export const broadcastRow = loadRow("broadcast", { limit: true });
