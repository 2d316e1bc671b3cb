/** A login at a test's Prosody. */
import { realRuntime } from "#shared/runtime/real-runtime";
import { recordingLogger } from "#shared/testing/recording-logger";
import { until } from "#shared/testing/until";
import { createXmppClient } from "#shared/xmpp/client";
import type { XmppConnection } from "#shared/xmpp/connection";

/** Where to log in: a `Prosody`, or one behind something. */
export interface Server {
  readonly c2sPort: number;
  readonly domain: string;
  readonly authDomain: string;
}

/** `account`: name and password at the auth domain; without one the login is anonymous. */
export async function login(
  prosody: Server,
  account?: string,
  resource?: string,
): Promise<XmppConnection> {
  const connection = createXmppClient(
    {
      name: account ?? "guest",
      host: "127.0.0.1",
      port: prosody.c2sPort,
      domain: account === undefined ? prosody.domain : prosody.authDomain,
      username: account ?? "",
      password: account,
      resource,
      security: "ifpossible",
      disableCertificateVerification: false,
    },
    realRuntime,
    recordingLogger(),
  );
  connection.start();
  await until(() => connection.state === "online");
  return connection;
}
