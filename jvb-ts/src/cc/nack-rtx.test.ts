import { expect } from "chai";
import { writeNack, writeReceiverReportHeader, writeReportBlock } from "#shared/rtp/rtcp-build";
import { readInt32, readUint16 } from "#shared/rtp/rtp-header";
import type { PacketSpec, RtpFields } from "./engine-fixture.ts";
import {
  EngineFixture,
  readRtp,
  TRANSPORT_CC,
  VP8,
  VP8_RTX,
  videoSource,
  videoTypes,
  vp8Payload,
} from "./engine-fixture.ts";

const starts = [0, 1, 0x7fff, 0xfffe, 0xffff];
const SSRC = 0x9000_0021;
const RTX_SSRC = SSRC + 1000;

function call(): EngineFixture {
  const fixture = new EngineFixture();
  fixture.join("a", 1, [videoSource("a-v0", [SSRC])]);
  fixture.join("b", 2);
  fixture.engine
    .endpoint("c", "b")!
    .setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
  fixture.tick();
  fixture.take();
  return fixture;
}

/** Packet `i` of a stream of single-packet frames. */
function packet(start: number, i: number): PacketSpec {
  return {
    pt: VP8,
    ssrc: SSRC,
    seq: (start + i) & 0xffff,
    timestamp: 3000 * i,
    marker: true,
    extensions: [[TRANSPORT_CC, [(i >> 8) & 0xff, i & 0xff]]],
    payload: [
      ...vp8Payload({ pictureId: i & 0x7fff, tl0: i & 0xff, tid: 0, keyframe: i === 0 }),
      i >> 8,
      i & 0xff,
    ],
  };
}

/** Which packet a forwarded payload is. */
function indexOf(payload: readonly number[]): number {
  return payload.at(-2)! * 256 + payload.at(-1)!;
}

function nacked(rtcp: Uint8Array): number[] {
  const seqs: number[] = [];
  for (let at = 12; at + 4 <= rtcp.length; at += 4) {
    const pid = readUint16(rtcp, at);
    const blp = readUint16(rtcp, at + 2);
    seqs.push(pid);
    for (let bit = 0; bit < 16; bit++)
      if ((blp & (1 << bit)) !== 0) seqs.push((pid + bit + 1) & 0xffff);
  }
  return seqs;
}

function sendNack(fixture: EngineFixture, session: number, ssrc: number, seqs: number[]): void {
  const bytes = new Uint8Array(200);
  const length = writeNack(bytes, 0, 1, ssrc, Uint16Array.from(seqs), seqs.length, 200);
  fixture.receiveBytes(session, bytes.slice(0, length));
}

