/**
 * The stand that a contender is measured on: a process that `contender.ts` starts in a network
 * namespace of its own, where it starts Prosody, the bridge (pinned to core 0) and the generator
 * (core 1), and reads what the bridge uses.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { javaBridge, upstreamFolder } from "../../../conformance/harness/java.ts";
import { parseMachineTimes } from "../../../shared/bench/canary.ts";
import { ProcessTree, treeOf } from "../../../shared/bench/process-tree.ts";
import type { Cell, ContenderName } from "../../../shared/bench/row.ts";
import { answers, Program } from "../../../shared/demo/program.ts";
import { prosody } from "../../../shared/demo/prosody.ts";
import { type LimitOptions, type RunningLimit, startLimit } from "../limit/limit-program.ts";
import { bridgeConfiguration, PRIVATE_PORT } from "./bridge-configuration.ts";
import { cellOf, type ProgramUse } from "./cell.ts";
import type { FromGenerator, Measured, ToGenerator } from "./generator-messages.ts";
import { kernelDrops } from "./kernel-drops.ts";
import { setUpsCell } from "./set-ups-cell.ts";
import type { FromStand, StandSettings, ToStand } from "./stand-messages.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const DOMAIN = "meet.load";
const C2S_PORT = 5222;
const MEDIA_PORT = 10_000;
const MEDIA_ADDRESS = "10.77.0.1";
const PASSWORD = "load";
const BREWERY = `JvbBrewery@internal.auth.${DOMAIN}`;
const BRIDGE_CORE = "0";
/** As upstream's launcher starts it. */
const javaFlags = ["-Xmx3072m", "-XX:+UseG1GC", "-Djdk.tls.ephemeralDHKeySize=2048"];

const PRIORITY = -15;

/**
 * What else the machine does now and then is not to push a process of ours aside; whoever may not
 * ask for that has to have a quieter machine. Linux schedules whole sessions, so the nice value of a
 * process alone says nothing against those of another session.
 */
function comeFirst(pid: number): void {
  try {
    setPriority(pid, PRIORITY);
    writeFileSync(`/proc/${pid}/autogroup`, `${PRIORITY}`);
  } catch {
    // Not permitted, or a kernel without.
  }
}

const say = (message: FromStand): void => {
  // Nobody listens once the one who started us is gone.
  if (process.connected) process.send?.(message);
};

const settings = JSON.parse(process.argv[2] ?? "{}") as StandSettings;
const folder = await mkdtemp(join(tmpdir(), "jitsi-ts-load-"));
/** In the order in which they started. */
const programs: Program[] = [];

/** Messages of the generator, one after the other. */
class Generator {
  readonly #child: ChildProcess;
  #waiting: ((message: FromGenerator) => void) | undefined;
  readonly #heard: FromGenerator[] = [];
  onLimitSetup: (options: LimitOptions) => void = () => {};

  constructor() {
    // Nothing is to run beside the one thread: the core is its own.
    const flags = ["--max-semi-space-size=64", "--single-threaded-gc", "--conditions=source"];
    const file = fileURLToPath(new URL("generator.ts", import.meta.url));
    this.#child = spawn(process.execPath, [...flags, file], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#child.on("message", (message: FromGenerator) => this.#hear(message));
    this.#child.on("exit", (code, signal) =>
      this.#hear({ kind: "failed", reason: `the generator ended with ${signal ?? code}` }),
    );
  }

  #hear(message: FromGenerator): void {
    if (message.kind === "limitSetup") this.onLimitSetup(message.options);
    else if (this.#waiting === undefined) this.#heard.push(message);
    else {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting(message);
    }
  }

  tell(message: ToGenerator): void {
    this.#child.send(message);
  }

  /** The next message, which must be of this kind. */
  async hear<K extends FromGenerator["kind"]>(kind: K): Promise<FromGenerator & { kind: K }> {
    const message =
      this.#heard.shift() ??
      (await new Promise<FromGenerator>((resolve) => {
        this.#waiting = resolve;
      }));
    if (message.kind === "failed") throw new Error(message.reason);
    if (message.kind !== kind) throw new Error(`the generator says ${message.kind}, not ${kind}`);
    return message as FromGenerator & { kind: K };
  }

  end(): void {
    this.#child.disconnect();
  }
}

