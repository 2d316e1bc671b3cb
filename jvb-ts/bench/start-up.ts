/**
 * Rows about the start: time from `exec` until HTTP answers and the program has entered its brewery
 * room, then memory and CPU of the idle process (spec F8); ours and upstream's on the same
 * configuration files and the same Prosody. Each round is a start of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRootLogger } from "#shared/logging/log";
import { realRuntime } from "#shared/runtime/real-runtime";
import { createXmppClient } from "#shared/xmpp/client";
import { localOf, parseBareJid } from "#shared/xmpp/jid";
import { MucRoom } from "#shared/xmpp/muc";
import { javaBridge, javaFocus, upstreamFolder } from "../../conformance/harness/java.ts";
import { ProcessTree, watchTree } from "../../shared/bench/process-tree.ts";
import type { Cell, Row, RunningContender, StartContender } from "../../shared/bench/row.ts";
import type { Program } from "../../shared/demo/program.ts";
import { createStack, type Stack } from "../../shared/demo/stack.ts";

type Component = "focus" | "bridge";

/** What starts a program needs to be over before it is called idle. */
const SETTLE_MS = 10_000;

/** As upstream's launchers start them. */
const javaFlags = ["-Xmx3072m", "-XX:+UseG1GC"];

/** Sees who enters the brewery. */
interface Watcher {
  /** The moment at which an account is in the room; waits for it. */
  seen(account: string): Promise<number>;
  gone(account: string): Promise<void>;
  stop(): Promise<void>;
}

async function until<T>(what: string, find: () => T | undefined): Promise<T> {
  for (let waited = 0; waited < 60_000; waited += 5) {
    const found = find();
    if (found !== undefined) return found;
    await sleep(5);
  }
  throw new Error(`no ${what} within a minute`);
}

async function watchBrewery(stack: Stack): Promise<Watcher> {
  const { clock } = realRuntime;
  const log = createRootLogger({ clock, program: "bench", level: "error" });
  const connection = createXmppClient(
    {
      name: "watcher",
      host: "127.0.0.1",
      port: stack.c2sPort,
      domain: `auth.${stack.domain}`,
      username: "watcher",
      password: stack.passwords["watcher"],
      resource: "watcher",
      security: "disabled",
      disableCertificateVerification: true,
    },
    realRuntime,
    log,
  );
  connection.start();
  await until("login", () => connection.state === "online" || undefined);
  const address = parseBareJid(`jvbbrewery@internal.auth.${stack.domain}`);
  if (address === undefined) throw new Error("the brewery has no address");
  const entered = new Map<string, number>();
  const room: MucRoom = new MucRoom({
    connection,
    room: address,
    nick: "watcher",
    runtime: realRuntime,
    log,
    onEvent: (event) => {
      if (event.kind !== "occupantJoined" && event.kind !== "occupantLeft") return;
      const { realJid } = event.occupant;
      const account = realJid && localOf(realJid);
      if (account === undefined) return;
      if (event.kind === "occupantJoined") entered.set(account, performance.now());
      else entered.delete(account);
    },
  });
  const joined = await room.join();
  if (joined.kind !== "joined") throw new Error(`cannot enter the brewery: ${joined.kind}`);
  return {
    seen: (account) => until(`${account} in the brewery`, () => entered.get(account)),
    gone: async (account) => {
      await until(`departure of ${account}`, () => !entered.has(account) || undefined);
    },
    stop: () => connection.stop(),
  };
}

async function measure(
  program: Program,
  account: string,
  watcher: Watcher,
  seconds: number,
): Promise<Cell> {
  // Prosody keeps the session of one that did not say good-bye.
  await watcher.gone(account);
  const began = performance.now();
  const [httpMs, enteredAt] = await Promise.all([program.start(), watcher.seen(account)]);
  try {
    await sleep(SETTLE_MS);
    const { pid } = program;
    if (pid === undefined) throw new Error(`${program.name} ended; see ${program.logFile}`);
    const tree = new ProcessTree(pid);
    const watch = watchTree(tree);
    await sleep(seconds * 1000);
    const threads = tree.threads();
    const use = watch.stop();
    tree.close();
    return {
      figures: {
        "ready after": Math.max(httpMs, enteredAt - began),
        "idle memory": use.rssMb,
        "idle CPU": (use.cpuSeconds / use.seconds) * 100,
        "idle memory, shared parts divided": use.pssMb,
        threads,
      },
      series: { "idle memory": use.series.rssMb },
    };
  } finally {
    await program.stop();
  }
}

/** A Prosody of its own with a program that is started in each round. */
function contender(component: Component, isJava: boolean): StartContender {
  return async () => {
    const upstream = upstreamFolder();
    if (isJava && "reason" in upstream) return { notMeasured: upstream.reason };
    const path = "path" in upstream ? upstream.path : "";
    const folder = mkdtempSync(join(tmpdir(), "jitsi-ts-bench-"));
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.on("exit", remove);
    const stack = await createStack({
      folder,
      bridges: 1,
      mediaAddresses: ["127.0.0.1"],
      channelOrigin: { host: "127.0.0.1:1", tls: false },
      // Upstream's program beside the checkout has no SCTP library.
      sctp: false,
      usualPorts: false,
      accounts: ["watcher"],
    });
    const [bridge] = stack.bridges;
    if (bridge === undefined) throw new Error("the stack has no bridge");
    const logFile = join(folder, "java.log");
    const common = { logFile, flags: javaFlags };
    const java = () =>
      component === "focus"
        ? javaFocus(path, { ...common, config: stack.focusFile, httpPort: stack.focusPort })
        : javaBridge(path, { ...common, config: bridge.file, httpPort: bridge.privatePort });
    const program = isJava ? java() : component === "focus" ? stack.focus : bridge.program;
    await stack.prosody.start();
    const watcher = await watchBrewery(stack);
    const account = component === "focus" ? "focus" : "jvb";
    const running: RunningContender = {
      warm: async () => {},
      measure: (seconds) => measure(program, account, watcher, seconds),
      stop: async () => {
        await program.stop();
        await watcher.stop();
        await stack.stop();
        process.off("exit", remove);
        remove();
      },
    };
    return running;
  };
}

const row = (component: Component, readyMs: number, memoryMb: number): Row => ({
  name: `start-${component}`,
  about:
    `the ${component} from exec until HTTP answers and it is in its brewery room; ` +
    "then memory and CPU of the idle process",
  figures: [
    { name: "ready after", unit: "ms", better: "less", target: { atMost: readyMs } },
    { name: "idle memory", unit: "MiB", better: "less", target: { atMost: memoryMb } },
    { name: "idle CPU", unit: "% of a core", better: "less", target: { of: "java", atMost: 1 } },
    { name: "idle memory, shared parts divided", unit: "MiB", better: "less" },
    { name: "threads", unit: "" },
  ],
  warmSeconds: { ours: 0, java: 0, limit: 0 },
  contenders: { ours: contender(component, false), java: contender(component, true) },
});

export const startFocusRow = row("focus", 1000, 90);
export const startBridgeRow = row("bridge", 1500, 120);
