/** The implementation under test: started on loopback with a Prosody of its own, and torn down. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRootLogger } from "#shared/logging/log";
import { realRuntime } from "#shared/runtime/real-runtime";
import { createXmppClient } from "#shared/xmpp/client";
import type { XmppConnection } from "#shared/xmpp/connection";
import { parseBareJid } from "#shared/xmpp/jid";
import { MucRoom } from "#shared/xmpp/muc";
import { createStack } from "../../shared/demo/stack.ts";
import { javaBridge, javaFocus, upstreamFolder } from "./java.ts";

export type Implementation = "ours" | "java";

export interface Target {
  /** The tester's stream; an administrator and occupant of the brewery. */
  readonly xmpp: XmppConnection;
  /** Addresses for IQs. */
  readonly addresses: Readonly<Record<"bridge" | "focus", string>>;
  /** Origins of the HTTP servers. */
  readonly http: Readonly<Record<"bridge" | "bridge public" | "focus", string>>;
  readonly domain: string;
  stop(): Promise<void>;
}

/** Starts Prosody, the chosen focus and bridge, and a tester who is in the brewery. */
export async function startTarget(focus: Implementation, bridge: Implementation): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "jitsi-ts-conformance-"));
  const stack = await createStack({
    folder,
    bridges: 1,
    mediaAddresses: ["127.0.0.1"],
    channelOrigin: { host: "127.0.0.1:9", tls: false },
    sctp: false,
    usualPorts: false,
    accounts: ["tester"],
  });
  const [first] = stack.bridges;
  if (first === undefined) throw new Error("the stack has no bridge");
  const upstream = upstreamFolder();
  if ((focus === "java" || bridge === "java") && "reason" in upstream)
    throw new Error(upstream.reason);
  const path = "path" in upstream ? upstream.path : "";
  const focusProgram =
    focus === "ours"
      ? stack.focus
      : javaFocus(path, {
          logFile: join(folder, "focus.log"),
          config: stack.focusFile,
          httpPort: stack.focusPort,
        });
  const bridgeProgram =
    bridge === "ours"
      ? first.program
      : javaBridge(path, {
          logFile: join(folder, "bridge.log"),
          config: first.file,
          httpPort: first.privatePort,
        });
  const stopServers = async () => {
    await Promise.all([focusProgram.stop(), bridgeProgram.stop()]);
    await stack.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await stack.prosody.start();
    await Promise.all([focusProgram.start(), bridgeProgram.start()]);
    const log = createRootLogger({
      clock: realRuntime.clock,
      program: "conformance",
      level: "debug",
    });
    const xmpp = createXmppClient(
      {
        name: "tester",
        host: "127.0.0.1",
        port: stack.c2sPort,
        domain: `auth.${stack.domain}`,
        username: "tester",
        password: stack.passwords["tester"] ?? "",
        resource: "tester",
        security: "disabled",
        disableCertificateVerification: true,
      },
      realRuntime,
      log,
    );
    xmpp.start();
    const brewery = parseBareJid(`jvbbrewery@internal.auth.${stack.domain}`);
    if (brewery === undefined) throw new Error("the brewery has no address");
    const room = new MucRoom({
      connection: xmpp,
      room: brewery,
      nick: "tester",
      runtime: realRuntime,
      log,
      onEvent: () => undefined,
    });
    for (let joined = false; !joined; ) joined = (await room.join()).kind === "joined";
    while (!room.occupants.has(first.name)) await new Promise((resolve) => setTimeout(resolve, 50));
    return {
      xmpp,
      addresses: { bridge: `${brewery}/${first.name}`, focus: `focus@auth.${stack.domain}/focus` },
      http: {
        bridge: `http://127.0.0.1:${first.privatePort}`,
        "bridge public": `http://127.0.0.1:${first.publicPort}`,
        focus: `http://127.0.0.1:${stack.focusPort}`,
      },
      domain: stack.domain,
      async stop() {
        await xmpp.stop();
        await stopServers();
      },
    };
  } catch (error) {
    await stopServers();
    throw error;
  }
}
