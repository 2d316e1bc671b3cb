import { expect } from "chai";
import { readRembBps, writeFir, writePli, writeSenderReport } from "#shared/rtp/rtcp-build";
import { isWellFormedRtcp, RtcpWalker } from "#shared/rtp/rtcp-walk";
import { readInt32 } from "#shared/rtp/rtp-header";
import {
  ABS_SEND_TIME,
  AUDIO_LEVEL,
  audioSource,
  audioTypes,
  EngineFixture,
  OPUS,
  RED,
  redType,
  TRANSPORT_CC,
  VP8,
  VP9,
  videoSource,
  videoTypes,
  vp8Payload,
} from "./engine-fixture.ts";

function call(): EngineFixture {
  const fixture = new EngineFixture();
  fixture.join("a", 1, [audioSource("a-a0", 11), videoSource("a-v0", [21, 22, 23])]);
  for (const [id, session] of [
    ["b", 2],
    ["d", 3],
  ] as const) {
    fixture.join(id, session, [audioSource(`${id}-a0`, 30 + session)]);
    fixture.engine
      .endpoint("c", id)!
      .setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
  }
  fixture.tick();
  fixture.take();
  return fixture;
}

function video(fixture: EngineFixture, eid: number, keyframe: boolean, seq: number): void {
  fixture.receive(1, {
    pt: VP8,
    seq,
    ssrc: 21 + eid,
    timestamp: 90_000 + 3000 * seq,
    marker: true,
    payload: vp8Payload({ pictureId: seq, tl0: seq & 0xff, tid: 0, keyframe, height: 180 << eid }),
  });
}

function plis(packets: readonly Uint8Array[]): number[] {
  return packets
    .filter((one) => one[1] === 206 && (one[0]! & 31) === 1)
    .map((one) => readInt32(one, 8));
}

function pli(fixture: EngineFixture, session: number, ssrc: number): void {
  const bytes = new Uint8Array(12);
  writePli(bytes, 0, 5, ssrc);
  fixture.receiveBytes(session, bytes);
}

describe("key frame requests", () => {
  it("of two receivers within 200 ms are one (M-114)", () => {
    const fixture = call();
    video(fixture, 0, true, 1);
    fixture.advance(5000);
    fixture.take();
    pli(fixture, 2, 21);
    pli(fixture, 3, 21);
    expect(plis(fixture.takeRtcp(1))).to.deep.equal([21]);
    fixture.advance(200);
    fixture.take();
    pli(fixture, 3, 22);
    expect(plis(fixture.takeRtcp(1))).to.deep.equal([21]);
  });

  it("of one receiver are three in 10 s (M-115)", () => {
    const fixture = call();
    let sent = 0;
    for (let i = 0; i < 30; i++) {
      pli(fixture, 2, 21);
      sent += plis(fixture.takeRtcp(1)).length;
      fixture.advance(300);
    }
    expect(sent).to.equal(3);
    fixture.advance(2000);
    pli(fixture, 2, 21);
    expect(plis(fixture.takeRtcp(1))).to.have.length(1);
  });

  it("go on every 2 s while a receiver can be sent nothing without one", () => {
    const fixture = call();
    let sent = 0;
    for (let i = 0; i < 200; i++) {
      video(fixture, 0, false, i);
      sent += plis(fixture.takeRtcp(1)).length;
      fixture.advance(100);
    }
    // Of two receivers: six, then one in 2 s of each.
    expect(sent).to.be.within(14, 26);
    video(fixture, 0, true, 200);
    fixture.takeRtcp(1);
    for (let i = 201; i < 241; i++) {
      video(fixture, 0, false, i);
      fixture.advance(100);
    }
    expect(plis(fixture.takeRtcp(1)), "with a picture").to.deep.equal([]);
  });

  it("a FIR becomes a PLI where the sender knows it, a FIR where not, nothing to nobody (M-116)", () => {
    const fixture = call();
    const fir = new Uint8Array(20);
    writeFir(fir, 0, 5, 21, 1);
    fixture.receiveBytes(2, fir);
    expect(plis(fixture.takeRtcp(1))).to.deep.equal([21]);
    fixture.engine.endpoint("c", "a")!.setPayloadTypes(
      "video",
      videoTypes.map((one) => ({ ...one, rtcpFeedback: [] })),
    );
    for (const seq of [1, 2]) {
      fixture.advance(250);
      fixture.take();
      fixture.receiveBytes(2, fir);
      const [sent] = fixture.takeRtcp(1).filter((one) => one[1] === 206);
      expect(sent![0]! & 31).to.equal(4);
      expect([readInt32(sent!, 12), sent![16]]).to.deep.equal([21, seq]);
    }
    writeFir(fir, 0, 5, 4711, 1);
    fixture.advance(250);
    fixture.take();
    fixture.receiveBytes(2, fir);
    expect(fixture.takeRtcp(1).filter((one) => one[1] === 206)).to.have.length(0);
  });
});