async function startBridge(contender: Exclude<ContenderName, "limit">): Promise<number> {
  const server = prosody({
    folder: join(folder, "prosody"),
    domain: DOMAIN,
    c2sPort: C2S_PORT,
    httpPort: 5280,
    accounts: { focus: PASSWORD, jvb: PASSWORD },
  });
  await server.start();
  programs.push(server);
  const config = join(folder, "jvb.conf");
  const login = { port: C2S_PORT, domain: `auth.${DOMAIN}`, password: PASSWORD, brewery: BREWERY };
  writeFileSync(config, bridgeConfiguration(login, MEDIA_PORT));
  const logFile = join(folder, "jvb.log");
  const under = ["taskset", "-c", BRIDGE_CORE];
  const program =
    contender === "java"
      ? javaBridgeProgram(config, logFile, under)
      : new Program({
          name: "jvb-ts",
          command: under[0] ?? "",
          args: [...under.slice(1), join(root, "jvb-ts/bin/jvb-ts"), "--config", config],
          logFile,
          ready: () => answers(`http://127.0.0.1:${PRIVATE_PORT}/about/health`),
        });
  await program.start();
  programs.push(program);
  if (program.pid === undefined) throw new Error("the bridge ended at once");
  comeFirst(program.pid);
  return program.pid;
}

/** What the bridge says of itself, and upstream's on which Java. */
async function versionOf(contender: ContenderName): Promise<string> {
  if (contender === "limit") return "OpenSSL's ciphers, recvmmsg and sendmmsg";
  const answer = await fetch(`http://127.0.0.1:${PRIVATE_PORT}/about/version`);
  const { name, version } = (await answer.json()) as { name: string; version: string };
  const java = () => spawnSync("java", ["-version"], { encoding: "utf8" }).stderr.split("\n")[0];
  return `${name} ${version}${contender === "java" ? ` on ${java()}, ${javaFlags.join(" ")}` : ""}`;
}

function javaBridgeProgram(config: string, logFile: string, under: readonly string[]): Program {
  const upstream = upstreamFolder();
  if ("reason" in upstream) throw new Error(upstream.reason);
  const options = { logFile, config, httpPort: PRIVATE_PORT, flags: javaFlags, under };
  return javaBridge(upstream.path, options);
}

/** Resident memory of the processes in MiB; cheap enough for the generator's core. */
function residentMb(pid: number): number {
  return treeOf(pid).reduce((sum, each) => {
    try {
      const pages = readFileSync(`/proc/${each}/statm`, "utf8").split(" ")[1];
      return sum + Number(pages) / 256;
    } catch {
      return sum;
    }
  }, 0);
}

const machineTimes = () => parseMachineTimes(readFileSync("/proc/stat", "utf8"));

/** Reads what the program uses from now until `stop`. */
function watch(tree: ProcessTree): { stop(): Omit<ProgramUse, "programDrops" | "ownDrops"> } {
  const rssMb = [residentMb(tree.pid)];
  const timer = setInterval(() => rssMb.push(residentMb(tree.pid)), 1000);
  const began = performance.now();
  const machine = machineTimes();
  const before = tree.cpu();
  return {
    stop() {
      const after = tree.cpu();
      const seconds = (performance.now() - began) / 1000;
      clearInterval(timer);
      const userSeconds = after.user - before.user;
      const systemSeconds = after.system - before.system;
      const now = machineTimes();
      const stolen = (now.steal - machine.steal) / Math.max(1, now.total - machine.total);
      return { seconds, userSeconds, systemSeconds, rssMb, stolen };
    },
  };
}

