/** The limit program against the project's own SRTP: what it forwards opens, what is hostile does not. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { readUint16, writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import { type SrtpKeys, SrtpProfile } from "../../src/media/packet-io.ts";
import {
  createNativeSrtp,
  SRTP_TRAILER,
  type SrtpTransform,
} from "../../src/net/srtp-transform.ts";
import { type RunningLimit, startLimit, startLimitWith } from "./limit-program.ts";

const IN = 0xfedc_ba98;
const PACKETS = 300;
/** The numbers that come in wrap on their way. */
const FIRST = 65_536 - PACKETS / 2;

interface Peer {
  readonly socket: Socket;
  readonly keys: SrtpKeys;
  readonly srtp: SrtpTransform;
  readonly heard: Uint8Array[];
}

/** A peer's keys, and the other side's view of them. */
function keysOf(number: number, profile: SrtpKeys["profile"]): SrtpKeys {
  const salt = profile === SrtpProfile.AEAD_AES_128_GCM ? 12 : 14;
  const bytes = (seed: number, length: number) =>
    Uint8Array.from({ length }, (_, i) => (seed * 37 + number * 11 + i * 3) & 255);
  return {
    profile,
    localKey: bytes(1, 16),
    localSalt: bytes(2, salt),
    remoteKey: bytes(3, 16),
    remoteSalt: bytes(4, salt),
  };
}

const flip = (keys: SrtpKeys): SrtpKeys => ({
  profile: keys.profile,
  localKey: keys.remoteKey,
  localSalt: keys.remoteSalt,
  remoteKey: keys.localKey,
  remoteSalt: keys.localSalt,
});

async function openPeer(number: number, profile: SrtpKeys["profile"]): Promise<Peer> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const heard: Uint8Array[] = [];
  socket.on("message", (bytes) => heard.push(Uint8Array.from(bytes)));
  const keys = keysOf(number, profile);
  return { socket, keys, srtp: createNativeSrtp(flip(keys)), heard };
}

