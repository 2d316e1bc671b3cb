/** The implementation under test: started on loopback with a Prosody of its own, and torn down. */
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createRootLogger } from "#shared/logging/log";
import { realRuntime } from "#shared/runtime/real-runtime";
import { iqResult } from "#shared/stanza/iq";
import { until } from "#shared/testing/until";
import { createXmppClient } from "#shared/xmpp/client";
import type { XmppConnection } from "#shared/xmpp/connection";
import { parseBareJid } from "#shared/xmpp/jid";
import { MucRoom } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, elementsOf, xml } from "#shared/xmpp/xml";
import { createStack } from "../../shared/demo/stack.ts";
import { javaBridge, javaFocus, upstreamFolder } from "./java.ts";

/** Whom an IQ can be sent to. `bridge account` is the bridge's own address, past the room. */
export type Who = "bridge" | "bridge account" | "focus" | "focus in room";

/**
 * Both are administrators; `guest` is there to be the second in a room. Where the focus
 * authenticates, the tester has an account of the login domain and the guest is anonymous.
 */
export type Tester = "tester" | "guest";

/** Whose presence a conversation can look at. */
export type Present = "bridge" | "focus" | Tester;

/** How the focus authenticates, if it does. */
export type Authentication = "XMPP" | "JWT";

export type Implementation = "ours" | "java";

export interface Target {
  /** The tester is an occupant of the brewery. */
  stream(who: Tester): XmppConnection;
  /** Address for IQs, as it is now. `focus in room` is in the room entered last. */
  address(who: Who): string | undefined;
  /** The latest presence of an occupant: the bridge in the brewery, others in the room entered last. */
  presence(who: Present): Element | undefined;
  /** What the tester was invited with last in this case: a Jingle session-initiate. */
  invitation(): Element | undefined;
  /** Enters a room; undefined when in, else what was in the way. */
  enter(room: string, who: Tester): Promise<string | undefined>;
  /** Leaves the rooms entered; for the end of a case. */
  leaveRooms(): Promise<void>;
  /** Origins of the HTTP servers. */
  readonly http: Readonly<Record<"bridge" | "bridge public" | "focus", string>>;
  /** Values that scripts may use as `{name}` from the start. */
  readonly names: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** An IPv4 address of the machine other than loopback, if it has one. */
function networkAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find((each) => each.family === "IPv4" && !each.internal)?.address;
}

async function bridgesOf(focus: string): Promise<number> {
  try {
    const response = await fetch(`${focus}/stats`, { signal: AbortSignal.timeout(2000) });
    const stats = (await response.json()) as { bridge_selector?: { bridge_count?: number } };
    return stats.bridge_selector?.bridge_count ?? 0;
  } catch {
    return 0;
  }
}

/**
 * Starts Prosody, the chosen focus and bridge, and a tester who is in the brewery. State and logs
 * go to the folder `keep`, or to one that is removed at the end. With `authentication` only users
 * of the tester's domain may create rooms.
 */
