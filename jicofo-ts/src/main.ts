/** The process: reads the configuration, connects, serves, and ends in order. */
import { readdirSync } from "node:fs";
import { type as osType } from "node:os";
import { checkConfig } from "#shared/config/check-config";
import type { LoadedConfig } from "#shared/config/config";
import { ConfigError, type ConfigFault, errorLines, faultLine } from "#shared/config/config-error";
import { createProgramLogger } from "#shared/config/log-settings";
import { readWords } from "#shared/config/program-words";
import { createHttpServer, type HttpServer } from "#shared/http/server";
import { realRuntime } from "#shared/runtime/real-runtime";
import { createShutdown, EXIT_CONFIG } from "#shared/runtime/shutdown";
import { createXmppClient } from "#shared/xmpp/client";
import { createXmppComponent } from "#shared/xmpp/component";
import type { XmppConnection } from "#shared/xmpp/connection";
import { MucRoom } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import type { Element } from "#shared/xmpp/xml";
import type { ComponentSettings } from "./config/component-keys.ts";
import { loadFocusConfig, missingBrewery, readFocusConfig } from "./config/load.ts";
import { allTables, type ConnectionSettings } from "./config/settings.ts";
import { version } from "./config/version.ts";
import { CapsCensus } from "./entry/caps-census.ts";
import { MemberDiscovery } from "./entry/member-discovery.ts";
import { describeComponent, describeOurselves } from "./entry/self-description.ts";
import { createJicofo } from "./program.ts";

const log = createProgramLogger({
  clock: realRuntime.clock,
  program: "Jicofo",
  component: "Main",
  argv: process.argv.slice(2),
  env: process.env,
});

/** A connection that is not started yet, and the `<c>` for its presence in rooms. */
function connect(
  name: "client" | "service",
  account: ConnectionSettings,
): { readonly connection: XmppConnection; readonly caps: () => Element } {
  const connection = createXmppClient(
    {
      name,
      keyPrefix: `jicofo.xmpp.${name}`,
      host: account.hostname,
      port: account.port,
      domain: account.domain,
      username: account.username,
      password: account.password,
      resource: account.resource,
      security: account.useTls ? "ifpossible" : "disabled",
      disableCertificateVerification: !account.verifyCertificate,
      replyTimeoutMs: account.replyTimeout,
      unknownIq: "feature-not-implemented",
    },
    realRuntime,
    log,
  );
  return { connection, caps: describeOurselves(connection, version, osType()) };
}

/** The component stream beside the login, not started yet. */
function connectComponent({ hostname, port, domain, secret }: ComponentSettings): XmppConnection {
  const connection = createXmppComponent(
    {
      name: "component",
      keyPrefix: "jicofo.ts.component",
      host: hostname,
      port,
      domain,
      secret,
      unknownIq: "feature-not-implemented",
    },
    realRuntime,
    log,
  );
  describeComponent(connection, version, osType());
  return connection;
}

/** Threads of this process, as the operating system counts them. */
function threads(): number {
  try {
    return readdirSync("/proc/self/task").length;
  } catch {
    return 1;
  }
}

function load(): LoadedConfig {
  return loadFocusConfig(process.argv.slice(2), process.env);
}

/** `--check-config`: prints what a start would make of the configuration; the exit status. */
function check(all: boolean, former: readonly ConfigFault[]): number {
  const report = checkConfig({
    program: "jicofo-ts",
    version,
    tables: allTables,
    all,
    errorStatus: EXIT_CONFIG,
    load,
    read(config) {
      const { settings, warnings } = readFocusConfig(config, former);
      return [...warnings, ...missingBrewery(settings)];
    },
  });
  process.stderr.write(report.stderr);
  process.stdout.write(report.stdout);
  return report.status;
}

async function start(): Promise<void> {
  const words = readWords(process.argv.slice(2), {
    program: "jicofo-ts",
    about: "The conference focus: invites participants, chooses bridges, moves media sources.",
    version,
    helpStatus: 1,
    environment: [["JICOFO_MAX_MEMORY", "bound of the heap: 512m, 3g"]],
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
  const { settings, warnings } = readFocusConfig(load(), words.warnings);
  for (const warning of warnings) log.warn(faultLine(warning));
  const shutdown = createShutdown({ runtime: realRuntime, log });
  shutdown.listen();
  const ours = connect("client", settings.client);
  const client = ours.connection;
  const other = settings.service && connect("service", settings.service);
  const service = other?.connection ?? client;
  const component = settings.component && connectComponent(settings.component);
  const connections = [...new Set([client, service]), ...(component ? [component] : [])];
  for (const connection of connections)
    shutdown.onStop(`XMPP ${connection.name}`, () => connection.stop());
  const http = settings.rest && restServer(settings.rest.host, settings.rest.port);
  const census = new CapsCensus();
  const members = new MemberDiscovery(client, settings.client.replyTimeout, census);
  const jicofo = createJicofo(settings, {
    runtime: realRuntime,
    log,
    client,
    service,
    component,
    openRoom: (connection, room, nick, onEvent) => {
      const opened = new MucRoom({
        connection,
        room,
        nick,
        onEvent,
        runtime: realRuntime,
        log: log.child({}, "MucRoom"),
      });
      const { caps } = connection === client || !other ? ours : other;
      opened.setPresenceExtension("c", NS.caps, caps());
      return opened;
    },
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
  for (const connection of connections) connection.start();
  log.info("Started", { version });
}

function restServer(host: string, port: number): HttpServer {
  return createHttpServer({ name: "rest", host, port, portKey: "jicofo.rest.port", log });
}

try {
  await start();
} catch (error) {
  // A mistake of the operator is one line per fault; anything else is our bug and ends with a stack.
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(errorLines("jicofo-ts", error));
  process.exit(EXIT_CONFIG);
}