comeFirst(process.pid);
const generator = new Generator();
/** Once started, for the bridges; of each call's own, for the limit program. */
let tree: ProcessTree | undefined;
let limit: RunningLimit | undefined;
/** The bridge has set up its first endpoint. */
let hadFirst = false;

/** One call from its first packet to its last; the measured window is `seconds` long. */
async function measure(seconds: number, settle: boolean) {
  const isLimit = settings.contender === "limit";
  const limitStarted = isLimit ? startLimitWhenTold() : undefined;
  generator.tell({
    kind: "open",
    settings: { ...settings, ip: MEDIA_ADDRESS, focus: isLimit ? undefined : account },
  });
  await limitStarted;
  await generator.hear("opened");
  if (tree === undefined) throw new Error("nothing to measure");
  generator.tell({ kind: "measure", seconds, settle });
  await generator.hear("windowBegins");
  const dropped = kernelDrops();
  const watched = watch(tree);
  await generator.hear("windowEnds");
  const use = watched.stop();
  const measured: Measured = await generator.hear("measured");
  const drops = kernelDrops();
  const since = (port: number) => (drops.get(port) ?? 0) - (dropped.get(port) ?? 0);
  generator.tell({ kind: "close" });
  await generator.hear("closed");
  const mediaPort = limit?.port ?? MEDIA_PORT;
  await limit?.stop();
  limit = undefined;
  const cell = cellOf(measured, {
    ...use,
    programDrops: since(mediaPort),
    ownDrops: measured.ports.reduce((sum, port) => sum + since(port), 0),
  });
  return { cell, measured };
}

const account = {
  port: C2S_PORT,
  domain: `auth.${DOMAIN}`,
  password: PASSWORD,
  brewery: BREWERY,
};

/** Endpoints one after the other; the CPU is that of those that are only created. */
async function measureSetUps(seconds: number): Promise<Cell> {
  const call = { ...settings, ip: MEDIA_ADDRESS, focus: account };
  generator.tell({ kind: "setUps", settings: call, seconds });
  await generator.hear("windowBegins");
  if (tree === undefined) throw new Error("nothing to measure");
  const watched = watch(tree);
  await generator.hear("windowEnds");
  const use = watched.stop();
  const done = await generator.hear("setUpsDone");
  await generator.hear("closed");
  const first = hadFirst ? undefined : done.setUps[0];
  hadFirst = true;
  return setUpsCell(done, use, first);
}

function startLimitWhenTold(): Promise<void> {
  return new Promise((resolve, reject) => {
    generator.onLimitSetup = (options) => {
      startLimit(options)
        .then((started) => {
          limit = started;
          execFileSync("taskset", ["-a", "-p", "-c", BRIDGE_CORE, `${started.pid}`]);
          tree = new ProcessTree(started.pid);
          generator.tell({ kind: "limitPort", port: started.port });
        })
        .then(resolve, reject);
    };
  });
}

async function stop(): Promise<void> {
  generator.end();
  tree?.close();
  for (const program of programs.reverse()) await program.stop();
  if (process.env["JITSI_TS_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
}

async function obey(message: ToStand): Promise<void> {
  switch (message.kind) {
    case "measure":
      say({ kind: "measured", ...(await measure(message.seconds, message.settle)) });
      return;
    case "setUps":
      say({ kind: "setUps", cell: await measureSetUps(message.seconds) });
      return;
    default:
      await stop();
      process.exit();
  }
}

process.on("message", (message: ToStand) => {
  obey(message).catch((error: unknown) => {
    say({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  });
});
// Whoever started us is gone: so is the reason to go on.
process.on("disconnect", () => {
  stop().then(
    () => process.exit(),
    () => process.exit(1),
  );
});

try {
  await generator.hear("ready");
  if (settings.contender !== "limit") tree = new ProcessTree(await startBridge(settings.contender));
  say({ kind: "ready", version: await versionOf(settings.contender) });
} catch (error) {
  say({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
}
