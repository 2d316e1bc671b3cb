/** One table for the addon's SRTP and its twin: same lengths, same refusals, same bytes. */
import { expect } from "chai";
import { type SrtpKeys, SrtpProfile, type SrtpProfileId } from "../media/packet-io.ts";
import { Status } from "../media/slab.ts";
import { createNativeSrtp, SRTP_TRAILER, type SrtpTransform } from "./srtp-transform.ts";
import { deriveKey, gcmIv, seal, TwinSrtp } from "./twin-srtp.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replace(/\s/g, ""), "hex");
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const profiles: readonly (readonly [name: string, id: SrtpProfileId, salt: number])[] = [
  ["AEAD_AES_128_GCM", SrtpProfile.AEAD_AES_128_GCM, 12],
  ["AES128_CM_HMAC_SHA1_80", SrtpProfile.AES128_CM_HMAC_SHA1_80, 14],
];

const implementations: readonly (readonly [string, (keys: SrtpKeys) => SrtpTransform])[] = [
  ["native", createNativeSrtp],
  ["twin", (keys) => new TwinSrtp(keys)],
];

function keysOf(profile: SrtpProfileId, salt: number, seed: number): SrtpKeys {
  const fill = (length: number, from: number) =>
    Uint8Array.from({ length }, (_, i) => from + i * 7);
  return {
    profile,
    localKey: fill(16, seed),
    localSalt: fill(salt, seed + 1),
    remoteKey: fill(16, seed + 2),
    remoteSalt: fill(salt, seed + 3),
  };
}

const mirrored = (keys: SrtpKeys): SrtpKeys => ({
  profile: keys.profile,
  localKey: keys.remoteKey,
  localSalt: keys.remoteSalt,
  remoteKey: keys.localKey,
  remoteSalt: keys.localSalt,
});

interface RtpFields {
  readonly seq: number;
  readonly ssrc?: number;
  readonly csrcs?: number;
  readonly extensionWords?: number;
  readonly payload?: number;
}