describe("sender reports", () => {
  function report(fixture: EngineFixture, ssrc: number, timestamp: number): void {
    const bytes = new Uint8Array(60);
    let length = writeSenderReport(bytes, 0, ssrc, 0x01020304, 0x05060708, timestamp, 999, 9999);
    length += writePli(bytes, length, ssrc, 12345);
    fixture.receiveBytes(1, bytes.slice(0, length));
  }

  it("carry what the receiver was sent, without blocks; none without packets (M-117, M-119)", () => {
    const fixture = call();
    report(fixture, 11, 4000);
    expect(fixture.take().filter((one) => one.isRtcp && one.session !== 1)).to.have.length(0);
    for (let seq = 0; seq < 3; seq++) fixture.receive(1, { pt: OPUS, seq, ssrc: 11 });
    fixture.take();
    report(fixture, 11, 4000);
    const [sent] = fixture.takeRtcp(2);
    expect(sent).to.have.length(28);
    expect(sent![1]).to.equal(200);
    expect([readInt32(sent!, 8), readInt32(sent!, 12)]).to.deep.equal([0x01020304, 0x05060708]);
    expect(readInt32(sent!, 16)).to.equal(4000);
    expect([readInt32(sent!, 20), readInt32(sent!, 24)]).to.deep.equal([3, 3 * 16]);
  });

  it("of the forwarded encoding are mapped to the outgoing stream, others dropped (M-069)", () => {
    const fixture = call();
    for (const eid of [0, 1, 2]) video(fixture, eid, true, 100);
    const out = fixture.takeRtp(2);
    const shift = out.at(-1)!.timestamp - (90_000 + 3000 * 100);
    report(fixture, 21, 1000);
    expect(fixture.takeRtcp(2)).to.have.length(0);
    report(fixture, 23, 1_000_000);
    const [sent] = fixture.takeRtcp(2);
    expect(readInt32(sent!, 4)).to.equal(21);
    expect(readInt32(sent!, 16)).to.equal(1_000_000 + shift);
  });
});

describe("receiver reports", () => {
  it("come every 500 ms while packets come (M-120)", () => {
    const fixture = call();
    fixture.advance(1000);
    expect(fixture.takeRtcp(1)).to.have.length(0);
    for (let i = 0; i < 50; i++) {
      fixture.receive(1, { pt: OPUS, seq: i, ssrc: 11, timestamp: 960 * i });
      fixture.advance(20);
    }
    const reports = fixture.takeRtcp(1).filter((one) => one[1] === 201);
    expect(reports.length).to.be.within(2, 3);
    const walker = new RtcpWalker();
    walker.start(reports[0]!, 0, reports[0]!.length);
    expect(walker.next()).to.equal(true);
    expect(walker.reportBlockCount()).to.equal(1);
    expect(readInt32(reports[0]!, 8)).to.equal(11);
    fixture.advance(600);
    fixture.take();
    fixture.advance(2000);
    expect(fixture.takeRtcp(1)).to.have.length(0);
  });

  it("hold at most 31 blocks (M-120), and state stays bounded (M-015)", () => {
    const fixture = call();
    for (let ssrc = 1000; ssrc < 3000; ssrc++) fixture.receive(1, { pt: OPUS, seq: 1, ssrc });
    fixture.advance(600);
    const reports = fixture.takeRtcp(1).filter((one) => one[1] === 201);
    for (const one of reports) expect(one[0]! & 31).to.be.at.most(31);
    expect(reports.reduce((sum, one) => sum + (one[0]! & 31), 0)).to.equal(1024);
    expect(fixture.engine.endpoint("c", "a")!.snapshot(0).receiving).to.have.length(1024);
  });
});