/** A packet with CSRC and extension; every third has no payload at all. */
function media(n: number, ssrc = IN): Uint8Array {
  const payload =
    n % 3 === 2 ? [] : Array.from({ length: 1 + (n % 1100) }, (_, i) => (n + i) & 255);
  const packet = new Uint8Array([
    ...[0x91, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[1, 2, 3, 4],
    ...[0xbe, 0xde, 0, 1, 0x10, n & 255, 0, 0],
    ...payload,
  ]);
  writeUint16(packet, 2, (FIRST + n) & 0xffff);
  writeInt32(packet, 4, n * 960);
  writeInt32(packet, 8, ssrc | 0);
  return packet;
}

function seal(srtp: SrtpTransform, packet: Uint8Array): Uint8Array {
  const room = new Uint8Array(packet.length + SRTP_TRAILER);
  room.set(packet);
  return room.subarray(0, srtp.protectRtp(room, 0, packet.length));
}

function open(srtp: SrtpTransform, packet: Uint8Array): Uint8Array {
  const copy = new Uint8Array(packet.length + SRTP_TRAILER);
  copy.set(packet);
  const length = srtp.unprotectRtp(copy, 0, packet.length);
  expect(length, "unprotected").to.be.greaterThan(0);
  return copy.subarray(0, length);
}

const timestamp = (packet: Uint8Array) => new DataView(packet.buffer).getUint32(4);
const ssrcOf = (packet: Uint8Array) => new DataView(packet.buffer).getUint32(8);

describe("the limit program", function () {
  this.timeout(60_000);
  let peers: Peer[] = [];
  let limit: RunningLimit | undefined;

  async function begin(profile: SrtpKeys["profile"], plain = false): Promise<RunningLimit> {
    peers = await Promise.all([0, 1, 2].map((number) => openPeer(number, profile)));
    limit = await startLimit({
      plain,
      peers: peers.map(({ socket, keys }) => ({
        address: { ip: "127.0.0.1", port: socket.address().port },
        keys,
      })),
      streams: [
        {
          from: 0,
          ssrc: IN,
          receivers: [
            { peer: 1, ssrc: 0xa000_0001 },
            { peer: 2, ssrc: 0xb000_0002 },
          ],
        },
        { from: 1, ssrc: 77, receivers: [] },
      ],
    });
    return limit;
  }

  async function say(packets: readonly Uint8Array[], peer = peers[0]!): Promise<void> {
    for (const [i, packet] of packets.entries()) {
      peer.socket.send(packet, limit?.port ?? 0, "127.0.0.1");
      if (i % 50 === 49) await sleep(5);
    }
    await sleep(60);
  }

  /** What a receiver got, opened: same payloads, its own SSRC, numbers and times without a gap. */
  function check(peer: Peer, ssrc: number, opened: readonly Uint8Array[]): void {
    expect(peer.heard).to.have.length(opened.length);
    const [first] = opened;
    if (first === undefined) throw new Error("nothing heard");
    expect(readUint16(first, 2)).to.be.below(0x8000);
    for (const [n, packet] of opened.entries()) {
      expect(ssrcOf(packet)).to.equal(ssrc);
      expect(readUint16(packet, 2)).to.equal((readUint16(first, 2) + n) & 0xffff);
      expect((timestamp(packet) - timestamp(first)) >>> 0).to.equal(n * 960);
      expect(packet.subarray(12)).to.deep.equal(media(n).subarray(12));
    }
  }

  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.socket.close();
    await limit?.stop();
    limit = undefined;
  });

  for (const [name, profile] of Object.entries(SrtpProfile)) {
    it(`${name}: forwards what our SRTP sealed, and what it seals our SRTP opens`, async () => {
      const running = await begin(profile);
      const [sender, one, two] = peers as [Peer, Peer, Peer];
      await say(Array.from({ length: PACKETS }, (_, n) => seal(sender.srtp, media(n))));
      for (const [peer, ssrc] of [
        [one, 0xa000_0001],
        [two, 0xb000_0002],
      ] as const)
        check(
          peer,
          ssrc,
          peer.heard.map((packet) => open(peer.srtp, packet)),
        );
      const counters = await running.counters();
      expect(counters).to.include({ received: PACKETS, sent: 2 * PACKETS, unprotectFailures: 0 });
      expect(counters.wakeups).to.be.within(1, PACKETS);
      expect(counters.cpuMicroseconds).to.be.greaterThan(0);
    });

    it(`${name}: hostile bytes are counted and dropped, and change nothing`, async () => {
      const running = await begin(profile);
      const [sender, one, two] = peers as [Peer, Peer, Peer];
      await say([seal(sender.srtp, media(0))]);
      const good = seal(sender.srtp, media(1));
      const flipped = Array.from({ length: good.length - 12 }, (_, i) => {
        const bad = Uint8Array.from(good);
        bad[12 + i]! ^= 1 << (i % 8);
        return bad;
      });
      // What lies about its own lengths may be malformed before it is forged.
      const cut = Array.from({ length: good.length }, (_, i) => good.subarray(0, i));
      const wild = Array.from({ length: 200 }, (_, n) =>
        Uint8Array.from({ length: (n * 7) % 1600 }, (_, i) => (n * 31 + i * i * 7) & 255),
      );
      const others = [
        seal(one.srtp, media(2)),
        seal(sender.srtp, media(3, 1234)),
        Uint8Array.from([0x80, 200, 0, 6, ...new Array<number>(40).fill(1)]),
      ];
      const hostile = [...flipped, ...cut, ...wild, ...others];
      await say(hostile);
      expect(one.heard).to.have.length(1);
      await say([good]);
      const { received, sent, unprotectFailures, unknown, malformed } = await running.counters();
      expect({ received, sent }).to.deep.equal({ received: hostile.length + 2, sent: 4 });
      expect(unprotectFailures + unknown + malformed).to.equal(hostile.length);
      expect(unprotectFailures).to.be.greaterThan(20);
      expect(unknown).to.be.greaterThan(0);
      expect(malformed).to.be.greaterThan(27);
      for (const peer of [one, two]) {
        const opened = peer.heard.map((packet) => open(peer.srtp, packet));
        check(peer, ssrcOf(opened[0]!), opened);
      }
    });
  }

  it("a stream without receivers is unprotected and goes nowhere", async () => {
    const running = await begin(SrtpProfile.AEAD_AES_128_GCM);
    await say([seal(peers[1]!.srtp, media(0, 77)), seal(peers[0]!.srtp, media(0, 77))], peers[1]);
    expect(await running.stop()).to.include({ received: 2, sent: 0, unprotectFailures: 1 });
    limit = undefined;
  });

  it("--plain: the same without SRTP", async () => {
    const running = await begin(SrtpProfile.AEAD_AES_128_GCM, true);
    await say(Array.from({ length: PACKETS }, (_, n) => media(n)));
    check(peers[1]!, 0xa000_0001, peers[1]!.heard);
    check(peers[2]!, 0xb000_0002, peers[2]!.heard);
    expect(await running.counters()).to.include({ received: PACKETS, sent: 2 * PACKETS });
  });

  const key = "00".repeat(16);
  const salt = "00".repeat(12);
  const peer = `peer 127.0.0.1 9 ${key} ${salt} ${key} ${salt}\n`;
  for (const [setup, why] of [
    ["", "line 0: end of input before go"],
    ["\n", "line 1: empty line"],
    ["dance\n", "line 1: profile, peer, stream or go"],
    ["profile rot13\n", "line 1: profile gcm or cm"],
    [`${peer}profile cm\n`, "line 2: profile after a peer"],
    ["peer ::1 9\n", "line 1: no IPv4 address"],
    ["peer 127.0.0.1 65536\n", "line 1: no port"],
    [`peer 127.0.0.1 9 ${key}\n`, "line 1: no salt"],
    [`peer 127.0.0.1 9 ${key}00 ${salt}\n`, "line 1: key or salt of the wrong length"],
    ["stream 0 1\n", "line 1: no peers yet"],
    [`${peer}stream 1 1\n`, "line 2: no such peer"],
    [`${peer}stream 0 -1\n`, "line 2: no SSRC"],
    [`${peer}stream 0 4294967296\n`, "line 2: no SSRC"],
    [`${peer}stream 0 1 0\n`, "line 2: receiver without SSRC"],
    [`${peer}stream 0 1 3:1\n`, "line 2: no such peer"],
    [`${peer}stream 0 1 \n`, "line 2: no receiver"],
    [`${peer}stream 0 1\nstream 0 1\n`, "line 3: SSRC given twice"],
    [peer, "line 1: end of input before go"],
  ] as const)
    it(`refuses ${JSON.stringify(setup.replaceAll(key, "K").replaceAll(salt, "S"))}`, async () => {
      const refusal = await startLimitWith(setup, false).then(
        () => "started",
        (error: unknown) => (error instanceof Error ? error.message : ""),
      );
      expect(refusal).to.equal(`limit: ${why}`);
    });
});
