/** What others may use of the bridge: the cores for simulations, and the key tables. */

export { allKeys } from "./config/tables.ts";
export { ConferenceDirectory } from "./signaling/conference-directory.ts";
export { MucClients } from "./signaling/muc-clients.ts";
export { BridgeStats, bridgeStatistics, presenceStatistics } from "./stats/bridge-stats.ts";
export { version } from "./version.ts";
export { MediaWorker } from "./worker/media-worker.ts";
export type * from "./worker-messages.ts";
