import { expect } from "chai";
import {
  readRembBps,
  writeFir,
  writeNack,
  writePli,
  writeReceiverReportHeader,
  writeRemb,
  writeReportBlock,
  writeSdesCname,
  writeSenderReport,
} from "./rtcp-build.ts";
import { isWellFormedRtcp, RtcpWalker } from "./rtcp-walk.ts";
import { decodeTwcc, TwccEncoder } from "./twcc.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function toHex(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.subarray(0, length)).toString("hex");
}

const buffer = new Uint8Array(2000);

/** Of every three a loss on average, and now and then one that was overtaken. */
function mixed(count: number): [number, number][] {
  let state = 12_345;
  const draw = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % 30;
  };
  const packets: [number, number][] = [[0, 640]];
  for (let i = 1; i < count; i++)
    if (draw() > 9) packets.push([i, 700 + i - (draw() < 3 ? 40 : 0)]);
  return packets;
}

describe("RTCP walking", () => {
  it("walks a compound and reads report blocks", () => {
    let length = writeSenderReport(buffer, 0, 7, 1, 2, 3, 4, 5);
    length += writeSdesCname(buffer, length, 7, "jvb");
    length += writePli(buffer, length, 7, 8);
    // BYE of one SSRC.
    buffer.set(hex("81cb000100000007"), length);
    length += 8;
    const walker = new RtcpWalker();
    walker.start(buffer, 0, length);
    const types: number[] = [];
    while (walker.next()) types.push(walker.type);
    expect(types).to.deep.equal([200, 202, 206, 203]);
    expect(walker.malformed).to.equal(false);
    expect(isWellFormedRtcp(buffer, 0, length)).to.equal(true);
  });
  it("refuses a compound whose part runs past the end (M-184)", () => {
    expect(isWellFormedRtcp(hex("80c9000100000001 81c9000700000001"), 0, 16)).to.equal(false);
    expect(isWellFormedRtcp(hex("80c90001000000"), 0, 7)).to.equal(false);
  });
  it("counts only report blocks that fit", () => {
    writeReceiverReportHeader(buffer, 0, 9, 1);
    writeReportBlock(buffer, 8, -1, 128, -1, 0x10005, 7, 0x01020304, 65536);
    const walker = new RtcpWalker();
    walker.start(buffer, 0, 32);
    expect(walker.next()).to.equal(true);
    expect(walker.reportBlockCount()).to.equal(1);
    expect(toHex(buffer.subarray(8), 24)).to.equal(
      "ffffffff80ffffff00010005000000070102030400010000",
    );
  });
});

describe("RTCP feedback", () => {
  it("packs NACKs greedily (M-109)", () => {
    const seqs = Uint16Array.from([44832, 44838, 44848, 44850, 44854, 44856]);
    const length = writeNack(buffer, 0, 1, 2, seqs, 6, 1400);
    expect(toHex(buffer.subarray(12), length - 12)).to.equal("af208020af320028");
  });
  it("packs NACKs across the wrap", () => {
    const seqs = Uint16Array.from([65530, 65534, 0, 7]);
    const length = writeNack(buffer, 0, 1, 2, seqs, 4, 1400);
    expect(toHex(buffer.subarray(12), length - 12)).to.equal("fffa1028");
  });
  it("writes PLI and FIR", () => {
    expect(toHex(buffer, writePli(buffer, 0, 1, 2))).to.equal("81ce00020000000100000002");
    expect(toHex(buffer, writeFir(buffer, 0, 1, 2, 9))).to.equal(
      "84ce000400000001000000000000000209000000",
    );
  });
  it("reads and writes REMB (M-125)", () => {
    const bytes = hex("8FCE0005 FE932303 00000000 52454D42 010BA45A 9E7201C1");
    expect(readRembBps(bytes, 0, bytes.length)).to.equal(954_728);
    const length = writeRemb(buffer, 0, 1, 50_000_000, [5]);
    expect(readRembBps(buffer, 0, length)).to.equal(49_999_872);
    buffer.set([0xff, 0xff, 0xff], 17);
    expect(readRembBps(buffer, 0, length)).to.equal(Number.POSITIVE_INFINITY);
    expect(readRembBps(bytes, 0, 12)).to.equal(undefined);
  });
});

