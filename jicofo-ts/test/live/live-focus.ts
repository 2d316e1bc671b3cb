/** The real program, on the XMPP server of a test. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Prosody } from "#shared/testing/prosody";
import { until } from "./until.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

export class LiveFocus {
  /** What it printed, over all its lives. */
  output = "";
  readonly httpPort: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(httpPort: number) {
    this.httpPort = httpPort;
    this.#folder = mkdtempSync(join(tmpdir(), "jicofo-live-"));
  }

  /** `more`: further lines of the configuration; resolves when it is in the brewery. */
  static async start(prosody: Prosody, more = ""): Promise<LiveFocus> {
    const focus = new LiveFocus(await freePort());
    writeFileSync(
      join(focus.#folder, "jicofo.conf"),
      `jicofo {
  xmpp.client {
    hostname = 127.0.0.1, port = ${prosody.c2sPort}, domain = ${prosody.authDomain}
    xmpp-domain = ${prosody.domain}, username = focus, password = focus
  }
  bridge.brewery-jid = "jvbbrewery@internal.${prosody.authDomain}"
  rest.port = ${focus.httpPort}
}
${more}
`,
    );
    await focus.again();
    return focus;
  }

  /** Starts the program (again) with the same configuration. */
  async again(): Promise<void> {
    const from = this.output.length;
    const arguments_ = ["--conditions=source", main, "--config", join(this.#folder, "jicofo.conf")];
    const child = spawn(process.execPath, arguments_, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    const keep = (data: Buffer) => {
      this.output += data.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await until(() => /jvbbrewery@[^\n]*Joined the room/.test(this.output.slice(from)));
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async get(path: string): Promise<Record<string, unknown>> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    return (await response.json()) as Record<string, unknown>;
  }

  /** Names of the bridges that it knows. */
  async bridges(): Promise<string[]> {
    const selector = (await this.get("/debug"))["bridge_selector"] as { bridge?: object };
    return Object.keys(selector.bridge ?? {}).map((jid) => jid.slice(jid.indexOf("/") + 1));
  }

  /** Ends it; resolves with its exit status, or the signal that ended it. */
  async kill(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<number | string | null> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | string | null>((resolve) => {
      child.once("exit", (status, by) => resolve(status ?? by));
    });
    child.kill(signal);
    return ended;
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
