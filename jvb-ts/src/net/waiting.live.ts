/**
 * The addon waits for its sockets in the event loop's stead (`native/src/waiter.h`): whatever else
 * the thread has to do must get its turn, also while datagrams never cease.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { setImmediate as immediate, setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import type { PacketIo } from "../media/packet-io.ts";
import { HEADROOM, Kind, RxSlab, TxSlab } from "../media/slab.ts";
import { openNativePacketIo } from "./native-packet-io.ts";

let groups = 0;

function open(ips: readonly string[] = ["127.0.0.1"]): PacketIo {
  const { io } = openNativePacketIo({
    addresses: ips.map((ip) => ({ ip, port: 0 })),
    receiveBufferBytes: 1 << 20,
    worker: 0,
    workers: 1,
    group: `waiting ${groups++}`,
    clock: realRuntime.clock,
  });
  if (io === undefined) throw new Error("cannot bind");
  return io;
}

/** Both ends know each other; session 0 of each is the other. */
function pair(): readonly [PacketIo, PacketIo] {
  const ends = [open(), open()] as const;
  for (const [io, other] of [ends, [ends[1], ends[0]]] as const) {
    const session = io.openSession();
    io.bindAddress(session, 0, other.localAddresses[0]!);
    io.selectAddress(session, 0, other.localAddresses[0]!);
  }
  return ends;
}

const tx = new TxSlab();
const rx = new RxSlab();

/** First bytes of datagrams (RFC 7983). */
const DTLS = 22;
const RTP = 0x80;

function say(io: PacketIo, first = DTLS): void {
  tx.offset[0] = HEADROOM;
  tx.bytes[HEADROOM] = first;
  tx.length[0] = 40;
  tx.session[0] = 0;
  tx.kind[0] = Kind.dtls;
  tx.count = 1;
  io.send(tx);
}

/** Each datagram brings another one: a socket is readable at all times. */
function pingPong(): { readonly ends: readonly PacketIo[]; count(): number } {
  const ends = pair();
  let count = 0;
  for (const io of ends)
    io.onReadable = () => {
      let rows = 0;
      for (let n = io.receive(rx); n > 0; n = io.receive(rx)) rows += n;
      count += rows;
      for (; rows > 0; rows--) say(io);
    };
  for (const io of ends) for (let i = 0; i < 4; i++) say(io);
  return { ends, count: () => count };
}

