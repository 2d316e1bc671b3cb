/**
 * The bridge as a program: reads the configuration, starts the media workers, HTTP and XMPP, and
 * ends them in order. The only file that reads configuration (with `bridge-config.ts`).
 */
import { readFileSync } from "node:fs";
import { runProgram, type StartContext } from "#shared/config/program";
import type { Logger } from "#shared/logging/logger";
import { publishProcessMetrics } from "#shared/metrics/process-metrics";
import { processMemory, returnMemory } from "#shared/runtime/memory-return";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { BridgeConfig } from "./bridge-config.ts";
import { loadBridgeConfig, readWholeConfig, whyIdle } from "./config/load.ts";
import { allKeys } from "./config/tables.ts";
import { Bridge } from "./main/bridge.ts";
import { addChannels, listen } from "./main/http-servers.ts";
import { MediaWorkers } from "./main/media-workers.ts";
import { createMucClients } from "./main/muc-connections.ts";
import { discoverMappings } from "./net/discover-mappings.ts";
import { addPrivateRoutes } from "./signaling/private-http.ts";
import { version } from "./version.ts";

const runtime = realRuntime;

function readProcStat(): string {
  try {
    return readFileSync("/proc/stat", "utf8");
  } catch {
    return "";
  }
}

async function start(
  config: BridgeConfig,
  { log, logging, shutdown }: StartContext,
): Promise<void> {
  // A port that is taken stops the start before a focus could see this bridge.
  const publicServer = await listen("public", config.publicHttp, log);
  const privateServer = await listen("private", config.privateHttp, log);
  const socketsOpen = Promise.withResolvers<void>();
  const workers = new MediaWorkers({
    count: config.workers,
    settings: config.settings,
    logging,
    runtime,
    log,
    onMessage: (worker, message) => {
      bridge.handleWorker(worker, message);
      if (message.kind === "ready") socketsOpen.resolve();
    },
    onDeath: (worker) => bridge.handleWorkerDeath(worker),
  });
  const bridge = new Bridge({
    config,
    version: config.version ?? version,
    runtime,
    log,
    post: (worker, message) => workers.post(worker, message),
    readProcStat,
    onFinished: () => void shutdown.stop("shutdown over the API", 0),
    onFatal: (message, status) => {
      log.error(message);
      void shutdown.stop("a media worker cannot start", status);
    },
  });
  if (config.jvmStats) {
    shutdown.onStop(
      "metrics",
      publishProcessMetrics(bridge.registry, { threads: "thread_count", jvm: true }),
    );
  }
  workers.start();
  shutdown.onStop("media workers", () => workers.stop());
  const sockets = publicServer && addChannels(publicServer, config, bridge, runtime, log);
  if (publicServer) {
    shutdown.onStop("public HTTP", async () => {
      sockets?.close();
      await publicServer.stop(0);
    });
  }
  if (privateServer) {
    addPrivateRoutes(privateServer, bridge, config.apis);
    shutdown.onStop("private HTTP", () => privateServer.stop(0));
  }
  // Nor could it with a UDP port that is taken.
  await socketsOpen.promise;
  if (shutdown.stopping) return;
  const clients = createMucClients(bridge, runtime, log, config.settings.redactRemoteAddresses);
  shutdown.onStop("XMPP", () => clients.stop());
  bridge.start(clients, sockets);
  discover(config, bridge, log);
  returnMemory({ timers: runtime.timers, log, memory: processMemory() });
  log.info("Bridge started", { version: bridge.version, workers: config.workers });
}

/** Asks STUN servers for our public addresses, beside everything else; once. */
function discover({ settings, stunServers }: BridgeConfig, bridge: Bridge, log: Logger): void {
  if (stunServers.length === 0) return;
  const ips = settings.sockets.addresses.map(({ ip }) => ip);
  discoverMappings(stunServers, ips, runtime, log).then(
    (found) => bridge.addMappings(found),
    (cause: unknown) => log.error("STUN discovery failed", {}, cause),
  );
}

await runProgram({
  program: "jvb-ts",
  about: "The video bridge: forwards the media of conferences that a focus sets up.",
  version,
  helpStatus: 0,
  environment: [["VIDEOBRIDGE_MAX_MEMORY", "bound of each thread's heap: 512m, 3g"]],
  logAs: { program: "JVB", component: "Bridge" },
  tables: allKeys,
  load: loadBridgeConfig,
  read: readWholeConfig,
  idle: whyIdle,
  start,
});
