import { loadRow } from "./load-row.ts";

export const audioRow = loadRow("audio", { limit: true });
