/** The bridge's two HTTP servers: the public one for bridge channels, the private one for operators. */
import { JVB_HTTP } from "#shared/http/dialect";
import { createHttpServer, type HttpServer } from "#shared/http/server";
import { readTlsSettings } from "#shared/http/tls-settings";
import type { Logger } from "#shared/logging/logger";
import type { Runtime } from "#shared/runtime/runtime";
import type { BridgeConfig, HttpSettings } from "../bridge-config.ts";
import { ColibriWebSockets } from "../signaling/colibri-web-socket.ts";
import type { Bridge } from "./bridge.ts";

/** A server that listens and has no routes yet; none where the port says so. */
export async function listen(
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

/** WebSockets of the bridge channel, added to the public server, if they are on. */
export function addChannels(
  server: HttpServer,
  { webSockets }: BridgeConfig,
  bridge: Bridge,
  runtime: Runtime,
  log: Logger,
): ColibriWebSockets | undefined {
  if (!webSockets.enabled) return undefined;
  const sockets = new ColibriWebSockets({
    ...webSockets,
    runtime,
    log,
    toConference: (conference, message) => bridge.toConference(conference, message),
    count: (counter) => bridge.count(counter),
  });
  sockets.addTo(server);
  return sockets;
}
