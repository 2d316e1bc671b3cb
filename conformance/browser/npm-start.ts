/** `npm start` as a person uses it: the real command, the printed address, Ctrl-C. */
import { type ChildProcess, spawn } from "node:child_process";
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import { until } from "#shared/testing/until";
import { processesOf } from "./log-faults.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Started {
  readonly child: ChildProcess;
  output(): string;
  /** Address of the call page. */
  readonly url: string;
}

/** Options for a start that no other machine can reach. */
export const onLoopback: readonly string[] = ["--address", "127.0.0.1"];

/** The machine's IPv4 addresses that others can reach. */
export const lan: readonly string[] = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .filter(({ family, internal }) => family === "IPv4" && !internal)
  .map(({ address }) => address);

export async function npmStart(...options: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, ["shared/tooling/run.mjs", "start", ...options], {
    cwd: root,
    detached: true,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const address = () => /Call\s+(https?:\S+)/.exec(output)?.[1];
  await until(
    "the page's address is printed",
    () => {
      if (child.exitCode !== null) throw new Error(output);
      return Promise.resolve(address() !== undefined);
    },
    30_000,
  );
  return { child, output: () => output, url: address() ?? "" };
}

/** Processes whose command line names a file in the demo's state folder. */
export function leftovers(): string[] {
  return processesOf(`${root}.state/`);
}

/** What Ctrl-C in a terminal does: SIGINT to the whole foreground group. */
export async function controlC(started: Started): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => started.child.once("exit", resolve));
  process.kill(-(started.child.pid ?? 0), "SIGINT");
  return ended;
}
