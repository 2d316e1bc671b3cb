/** XMPP as a client (c2s) over @xmpp/client: login, TLS, resumption, reconnection. */
import { client } from "@xmpp/client";
import type { Logger } from "../logging/logger.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { XmppConnection } from "./connection.ts";
import { NS } from "./namespaces.ts";
import { ScramSha1 } from "./scram-sha-1.ts";
import { type SessionOptions, XmppSession } from "./session.ts";
import { StreamTransport } from "./stream.ts";
import type { SecurityMode } from "./xmpp-socket.ts";

/** How to log in. */
export interface XmppClientOptions extends SessionOptions {
  readonly host: string;
  /** 1..65535, normally 5222. */
  readonly port: number;
  /** XMPP domain: stream and SASL. */
  readonly domain: string;
  /** Node part of the account; without a password the login is anonymous. */
  readonly username: string;
  readonly password: string | undefined;
  /** Fixed resource; `undefined` lets the server choose. */
  readonly resource: string | undefined;
  readonly security: SecurityMode;
  /** Accept any certificate. */
  readonly disableCertificateVerification: boolean;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** Longest stanza taken, in characters; 256 Ki unless given, for peers anybody can be. */
  readonly maxStanzaChars?: number;
}

/** A connection that is not started yet. */
export function createXmppClient(
  options: XmppClientOptions,
  runtime: Runtime,
  log: Logger,
): XmppConnection {
  const { host, port, domain, username, password, resource } = options;
  const transport = new StreamTransport(
    {
      socket: {
        host,
        port,
        domain,
        security: options.security,
        insecure: options.disableCertificateVerification,
        ca: options.ca,
      },
      ns: NS.client,
      manageable: true,
      maxStanzaChars: options.maxStanzaChars,
      make: (Socket, Parser) => {
        const entity = client({
          service: "xmpp://configured",
          domain,
          ...(resource === undefined ? {} : { resource }),
          ...(password === undefined ? {} : { username, password }),
        });
        class Scram {
          constructor() {
            // biome-ignore lint/correctness/noConstructorReturn: the library calls `new` without arguments
            return new ScramSha1(Buffer.from(runtime.random.bytes(18)).toString("base64"));
          }
        }
        for (const entry of entity.saslFactory._mechs)
          if (entry.name === "SCRAM-SHA-1") entry.mech = Scram;
        // Of WebSocket, TCP and TLS, the one for plain xmpp: TLS is our socket's business.
        const tcp = entity.transports.find(
          ({ prototype }) => prototype.socketParameters("xmpp://configured:1") !== undefined,
        );
        const prototype = Object.assign(Object.create(tcp?.prototype ?? null) as object, {
          Socket,
          Parser,
          socketParameters: () => ({ host, port }),
        });
        entity.transports.length = 0;
        entity.transports.push({ prototype });
        return entity;
      },
    },
    runtime,
  );
  const user = password === undefined ? "an anonymous login" : `${username}@${domain}`;
  const account = `${user} at ${host}:${port}`;
  return new XmppSession(transport, domain, { account, ...options }, runtime, log);
}