describe("retransmission", () => {
  for (const start of starts) {
    it(`heals 5 % loss both ways in virtual time, from ${start}`, () => {
      const fixture = call();
      let random = start + 7;
      const lost = (): boolean => {
        random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (random >> 8) % 20 === 0;
      };
      const COUNT = 600;
      let rtxSeq = 1;
      const got = new Map<number, number>();
      let expectedNext = -1;
      const missing = new Set<number>();
      const receive = (one: RtpFields): void => {
        if (lost()) return;
        const isRtx = one.pt === VP8_RTX;
        const payload = isRtx ? one.payload.slice(2) : one.payload;
        const seq = isRtx ? one.payload[0]! * 256 + one.payload[1]! : one.seq;
        if (isRtx) expect(one.ssrc).to.equal(RTX_SSRC);
        got.set(indexOf(payload), seq);
        missing.delete(seq);
        if (expectedNext < 0) expectedNext = seq;
        while (((seq - expectedNext) & 0xffff) < 0x8000) {
          if (expectedNext !== seq) missing.add(expectedNext);
          expectedNext = (expectedNext + 1) & 0xffff;
        }
      };
      const deliver = (): void => {
        for (const sent of fixture.take()) {
          if (!sent.isRtcp && sent.session === 2) receive(readRtp(sent));
          else if (sent.isRtcp && sent.session === 1 && sent.bytes[1] === 205) answer(sent.bytes);
        }
      };
      const answer = (rtcp: Uint8Array): void => {
        if ((rtcp[0]! & 31) !== 1 || lost()) return;
        expect(readInt32(rtcp, 8) >>> 0).to.equal(SSRC);
        for (const seq of nacked(rtcp)) {
          const spec = packet(start, (seq - start) & 0xffff);
          const payload = [seq >> 8, seq & 0xff, ...spec.payload!];
          const rtx = { ...spec, pt: VP8_RTX, ssrc: RTX_SSRC, seq: rtxSeq++, payload };
          if (!lost()) fixture.receive(1, rtx);
        }
      };
      for (let i = 0; i < COUNT; i++) {
        if (i === 0 || i === COUNT - 1 || !lost()) fixture.receive(1, packet(start, i));
        fixture.advance(33);
        deliver();
        if (i % 3 === 0 && missing.size > 0) sendNack(fixture, 2, SSRC, [...missing]);
        deliver();
      }
      for (let round = 0; round < 60; round++) {
        fixture.advance(100);
        deliver();
        if (missing.size > 0) sendNack(fixture, 2, SSRC, [...missing]);
        deliver();
      }
      expect(got.size).to.be.at.least(COUNT - 1);
      // Whatever the path, a packet keeps the number of its place.
      const first = got.get(0) ?? (got.get(1)! - 1) & 0xffff;
      for (const [i, seq] of got) expect(seq).to.equal((first + i) & 0xffff);
    });
  }

  it("restores RTX and forwards a packet once (M-029, M-030)", () => {
    const fixture = call();
    fixture.receive(1, packet(0, 0));
    const second = packet(0, 1);
    const rtx = {
      ...second,
      pt: VP8_RTX,
      ssrc: RTX_SSRC,
      seq: 1,
      payload: [0, 1, ...second.payload!],
    };
    fixture.receive(1, rtx);
    fixture.receive(1, second);
    fixture.receive(1, { ...rtx, seq: 2 });
    const out = fixture.takeRtp(2);
    expect(out.map((one) => [one.pt, one.ssrc, one.seq])).to.deep.equal([
      [VP8, SSRC, 2],
      [VP8, SSRC, 3],
    ]);
    expect(indexOf(out[1]!.payload)).to.equal(1);
    const snapshot = fixture.engine.endpoint("c", "a")!.snapshot(0);
    expect(snapshot.drops.duplicate).to.equal(2);
  });

  it("drops RTX without a payload (M-031)", () => {
    const fixture = call();
    fixture.receive(1, { pt: VP8_RTX, ssrc: RTX_SSRC, seq: 1, payload: [], padding: 50 });
    fixture.receive(1, { pt: VP8_RTX, ssrc: RTX_SSRC, seq: 2, payload: [1] });
    expect(fixture.takeRtp(2)).to.have.length(0);
    expect(fixture.engine.endpoint("c", "a")!.snapshot(0).drops.badRtx).to.equal(2);
  });

  it("hides padding-only packets and cuts padding (M-032, M-033)", () => {
    const fixture = call();
    fixture.receive(1, packet(0, 0));
    fixture.receive(1, { pt: VP8, ssrc: SSRC, seq: 1, payload: [], padding: 200 });
    const media = packet(0, 1);
    fixture.receive(1, { ...media, seq: 2, padding: 20 });
    const out = fixture.takeRtp(2);
    expect(out.map((one) => one.seq)).to.deep.equal([2, 3]);
    expect(out[1]!.payload).to.deep.equal(media.payload);
  });

  it("answers in RTX form with numbers from 1 (M-110), tagged anew (M-051)", () => {
    const fixture = call();
    for (let i = 0; i < 3; i++) fixture.receive(1, packet(0, i));
    const live = fixture.takeRtp(2);
    sendNack(fixture, 2, SSRC, [2, 4]);
    const out = fixture.takeRtp(2);
    expect(out.map((one) => [one.pt, one.ssrc, one.seq])).to.deep.equal([
      [VP8_RTX, RTX_SSRC, 1],
      [VP8_RTX, RTX_SSRC, 2],
    ]);
    expect(out.map((one) => one.payload.slice(0, 2))).to.deep.equal([
      [0, 2],
      [0, 4],
    ]);
    expect(out[1]!.payload.slice(2)).to.deep.equal(live[2]!.payload);
    expect(out[1]!.timestamp).to.equal(live[2]!.timestamp);
    expect(out[1]!.marker).to.equal(true);
    const tags = [...live, ...out].map((one) => one.extensions.get(TRANSPORT_CC));
    expect(tags).to.deep.equal([1, 2, 3, 4, 5].map((i) => [0, i]));
  });

  for (const start of starts)
    it(`what RTX restores from long ago goes no further, from ${start}`, () => {
      const fixture = call();
      for (let i = 0; i < 2200; i++) if (i % 7 !== 3) fixture.receive(1, packet(start, i));
      fixture.take();
      const restore = (i: number): number => {
        const { payload, seq, ...rest } = packet(start, i);
        const osn = [seq >> 8, seq & 0xff];
        const rtxSeq = i & 0xffff;
        fixture.receive(1, {
          ...rest,
          pt: VP8_RTX,
          ssrc: RTX_SSRC,
          seq: rtxSeq,
          payload: [...osn, ...(payload ?? [])],
        });
        return fixture.takeRtp(2).length;
      };
      expect([3, 500, 1190].map(restore)).to.deep.equal([0, 0, 0]);
      expect(fixture.engine.endpoint("c", "a")!.snapshot(0).drops.badRtx).to.equal(3);
      expect(restore(2194)).to.equal(1);
    });

  it("answers plainly, with identical bytes, where RTX was not negotiated (M-111)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "b")!.setPayloadTypes(
      "video",
      videoTypes.filter((one) => one.name !== "rtx"),
    );
    fixture.receive(1, packet(0, 0));
    const [live] = fixture.takeRtp(2);
    fixture.receive(1, packet(0, 1));
    fixture.takeRtp(2);
    fixture.advance(20);
    sendNack(fixture, 2, SSRC, [2]);
    expect(fixture.takeRtp(2)).to.deep.equal([live]);
    fixture.receive(1, packet(0, 2));
    expect(fixture.takeRtp(2)[0]?.extensions.get(TRANSPORT_CC)).to.deep.equal([0, 3]);
  });

  it("goes on behind what was sent when a source comes back under its SSRC", () => {
    for (const sources of [[], [videoSource("a-v1", [SSRC])], [videoSource("a-v0", [SSRC, 77])]]) {
      const fixture = call();
      const a = fixture.engine.endpoint("c", "a")!;
      for (let i = 0; i < 5; i++) fixture.receive(1, packet(0, i));
      sendNack(fixture, 2, SSRC, [5, 6]);
      const before = fixture.takeRtp(2);
      a.setSources(sources);
      fixture.tick();
      a.setSources([videoSource("a-v0", [SSRC])]);
      fixture.tick();
      for (let i = 100; i < 103; i++)
        fixture.receive(1, { ...packet(0, i), payload: packet(0, i - 100).payload! });
      const newest = before.filter((one) => one.pt === VP8).at(-1)!;
      const after = fixture.takeRtp(2);
      expect(after.map((one) => one.seq)).to.deep.equal([1, 2, 3].map((i) => newest.seq + i));
      expect(after[0]!.timestamp).to.equal(newest.timestamp + 3000);
      sendNack(fixture, 2, SSRC, [after[1]!.seq]);
      expect(fixture.takeRtp(2).map((one) => [one.pt, one.seq])).to.deep.equal([[VP8_RTX, 3]]);
    }
  });

  it("does not answer twice within 0.9 round trips (M-112)", () => {
    const fixture = call();
    fixture.receive(1, packet(0, 0));
    measureRtt(fixture, 100);
    fixture.receive(1, packet(0, 1));
    fixture.advance(50);
    fixture.take();
    sendNack(fixture, 2, SSRC, [3]);
    expect(fixture.takeRtp(2)).to.have.length(0);
    fixture.advance(45);
    sendNack(fixture, 2, SSRC, [3]);
    expect(fixture.takeRtp(2)).to.have.length(1);
    fixture.advance(60);
    sendNack(fixture, 2, SSRC, [3]);
    expect(fixture.takeRtp(2)).to.have.length(0);
  });

  it("answers nothing 500 packets behind (M-113)", () => {
    const fixture = call();
    for (let i = 0; i <= 501; i++) fixture.receive(1, packet(0, i));
    fixture.take();
    sendNack(fixture, 2, SSRC, [2, 3, 4]);
    expect(fixture.takeRtp(2).map((one) => one.payload[1])).to.deep.equal([4]);
  });
});

/** Lets a send an SR and b answer it so that b's round trip is `rttMs`. */
function measureRtt(fixture: EngineFixture, rttMs: number): void {
  const report = new Uint8Array(28);
  report.set([0x80, 200, 0, 6]);
  new DataView(report.buffer).setUint32(4, SSRC);
  new DataView(report.buffer).setUint32(8, 0x11112222);
  new DataView(report.buffer).setUint32(12, 0x33334444);
  fixture.receiveBytes(1, report);
  fixture.now += rttMs;
  const blocks = new Uint8Array(32);
  writeReceiverReportHeader(blocks, 0, 1, 1);
  writeReportBlock(blocks, 8, SSRC, 0, 0, 0, 0, 0x22223333, 1);
  fixture.receiveBytes(2, blocks);
  const rtt = fixture.engine.endpoint("c", "b")!.snapshot(0).rttMs;
  expect(rtt).to.be.closeTo(rttMs, 0.1);
}
