/** XMPP as an external component (XEP-0114) over @xmpp/component. */
import { component } from "@xmpp/component";
import type { Logger } from "../logging/logger.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { XmppConnection } from "./connection.ts";
import { NS } from "./namespaces.ts";
import { type SessionOptions, XmppSession } from "./session.ts";
import { StreamTransport } from "./stream.ts";

/** Which component we are. */
export interface XmppComponentOptions extends SessionOptions {
  readonly host: string;
  /** Normally 5347. */
  readonly port: number;
  /** The component's own address. */
  readonly domain: string;
  readonly secret: string;
}

/** A connection that is not started yet. Stanzas sent need a `from`; the domain is filled in. */
export function createXmppComponent(
  options: XmppComponentOptions,
  runtime: Runtime,
  log: Logger,
): XmppConnection {
  const { host, port, domain, secret } = options;
  const transport = new StreamTransport(
    {
      socket: { host, port, domain, security: "disabled", insecure: false },
      ns: NS.component,
      manageable: false,
      make: (Socket, Parser) =>
        Object.assign(component({ service: "xmpp://configured", domain, password: secret }), {
          Socket,
          Parser,
        }),
    },
    runtime,
  );
  const account = `${domain} at ${host}:${port}`;
  const credentials = { keys: "secret", words: "the secret" };
  const own = { account, credentials, ...options, defaultFrom: domain };
  return new XmppSession(transport, domain, own, runtime, log);
}