describe("REMB", () => {
  /** Feedback that "a" gets for a second and a half of stamped video, where it negotiated `types`. */
  const rembs = (...types: string[]): Uint8Array[] => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setPayloadTypes(
      "video",
      videoTypes.map((one) => ({
        ...one,
        rtcpFeedback: types.map((type) => ({ type, subtype: undefined })),
      })),
    );
    for (let i = 0; i < 150; i++) {
      const ticks = Math.floor((fixture.now * 2 ** 18) / 1000);
      fixture.receive(1, {
        pt: VP8,
        seq: i,
        ssrc: 21 + (i % 3),
        payload: vp8Payload({ pictureId: i, tl0: i, tid: 0, keyframe: true, fill: 1_000 }),
        extensions: [[ABS_SEND_TIME, [ticks >> 16, (ticks >> 8) & 0xff, ticks & 0xff]]],
      });
      fixture.advance(10);
    }
    const found: Uint8Array[] = [];
    for (const one of fixture.takeRtcp(1)) {
      const walker = new RtcpWalker();
      walker.start(one, 0, one.length);
      while (walker.next())
        if (walker.type === 206 && walker.count === 15)
          found.push(one.slice(walker.offset, walker.offset + walker.length));
      expect(walker.malformed).to.equal(false);
    }
    return found;
  };

  it("tells a sender that knows no transport-cc what its way carries (M-124)", () => {
    const found = rembs("goog-remb");
    expect(found.length).to.be.within(1, 2);
    const last = found.at(-1)!;
    // 100 packets of 1 kB a second, and the room above them.
    expect(readRembBps(last, 0, last.length)).to.be.within(1_100_000, 1_500_000);
    expect(last[16]).to.equal(3);
    expect([20, 24, 28].map((at) => readInt32(last, at))).to.have.members([21, 22, 23]);
  });

  it("is told to nobody else (M-124)", () => {
    expect(rembs("goog-remb", "transport-cc")).to.deep.equal([]);
    expect(rembs("transport-cc")).to.deep.equal([]);
    expect(rembs()).to.deep.equal([]);
  });
});

describe("transport-cc", () => {
  it("acknowledges what is never forwarded too (M-037), nothing when not negotiated (M-131)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setForceMute(true, true);
    const send = (): Uint8Array[] => {
      for (let i = 0; i < 30; i++) {
        fixture.receive(1, {
          pt: OPUS,
          seq: i,
          ssrc: 11,
          extensions: [[TRANSPORT_CC, [0, i]]],
        });
        fixture.now += 10;
      }
      return fixture.takeRtcp(1).filter((one) => one[1] === 205 && (one[0]! & 31) === 15);
    };
    const feedback = send();
    expect(feedback.length).to.be.within(2, 3);
    for (const one of feedback) expect(isWellFormedRtcp(one, 0, one.length)).to.equal(true);
    fixture.engine.endpoint("c", "a")!.setPayloadTypes(
      "video",
      videoTypes.map((one) => ({ ...one, rtcpFeedback: [] })),
    );
    expect(send()).to.have.length(0);
  });

  it("a peer without it gets abs-send-time instead (M-052)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "b")!.setPayloadTypes(
      "video",
      videoTypes.map((one) => ({ ...one, rtcpFeedback: [] })),
    );
    fixture.now = 64_000 + 500;
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 11, extensions: [[AUDIO_LEVEL, [50]]] });
    const [out] = fixture.takeRtp(2);
    expect(out!.extensions.get(ABS_SEND_TIME)).to.deep.equal([0x02, 0, 0]);
    expect(out!.extensions.get(AUDIO_LEVEL)).to.deep.equal([50]);
  });
});

describe("audio RED", () => {
  const red = (seq: number): number[] => {
    const block = (n: number, back: number): number[] => {
      const offset = 960 * back;
      return [0x80 | OPUS, offset >> 6, ((offset & 63) << 2) | 0, 2 + 0 * n];
    };
    return [
      ...block(seq - 2, 2),
      ...block(seq - 1, 1),
      OPUS,
      ...[seq - 2, seq - 2],
      ...[seq - 1, seq - 1],
      ...[seq, seq, seq],
    ];
  };

  it("passes to who has it and is unpacked with recovery for others (M-168)", () => {
    const fixture = call();
    for (const id of ["a", "d"])
      fixture.engine.endpoint("c", id)!.setPayloadTypes("audio", [...audioTypes, redType]);
    for (const seq of [2, 3, 5, 6])
      fixture.receive(1, { pt: RED, seq, ssrc: 11, timestamp: 960 * seq, payload: red(seq) });
    fixture.receive(1, { pt: RED, seq: 7, ssrc: 11, timestamp: 960 * 7, payload: [0xef, 0xff] });
    const out = fixture.takeRtp();
    const plain = out.filter((one) => one.session === 2);
    expect(plain.map((one) => [one.pt, one.seq, one.timestamp / 960, one.payload])).to.deep.equal([
      [OPUS, 0, 0, [0, 0]],
      [OPUS, 1, 1, [1, 1]],
      [OPUS, 2, 2, [2, 2, 2]],
      [OPUS, 3, 3, [3, 3, 3]],
      [OPUS, 4, 4, [4, 4]],
      [OPUS, 5, 5, [5, 5, 5]],
      [OPUS, 6, 6, [6, 6, 6]],
    ]);
    const whole = out.filter((one) => one.session === 3);
    expect(whole.map((one) => [one.pt, one.seq])).to.deep.equal(
      [2, 3, 5, 6, 7].map((seq) => [RED, seq]),
    );
  });
});

