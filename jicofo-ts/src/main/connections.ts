/** Our connections to the XMPP server, none of them started, with what they say about us. */
import { type as osType } from "node:os";
import type { Logger } from "#shared/logging/logger";
import { realRuntime } from "#shared/runtime/real-runtime";
import { createXmppClient } from "#shared/xmpp/client";
import { createXmppComponent } from "#shared/xmpp/component";
import type { XmppConnection } from "#shared/xmpp/connection";
import { MucRoom } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import type { Element } from "#shared/xmpp/xml";
import type { ComponentSettings } from "../config/component-keys.ts";
import type { ConnectionSettings, FocusSettings } from "../config/settings.ts";
import { version } from "../config/version.ts";
import { describeComponent, describeOurselves } from "../entry/self-description.ts";
import type { JicofoPorts } from "../program.ts";

/** What `createJicofo` reaches the server through, and all that must be started and stopped. */
export interface Connections extends Pick<JicofoPorts, "client" | "service" | "component"> {
  readonly all: readonly XmppConnection[];
  readonly openRoom: JicofoPorts["openRoom"];
}

/** The login, and the second one and the component stream where they are configured. */
export function openConnections(settings: FocusSettings, log: Logger): Connections {
  const ours = connect("client", settings.client, log);
  const client = ours.connection;
  const other = settings.service && connect("service", settings.service, log);
  const service = other?.connection ?? client;
  const component = settings.component && connectComponent(settings.component, log);
  return {
    client,
    service,
    component,
    all: [...new Set([client, service]), ...(component ? [component] : [])],
    openRoom(connection, room, nick, onEvent) {
      const roomLog = log.child({}, "MucRoom");
      const runtime = realRuntime;
      const opened = new MucRoom({ connection, room, nick, onEvent, runtime, log: roomLog });
      const { caps } = connection === client || !other ? ours : other;
      opened.setPresenceExtension("c", NS.caps, caps());
      return opened;
    },
  };
}

/** A login, and the `<c>` for its presence in rooms. */
function connect(
  name: "client" | "service",
  account: ConnectionSettings,
  log: Logger,
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

/** The component stream beside the login. */
function connectComponent(settings: ComponentSettings, log: Logger): XmppConnection {
  const { hostname, port, domain, secret } = settings;
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
