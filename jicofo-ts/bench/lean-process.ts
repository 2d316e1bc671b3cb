/** Runs the benchmark's own XMPP server as a process, and says its port. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { pinned } from "./generator-process.ts";
import { type LeanDomains, LeanServer } from "./lean-server.ts";

const domains: LeanDomains = {
  domain: "meet.example",
  authDomain: "auth.meet.example",
  mucDomain: "conference.meet.example",
};

/** What the bench needs of a server, Prosody or this one. */
export interface BenchServer extends LeanDomains {
  readonly c2sPort: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startLeanServer(core: number | undefined): Promise<BenchServer> {
  const [command = "", ...args] = pinned(core, [
    process.execPath,
    "--conditions=source",
    "--disable-warning=ExperimentalWarning",
    fileURLToPath(import.meta.url),
  ]);
  const child: ChildProcess = spawn(command, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = (await once(child, "message")) as [number];
  return {
    ...domains,
    c2sPort: port,
    pid: child.pid ?? 0,
    stop: async () => {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await LeanServer.start(domains);
  process.on("disconnect", () => process.exit());
  process.send?.(server.c2sPort);
}
