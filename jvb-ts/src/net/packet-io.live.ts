/** One table for the addon's sockets and their twin, over loopback. */
import { expect } from "chai";
import { collect, hex, options, put, stun } from "../../test/packet-rows.ts";
import {
  type PacketCounters,
  type PacketIo,
  type SocketAddress,
  type SrtpKeys,
  SrtpProfile,
} from "../media/packet-io.ts";
import { Kind, NO_SESSION, REPEATABLE, RxSlab, Status, TxSlab } from "../media/slab.ts";
import { openNativePacketIo } from "./native-packet-io.ts";
import type { OpenedPacketIo, PacketIoOptions } from "./packet-io-options.ts";
import { openTwinPacketIo } from "./twin-packet-io.ts";

const implementations: readonly (readonly [
  string,
  (options: PacketIoOptions) => OpenedPacketIo | Promise<OpenedPacketIo>,
])[] = [
  ["native", openNativePacketIo],
  ["twin", openTwinPacketIo],
];

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => from + i);
const keysOf = (flip: boolean): SrtpKeys => {
  const one = { key: bytes(16, 1), salt: bytes(12, 2) };
  const two = { key: bytes(16, 3), salt: bytes(12, 4) };
  const [local, remote] = flip ? [two, one] : [one, two];
  return {
    profile: SrtpProfile.AEAD_AES_128_GCM,
    localKey: local.key,
    localSalt: local.salt,
    remoteKey: remote.key,
    remoteSalt: remote.salt,
  };
};

function rtp(seq: number, payload: number): Uint8Array {
  const packet = bytes(12 + payload, seq);
  packet.set([0x80, 96, seq >> 8, seq & 255, 0, 0, 0, 1, 0, 0, 0, 9]);
  return packet;
}

