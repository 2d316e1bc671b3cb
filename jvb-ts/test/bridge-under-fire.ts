/** Test kit: the bridge program, two endpoints that must not notice, and measures of its state. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { WebSocket } from "ws";
import { freePort } from "./free-port.ts";
import { LiveTalkers } from "./live-talkers.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;
/** Ticks of /proc/PID/stat per second (Linux, everywhere). */
const TICKS = 100;

const SETTLED_MS = 500;
/** I2: media of others goes on. */
const MOST_SILENCE_MS = 200;
/** Connections that the test's own HTTP client keeps for 5 s. */
const REST_MS = 8000;
const SPARE_FILES = 3;
const MOST_GROWTH_MIB = 100;

/** How much of everything: 1 in `npm test`, more in `npm run test:full`. */
export const scale = Number(process.env["ABUSE_SCALE"] ?? "1");

/** The transport of a COLIBRI2 answer over HTTP, as far as tests look at it. */
export interface IceJson {
  readonly ufrag: string;
  readonly pwd: string;
  readonly candidates: readonly { readonly port: string }[];
  readonly "web-sockets": readonly string[];
}

export class BridgeUnderFire {
  base = "";
  publicPort = 0;
  /** Transport of the first of the two. */
  ice: IceJson | undefined;
  /** Bridge channels of `aaaa1111` and `bbbb2222`. */
  readonly sockets: WebSocket[] = [];
  output = "";
  /** Exit status of the program. */
  ended: Promise<number | null> = Promise.resolve(null);
  #talkers: LiveTalkers | undefined;
  #atRest = { openFiles: 0, memoryMiB: 0 };
  #folder = "";
  #bridge: ChildProcess | undefined;

