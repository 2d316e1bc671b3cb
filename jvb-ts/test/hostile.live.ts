/**
 * The program under fire from outside: junk on every door, and two endpoints that must not notice.
 * Run with `mocha … 'jvb-ts/test/hostile.live.ts'`; needs the native addon.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { WebSocket } from "ws";
import { Attribute, BINDING, StunWriter } from "../src/transport/stun/stun-message.ts";
import { freePort } from "./free-port.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;

interface IceJson {
  readonly ufrag: string;
  readonly candidates: readonly { readonly port: string }[];
  readonly "web-sockets": readonly string[];
}

function upgradeRequest(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  );
}

/** How much of everything: 1 in `npm test`, more in `npm run test:full`. */
const scale = Number(process.env["ABUSE_SCALE"] ?? "1");

describe("a bridge under fire", function () {
  this.timeout(60_000 * scale);
  let folder = "";
  let base = "";
  let publicPort = 0;
  let bridge: ChildProcess;
  let output = "";
  let ice: IceJson;
  const sockets: WebSocket[] = [];

  const lines = (): number => output.split("\n").length;
  const openFiles = (): number => readdirSync(`/proc/${bridge.pid}/fd`).length;
  const memoryMiB = (): number => {
    const status = readFileSync(`/proc/${bridge.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  };

  async function create(id: string, isFirst: boolean): Promise<IceJson> {
    const reply = await fetch(`${base}/colibri/v2/conferences${isFirst ? "" : "/m"}`, {
      method: isFirst ? "POST" : "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        "meeting-id": "m",
        create: isFirst,
        endpoints: [
          {
            id,
            create: true,
            capabilities: ["source-names"],
            transport: { "ice-controlling": true },
          },
        ],
      }),
    });
    const body = (await reply.json()) as {
      endpoints: { transport: { transport: IceJson } }[];
    };
    const transport = body.endpoints[0]?.transport.transport;
    if (transport === undefined) throw new Error("no transport");
    return transport;
  }

  async function open(address: string): Promise<WebSocket> {
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return socket;
  }

  /** The two endpoints talk to each other, and statistics are answered: within a second. */
  async function expectUnaffected(): Promise<void> {
    const [first, second] = sockets;
    const text = randomBytes(8).toString("hex");
    const heard = new Promise<void>((resolve) => {
      second?.on("message", (data: Buffer) => {
        if (data.toString().includes(text)) resolve();
      });
    });
    const started = performance.now();
    first?.send(JSON.stringify({ colibriClass: "EndpointMessage", to: "bbbb2222", text }));
    await Promise.race([heard, sleep(5000).then(() => expect.fail("no message came through"))]);
    expect(performance.now() - started).to.be.below(1000);
    second?.removeAllListeners("message");
    expect((await fetch(`${base}/colibri/stats`)).status).to.equal(200);
    expect(bridge.exitCode).to.equal(null);
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "jvb-hostile-"));
    const privatePort = await freePort();
    publicPort = await freePort();
    base = `http://127.0.0.1:${privatePort}`;
    writeFileSync(
      join(folder, "j.conf"),
      `videobridge {
        http-servers { private.port = ${privatePort}, public { port = ${publicPort}, host = "127.0.0.1" } }
        websockets { enabled = true, server-id = "jvb1", domains = [ "127.0.0.1:${publicPort}" ] }
        apis.rest.enabled = true
        health.require-valid-address = false
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
    );
    bridge = spawn(process.execPath, [
      "--conditions=source",
      main,
      "--config",
      join(folder, "j.conf"),
    ]);
    for (const stream of [bridge.stdout, bridge.stderr])
      stream?.on("data", (data: Buffer) => {
        output += data.toString();
      });
    for (let tries = 0; tries < 400 && !output.includes("Media worker ready"); tries++)
      await sleep(25);
    ice = await create("aaaa1111", true);
    const other = await create("bbbb2222", false);
    for (const one of [ice, other]) sockets.push(await open(one["web-sockets"][0] ?? ""));
  });
  after(() => {
    for (const socket of sockets) socket.terminate();
    bridge.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });
  afterEach(expectUnaffected);

  /** Sends from a few ports, in bursts that a socket can take. */
  async function flood(count: number, datagram: (at: number) => Uint8Array): Promise<void> {
    const port = Number(ice.candidates[0]?.port);
    const from = Array.from({ length: 4 }, () => createSocket("udp4"));
    for (let at = 0; at < count; at++) {
      from[at % from.length]?.send(datagram(at), port, "127.0.0.1");
      if (at % 500 === 499) await sleep(5);
    }
    await sleep(100);
    for (const socket of from) socket.close();
  }

  it("random datagrams of every kind and length", async () => {
    const before = memoryMiB();
    const firstBytes = [0, 1, 3, 20, 22, 63, 64, 128, 144, 191, 255];
    await flood(20_000 * scale, (at) => {
      const bytes = randomBytes(1 + ((at * 37) % 1600));
      bytes[0] = firstBytes[at % firstBytes.length] ?? 0;
      return bytes;
    });
    expect(memoryMiB() - before).to.be.below(40);
  });

  it("Binding Requests for nobody, and badly signed ones for an endpoint", async () => {
    const before = memoryMiB();
    const writers = ["nobody:x", `${ice.ufrag}:x`].map((username) =>
      new StunWriter("request", BINDING, randomBytes(12))
        .string(Attribute.username, username)
        .finish("not its password"),
    );
    await flood(20_000 * scale, (at) => writers[at % 2] ?? new Uint8Array(1));
    const unsigned = new StunWriter("request", BINDING, randomBytes(12))
      .string(Attribute.username, `${ice.ufrag}:${"x".repeat(400)}`)
      .finish(undefined);
    await flood(1000, () => unsigned);
    expect(memoryMiB() - before).to.be.below(40);
  });

  it("handshake records, and RTP that pretends to come from the inside", async () => {
    const hello = Buffer.concat([
      Buffer.from("16fefd0000000000000000", "hex"),
      Buffer.from([5, 200]),
      randomBytes(1200),
    ]);
    const key = randomBytes(20);
    await flood(10_000 * scale, (at) => {
      if (at % 2 === 0) return hello;
      const rtp = Buffer.concat([Buffer.from([0x90, 111, at >> 8, at & 255]), randomBytes(200)]);
      return Buffer.concat([rtp, createHmac("sha1", key).update(rtp).digest().subarray(0, 10)]);
    });
  });

  it("a client's WebSocket frames: too long, too deep, binary, not ours", async () => {
    const again = await open(`${ice["web-sockets"][0]}`);
    sockets[0] = again;
    const deep = "[".repeat(60_000);
    const stack = `${'{"colibriClass":"EndpointMessage","to":"bbbb2222","x":'}${"[".repeat(20_000)}`;
    const wide = JSON.stringify({
      colibriClass: "ReceiverVideoConstraints",
      constraints: Object.fromEntries(
        Array.from({ length: 1500 }, (_, at) => [`s${at}`, { maxHeight: at }]),
      ),
    });
    for (const text of [deep, stack, wide, "{}", '{"colibriClass":"__proto__"}', "\u0000"])
      again.send(text);
    again.send(randomBytes(1000));
    for (let at = 0; at < 5000 * scale; at++)
      again.send(
        `{"colibriClass":"SourceVideoTypeMessage","sourceName":"s${at}","videoType":"NONE"}`,
      );
    await expectUnaffected();
    const closed = new Promise((resolve) => again.once("close", resolve));
    again.send("x".repeat(200_000));
    expect(await closed).to.equal(1009);
    sockets[0] = await open(ice["web-sockets"][0] ?? "");
  });

  it("a client that does not read what it is sent", async () => {
    const before = memoryMiB();
    const address = new URL((await create("cccc3333", false))["web-sockets"][0] ?? "");
    // Without a listener nothing is read, and only the kernel's buffers fill.
    const lazy = connect(publicPort, "127.0.0.1");
    lazy.on("error", () => {});
    lazy.write(upgradeRequest(`${address.pathname}${address.search}`));
    const padding = "x".repeat(60_000);
    const message = JSON.stringify({ colibriClass: "EndpointMessage", to: "cccc3333", padding });
    for (let at = 0; at < 1000; at++) {
      sockets[0]?.send(message);
      if (at % 20 === 19) await sleep(10);
    }
    await expectUnaffected();
    expect(memoryMiB() - before).to.be.below(120);
    const closed = new Promise((resolve) => lazy.once("close", resolve));
    let read = 0;
    lazy.on("data", (data: Buffer) => {
      read += data.length;
    });
    await closed;
    expect(read).to.be.below(40_000_000);
  });

  it("upgrades with wrong passwords by clients that never hang up", async () => {
    const filesBefore = openFiles();
    const path = new URL(ice["web-sockets"][0] ?? "").pathname;
    let refused = 0;
    const all: Socket[] = [];
    for (let at = 0; at < 1000; at++) {
      const socket = connect({ port: publicPort, host: "127.0.0.1", allowHalfOpen: true });
      socket.on("data", (data: Buffer) => {
        if (data.toString().startsWith("HTTP/1.1 403")) refused++;
      });
      socket.on("error", () => {});
      socket.write(upgradeRequest(`${path}?pwd=${at}`));
      all.push(socket);
      if (at % 100 === 99) await sleep(20);
    }
    for (let tries = 0; tries < 100 && refused < 1000; tries++) await sleep(50);
    expect(refused).to.equal(1000);
    await sleep(200);
    expect(openFiles() - filesBefore).to.be.below(20);
    for (const socket of all) socket.destroy();
  });

  it("requests that never end", async () => {
    const slow = Array.from({ length: 200 }, (_, at) => {
      const socket = connect(at % 2 === 0 ? publicPort : Number(new URL(base).port), "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET /colibri/stats HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      return socket;
    });
    const ended = Promise.all(
      slow.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    await expectUnaffected();
    const drip = setInterval(() => {
      for (const socket of slow) if (!socket.destroyed) socket.write("x");
    }, 500);
    for (const socket of slow) socket.resume();
    await ended;
    clearInterval(drip);
  });

  it("has said next to nothing about all that", () => {
    expect(lines(), output).to.be.below(60);
    expect(output).not.to.match(/SEVERE|Bug|at file:/);
  });
});
