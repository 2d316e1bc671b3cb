import { expect } from "chai";
import { collect, hex, options, put, queueRead, stun } from "../../test/packet-rows.ts";
import type { PacketIo } from "../media/packet-io.ts";
import { Kind, TxSlab } from "../media/slab.ts";
import { openNativePacketIo } from "./native-packet-io.ts";
import type { OpenedPacketIo } from "./packet-io-options.ts";

describe("packet I/O of several workers", () => {
  const opened: PacketIo[] = [];
  const keep = ({ io, failures }: OpenedPacketIo): PacketIo => {
    if (io === undefined) throw new Error(`bind failed: ${failures[0]?.code}`);
    opened.push(io);
    return io;
  };
  /** `count` workers on one socket, and a peer outside. */
  const start = (count: number) => {
    const { group = "" } = options();
    const workers = Array.from({ length: count }, (_, worker) =>
      keep(openNativePacketIo(options(undefined, { group, worker, workers: count }))),
    );
    return {
      workers,
      peer: keep(openNativePacketIo(options())),
      to: workers[0]!.localAddresses[0]!,
    };
  };
  afterEach(() => {
    for (const io of opened.splice(0)) io.close();
  });

  it("hands requests over by ufrag, then everything by address", async () => {
    const { workers, peer, to } = start(3);
    const from = peer.localAddresses[0]!;
    expect(workers[2]!.localAddresses).to.deep.equal([to]);
    const sessions = workers.map((io, at) => {
      const session = io.openSession();
      io.registerUfrag(`worker${at}`, session);
      return session;
    });
    for (const at of [2, 0, 1]) {
      peer.sendTo(0, to, stun(1, `worker${at}:peer`));
      const rows = await collect(workers[at]!, 1);
      expect(rows.map((row) => row.kind)).to.deep.equal([Kind.stun]);
      workers[at]!.bindAddress(sessions[at]!, 0, from);
      for (let i = 0; i < 100; i++) peer.sendTo(0, to, Uint8Array.of(22, i));
      const data = await collect(workers[at]!, 100);
      expect(data.map((row) => row.bytes)).to.deep.equal(
        [...Array(100).keys()].map((i) => hex(Uint8Array.of(22, i))),
      );
    }
    workers[1]!.unbindAddress(sessions[1]!, 0, from);
    peer.sendTo(0, to, Uint8Array.of(22));
    peer.sendTo(0, to, stun(1, "nobody:peer"));
    peer.sendTo(0, to, stun(1, "worker0:peer"));
    expect((await collect(workers[0]!, 1)).length).to.equal(1);
    expect(workers[0]!.counters()).to.deep.include({ unknownAddress: 1, unknownUfrag: 1 });
    expect(workers[1]!.counters()).to.deep.include({ unknownAddress: 0, received: 101 });
  });

  it("brings the response of a check to the worker that sent it", async () => {
    const { workers, peer, to } = start(2);
    workers[1]!.sendTo(0, peer.localAddresses[0]!, stun(1, "peer:x", 99));
    peer.sendTo(0, to, stun(0x0111, undefined, 99));
    expect((await collect(workers[1]!, 1)).map((row) => row.bytes.slice(0, 4))).to.deep.equal([
      "0111",
    ]);
    expect(workers[0]!.counters().received).to.equal(0);
  });

  it("drops and counts what a stalled worker leaves no room for, and then goes on", async () => {
    const { workers, peer, to } = start(2);
    const session = workers[0]!.openSession();
    workers[0]!.bindAddress(session, 0, peer.localAddresses[0]!);
    const out = peer.openSession();
    peer.bindAddress(out, 0, to);
    peer.selectAddress(out, 0, to);
    const slab = new TxSlab();
    for (let i = 0; i < 3000; i++) {
      put(slab, out, Kind.dtls, Uint8Array.of(22, i & 255));
      if (slab.count < 200) continue;
      peer.send(slab);
      // The kernel's queue is shorter than the ring where `net.core.rmem_max` is small or the
      // receiving thread waits for a processor; what it drops is not the ring's.
      await queueRead(to.port);
    }
    const rows = await collect(workers[0]!, 2048);
    expect(rows.length).to.equal(2048);
    expect(workers[0]!.counters().ringFull).to.equal(3000 - 2048);
    put(slab, out, Kind.dtls, Uint8Array.of(23));
    peer.send(slab);
    expect((await collect(workers[0]!, 1)).map((row) => row.bytes)).to.deep.equal(["17"]);
  });

  it("forgets the ufrags, addresses and checks of a worker that ended", async () => {
    const { workers, peer, to } = start(3);
    const from = peer.localAddresses[0]!;
    const session = workers[1]!.openSession();
    workers[1]!.registerUfrag("gone", session);
    workers[1]!.bindAddress(session, 0, from);
    workers[1]!.sendTo(0, from, stun(1, "peer:x", 99));
    workers[0]!.registerUfrag("here", workers[0]!.openSession());
    workers[1]!.close();
    peer.sendTo(0, to, stun(1, "gone:peer"));
    peer.sendTo(0, to, Uint8Array.of(22));
    peer.sendTo(0, to, stun(0x0111, undefined, 99));
    peer.sendTo(0, to, stun(1, "here:peer"));
    expect((await collect(workers[0]!, 1)).length).to.equal(1);
    expect(workers[0]!.counters()).to.deep.include({
      unknownUfrag: 1,
      unknownAddress: 2,
      ringFull: 0,
    });
  });

  it("stays open until its last worker closes, and refuses a second worker of one number", async () => {
    const { workers, peer, to } = start(2);
    const session = workers[1]!.openSession();
    workers[1]!.bindAddress(session, 0, peer.localAddresses[0]!);
    workers[0]!.close();
    peer.sendTo(0, to, Uint8Array.of(22));
    expect((await collect(workers[1]!, 1)).length).to.equal(1);
    workers[1]!.close();
    const again = openNativePacketIo(options(undefined, { addresses: [to] }));
    expect(again.failures).to.deep.equal([]);
    keep(again);
    const twice = options();
    keep(openNativePacketIo(twice));
    expect(openNativePacketIo(twice).io).to.equal(undefined);
  });
});