  async start(more = ""): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), "jvb-hostile-"));
    const privatePort = await freePort();
    this.publicPort = await freePort();
    this.base = `http://127.0.0.1:${privatePort}`;
    writeFileSync(
      join(this.#folder, "j.conf"),
      `videobridge {
        http-servers {
          private.port = ${privatePort}, public { port = ${this.publicPort}, host = "127.0.0.1" }
        }
        websockets {
          enabled = true, server-id = "jvb1", domains = [ "127.0.0.1:${this.publicPort}" ]
        }
        apis.rest.enabled = true
        rest.shutdown.enabled = true
        health.require-valid-address = false
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]
      ${more}`,
    );
    const flags = ["--conditions=source", main, "--config", join(this.#folder, "j.conf")];
    const bridge = spawn(process.execPath, flags);
    this.#bridge = bridge;
    this.ended = new Promise((resolve) => bridge.once("exit", resolve));
    for (const stream of [bridge.stdout, bridge.stderr]) {
      stream?.on("data", (data: Buffer) => {
        this.output += data.toString();
      });
    }
    for (let tries = 0; tries < 400 && !this.output.includes("Media worker ready"); tries++) {
      await sleep(25);
    }
    this.ice = await this.create("aaaa1111", "m", true);
    const other = await this.create("bbbb2222");
    for (const one of [this.ice, other]) this.sockets.push(await this.open(one));
    this.#talkers = await LiveTalkers.start(this);
    await sleep(SETTLED_MS);
    this.#talkers.take();
    this.#atRest = { openFiles: this.openFiles, memoryMiB: this.memoryMiB };
  }

  kill(signal: NodeJS.Signals): void {
    this.#bridge?.kill(signal);
  }

  /** To be called last: what it holds open and in memory is as at the start, and nothing broke. */
  async expectAtRest(): Promise<void> {
    const { openFiles, memoryMiB } = this.#atRest;
    const end = performance.now() + REST_MS;
    while (this.openFiles > openFiles + SPARE_FILES && performance.now() < end) await sleep(100);
    expect(this.openFiles, "open files").to.be.at.most(openFiles + SPARE_FILES);
    expect(this.memoryMiB, "MiB").to.be.below(memoryMiB + MOST_GROWTH_MIB);
    expect(
      await this.metric("standstills_total"),
      "times that a media worker stood still",
    ).to.equal(0);
    expect(this.output).not.to.match(/SEVERE|Bug/);
  }

  stop(): void {
    this.#talkers?.stop();
    for (const socket of this.sockets) socket.terminate();
    this.#bridge?.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true });
  }

  get lines(): readonly string[] {
    return this.output.split("\n");
  }
  get openFiles(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length;
  }
  get memoryMiB(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }
  /** Seconds of CPU used so far, of all threads. */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }
  /** Datagrams that the kernel dropped at the bridge's media socket, because its buffer was full. */
  get kernelDrops(): number {
    const local = `:${this.udpPort.toString(16).toUpperCase().padStart(4, "0")}`;
    const sockets = readFileSync("/proc/net/udp", "utf8").trim().split("\n").slice(1);
    return sockets
      .map((line) => line.trim().split(/\s+/))
      .filter(([, address]) => address?.endsWith(local))
      .reduce((sum, fields) => sum + Number(fields.at(-1)), 0);
  }
  get udpPort(): number {
    return Number(this.ice?.candidates[0]?.port);
  }
  get #pid(): number {
    return this.#bridge?.pid ?? 0;
  }

  async colibri(path: string, body: unknown): Promise<Response> {
    return await fetch(`${this.base}/colibri/v2/conferences${path}`, {
      method: path === "" ? "POST" : "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /** Creates an endpoint with WebSocket, in conference `m` when none is named. */
  async create(id: string, meeting = "m", isFirst = false, more: object = {}): Promise<IceJson> {
    const reply = await this.colibri(isFirst ? "" : `/${meeting}`, {
      "meeting-id": meeting,
      create: isFirst,
      endpoints: [
        {
          id,
          create: true,
          capabilities: ["source-names"],
          transport: { "ice-controlling": true },
          ...more,
        },
      ],
    });
    const body = (await reply.json()) as {
      endpoints: { transport: { transport: IceJson } }[];
    };
    const transport = body.endpoints[0]?.transport.transport;
    if (transport === undefined) throw new Error("no transport");
    return transport;
  }

  async expire(id: string, meeting = "m"): Promise<void> {
    const endpoints = [{ id, expire: true }];
    await this.colibri(`/${meeting}`, { "meeting-id": meeting, endpoints });
  }

  async open(ice: IceJson): Promise<WebSocket> {
    const socket = new WebSocket(ice["web-sockets"][0] ?? "");
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return socket;
  }

  /** Datagrams of the bridge's sockets since its start, drops by reason. */
  async udpCounters(): Promise<Readonly<Record<string, number>>> {
    // Asking for statistics brings the workers' figures up to date.
    await fetch(`${this.base}/colibri/stats`);
    const reply = await fetch(`${this.base}/debug/stats/jvb/queue-stats`);
    return ((await reply.json()) as { udp: Record<string, number> }).udp;
  }

  async metric(name: string): Promise<number> {
    const reply = await fetch(`${this.base}/metrics`, { headers: { Accept: "application/json" } });
    return ((await reply.json()) as Record<string, number>)[name] ?? Number.NaN;
  }

  /**
   * Nobody else noticed what was done since the last call: two who talk were never silent to each
   * other for 200 ms (I2), a message comes through and statistics are answered within a second.
   */
  async expectUnaffected(): Promise<void> {
    const { silentMs, lateMs } = this.#talkers?.take() ?? { silentMs: 0, lateMs: 0 };
    // Where this process had to wait for a core, so had the bridge.
    expect(silentMs, "ms in which a participant heard nothing").to.be.below(
      MOST_SILENCE_MS + Math.max(0, lateMs),
    );
    const [first, second] = this.sockets;
    const text = randomBytes(8).toString("hex");
    const heard = new Promise<void>((resolve) => {
      second?.on("message", (data: Buffer) => {
        if (data.toString().includes(text)) resolve();
      });
    });
    const started = performance.now();
    first?.send(JSON.stringify({ colibriClass: "EndpointMessage", to: "bbbb2222", text }));
    await Promise.race([heard, sleep(5000).then(() => expect.fail("no message came through"))]);
    expect(performance.now() - started, "ms between two endpoints").to.be.below(1000);
    second?.removeAllListeners("message");
    const asked = performance.now();
    expect((await fetch(`${this.base}/colibri/stats`)).status).to.equal(200);
    expect(performance.now() - asked, "ms for statistics").to.be.below(1000);
    expect(this.#bridge?.exitCode).to.equal(null);
  }

  /** Sends from a few ports, in bursts that a socket can take. */
  async flood(count: number, datagram: (at: number) => Uint8Array): Promise<void> {
    const from = Array.from({ length: 4 }, () => createSocket("udp4"));
    for (let at = 0; at < count; at++) {
      from[at % from.length]?.send(datagram(at), this.udpPort, "127.0.0.1");
      if (at % 500 === 499) await sleep(5);
    }
    await sleep(100);
    for (const socket of from) socket.close();
  }
}

/** An upgrade to a WebSocket, as bytes. */
export function upgradeRequest(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  );
}