describe("restored RED audio", () => {
  it("has no header extension, not even an empty one", () => {
    const fixture = call();
    const payload = [0x80 | OPUS, 960 >> 6, (960 & 63) << 2, 2, OPUS, 1, 1, 2, 2];
    const extensions = [[AUDIO_LEVEL, [40]]] as const;
    fixture.receive(1, { pt: RED, seq: 2, ssrc: 11, timestamp: 1920, payload, extensions });
    fixture.engine.endpoint("c", "a")!.setPayloadTypes("audio", [...audioTypes, redType]);
    fixture.take();
    fixture.receive(1, { pt: RED, seq: 4, ssrc: 11, timestamp: 3840, payload, extensions });
    const sent = fixture.take().filter(({ session }) => session === 2);
    expect(sent.map(({ bytes }) => [bytes[3], bytes[0]])).to.deep.equal([
      [3, 0x80],
      [4, 0x90],
    ]);
  });
});

describe("codecs without a frame projection", () => {
  /** VP9 descriptor: first byte B/E/P flags, no picture id. */
  const vp9 = (keyframe: boolean) => [keyframe ? 0x0c : 0x4c, 1, 2, 3];
  function send(fixture: EngineFixture, eid: number, seq: number, keyframe: boolean): void {
    fixture.receive(1, {
      pt: VP9,
      seq,
      ssrc: 21 + eid,
      timestamp: 50_000 * (eid + 1) + 3000 * seq,
      marker: true,
      payload: vp9(keyframe),
    });
  }

  it("switch encodings at key frames under one SSRC with contiguous numbers", () => {
    const fixture = call();
    const b = fixture.engine.endpoint("c", "b")!;
    for (let i = 0; i < 5; i++)
      for (const eid of [0, 1, 2]) send(fixture, eid, 100 * eid + i, i === 1);
    let out = fixture.takeRtp(2);
    expect(new Set(out.map((one) => one.ssrc))).to.deep.equal(new Set([21]));
    for (let i = 1; i < out.length; i++) expect(out[i]!.seq).to.equal(out[i - 1]!.seq + 1);
    expect(b.snapshot(0).sending.map((one) => one.currentEncoding)).to.deep.equal([2]);
    b.setReceiverConstraints({ defaultConstraints: { maxHeight: 180 } });
    fixture.tick();
    fixture.advance(400);
    const before = out.at(-1)!;
    for (let i = 5; i < 9; i++)
      for (const eid of [0, 1, 2]) send(fixture, eid, 100 * eid + i, i === 7);
    const all = fixture.take();
    expect(plis(all.filter((one) => one.isRtcp && one.session === 1).map((one) => one.bytes))).to
      .not.be.empty;
    fixture.sent.push(...all);
    out = fixture.takeRtp(2);
    expect(out[0]!.seq).to.equal(before.seq + 1);
    for (let i = 1; i < out.length; i++) {
      expect(out[i]!.seq).to.equal(out[i - 1]!.seq + 1);
      expect(out[i]!.timestamp).to.be.greaterThan(out[i - 1]!.timestamp);
    }
    expect(b.snapshot(0).sending.map((one) => one.currentEncoding)).to.deep.equal([0]);
  });

  it("a change of codec keeps the outgoing stream going (M-046)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setSources([videoSource("a-v0", [21])]);
    fixture.tick();
    video(fixture, 0, true, 1);
    video(fixture, 0, false, 2);
    const [, last] = fixture.takeRtp(2);
    send(fixture, 0, 3, false);
    expect(fixture.takeRtp(2)).to.have.length(0);
    send(fixture, 0, 4, true);
    const [next] = fixture.takeRtp(2);
    expect(next!.seq).to.equal(last!.seq + 1);
    expect(((next!.timestamp - last!.timestamp) | 0) > 0).to.equal(true);
  });
});
