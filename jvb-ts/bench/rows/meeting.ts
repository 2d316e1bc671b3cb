import { loadRow } from "./load-row.ts";

export const meetingRow = loadRow("meeting", { limit: false });
