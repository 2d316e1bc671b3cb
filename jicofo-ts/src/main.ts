/** The process: reads the configuration, connects, serves, and ends in order. */
import { readdirSync } from "node:fs";
import { type as osType } from "node:os";
import { runProgram, type StartContext } from "#shared/config/program";
import { createHttpServer, type HttpServer } from "#shared/http/server";
import type { Logger } from "#shared/logging/logger";
import { processMemory, returnMemory } from "#shared/runtime/memory-return";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { XmppConnection } from "#shared/xmpp/connection";
import { loadFocusConfig, readFocusConfig, whyIdle } from "./config/load.ts";
import { allTables, type FocusSettings } from "./config/settings.ts";
import { version } from "./config/version.ts";
import { CapsCensus } from "./entry/caps-census.ts";
import { MemberDiscovery } from "./entry/member-discovery.ts";
import { openConnections } from "./main/connections.ts";
import { rehearse } from "./main/rehearsal.ts";
import { createJicofo } from "./program.ts";

/** ms from the login, in which breweries are joined and bridges are heard. */
const rehearsalDelay = 250;

/** Threads of this process, as the operating system counts them. */
function threads(): number {
  try {
    return readdirSync("/proc/self/task").length;
  } catch {
    return 1;
  }
}

function restServer(settings: FocusSettings, log: Logger): HttpServer | undefined {
  if (settings.rest === undefined) return undefined;
  const { host, port } = settings.rest;
  return createHttpServer({ name: "rest", host, port, portKey: "jicofo.rest.port", log });
}

/** Once, shortly after the login, unless real calls came first and did as well. */
function rehearseWhenQuiet(settings: FocusSettings, client: XmppConnection, isBusy: () => boolean) {
  const stop = client.onState(({ state }) => {
    if (state !== "online") return;
    stop();
    realRuntime.timers.after(rehearsalDelay, () => {
      if (!isBusy()) void rehearse(settings, realRuntime);
    });
  });
}

async function start(settings: FocusSettings, { log, shutdown }: StartContext): Promise<void> {
  const { all, ...connections } = openConnections(settings, log);
  for (const connection of all) shutdown.onStop(`XMPP ${connection.name}`, () => connection.stop());
  const http = restServer(settings, log);
  const census = new CapsCensus();
  const members = new MemberDiscovery(connections.client, settings.client.replyTimeout, census);
  const jicofo = createJicofo(settings, {
    ...connections,
    runtime: realRuntime,
    log,
    discover: (occupant, presence) => members.featuresOf(occupant, presence),
    caps: () => census.print(),
    threads,
    os: osType(),
    http,
  });
  shutdown.onStop("focus", () => jicofo.stop());
  if (http) {
    await http.start();
    shutdown.onStop("HTTP", () => http.stop());
  }
  for (const connection of all) connection.start();
  rehearseWhenQuiet(settings, connections.client, () => jicofo.focus.rooms().length > 0);
  returnMemory({ timers: realRuntime.timers, log, memory: processMemory() });
  log.info("Started", { version });
}

await runProgram({
  program: "jicofo-ts",
  about: "The conference focus: invites participants, chooses bridges, moves media sources.",
  version,
  helpStatus: 1,
  exitStatuses: [[2, "no configuration: neither --config nor /etc/jitsi/jicofo/jicofo.conf"]],
  environment: [["JICOFO_MAX_MEMORY", "bound of the heap: 512m, 3g"]],
  logAs: { program: "Jicofo", component: "Main" },
  tables: allTables,
  load: loadFocusConfig,
  read: readFocusConfig,
  idle: whyIdle,
  start,
});
