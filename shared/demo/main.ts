/** `npm start`: Prosody, focus, bridges and a page, on this machine, until Ctrl-C. */
import { existsSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { BridgeKeeper } from "./bridge-keeper.ts";
import { certificateFor } from "./certificate.ts";
import { endLeftovers, lockFolder } from "./lock.ts";
import { Ports } from "./ports.ts";
import { createStack } from "./stack.ts";
import { serve } from "./web.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const options = await yargs(process.argv.slice(2))
  .scriptName("npm start --")
  // `help.txt` describes them: it is printed before there are any packages.
  .help(false)
  .option("port", { type: "number" })
  .option("bridges", { type: "number", default: 1 })
  .option("https", { type: "boolean", default: false })
  .option("secure", { type: "boolean", default: false })
  .option("address", { type: "string", array: true })
  .option("client", {
    type: "string",
    default: join(root, "dist/client/lib-jitsi-meet.min.js"),
  })
  .check(({ bridges, port = 8000 }) => {
    if (!Number.isInteger(bridges) || bridges < 1 || bridges > 8)
      throw new Error("--bridges takes a number from 1 to 8");
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new Error("--port takes a number from 0 to 65535");
    return true;
  })
  .strict()
  .showHelpOnFail(false, "npm start -- --help lists the options")
  .parse();

const say = (text: string) => console.log(text);
const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
const lan = addresses
  .filter((each) => each.family === "IPv4" && !each.internal)
  .map((each) => each.address);
const folder = join(root, ".state");

/** Ends before anything was started. */
function refuse(reason: string): never {
  console.error(reason);
  process.exit(1);
}

const ofThisMachine = (address: string) =>
  isIP(address) !== 0 &&
  (address.startsWith("127.") || addresses.some((each) => each.address === address));
const foreign = options.address?.find((address) => !ofThisMachine(address));
if (foreign !== undefined)
  refuse(
    `--address ${foreign} is not an address of this machine, which has ${addresses.map((each) => each.address).join(", ")}`,
  );
if (!/^https?:/.test(options.client) && !existsSync(options.client))
  refuse(`--client ${options.client} does not exist`);

const lock = lockFolder(folder);
if (typeof lock === "string") refuse(lock);
process.on("exit", () => lock.release());
await endLeftovers(folder, say);
rmSync(join(folder, "logs"), { recursive: true, force: true });

const pageHost = options.https ? (options.address?.[0] ?? lan[0] ?? "127.0.0.1") : "127.0.0.1";
// Served to the whole network only where that was asked for and no single address was.
const listenOn = options.https && options.address === undefined ? "0.0.0.0" : pageHost;
const ports = new Ports(say);
// A port that was asked for is meant: only the usual one gives way to another.
const pagePort =
  options.port === undefined
    ? await ports.take("page", "tcp", 8000, listenOn)
    : await ports.takeOnly("tcp", options.port, listenOn);
if (pagePort === undefined)
  refuse(`port ${options.port} of ${listenOn} is taken or not allowed; choose another with --port`);
const origin = `${options.https ? "https" : "http"}://${pageHost}:${pagePort}`;
lock.publish(`${origin}/`);

let stopping: Promise<void> | undefined;
const keeper = new BridgeKeeper({
  say: (text) => console.error(text),
  now: () => performance.now(),
  wait: (ms) => sleep(ms),
  over: () => stopping !== undefined,
  giveUp: () => void stop(1),
});
let running = false;
const stack = await createStack({
  folder,
  bridges: options.bridges,
  // Loopback is named too, so that a machine without any network can still hold a call.
  mediaAddresses: options.address ?? ["127.0.0.1", ...lan],
  channelOrigin: { host: `${pageHost}:${pagePort}`, tls: options.https },
  sctp: true,
  people: options.secure ? ["ada", "ben"] : undefined,
  usualPorts: true,
  say,
  onExit: (description, name) => {
    if (stopping !== undefined) return;
    const bridge = stack.bridges.find((each) => each.name === name)?.program;
    if (running && bridge !== undefined) return void keeper.ended(bridge, description);
    console.error(description);
    void stop(1);
  },
});

let closePage: (() => Promise<void>) | undefined;
function stop(status: number): Promise<void> {
  stopping ??= (async () => {
    await closePage?.();
    await stack.stop();
    say("stopped");
    process.exit(status);
  })();
  return stopping;
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => void stop(0));

try {
  const times = await stack.start();
  for (const { program } of stack.bridges) keeper.started(program);
  running = true;
  closePage = await serve({
    host: listenOn,
    port: pagePort,
    tls: options.https
      ? certificateFor(["localhost", "127.0.0.1", ...lan, pageHost], folder)
      : undefined,
    client: options.client,
    domain: stack.domain,
    anonymousDomain: stack.anonymousDomain,
    xmppHttpPort: stack.xmppHttpPort,
    focusPort: stack.focusPort,
    bridges: stack.bridges,
  });
  say([...times].map(([name, ms]) => `${name} ready in ${(ms / 1000).toFixed(1)} s`).join(", "));
  say(`logs and configuration: ${folder}`);
  say("");
  say(`  Call      ${origin}/`);
  say(`  Servers   ${origin}/servers${options.https ? "  (on this machine only)" : ""}`);
  for (const [name, password] of Object.entries(stack.peoplesPasswords))
    say(`  Account   ${name}  password ${password}`);
  say("");
  if (options.https)
    say("The browser warns of the self-made certificate, once a device: Advanced, then Proceed.");
  if (options.secure)
    say("A call begins when somebody with an account logs in there; guests wait for that.");
  say("Open the first address in two windows and press Join in both. Ctrl-C ends everything.");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stop(1);
}