describe("transport-cc feedback", () => {
  it("decodes the vector of spec 8.9 (M-130)", () => {
    const bytes = hex(
      "8FCD0007 320F223A 8EE50FAE FFFA0009 19B0B157 2009 D8 00 18 14 18 14 18 14 18 00",
    );
    const seen: [number, number][] = [];
    expect(
      decodeTwcc(bytes, 0, bytes.length, (seq, _ok, ticks) => seen.push([seq, ticks])),
    ).to.equal(true);
    expect(seen.map(([seq]) => seq)).to.deep.equal([
      0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff, 0, 1, 2,
    ]);
    expect(seen.map(([, ticks]) => ticks)).to.deep.equal([
      0xd8, 0, 0x18, 0x14, 0x18, 0x14, 0x18, 0x14, 0x18,
    ]);
  });

  const patterns: [name: string, packets: [index: number, at: number][]][] = [
    ["one packet", [[10, 640]]],
    ["a run", Array.from({ length: 40 }, (_, i): [number, number] => [i, 640 + i])],
    ["every second", Array.from({ length: 40 }, (_, i): [number, number] => [2 * i, 640 + i])],
    [
      "large and negative deltas",
      [
        [0, 640],
        [1, 900],
        [2, 800],
        [4, 801],
        [20, 802],
        [21, 1500],
        [22, 1500.25],
      ],
    ],
    [
      "long loss",
      [
        [5, 1000],
        [9000, 1001],
        [9001, 1002],
      ],
    ],
    [
      "fourteen, then a large one",
      [
        ...Array.from({ length: 14 }, (_, i): [number, number] => [i, 640 + i]),
        [14, 1640],
        [16, 1641],
      ],
    ],
    [
      "ten with a hole, then a negative one",
      [
        ...Array.from({ length: 10 }, (_, i): [number, number] => [i < 4 ? i : i + 1, 640 + i]),
        [11, 640],
        [12, 650],
      ],
    ],
    ["holes and overtaken ones without order", mixed(400)],
  ];
  for (const start of [0, 0xfff0, 0x7ffa])
    for (const [name, packets] of patterns)
      it(`decodes what was encoded (M-130): ${name}, from ${start}`, () => {
        const encoder = new TwccEncoder();
        const base = start + packets[0]![0];
        encoder.begin(buffer, 0, 1200, base, packets[0]![1]);
        for (const [index, at] of packets) expect(encoder.add(start + index, at)).to.equal(true);
        const length = encoder.finish(1, 2, 3);
        expect(length % 4).to.equal(0);
        expect(isWellFormedRtcp(buffer, 0, length)).to.equal(true);
        const received: [number, number][] = [];
        let count = 0;
        let ticks = Math.floor(packets[0]![1] / 64) * 256;
        const walker = new RtcpWalker();
        walker.start(buffer, 0, length);
        walker.next();
        const ok = decodeTwcc(buffer, 0, walker.length, (seq, isReceived, delta) => {
          count++;
          if (!isReceived) return;
          ticks += delta;
          received.push([seq, ticks / 4]);
        });
        expect(ok).to.equal(true);
        expect(received).to.deep.equal(
          packets.map(([index, at]) => [(start + index) & 0xffff, at]),
        );
        expect(count).to.equal(packets.at(-1)![0] - packets[0]![0] + 1);
      });

  it("refuses what does not fit and what is malformed", () => {
    const encoder = new TwccEncoder();
    encoder.begin(buffer, 0, 60, 0, 0);
    let added = 0;
    while (encoder.add(added * 2, added * 100)) added++;
    expect(encoder.finish(1, 2, 0)).to.be.at.most(60);
    encoder.begin(buffer, 0, 1200, 0, 0);
    encoder.add(0, 0);
    expect(encoder.add(1, 10_000)).to.equal(false);
    expect(decodeTwcc(hex("8fcd0004000000010000000200000100"), 0, 16, () => {})).to.equal(false);
    const zeroRun = hex("8fcd0005000000010000000200000100000000010000 0000");
    expect(decodeTwcc(zeroRun, 0, zeroRun.length, () => {})).to.equal(false);
  });
});