describe("waiting for sockets and for all else", () => {
  const opened: PacketIo[] = [];
  afterEach(() => {
    for (const io of opened.splice(0)) io.close();
  });

  for (const flood of [false, true]) {
    describe(flood ? "while datagrams never cease" : "while nothing comes", () => {
      let count = () => 0;
      beforeEach(() => {
        if (!flood) {
          opened.push(...pair());
          return;
        }
        const game = pingPong();
        opened.push(...game.ends);
        count = game.count;
      });
      afterEach(() => {
        if (flood) expect(count()).to.be.greaterThan(100);
      });

      it("timers fire in time", async () => {
        await sleep(20);
        for (const ms of [1, 5, 40]) {
          const began = performance.now();
          await sleep(ms);
          expect(performance.now() - began).to.be.within(ms - 1.5, ms + 60);
        }
      });

      it("immediates, and what they bring, run", async () => {
        await sleep(30);
        for (let i = 0; i < 100; i++) await immediate();
      });

      it("files are read and descriptors that are new are watched", async () => {
        await sleep(30);
        expect((await readFile("/proc/self/status", "utf8")).length).to.be.greaterThan(100);
        const server = createServer((socket) => socket.end("hello"));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const address = server.address();
        if (address === null || typeof address === "string") throw new Error("no port");
        const client = connect(address.port, "127.0.0.1");
        const [text] = (await once(client, "data")) as [Buffer];
        expect(String(text)).to.equal("hello");
        client.destroy();
        server.close();
        await once(server, "close");
      });

      it("another thread is heard, and one with sockets can be ended", async () => {
        const url = new URL("native-packet-io.ts", import.meta.url);
        const source = `
          const { parentPort } = require("node:worker_threads");
          import(${JSON.stringify(String(url))}).then(({ openNativePacketIo }) => {
            const { io } = openNativePacketIo({ addresses: [{ ip: "127.0.0.1", port: 0 }],
              receiveBufferBytes: 65536, worker: 0, workers: 1, group: "of a thread",
              clock: { now: () => performance.now() } });
            parentPort.on("message", (text) => parentPort.postMessage(text + io.localAddresses.length));
            parentPort.postMessage("ready");
          });`;
        const worker = new Worker(source, { eval: true });
        expect(await once(worker, "message")).to.deep.equal(["ready"]);
        for (let i = 0; i < 20; i++) {
          worker.postMessage("sockets: ");
          expect(await once(worker, "message")).to.deep.equal(["sockets: 1"]);
        }
        expect(await worker.terminate()).to.equal(1);
      });
    });
  }

  it("promises that a datagram keeps go on at once", async () => {
    const [a, b] = pair();
    opened.push(a, b);
    await sleep(20);
    const kept = new Promise<void>((resolve) => {
      b.onReadable = () => {
        b.receive(rx);
        resolve();
      };
    });
    const began = performance.now();
    say(a);
    await kept;
    expect(performance.now() - began).to.be.below(50);
  });

  it("promises that media keeps, which should not be, go on with the next timer", async () => {
    const [a, b] = pair();
    opened.push(a, b);
    await sleep(20);
    let kept = false;
    const heard = new Promise<void>((resolve) => {
      b.onReadable = () => {
        b.receive(rx);
        resolve();
        void Promise.resolve().then(() => {
          kept = true;
        });
      };
    });
    say(a, RTP);
    await sleep(40);
    await heard;
    expect(kept).to.equal(true);
  });

  it("what comes while a burst is read is read with it", async () => {
    const [a, b] = pair();
    opened.push(a, b);
    const { promise, resolve } = Promise.withResolvers<readonly number[]>();
    b.onReadable = () => {
      const first = b.receive(rx);
      say(a);
      resolve([first, b.receive(rx), b.receive(rx, true)]);
    };
    say(a);
    expect(await promise).to.deep.equal([1, 0, 1]);
  });

  it("a descriptor that a datagram opens is watched at once", async () => {
    const server = createServer((socket) => socket.end("hello"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const [a, b] = pair();
    opened.push(a, b);
    await sleep(20);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const began = performance.now();
    b.onReadable = () => {
      b.receive(rx);
      const client = connect(address.port, "127.0.0.1");
      client.on("data", resolve);
    };
    say(a);
    expect(String(await promise)).to.equal("hello");
    expect(performance.now() - began).to.be.below(200);
    server.close();
    await once(server, "close");
  });

  it("a thread is ended while datagrams never cease in it", async () => {
    const url = new URL("native-packet-io.ts", import.meta.url);
    const slabs = new URL("../media/slab.ts", import.meta.url);
    const source = `
      const { parentPort } = require("node:worker_threads");
      (async () => {
        const { openNativePacketIo } = await import(${JSON.stringify(String(url))});
        const { RxSlab } = await import(${JSON.stringify(String(slabs))});
        const { io } = openNativePacketIo({ addresses: [{ ip: "127.0.0.1", port: 0 }],
          receiveBufferBytes: 65536, worker: 0, workers: 1, group: "flooded thread",
          clock: { now: () => performance.now() } });
        const [self] = io.localAddresses;
        io.bindAddress(io.openSession(), 0, self);
        const rx = new RxSlab();
        let count = 0;
        io.onReadable = () => {
          for (let n = io.receive(rx); n > 0; n = io.receive(rx)) count += n;
          io.sendTo(0, self, Uint8Array.of(22, 1));
          if (count === 1000) parentPort.postMessage("flooded");
        };
        io.sendTo(0, self, Uint8Array.of(22, 1));
      })();`;
    const worker = new Worker(source, { eval: true });
    expect(await once(worker, "message")).to.deep.equal(["flooded"]);
    expect(await worker.terminate()).to.equal(1);
  });

  it("sockets may be opened and closed by what a datagram brings", async () => {
    for (let round = 0; round < 20; round++) {
      const [a, b] = pair();
      const { promise, resolve } = Promise.withResolvers<PacketIo>();
      b.onReadable = () => {
        b.receive(rx);
        b.close();
        const [c, d] = pair();
        d.onReadable = () => {
          d.receive(rx);
          c.close();
          resolve(d);
        };
        say(c);
      };
      say(a);
      const last = await promise;
      a.close();
      last.close();
      await sleep(round % 2);
    }
  });

  it("reads all of many sockets", async () => {
    const io = open(Array.from({ length: 20 }, () => "127.0.0.1"));
    const from = open();
    opened.push(io, from);
    const seen = new Set<number>();
    for (const [socket, address] of io.localAddresses.entries()) {
      const session = io.openSession();
      io.bindAddress(session, socket, from.localAddresses[0]!);
      from.sendTo(0, address, Uint8Array.of(22, 1, 2));
    }
    io.onReadable = () => {
      for (let n = io.receive(rx); n > 0; n = io.receive(rx))
        for (let row = 0; row < n; row++) seen.add(rx.socket[row]!);
    };
    for (let waited = 0; seen.size < 20 && waited < 1000; waited += 10) await sleep(10);
    expect(seen.size).to.equal(20);
  });
});