function rtp({ seq, ssrc = 0xdeadbeef, csrcs = 0, extensionWords, payload = 20 }: RtpFields) {
  const extension = extensionWords === undefined ? 0 : 4 + 4 * extensionWords;
  const packet = Buffer.alloc(12 + 4 * csrcs + extension + payload);
  packet[0] = 0x80 | csrcs | (extensionWords === undefined ? 0 : 0x10);
  packet[1] = 96;
  packet.writeUInt16BE(seq & 0xffff, 2);
  packet.writeUInt32BE((seq * 3000) >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  for (let i = 12; i < packet.length; i++) packet[i] = i * 31 + seq;
  if (extensionWords !== undefined) {
    packet.writeUInt16BE(0xbede, 12 + 4 * csrcs);
    packet.writeUInt16BE(extensionWords, 14 + 4 * csrcs);
  }
  return packet;
}

function rtcp(ssrc = 0xcafe, extra = 20): Buffer {
  const packet = Buffer.alloc(8 + extra, 0x5a);
  packet.set([0x80, 200, 0, (8 + extra) / 4 - 1]);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

type Method = keyof SrtpTransform;

/** Runs one method on a copy; the packet's new bytes, or the refusal. */
function run(transform: SrtpTransform, method: Method, packet: Uint8Array): Uint8Array | number {
  const room = new Uint8Array(64 + packet.length + SRTP_TRAILER);
  room.set(packet, 64);
  const length = transform[method](room, 64, packet.length);
  return length > 0 ? room.slice(64, 64 + length) : -length;
}

function bytesOf(result: Uint8Array | number): Uint8Array {
  if (typeof result === "number") throw new Error(`refused with status ${result}`);
  return result;
}

describe("SRTP known answers (M-010), SRTCP from index 0 on (M-014)", () => {
  it("derives the session keys of RFC 3711 B.3", () => {
    const key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
    const salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    expect(toHex(deriveKey(key, salt, 0, 16))).to.equal("c61e7a93744f39ee10734afe3ff7a087");
    expect(toHex(deriveKey(key, salt, 2, 14))).to.equal("30cbbc08863d8c85d49db34a9ae1");
    expect(toHex(deriveKey(key, salt, 1, 20))).to.equal("cebe321f6ff7716b6fd4ab49af256a156d38baa4");
  });

  it("seals as RFC 7714 16.1.1", () => {
    // Its keys and salts are session keys, so they enter behind the key derivation.
    const keys = {
      key: hex("000102030405060708090a0b0c0d0e0f"),
      salt: hex("51756964 2070726f 2071756f"),
    };
    const text = Buffer.from("Gallia est omnis divisa in partes tres");
    const header = hex("8040f17b 8041f8d3 5501a0b2");
    const tag = seal(keys.key, gcmIv(keys.salt, 0x5501a0b2, 0xf17b), header, text);
    expect(toHex(text) + toHex(tag)).to.equal(
      "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833" +
        "899d7f27beb16a9152cf765ee4390cce",
    );
  });

  // libsrtp's vectors (test/srtp_driver.c). Its SRTCP index starts at 1: our second packet.
  const gcm: SrtpKeys = {
    profile: SrtpProfile.AEAD_AES_128_GCM,
    localKey: hex("000102030405060708090a0b0c0d0e0f"),
    localSalt: hex("a0a1a2a3a4a5a6a7a8a9aaab"),
    remoteKey: hex("000102030405060708090a0b0c0d0e0f"),
    remoteSalt: hex("a0a1a2a3a4a5a6a7a8a9aaab"),
  };
  const cm: SrtpKeys = {
    profile: SrtpProfile.AES128_CM_HMAC_SHA1_80,
    localKey: hex("e1f97a0d3e018be0d64fa32c06de4139"),
    localSalt: hex("0ec675ad498afeebb6960b3aabe6"),
    remoteKey: hex("e1f97a0d3e018be0d64fa32c06de4139"),
    remoteSalt: hex("0ec675ad498afeebb6960b3aabe6"),
  };
  const plain = hex("800f1234decafbad cafebabe abababababababababababababababab");
  const plainRtcp = hex("81c8000bcafebabe abababababababababababababababab");
  const answers: readonly (readonly [string, SrtpKeys, Method, Uint8Array, string])[] = [
    [
      "SRTP GCM",
      gcm,
      "protectRtp",
      plain,
      `800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392`,
    ],
    [
      "SRTCP GCM, index 1",
      gcm,
      "protectRtcp",
      plainRtcp,
      "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001",
    ],
    [
      "SRTP CM",
      cm,
      "protectRtp",
      plain,
      `800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb`,
    ],
    [
      "SRTCP CM, index 1",
      cm,
      "protectRtcp",
      plainRtcp,
      "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
    ],
  ];
  // RFC 9335, appendix A: sequence number, whether with CSRCs, extension block, what is encrypted.
  const csrcs = "0001e2400000b26e";
  const text = "abababababababababababababababab";
  const cryptex: readonly (readonly [string, SrtpKeys, string, string])[] = [
    [
      "one byte",
      cm,
      `900f1235decafbadcafebabebede000151000200${text}`,
      "900f1235decafbadcafebabec0de0001eb92365251c3e036f8de27e9c27ee3e0b4651d9fbc4218a70244522f34a5",
    ],
    [
      "two bytes",
      cm,
      `900f1236decafbadcafebabe1000000105020002${text}`,
      "900f1236decafbadcafebabec2de00014ed9cc4e6a712b3096c5ca77339d4204ce0d77396cab69585fbce38194a5",
    ],
    [
      "one byte, CSRCs",
      cm,
      `920f1238decafbadcafebabe${csrcs}bede000151000200${text}`,
      "920f1238decafbadcafebabe8bb6e12b5cff16ddc0de000192838c8c09e58393e1de3a9a74734d6745671338c3acf11da2df8423bee0",
    ],
    [
      "two bytes, CSRCs",
      cm,
      `920f1239decafbadcafebabe${csrcs}1000000105020002${text}`,
      "920f1239decafbadcafebabef70e513eb90b9b25c2de0001bbed4848faa644665f3d7f34125914e9f4d0ae923c6f479b95a0f7b53133",
    ],
    [
      "empty, CSRCs",
      cm,
      `920f123adecafbadcafebabe${csrcs}bede0000${text}`,
      "920f123adecafbadcafebabe7130b6abfe2ab0e3c0de0000e3d9f64b25c9e74cb4cf8e43fb92e3781c2c0ceab6b3a499a14c",
    ],
    [
      "one byte",
      gcm,
      `900f1235decafbadcafebabebede000151000200${text}`,
      "900f1235decafbadcafebabec0de000139972dc9572c4d99e8fc355de743fb2e94f9d8ff54e72f4193bbc5c74ffab0fa9fa0fbeb",
    ],
    [
      "two bytes",
      gcm,
      `900f1236decafbadcafebabe1000000105020002${text}`,
      "900f1236decafbadcafebabec2de0001bb75a4c545cd1f413bdb7daa2b1e3263de313667c963249081b35a65f5cb6c88b394235f",
    ],
    [
      "one byte, CSRCs",
      gcm,
      `920f1238decafbadcafebabe${csrcs}bede000151000200${text}`,
      "920f1238decafbadcafebabe63bbccc4a7f695c4c0de00018ad7c71fac70a80c92866b4c6ba98546ef913586e95ffaaffe956885bb0647a8bc094ac8",
    ],
    [
      "two bytes, CSRCs",
      gcm,
      `920f1239decafbadcafebabe${csrcs}1000000105020002${text}`,
      "920f1239decafbadcafebabe3680524f8d312b00c2de0001c78d120038422bc111a7187a18246f980c059cc6bc9df8b626394eca344e4b05d80fea83",
    ],
    [
      "empty, CSRCs",
      gcm,
      `920f123adecafbadcafebabe${csrcs}bede0000${text}`,
      "920f123adecafbadcafebabe15b6bb4337906fffc0de0000b7b964537a2b03ab7ba5389ce93317126b5d974df30c6884dcb651c5e120c1da",
    ],
  ];
  for (const [implementation, create] of implementations)
    for (const [name, keys, clear, encrypted] of cryptex)
      it(`${implementation}: takes Cryptex that nobody negotiated (M-017), ${keys.profile}, ${name}`, () => {
        const receiver = create(keys);
        const packet = hex(encrypted);
        for (const at of [13, 15, 17, packet.length - 1]) {
          const forged = Uint8Array.from(packet);
          forged[at]! ^= 1;
          expect(run(receiver, "unprotectRtp", forged)).to.be.a("number");
        }
        expect(toHex(bytesOf(run(receiver, "unprotectRtp", packet)))).to.equal(clear);
        expect(run(receiver, "unprotectRtp", packet)).to.equal(Status.replayed);
      });

  for (const [implementation, create] of implementations) {
    for (const [name, keys, clear, encrypted] of cryptex)
      it(`${implementation}: sends Cryptex where it is negotiated (M-018), ${keys.profile}, ${name}`, () => {
        const sender = create({ ...keys, cryptex: true });
        for (let time = 0; time < 2; time++)
          expect(toHex(bytesOf(run(sender, "protectRepeatable", hex(clear))))).to.equal(encrypted);
      });

    for (const keys of [cm, gcm])
      it(`${implementation}: sends Cryptex of CSRCs without an extension, and plain without both, ${keys.profile}`, () => {
        const sender = create({ ...keys, cryptex: true });
        const [, , , , [, , clear = "", encrypted = ""] = []] = cryptex.filter(
          (row) => row[1] === keys,
        );
        const bare = clear.replace("bede0000", "").replace(/^9/, "8");
        expect(toHex(bytesOf(run(sender, "protectRtp", hex(bare))))).to.equal(encrypted);
        const other = create(keys);
        for (const packet of [
          `800f123bdecafbadcafebabe${text}`,
          `900f123cdecafbadcafebabeabcd000151000200${text}`,
        ])
          expect(toHex(bytesOf(run(sender, "protectRtp", hex(packet))))).to.equal(
            toHex(bytesOf(run(other, "protectRtp", hex(packet)))),
          );
      });
  }

  for (const [implementation, create] of implementations)
    for (const [name, keys, method, packet, expected] of answers)
      it(`${implementation}: ${name}`, () => {
        const transform = create(keys);
        if (method === "protectRtcp") run(transform, method, packet);
        expect(toHex(bytesOf(run(transform, method, packet)))).to.equal(expected);
      });
});

for (const [profileName, profile, salt] of profiles) {
  const tag = profile === SrtpProfile.AEAD_AES_128_GCM ? 16 : 10;
  const keys = keysOf(profile, salt, 3);

  describe(`SRTP ${profileName}: twin and native`, () => {
    for (const cryptex of [false, true])
      it(`protect to the same bytes${cryptex ? " with Cryptex" : ""}`, () => {
        const native = createNativeSrtp({ ...keys, cryptex });
        const twin = new TwinSrtp({ ...keys, cryptex });
        const shapes: RtpFields[] = [];
        for (let seq = 65000; seq < 66100; seq += 13)
          shapes.push({
            seq,
            csrcs: seq % 4,
            ...(seq % 3 === 0 ? { extensionWords: seq % 5 } : {}),
            payload: seq % 1200,
            ssrc: seq % 7,
          });
        for (const shape of shapes) {
          const packet = rtp(shape);
          const ours = bytesOf(run(native, "protectRtp", packet));
          expect(toHex(ours)).to.equal(toHex(bytesOf(run(twin, "protectRtp", packet))));
          const added = cryptex && shape.extensionWords === undefined && shape.csrcs! > 0 ? 4 : 0;
          expect(ours.length).to.equal(packet.length + added + tag);
          const report = rtcp(seq16(shape.seq), 4 * (shape.seq % 9));
          expect(run(native, "protectRtcp", report)).to.deep.equal(
            run(twin, "protectRtcp", report),
          );
        }
      });

    it("send alike, random numbers, some again, some changed, and no index twice", () => {
      let state = 4711;
      const pick = (bound: number) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % bound;
      };
      const native = createNativeSrtp(keys);
      const twin = new TwinSrtp(keys);
      const first = new Map<number, string>();
      let seq = 65000;
      let refused = 0;
      let repeated = 0;
      for (let i = 0; i < 2000; i++) {
        if (pick(3) !== 0) seq += pick(30) === 0 ? pick(700) : 1;
        const index = Math.max(65000, seq - pick(4) * pick(800));
        const packet = rtp({ seq: index, payload: 20 + (pick(9) === 0 ? 1 : 0) });
        const method = pick(4) === 0 ? "protectRtp" : "protectRepeatable";
        const one = run(native, method, packet);
        const other = run(twin, method, packet);
        expect(typeof one === "number" ? one : toHex(one)).to.equal(
          typeof other === "number" ? other : toHex(other),
        );
        if (typeof one === "number") refused++;
        else {
          if (first.has(index)) repeated++;
          expect(first.get(index) ?? toHex(one)).to.equal(toHex(one));
          first.set(index, toHex(one));
        }
      }
      expect(refused).to.be.greaterThan(50);
      expect(repeated).to.be.greaterThan(50);
    });

    it("answer alike to random packets, reordered, repeated and damaged", () => {
      let state = 12345;
      const pick = (bound: number) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % bound;
      };
      const sender = new TwinSrtp(mirrored(keys));
      const native = createNativeSrtp(keys);
      const twin = new TwinSrtp(keys);
      const pool: [Method, Uint8Array][] = [];
      let seq = 60000;
      const seen = new Set<string>();
      for (let i = 0; i < 4000; i++) {
        seq += pick(20) === 0 ? 1 + pick(39) : 1;
        const isRtcp = pick(10) === 0;
        const packet = isRtcp ? rtcp(pick(3)) : rtp({ seq, payload: pick(60) });
        const sent = run(sender, isRtcp ? "protectRtcp" : "protectRtp", packet);
        pool.push([isRtcp ? "unprotectRtcp" : "unprotectRtp", bytesOf(sent)]);
        const [method, chosen] = pool[Math.max(0, pool.length - 1 - pick(300) * pick(2))]!;
        const arrived = Uint8Array.from(chosen);
        if (pick(8) === 0) arrived[pick(arrived.length)]! ^= 1 << pick(8);
        const cut = pick(10) === 0 ? arrived.subarray(0, pick(arrived.length)) : arrived;
        const one = run(native, method, cut);
        const other = run(twin, method, cut);
        expect(typeof one === "number" ? one : toHex(one)).to.equal(
          typeof other === "number" ? other : toHex(other),
        );
        seen.add(typeof one === "number" ? `${one}` : "ok");
      }
      expect([...seen].sort()).to.deep.equal(["3", "4", "5", "ok"]);
    });
  });

  for (const [implementation, create] of implementations) {
    describe(`SRTP ${profileName}, ${implementation}`, () => {
      const pair = () => ({ sender: create(keys), receiver: create(mirrored(keys)) });

      for (const start of [0, 1, 0x7fff, 0x8000, 0xff80, 0xfffe, 0xffff]) {
        it(`delivers every packet in order, from ${start}`, () => {
          const { sender, receiver } = pair();
          for (let i = 0; i < 300; i++) {
            const packet = rtp({ seq: start + i });
            const arrived = run(
              receiver,
              "unprotectRtp",
              bytesOf(run(sender, "protectRtp", packet)),
            );
            expect(toHex(bytesOf(arrived))).to.equal(toHex(packet));
          }
        });

        it(`takes late packets once, 127 back at most (M-012), also across the wrap (M-013), from ${start}`, () => {
          const { sender, receiver } = pair();
          const sent = Array.from({ length: 400 }, (_, i) =>
            bytesOf(run(sender, "protectRtp", rtp({ seq: start + i }))),
          );
          const at = (i: number) => {
            const result = run(receiver, "unprotectRtp", sent[i]!);
            return typeof result === "number" ? result : Status.ok;
          };
          const script: readonly (readonly [index: number, status: number])[] = [
            [0, Status.ok],
            [10, Status.ok],
            [10, Status.replayed],
            [5, Status.ok],
            [5, Status.replayed],
            [200, Status.ok],
            [73, Status.ok],
            [73, Status.replayed],
            [72, Status.replayed],
            [136, Status.ok],
            [137, Status.ok],
            [199, Status.ok],
            [201, Status.ok],
            [199, Status.replayed],
            [264, Status.ok],
            [200, Status.replayed],
            [202, Status.ok],
            [392, Status.ok],
            [264, Status.replayed],
            [265, Status.ok],
          ];
          expect(script.map(([index]) => at(index))).to.deep.equal(
            script.map(([, status]) => status),
          );
        });

        it(`repeats a packet under its first index, to the byte, 511 back at most, from ${start}`, () => {
          const { sender } = pair();
          const at = (i: number) => run(sender, "protectRepeatable", rtp({ seq: start + i }));
          const sent = Array.from({ length: 512 }, (_, i) => bytesOf(at(i)));
          for (const i of [0, 1, 200, 510, 511, 0]) expect(at(i)).to.deep.equal(sent[i]);
          expect(at(512)).to.be.instanceOf(Uint8Array);
          expect(at(0)).to.equal(Status.replayed);
          expect(at(1)).to.deep.equal(sent[1]);
        });

        it(`never protects other bytes under a number used before, from ${start}`, () => {
          const { sender } = pair();
          const other = (i: number, change: (packet: Uint8Array) => void) => {
            const packet = Uint8Array.from(rtp({ seq: start + i }));
            change(packet);
            return run(sender, "protectRepeatable", packet);
          };
          const first = run(sender, "protectRepeatable", rtp({ seq: start }));
          for (const change of [
            (packet: Uint8Array) => packet.fill(packet[15]! ^ 1, 15, 16),
            (packet: Uint8Array) => packet.fill(packet[packet.length - 1]! ^ 128, -1),
            (packet: Uint8Array) => packet.fill(packet[1]! ^ 128, 1, 2),
            (packet: Uint8Array) => packet.fill(packet[7]! ^ 1, 7, 8),
          ])
            expect(other(0, change)).to.equal(Status.replayed);
          expect(run(sender, "protectRepeatable", rtp({ seq: start, payload: 3 }))).to.equal(
            Status.replayed,
          );
          expect(run(sender, "protectRepeatable", rtp({ seq: start }))).to.deep.equal(first);
        });

        it(`repeats nothing that was not said to be repeatable, from ${start}`, () => {
          const { sender } = pair();
          run(sender, "protectRtp", rtp({ seq: start }));
          expect(run(sender, "protectRtp", rtp({ seq: start }))).to.equal(Status.replayed);
          expect(run(sender, "protectRepeatable", rtp({ seq: start }))).to.equal(Status.replayed);
          const again = run(sender, "protectRepeatable", rtp({ seq: start + 1 }));
          expect(run(sender, "protectRepeatable", rtp({ seq: start + 1 }))).to.deep.equal(again);
          expect(run(sender, "protectRtp", rtp({ seq: start }))).to.equal(Status.replayed);
        });

        it(`protects late packets once, 2047 back at most, from ${start}`, () => {
          const { sender } = pair();
          const at = (i: number) => {
            const result = run(sender, "protectRtp", rtp({ seq: start + i }));
            return typeof result === "number" ? result : Status.ok;
          };
          const script: readonly (readonly [index: number, status: number])[] = [
            [0, Status.ok],
            [3000, Status.ok],
            [953, Status.ok],
            [953, Status.replayed],
            [952, Status.replayed],
            [0, Status.replayed],
            [2999, Status.ok],
            [2999, Status.replayed],
            [3001, Status.ok],
            [954, Status.ok],
            [953, Status.replayed],
            [5048, Status.ok],
            [3001, Status.replayed],
            [3002, Status.ok],
            [5047, Status.ok],
            [5048, Status.replayed],
            [7095, Status.ok],
            [5048, Status.replayed],
            [5049, Status.ok],
          ];
          expect(script.map(([index]) => at(index))).to.deep.equal(
            script.map(([, status]) => status),
          );
        });
      }

      it("follows three wraps of the sequence number", () => {
        const { sender, receiver } = pair();
        for (let seq = 100; seq < 3.5 * 65536; seq += 9000) {
          const sent = bytesOf(run(sender, "protectRtp", rtp({ seq })));
          expect(toHex(bytesOf(run(receiver, "unprotectRtp", sent)))).to.equal(toHex(rtp({ seq })));
        }
      });

      it("does not let a forged packet move the rollover counter or the window", () => {
        const { sender, receiver } = pair();
        const sent = [65000, 65001, 65002].map((seq) =>
          bytesOf(run(sender, "protectRtp", rtp({ seq }))),
        );
        run(receiver, "unprotectRtp", sent[0]!);
        for (const seq of [0, 100, 30000, 40000, 65001, 65535]) {
          const forged = Uint8Array.from(sent[0]!);
          forged[2] = seq >> 8;
          forged[3] = seq & 255;
          expect(run(receiver, "unprotectRtp", forged)).to.be.oneOf([
            Status.authFailed,
            Status.replayed,
          ]);
        }
        expect(run(receiver, "unprotectRtp", sent[1]!)).to.be.instanceOf(Uint8Array);
        expect(run(receiver, "unprotectRtp", sent[2]!)).to.be.instanceOf(Uint8Array);
      });

      it("keeps no state of unauthentic SSRCs, and at most 1024 of authentic ones (M-011)", () => {
        const { sender, receiver } = pair();
        const at = (ssrc: number) =>
          run(receiver, "unprotectRtp", bytesOf(run(sender, "protectRtp", rtp({ seq: 5, ssrc }))));
        for (let ssrc = 0; ssrc < 3000; ssrc++) {
          const forged = Buffer.concat([rtp({ seq: 9, ssrc: 100000 + ssrc }), Buffer.alloc(16)]);
          expect(run(receiver, "unprotectRtp", forged)).to.equal(Status.authFailed);
        }
        for (let ssrc = 0; ssrc < 1024; ssrc++) expect(at(ssrc)).to.be.instanceOf(Uint8Array);
        expect(at(1024)).to.equal(Status.malformed);
        const more = bytesOf(run(sender, "protectRtp", rtp({ seq: 6, ssrc: 7 })));
        expect(run(receiver, "unprotectRtp", more)).to.be.instanceOf(Uint8Array);
      });

      it("refuses packets of every length that lack something", () => {
        const { sender, receiver } = pair();
        const full = bytesOf(
          run(sender, "protectRtp", rtp({ seq: 1, csrcs: 2, extensionWords: 2, payload: 40 })),
        );
        const report = bytesOf(run(sender, "protectRtcp", rtcp()));
        for (let length = 0; length < full.length; length++)
          expect(run(receiver, "unprotectRtp", full.subarray(0, length))).to.be.a("number");
        for (let length = 0; length < report.length; length++)
          expect(run(receiver, "unprotectRtcp", report.subarray(0, length))).to.be.a("number");
        expect(run(receiver, "unprotectRtp", full)).to.be.instanceOf(Uint8Array);
        expect(run(receiver, "unprotectRtcp", report)).to.be.instanceOf(Uint8Array);
      });

      it("refuses other keys", () => {
        const sender = create(keysOf(profile, salt, 99));
        const receiver = create(mirrored(keys));
        const sent = bytesOf(run(sender, "protectRtp", rtp({ seq: 1 })));
        expect(run(receiver, "unprotectRtp", sent)).to.equal(Status.authFailed);
        const report = bytesOf(run(sender, "protectRtcp", rtcp()));
        expect(run(receiver, "unprotectRtcp", report)).to.equal(Status.authFailed);
      });

      it("numbers SRTCP per SSRC from 0 and takes each number once", () => {
        const { sender, receiver } = pair();
        const sent = Array.from({ length: 200 }, () => bytesOf(run(sender, "protectRtcp", rtcp())));
        const wordAt = profile === SrtpProfile.AEAD_AES_128_GCM ? -4 : -14;
        expect(Buffer.from(sent[0]!.slice(wordAt)).readUInt32BE(0)).to.equal(0x80000000);
        expect(Buffer.from(sent[199]!.slice(wordAt)).readUInt32BE(0)).to.equal(0x800000c7);
        const other = bytesOf(run(sender, "protectRtcp", rtcp(0xbeef)));
        expect(Buffer.from(other.slice(wordAt)).readUInt32BE(0)).to.equal(0x80000000);
        const status = (i: number) => {
          const result = run(receiver, "unprotectRtcp", sent[i]!);
          return typeof result === "number" ? result : toHex(result) === toHex(rtcp()) ? 0 : -1;
        };
        expect([3, 3, 2, 130, 3, 2, 1, 0, 199, 71, 72, 130].map(status)).to.deep.equal([
          0, 4, 0, 0, 4, 4, 4, 4, 0, 4, 0, 4,
        ]);
      });

      it("refuses to protect what is no RTP or lies before the stream's first packet", () => {
        const { sender } = pair();
        expect(run(sender, "protectRtp", Buffer.alloc(12))).to.equal(Status.malformed);
        expect(run(sender, "protectRtp", rtp({ seq: 1 }).subarray(0, 11))).to.equal(
          Status.malformed,
        );
        expect(run(sender, "protectRtcp", Buffer.alloc(8))).to.equal(Status.malformed);
        const long = rtp({ seq: 1, extensionWords: 1, payload: 0 });
        long[15] = 200;
        expect(run(sender, "protectRtp", long)).to.equal(Status.malformed);
        run(sender, "protectRtp", rtp({ seq: 5 }));
        expect(run(sender, "protectRtp", rtp({ seq: 65000 }))).to.equal(Status.replayed);
      });
    });
  }
}

function seq16(seq: number): number {
  return seq & 0xffff;
}
