/**
 * The bridge as a program: reads the configuration, starts the media workers, HTTP and XMPP, and
 * ends them in order. The only file that reads configuration (with `bridge-config.ts`).
 */
import { readFileSync } from "node:fs";
import { checkConfig } from "#shared/config/check-config";
import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault, errorLines, faultLine } from "#shared/config/config-error";
import {
  createProgramLogger,
  type LogSettings,
  readLogSettings,
} from "#shared/config/log-settings";
import { readWords } from "#shared/config/program-words";
import { JVB_HTTP } from "#shared/http/dialect";
import { createHttpServer, type HttpServer } from "#shared/http/server";
import { readTlsSettings } from "#shared/http/tls-settings";
import type { Logger } from "#shared/logging/logger";
import { publishProcessMetrics } from "#shared/metrics/process-metrics";
import { realRuntime } from "#shared/runtime/real-runtime";
import { createShutdown, EXIT_CONFIG, type Shutdown } from "#shared/runtime/shutdown";
import { createXmppClient } from "#shared/xmpp/client";
import { MucRoom } from "#shared/xmpp/muc";
import type { BridgeConfig, HttpSettings } from "./bridge-config.ts";
import { loadBridgeConfig, readWholeConfig } from "./config/load.ts";
import { allKeys } from "./config/tables.ts";
import { Bridge } from "./main/bridge.ts";
import { MediaWorkers } from "./main/media-workers.ts";
import { discoverMappings } from "./net/discover-mappings.ts";
import { ColibriWebSockets } from "./signaling/colibri-web-socket.ts";
import { MucClients } from "./signaling/muc-clients.ts";
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

function load(): LoadedConfig {
  return loadBridgeConfig(process.argv.slice(2), process.env);
}

/** A server that listens and has no routes yet; none where the port says so. */
async function listen(
  name: "private" | "public",
  at: HttpSettings,
  log: Logger,
): Promise<HttpServer | undefined> {
  if (at.port < 0) return undefined;
  const server = createHttpServer({
    name,
    host: at.host,
    port: at.port,
    portKey: at.portKey,
    tls: at.tls === undefined ? undefined : readTlsSettings(at.tls),
    dialect: JVB_HTTP,
    log,
  });
  await server.start();
  return server;
}

/** Starts everything. Throws `ConfigError` for what the operator must put right. */
async function start(
  log: Logger,
  logging: LogSettings,
  shutdown: Shutdown,
  former: readonly ConfigFault[],
): Promise<void> {
  const { config, warnings } = readWholeConfig(load(), former, log);
  for (const warning of warnings) log.warn(faultLine(warning));
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
      process.stderr.write(`jvb-ts: ${message}\n`);
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
  const sockets = publicServer && servePublic(publicServer, config, bridge, log, shutdown);
  if (privateServer) {
    addPrivateRoutes(privateServer, bridge, config.apis);
    shutdown.onStop("private HTTP", () => privateServer.stop(0));
  }
  // Nor could it with a UDP port that is taken.
  await socketsOpen.promise;
  if (shutdown.stopping) return;
  const clients = makeClients(bridge, log, config.settings.redactRemoteAddresses);
  shutdown.onStop("XMPP", () => clients.stop());
  bridge.start(clients, sockets);
  discover(config, bridge, log);
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

/** WebSockets of the bridge channel, if they are on. */
function servePublic(
  server: HttpServer,
  { webSockets }: BridgeConfig,
  bridge: Bridge,
  log: Logger,
  shutdown: Shutdown,
): ColibriWebSockets | undefined {
  const sockets = webSockets.enabled
    ? new ColibriWebSockets({
        ...webSockets,
        runtime,
        log,
        toConference: (conference, message) => bridge.toConference(conference, message),
        count: (counter) => bridge.count(counter),
      })
    : undefined;
  sockets?.addTo(server);
  shutdown.onStop("public HTTP", async () => {
    sockets?.close();
    await server.stop(0);
  });
  return sockets;
}

function makeClients(bridge: Bridge, log: Logger, hideAddresses: boolean): MucClients {
  return new MucClients({
    version: bridge.version,
    timers: runtime.timers,
    log,
    now: () => runtime.clock.now(),
    connect: (client, resource) =>
      createXmppClient(
        {
          name: client.id,
          keyPrefix: `videobridge.apis.xmpp-client.configs.${client.id}`,
          host: client.hostname,
          port: client.port,
          domain: client.domain,
          username: client.username,
          password: client.password,
          resource,
          security: client.securityMode,
          disableCertificateVerification: client.disableCertificateVerification,
          unknownIq: "feature-not-implemented",
          // Only the focus and other bridges reach us; one request may name hundreds of endpoints.
          maxStanzaChars: 1024 * 1024,
        },
        runtime,
        log,
      ),
    openRoom: (connection, room, nick, onEvent) =>
      new MucRoom({ connection, room, nick, onEvent, runtime, log }),
    colibri: (request) => bridge.colibri(request),
    health: () => bridge.health(),
    onDisconnect: () => bridge.count("xmpp_disconnects"),
    onDelay: (kind, delayMs) => bridge.addDelay(kind, delayMs),
    hideAddresses,
  });
}

/** `--check-config`: prints what a start would make of the configuration; the exit status. */
function check(all: boolean, former: readonly ConfigFault[]): number {
  const report = checkConfig({
    program: "jvb-ts",
    version,
    tables: allKeys,
    all,
    errorStatus: EXIT_CONFIG,
    load,
    read: (loaded, log) => readWholeConfig(loaded, former, log).warnings,
  });
  process.stderr.write(report.stderr);
  process.stdout.write(report.stdout);
  return report.status;
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const logging = readLogSettings(argv, process.env);
  const log = createProgramLogger({
    clock: runtime.clock,
    program: "JVB",
    component: "Bridge",
    argv,
    env: process.env,
  });
  try {
    const words = readWords(argv, {
      program: "jvb-ts",
      about: "The video bridge: forwards the media of conferences that a focus sets up.",
      version,
      helpStatus: 0,
      environment: [["VIDEOBRIDGE_MAX_MEMORY", "bound of each thread's heap: 512m, 3g"]],
    });
    if (words.kind === "print") {
      process.stdout.write(words.text);
      process.exitCode = words.status;
      return;
    }
    if (words.kind === "check") {
      process.exitCode = check(words.all, words.warnings);
      return;
    }
    const shutdown = createShutdown({ runtime, log });
    shutdown.listen();
    await start(log, logging, shutdown, words.warnings);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    process.stderr.write(errorLines("jvb-ts", cause));
    process.exit(EXIT_CONFIG);
  }
}

await main();