export async function startTarget(
  focus: Implementation,
  bridge: Implementation,
  keep?: string,
  authentication?: Authentication,
): Promise<Target> {
  const folder = keep ?? mkdtempSync(join(tmpdir(), "jitsi-ts-conformance-"));
  const stack = await createStack({
    folder,
    bridges: 1,
    // Upstream's ICE takes no loopback address.
    mediaAddresses: [(bridge === "java" ? networkAddress() : undefined) ?? "127.0.0.1"],
    channelOrigin: { host: "127.0.0.1:9", tls: false },
    // Upstream's bridge as it is run here has a stub for its SCTP library, and fails to allocate.
    sctp: bridge === "ours",
    usualPorts: false,
    accounts: ["tester", "guest"],
    ...(authentication === undefined
      ? {}
      : {
          focusConfig: `jicofo.authentication {
  enabled = true, type = ${authentication}, login-url = auth.\${jicofo.xmpp.client.xmpp-domain}
}`,
        }),
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
  const removeFolder = () => {
    if (keep === undefined) rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", removeFolder);
  const stopServers = async () => {
    await Promise.all([focusProgram.stop(), bridgeProgram.stop()]);
    await stack.stop();
    removeFolder();
    process.off("exit", removeFolder);
  };
  try {
    await stack.prosody.start();
    await Promise.all([focusProgram.start(), bridgeProgram.start()]);
    const log = createRootLogger({
      clock: realRuntime.clock,
      program: "conformance",
      level: "warn",
    });
    const login = async (name: Tester) => {
      const anonymous = authentication !== undefined && name === "guest";
      const connection = createXmppClient(
        {
          name,
          host: "127.0.0.1",
          port: stack.c2sPort,
          domain: anonymous ? stack.domain : `auth.${stack.domain}`,
          username: anonymous ? "" : name,
          password: anonymous ? undefined : (stack.passwords[name] ?? ""),
          resource: name,
          security: "disabled",
          disableCertificateVerification: true,
        },
        realRuntime,
        log,
      );
      connection.start();
      await until(`login of ${name}`, () => connection.state === "online");
      return connection;
    };
    const xmpp = await login("tester");
    const connections = { tester: xmpp, guest: await login("guest") };
    let invitation: Element | undefined;
    xmpp.handleIq({ type: "set", name: "jingle", ns: NS.jingle }, ({ payload, iq }) => {
      if (payload.attrs["action"] === "session-initiate") invitation = payload;
      return iqResult(iq);
    });
    connections.guest.handleIq({ type: "set", name: "jingle", ns: NS.jingle }, ({ iq }) =>
      iqResult(iq),
    );
    const enterRoom = async (address: string, who: Tester = "tester") => {
      const bare = parseBareJid(address);
      if (bare === undefined) throw new Error(`${address} is no room's address`);
      const room = new MucRoom({
        connection: connections[who],
        room: bare,
        nick: who,
        runtime: realRuntime,
        log,
        onEvent: () => undefined,
      });
      const result = await room.join({ timeoutMs: 5000 });
      return { room, result };
    };
    const breweryAddress = `jvbbrewery@internal.auth.${stack.domain}`;
    const brewery = await enterRoom(breweryAddress);
    if (brewery.result.kind !== "joined")
      throw new Error(`the tester cannot enter the brewery: ${brewery.result.kind}`);
    const bridgeThere = () => brewery.room.occupants.get(first.name);
    const announced = () =>
      elementsOf(bridgeThere()?.presence ?? xml("presence")).some((each) => each.name === "stats");
    await until("the bridge's presence in the brewery", announced, 30_000);
    const focusOrigin = `http://127.0.0.1:${stack.focusPort}`;
    const found = async () => (await bridgesOf(focusOrigin)) > 0;
    await until("the focus' finding the bridge", found, 30_000);
    let entered: MucRoom[] = [];
    return {
      stream: (who) => connections[who],
      address(who) {
        const inRoom = entered.at(-1);
        switch (who) {
          case "bridge":
            return `${breweryAddress}/${first.name}`;
          case "bridge account":
            return bridgeThere()?.realJid?.toString();
          case "focus":
            return `focus@auth.${stack.domain}/focus`;
          case "focus in room":
            return inRoom === undefined ? undefined : `${inRoom.room}/focus`;
        }
      },
      presence(who) {
        if (who === "bridge") return bridgeThere()?.presence;
        const last = entered.at(-1)?.room;
        // Nobody is among the occupants that it sees itself.
        const seen = entered.findLast((each) => each.room === last && each.occupants.has(who));
        return seen?.occupants.get(who)?.presence;
      },
      invitation: () => invitation,
      async enter(address, who) {
        const { room, result } = await enterRoom(address, who);
        if (result.kind !== "joined")
          return `${who} cannot enter ${address}: ${
            result.kind === "refused" ? result.error.condition : result.kind
          }`;
        entered.push(room);
        return undefined;
      },
      async leaveRooms() {
        const rooms = entered;
        entered = [];
        invitation = undefined;
        await Promise.all(rooms.map((room) => room.leave()));
      },
      http: {
        bridge: `http://127.0.0.1:${first.privatePort}`,
        "bridge public": `http://127.0.0.1:${first.publicPort}`,
        focus: focusOrigin,
      },
      names: { domain: stack.domain, bridge: first.name },
      async stop() {
        await Promise.all(Object.values(connections).map((each) => each.stop()));
        await stopServers();
      },
    };
  } catch (error) {
    await stopServers();
    throw error;
  }
}
