/** The bridge in its breweries: one connection for each configured XMPP client. */
import type { Logger } from "#shared/logging/logger";
import type { Runtime } from "#shared/runtime/runtime";
import { createXmppClient } from "#shared/xmpp/client";
import { MucRoom } from "#shared/xmpp/muc";
import { MucClients } from "../signaling/muc-clients.ts";
import type { Bridge } from "./bridge.ts";

/** `hideAddresses`: of participants, in the log. */
export function createMucClients(
  bridge: Bridge,
  runtime: Runtime,
  log: Logger,
  hideAddresses: boolean,
): MucClients {
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
    onLateReply: () => bridge.count("xmpp_late_replies"),
    onDisconnect: () => bridge.count("xmpp_disconnects"),
    onDelay: (kind, delayMs) => bridge.addDelay(kind, delayMs),
    hideAddresses,
  });
}