for (const [implementation, open] of implementations) {
  describe(`packet I/O, ${implementation}`, () => {
    const opened: PacketIo[] = [];
    const start = async (ip?: string, more?: Partial<PacketIoOptions>): Promise<PacketIo> => {
      const { io, failures } = await open(options(ip, more));
      if (io === undefined) throw new Error(`bind failed: ${failures[0]?.code}`);
      opened.push(io);
      return io;
    };
    afterEach(() => {
      for (const io of opened.splice(0)) io.close();
    });

    /** Two ends, bound to each other; with keys unless told. */
    async function pair(keys = true, ip?: string) {
      const [a, b] = [await start(ip), await start(ip)];
      const connect = (io: PacketIo, other: PacketIo, flip: boolean) => {
        const remote = other.localAddresses[0]!;
        const session = io.openSession();
        io.bindAddress(session, 0, remote);
        io.selectAddress(session, 0, remote);
        if (keys) io.setKeys(session, keysOf(flip));
        return session;
      };
      return { a, b, sa: connect(a, b, false), sb: connect(b, a, true) };
    }

    it("keeps the selected address, however many a peer shows", async () => {
      const { a, b, sa, sb } = await pair();
      for (let port = 1; port <= 400; port++)
        b.bindAddress(sb, 0, { ip: "127.0.0.9", port: 1000 + port });
      const slab = new TxSlab();
      put(slab, sa, Kind.rtp, rtp(1, 10));
      a.send(slab);
      expect((await collect(b, 1)).map(({ session }) => session)).to.deep.equal([sb]);
    });

    for (const ip of ["127.0.0.1", "::1"])
      it(`carries RTP, RTCP, DTLS and STUN between ${ip} in order (M-003)`, async () => {
        const { a, b, sa, sb } = await pair(true, ip);
        const slab = new TxSlab();
        const sent: [number, Uint8Array][] = [];
        for (let i = 0; i < 150; i++) sent.push([Kind.rtp, rtp(i, (i * 37) % 1100)]);
        sent.push([Kind.rtcp, Uint8Array.of(0x80, 200, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4)]);
        sent.push([Kind.dtls, Uint8Array.of(22, 254, 253, 1, 2)]);
        sent.push([Kind.stun, stun(1, "any:one")]);
        for (const [kind, data] of sent) put(slab, sa, kind, data);
        expect(a.send(slab)).to.equal(153);
        expect(slab.count).to.equal(0);
        expect([...slab.result.subarray(0, 153)]).to.deep.equal(Array(153).fill(0));
        const rows = await collect(b, 153);
        expect(rows.map(({ kind, bytes }) => [kind, bytes])).to.deep.equal(
          sent.map(([kind, data]) => [kind, hex(data)]),
        );
        const from = a.localAddresses[0]!;
        for (const row of rows) {
          expect(row.status).to.equal(Status.ok);
          expect(row.session).to.equal(sb);
          expect([row.socket, row.port, row.family]).to.deep.equal([
            0,
            from.port,
            ip === "::1" ? 6 : 4,
          ]);
          const loopback = ip === "::1" ? `${"0".repeat(31)}1` : `7f000001${"0".repeat(24)}`;
          expect(row.address).to.equal(loopback);
        }
        expect(b.counters()).to.deep.include({ received: 153, malformed: 0, unknownAddress: 0 });
        expect(b.counters().receivedBytes).to.equal(a.counters().sentBytes);
      });

    it("gives rows that cannot be decrypted their status, and counts them", async () => {
      const { a, b, sa, sb } = await pair(false);
      a.setKeys(sa, keysOf(false));
      const slab = new TxSlab();
      put(slab, sa, Kind.rtp, rtp(1, 20));
      a.send(slab);
      expect(await collect(b, 1, 50)).to.deep.equal([]);
      b.setKeys(sb, keysOf(true));
      expect((await collect(b, 1)).map((row) => [row.status, row.bytes])).to.deep.equal([
        [Status.ok, hex(rtp(1, 20))],
      ]);
      put(slab, sa, Kind.rtp | REPEATABLE, rtp(2, 20));
      put(slab, sa, Kind.rtp | REPEATABLE, rtp(2, 20));
      put(slab, sa, Kind.rtp | REPEATABLE, rtp(2, 21));
      put(slab, sa, Kind.rtp, rtp(1, 20));
      put(slab, sa, Kind.dtls, Uint8Array.of(128, 96, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, ...bytes(30)));
      put(slab, sa, Kind.dtls, Uint8Array.of(128, 96, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9));
      put(slab, sa, Kind.dtls, Uint8Array.of(70, 1, 2));
      a.send(slab);
      expect((await collect(b, 5)).map((row) => row.status)).to.deep.equal([
        Status.ok,
        Status.replayed,
        Status.authFailed,
        Status.malformed,
        Status.malformed,
      ]);
      expect(a.counters()).to.include({ repeatedIndex: 1, refusedRepeat: 2, sendUnready: 2 });
      expect(b.counters()).to.deep.include({
        received: 6,
        noKeys: 0,
        authFailed: 1,
        replayed: 1,
        malformed: 2,
      });
    });

    it("keeps 64 kB that come before the keys, and delivers them first (M-016, X2)", async () => {
      const { a, b, sa, sb } = await pair(false);
      a.setKeys(sa, keysOf(false));
      const slab = new TxSlab();
      for (let seq = 1; seq <= 70; seq++) put(slab, sa, Kind.rtp, rtp(seq, 1100));
      a.send(slab);
      // 12 of header, 16 of tag, and what a packet costs beside.
      const kept = Math.floor(65_536 / (1100 + 12 + 16 + 64));
      const late = Array.from({ length: 70 - kept }, () => Status.noKeys);
      expect((await collect(b, 70 - kept)).map((row) => row.status)).to.deep.equal(late);
      expect(b.counters().noKeys).to.equal(70 - kept);
      b.setKeys(sb, keysOf(true));
      put(slab, sa, Kind.rtp, rtp(71, 20));
      a.send(slab);
      const rows = await collect(b, kept + 1);
      const expected = [...Array(kept).keys()].map((i) => hex(rtp(i + 1, 1100)));
      expect(rows.map((row) => row.bytes)).to.deep.equal([...expected, hex(rtp(71, 20))]);
      expect(rows.every((row) => row.status === Status.ok && row.session === sb)).to.equal(true);
    });

    it("keeps what comes before the keys for two seconds (X2)", async () => {
      const { a, b, sa, sb } = await pair(false);
      a.setKeys(sa, keysOf(false));
      const slab = new TxSlab();
      const send = async (seq: number): Promise<void> => {
        put(slab, sa, Kind.rtp, rtp(seq, 100));
        a.send(slab);
        expect(await collect(b, 1, 30)).to.deep.equal([]);
      };
      await send(1);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await send(2);
      await new Promise((resolve) => setTimeout(resolve, 700));
      await send(3);
      expect(b.counters().noKeys).to.equal(1);
      b.setKeys(sb, keysOf(true));
      const rows = await collect(b, 2, 100);
      expect(rows.map((row) => row.bytes)).to.deep.equal([hex(rtp(2, 100)), hex(rtp(3, 100))]);
    });

    it("keeps early media of the honest after many who never shake hands (X2)", async () => {
      const { a, b, sa, sb } = await pair(false);
      a.setKeys(sa, keysOf(false));
      const from = a.localAddresses[0]!;
      const slab = new TxSlab();
      for (let n = 0; n < 300; n++) {
        b.bindAddress(b.openSession(), 0, from);
        for (let seq = 0; seq < 60; seq++) put(slab, sa, Kind.rtp, rtp(60 * n + seq, 1100));
        a.send(slab);
        await collect(b, 1, 5);
      }
      await collect(b, Number.POSITIVE_INFINITY, 200);
      await new Promise((resolve) => setTimeout(resolve, 2100));
      b.bindAddress(sb, 0, from);
      put(slab, sa, Kind.rtp, rtp(30_000, 100));
      a.send(slab);
      expect(await collect(b, 1, 30)).to.deep.equal([]);
      b.setKeys(sb, keysOf(true));
      const rows = await collect(b, 1, 200);
      expect(rows.map((row) => row.bytes)).to.deep.equal([hex(rtp(30_000, 100))]);
    }).timeout(60_000);

    it("lets of an unbound address only our ufrags' requests and our responses in (M-001, M-002, B-072)", async () => {
      const { a, b, sb } = await pair();
      const stranger = await start();
      const to = b.localAddresses[0]!;
      b.registerUfrag("ours", sb);
      const send = (data: Uint8Array) => stranger.sendTo(0, to, data);
      send(rtp(1, 50));
      send(Uint8Array.of(22, 1, 2));
      send(stun(1, "theirs:x"));
      send(stun(1, undefined));
      send(stun(0x0101, undefined, 77));
      send(stun(1, "ours:x"));
      send(stun(1, "ours"));
      // A response passes once we have sent that transaction's request.
      b.sendTo(0, stranger.localAddresses[0]!, stun(1, "x:y", 42));
      send(stun(0x0101, undefined, 42));
      const rows = await collect(b, 3);
      expect(rows.map((row) => [row.kind, row.session, row.bytes.slice(0, 4)])).to.deep.equal([
        [Kind.stun, NO_SESSION, "0001"],
        [Kind.stun, NO_SESSION, "0001"],
        [Kind.stun, NO_SESSION, "0101"],
      ]);
      expect(b.counters()).to.deep.include({ unknownAddress: 3, unknownUfrag: 2 });
      b.unregisterUfrag("ours");
      send(stun(1, "ours:x"));
      expect(await collect(b, 1, 50)).to.deep.equal([]);
      expect(a.counters().received).to.equal(0);
    });

    it("moves an address to the session that bound it last, and forgets closed sessions", async () => {
      const { a, b, sa, sb } = await pair();
      const slab = new TxSlab();
      const remote = a.localAddresses[0]!;
      const received = async () => {
        put(slab, sa, Kind.dtls, Uint8Array.of(22, 1));
        a.send(slab);
        return (await collect(b, 1, 60)).map((row) => row.session);
      };
      expect(await received()).to.deep.equal([sb]);
      const other = b.openSession();
      b.bindAddress(other, 0, remote);
      expect(await received()).to.deep.equal([other]);
      b.unbindAddress(sb, 0, remote);
      expect(await received(), "unbound by a former owner").to.deep.equal([other]);
      b.closeSession(other);
      expect(await received()).to.deep.equal([]);
      b.bindAddress(sb, 0, remote);
      expect(await received()).to.deep.equal([sb]);
    });

    it("says why a row was not sent", async () => {
      const { a, sa } = await pair(false);
      const noAddress = a.openSession();
      const slab = new TxSlab();
      put(slab, sa, Kind.rtp, rtp(1, 10));
      put(slab, noAddress, Kind.dtls, Uint8Array.of(22));
      put(slab, 999, Kind.dtls, Uint8Array.of(22));
      put(slab, sa, Kind.dtls, Uint8Array.of(22));
      expect(a.send(slab)).to.equal(1);
      expect([...slab.result.subarray(0, 4)]).to.deep.equal([1, 1, 1, 0]);
      a.setKeys(sa, keysOf(false));
      put(slab, sa, Kind.rtp, Uint8Array.of(1, 2, 3));
      expect(a.send(slab)).to.equal(0);
      expect(a.counters()).to.deep.include({ sent: 1, sendUnready: 4 });
      a.sendTo(0, { ip: "::1", port: 9 }, Uint8Array.of(1));
      expect(a.counters()).to.deep.include({ sent: 1, sendRefused: 1 });
    });

    it("takes datagrams of 1500 bytes and drops longer and empty ones", async () => {
      const { a, b } = await pair();
      const to = b.localAddresses[0]!;
      for (const length of [1500, 1501, 4000, 0, 1])
        a.sendTo(0, to, new Uint8Array(length).fill(20));
      expect((await collect(b, 2)).map((row) => row.bytes.length / 2)).to.deep.equal([1500, 1]);
      expect(b.counters()).to.deep.include({ malformed: 3, received: 2 });
    });

    it("brings packets of any lengths to each of several receivers in their order", async () => {
      const { io: from } = await open(options());
      const ends = [await open(options()), await open(options())].map(({ io }) => io!);
      opened.push(from!, ...ends);
      const slab = new TxSlab();
      const sessions = ends.map((end) => {
        const session = from!.openSession();
        from!.bindAddress(session, 0, end.localAddresses[0]!);
        from!.selectAddress(session, 0, end.localAddresses[0]!);
        end.bindAddress(end.openSession(), 0, from!.localAddresses[0]!);
        return session;
      });
      const lengths = [1200, 1200, 1200, 900, 900, 901, 1200, 10, 10, 1500, 1500];
      const long = Array.from({ length: 70 }, () => 1000);
      const sent = [...lengths, ...long].map((length, i) => bytes(length, i + 20).fill(22, 0, 1));
      for (const data of sent) for (const session of sessions) put(slab, session, Kind.dtls, data);
      expect(from!.send(slab)).to.equal(2 * sent.length);
      for (const end of ends) {
        const rows = await collect(end, sent.length);
        expect(rows.map((row) => row.bytes)).to.deep.equal(sent.map(hex));
      }
      expect(from!.counters()).to.deep.include({ sent: 2 * sent.length, sendRefused: 0 });
    });

    it("keeps indices when the same keys come again", async () => {
      const { a, b, sa, sb } = await pair();
      const slab = new TxSlab();
      for (let seq = 65000; seq < 66000; seq += 100) {
        put(slab, sa, Kind.rtp, rtp(seq & 0xffff, 10));
        a.setKeys(sa, keysOf(false));
        b.setKeys(sb, keysOf(true));
      }
      a.send(slab);
      expect((await collect(b, 10)).map((row) => row.status)).to.deep.equal(Array(10).fill(0));
    });

    it("binds what it can and names what it cannot", async () => {
      const taken = await start();
      const { port } = taken.localAddresses[0]!;
      const addresses: SocketAddress[] = [
        { ip: "192.0.2.1", port: 0 },
        { ip: "127.0.0.1", port },
        { ip: "127.0.0.2", port: 0 },
      ];
      const { io, failures } = await open(options(undefined, { addresses }));
      expect(failures.map(({ address, code }) => `${address.ip} ${code}`)).to.deep.equal([
        "192.0.2.1 EADDRNOTAVAIL",
        "127.0.0.1 EADDRINUSE",
      ]);
      expect(io?.localAddresses.map(({ ip }) => ip)).to.deep.equal(["127.0.0.2"]);
      io?.close();
      const none = await open(options(undefined, { addresses: addresses.slice(0, 2) }));
      expect(none.io).to.equal(undefined);
      expect(none.failures.length).to.equal(2);
    });

    it("answers nothing after close", async () => {
      const { a, sa } = await pair();
      const before: PacketCounters = a.counters();
      a.close();
      a.close();
      const slab = new TxSlab();
      put(slab, sa, Kind.dtls, Uint8Array.of(22));
      a.send(slab);
      expect(a.receive(new RxSlab())).to.equal(0);
      expect(before.sent).to.equal(0);
    });

    it("sends from the socket that was selected", async () => {
      const addresses = [
        { ip: "127.0.0.1", port: 0 },
        { ip: "127.0.0.2", port: 0 },
      ];
      const many = await start(undefined, { addresses });
      const peer = await start();
      const to = peer.localAddresses[0]!;
      const sessions = [0, 1].map((socket) => {
        const session = many.openSession();
        many.bindAddress(session, socket, to);
        many.selectAddress(session, socket, to);
        const back = peer.openSession();
        peer.bindAddress(back, 0, many.localAddresses[socket]!);
        return session;
      });
      const slab = new TxSlab();
      for (let i = 0; i < 200; i++) put(slab, sessions[i % 2]!, Kind.dtls, Uint8Array.of(22, i));
      expect(many.send(slab)).to.equal(200);
      const rows = await collect(peer, 200);
      for (const at of [0, 1]) {
        const own = rows.filter((row) => row.session === at).map((row) => row.bytes.slice(2));
        const expected = [...Array(100).keys()].map((i) => hex(Uint8Array.of(2 * i + at)));
        expect(own).to.deep.equal(expected);
      }
    });
  });
}
