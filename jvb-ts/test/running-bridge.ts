/** Test kit: the program itself on free loopback ports, with COLIBRI2 over HTTP. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** What of an ICE-UDP transport as JSON the tests need. */
export interface IceJson {
  readonly ufrag: string;
  readonly pwd: string;
  readonly candidates: readonly { readonly ip: string; readonly port: string }[];
  readonly fingerprints: readonly { readonly fingerprint: string; readonly hash: string }[];
  readonly "web-sockets"?: readonly string[];
}

/** An answer of `/colibri/v2/conferences`. */
export interface ModifiedJson {
  readonly endpoints?: readonly {
    readonly id: string;
    readonly transport?: { readonly transport: IceJson };
  }[];
}

export class RunningBridge {
  readonly base: string;
  readonly child: ChildProcess;
  /** Exit status, or the number that a signal stands for. */
  readonly ended: Promise<number>;
  output = "";
  readonly #folder: string;

  private constructor(folder: string, privatePort: number) {
    this.#folder = folder;
    this.base = `http://127.0.0.1:${privatePort}`;
    const file = join(folder, "jvb.conf");
    this.child = spawn(process.execPath, ["--conditions=source", main, "--config", file]);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (data: Buffer) => {
        this.output += data.toString();
      });
    }
    this.ended = new Promise((resolve) =>
      this.child.once("exit", (code, signal) => resolve(code ?? (signal === null ? -1 : -2))),
    );
  }

  /** Starts one with `more` HOCON behind the usual, and waits until it can carry media. */
  static async start(more = ""): Promise<RunningBridge> {
    const folder = mkdtempSync(join(tmpdir(), "jvb-run-"));
    const privatePort = await freePort();
    writeFileSync(
      join(folder, "jvb.conf"),
      `videobridge {
        http-servers.private.port = ${privatePort}
        apis.rest.enabled = true
        rest.shutdown.enabled = true
        health.require-valid-address = false
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]
      ${more}`,
    );
    const bridge = new RunningBridge(folder, privatePort);
    await bridge.until(() => bridge.output.includes("Media worker ready"));
    return bridge;
  }

  /** Waits for something to hold, 15 s at most; says what the program printed when it does not. */
  async until(holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`not in time:\n${this.output}`);
      await sleep(25);
    }
  }

  async colibri(meeting: string, body: object, method = "PATCH"): Promise<ModifiedJson> {
    const path = method === "POST" ? "" : `/${meeting}`;
    const reply = await fetch(`${this.base}/colibri/v2/conferences${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ "meeting-id": meeting, ...body }),
    });
    if (reply.status !== 200) throw new Error(`${reply.status} ${await reply.text()}`);
    return (await reply.json()) as ModifiedJson;
  }

  async stats(): Promise<Readonly<Record<string, number | boolean | string>>> {
    const reply = await fetch(`${this.base}/colibri/stats`);
    return (await reply.json()) as Record<string, number | boolean | string>;
  }

  /** Resident memory in kB. */
  memoryKb(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  }

  /** CPU time of all threads so far. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(" ");
    return (Number(fields[13]) + Number(fields[14])) / 100;
  }

  openFiles(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  /** Ends it, if it has not ended, and removes its files. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGCONT");
      this.child.kill("SIGKILL");
    }
    await this.ended;
    rmSync(this.#folder, { recursive: true });
  }
}
