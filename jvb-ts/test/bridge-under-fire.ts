/** Test kit: the bridge program, two endpoints that must not notice, and measures of its state. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { WebSocket } from "ws";
import { freePort } from "#shared/testing/free-port";
import { lagFigures } from "#shared/testing/loop-lag";
import type { StartedProgram } from "#shared/testing/started-program";
import { LiveTalkers } from "./live-talkers.ts";
import { type Held, RunningBridge } from "./running-bridge.ts";

const SETTLED_MS = 500;
/** I3: every event loop comes round. */
const MOST_LAG_P99_MS = 50;
/** Until the last rounds are written. */
const PROBED_MS = 60;
/** I2: media of others goes on. */
const MOST_SILENCE_MS = 200;
/** What more is granted where this process had to wait for a core: so had the bridge, for a while. */
const MOST_GRANTED_MS = 50;

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
  publicPort = 0;
  /** Transport of the first of the two. */
  ice: IceJson | undefined;
  /** Bridge channels of `aaaa1111` and `bbbb2222`. */
  readonly sockets: WebSocket[] = [];
  #talkers: LiveTalkers | undefined;
  /** Rounds of each thread's event loop that have been judged. */
  readonly #judged = new Map<string, number>();
  #worstLag = 0;
  #longestSilence = 0;
  /** ms that this process itself was late. */
  #latest = 0;
  #atRest: Held | undefined;
  #running: RunningBridge | undefined;

  async start(more = ""): Promise<void> {
    this.publicPort = await freePort();
    this.#running = await RunningBridge.start(
      `videobridge {
        http-servers.public { port = ${this.publicPort}, host = "127.0.0.1" }
        websockets {
          enabled = true, server-id = "jvb1", domains = [ "127.0.0.1:${this.publicPort}" ]
        }
      }
      ${more}`,
      true,
    );
    this.ice = await this.create("aaaa1111", "m", true);
    const other = await this.create("bbbb2222");
    for (const one of [this.ice, other]) this.sockets.push(await this.open(one));
    this.#talkers = await LiveTalkers.start(this);
    await sleep(SETTLED_MS);
    this.#talkers.take();
    for (const [thread, lags] of this.program.loopLags()) this.#judged.set(thread, lags.length);
    this.#atRest = this.#bridge.held;
  }

  /** Base URL of its private HTTP server. */
  get base(): string {
    return this.#bridge.base;
  }
  get program(): StartedProgram {
    return this.#bridge.program;
  }
  get output(): string {
    return this.#bridge.output;
  }
  get #bridge(): RunningBridge {
    if (this.#running === undefined) throw new Error("not started");
    return this.#running;
  }

  /**
   * To be called last: within a minute what it holds open and in memory is as at the start, and
   * nothing broke.
   */
  async expectAtRest(): Promise<void> {
    await this.#bridge.expectAtRest(this.#atRest);
    expect(
      await this.metric("standstills_total"),
      "times that a media worker stood still",
    ).to.equal(0);
    console.log(
      `      loop lag p99 at most ${this.#worstLag.toFixed(1)} ms; ${this.#longestSilence} ms silent, this process ${this.#latest} ms late`,
    );
  }

  async stop(): Promise<void> {
    this.#talkers?.stop();
    for (const socket of this.sockets) socket.terminate();
    await this.#running?.stop();
  }

  get lines(): readonly string[] {
    return this.output.split("\n");
  }
  get memoryMiB(): number {
    return this.program.memoryKb / 1024;
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
   * other for 200 ms (I2), the event loops lagged less than 50 ms in 99 of 100 rounds (I3), a message
   * comes through and statistics are answered within a second.
   */
  async expectUnaffected(): Promise<void> {
    await this.#expectLoopsInTime();
    const { silentMs, lateMs } = this.#talkers?.take() ?? { silentMs: 0, lateMs: 0 };
    const late = Math.max(0, Math.round(lateMs));
    this.#longestSilence = Math.max(this.#longestSilence, silentMs);
    this.#latest = Math.max(this.#latest, late);
    expect(
      silentMs,
      `ms in which a participant heard nothing, this process ${late} ms late`,
    ).to.be.below(MOST_SILENCE_MS + Math.min(late, MOST_GRANTED_MS));
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
    expect(this.program.isRunning).to.equal(true);
  }

  /** Rounds that are too few to be judged count with the next ones. */
  async #expectLoopsInTime(): Promise<void> {
    await sleep(PROBED_MS);
    for (const [thread, lags] of this.program.loopLags()) {
      const figures = lagFigures([...lags.subarray(this.#judged.get(thread) ?? 0)]);
      if (figures === undefined) continue;
      this.#judged.set(thread, lags.length);
      this.#worstLag = Math.max(this.#worstLag, figures.p99);
      expect(figures.p99, `ms of lag (p99) of thread ${thread}`).to.be.below(MOST_LAG_P99_MS);
    }
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
