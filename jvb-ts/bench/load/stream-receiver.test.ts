import { expect } from "chai";
import { RtcpWalker } from "#shared/rtp/rtcp-walk";
import { RtpHeader, readInt32, readUint16 } from "#shared/rtp/rtp-header";
import type { TxSlab } from "../../src/media/slab.ts";
import { TRANSPORT_CC, VP8 } from "./negotiated-media.ts";
import { RtpOutput } from "./rtp-output.ts";
import { StreamReceiver } from "./stream-receiver.ts";

/** A receiver whose RTCP is kept. */
function newReceiver(losesEach = 0) {
  const sent: Uint8Array[] = [];
  const output = new RtpOutput({
    send: (slab: TxSlab) => {
      for (let row = 0; row < slab.count; row++) {
        const at = slab.offset[row]!;
        sent.push(slab.bytes.slice(at, at + slab.length[row]!));
      }
      slab.count = 0;
      return 0;
    },
  });
  let keyFrameRequests = 0;
  const missed: number[] = [];
  const receiver = new StreamReceiver({
    ...{ ssrc: 7, name: "aaaa", session: 0, output, losesEach },
    onKeyFrameRequest: () => {
      keyFrameRequests++;
    },
    onNack: (ssrc, seq) => missed.push(ssrc, seq),
  });
  const header = new RtpHeader();
  return {
    receiver,
    requests: () => keyFrameRequests,
    missed,
    /** Packets of video stream 9 with these numbers, which are its transport-wide ones too. */
    take(seqs: readonly number[], now = 0, isKeyFrame = true): void {
      for (const seq of seqs) {
        const bytes = new Uint8Array(40);
        bytes.set([0x90, VP8, (seq >> 8) & 0xff, seq & 0xff, 0, 0, 0, 0, 0, 0, 0, 9]);
        bytes.set([0xbe, 0xde, 0, 1, (TRANSPORT_CC << 4) | 1, (seq >> 8) & 0xff, seq & 0xff], 12);
        expect(header.parse(bytes, 0, bytes.length)).to.equal(true);
        receiver.handleRtp(header, isKeyFrame, now);
      }
    },
    /** RTCP sent since the last call, by type and count. */
    said(type: number, count: number): Uint8Array[] {
      output.flush();
      const walker = new RtcpWalker();
      const found: Uint8Array[] = [];
      for (const bytes of sent.splice(0)) {
        walker.start(bytes, 0, bytes.length);
        while (walker.next())
          if (walker.type === type && walker.count === count)
            found.push(bytes.slice(walker.offset, walker.offset + walker.length));
      }
      return found;
    },
  };
}

describe("StreamReceiver", () => {
  for (const start of [0, 100, 0xfffe, 0xffff]) {
    const seq = (at: number) => (start + at) & 0xffff;

    it(`asks for what is missing until it comes, from ${start}`, () => {
      const { receiver, take, said } = newReceiver();
      take([seq(0), seq(1), seq(4)]);
      receiver.sendFeedback(100);
      const [nack] = said(205, 1);
      expect([readUint16(nack!, 12), readUint16(nack!, 14)]).to.deep.equal([seq(2), 1]);
      receiver.sendFeedback(120);
      expect(said(205, 1)).to.have.length(0);
      expect(receiver.handleRepair(9, seq(2))).to.equal(true);
      expect(receiver.handleRepair(9, seq(2))).to.equal(false);
      take([seq(3)]);
      receiver.sendFeedback(500);
      expect(said(205, 1)).to.have.length(0);
    });

    it(`reports what was lost since the last report, from ${start}`, () => {
      const { receiver, take, said } = newReceiver();
      take([seq(0), seq(1), seq(3)]);
      receiver.sendReport(1000);
      const [first] = said(201, 1);
      expect([first![12], first![15]]).to.deep.equal([64, 1]);
      expect(readInt32(first!, 16)).to.equal(start + 3);
      take([seq(4), seq(5)]);
      receiver.sendReport(2000);
      const [second] = said(201, 1);
      expect([second![12], second![15]]).to.deep.equal([0, 1]);
    });
  }

  it("gives up a packet after five tries", () => {
    const { receiver, take, said } = newReceiver();
    take([1, 3]);
    for (let now = 100; now < 2000; now += 10) receiver.sendFeedback(now);
    expect(said(205, 1)).to.have.length(5);
  });

  it("asks for a key frame until one comes", () => {
    const { receiver, take, said } = newReceiver();
    take([1], 0, false);
    for (let now = 500; now <= 1500; now += 10) receiver.sendFeedback(now);
    expect(said(206, 1)).to.have.length(3);
    take([2], 0, true);
    receiver.sendFeedback(5000);
    expect(said(206, 1)).to.have.length(0);
  });

  it("sends transport-wide feedback each 100 ms", () => {
    const { receiver, take, said } = newReceiver();
    let count = 0;
    for (let now = 0; now < 1000; now += 10) {
      take([now / 10], now);
      receiver.sendFeedback(now);
      count += said(205, 15).length;
    }
    expect(count).to.be.within(8, 10);
  });

  it("asks for each so many packets again as if it had not come", () => {
    const { receiver, take, said } = newReceiver(3);
    take([1, 2, 3, 4, 5]);
    receiver.sendFeedback(100);
    const [nack] = said(205, 1);
    expect(readUint16(nack!, 12)).to.be.within(2, 4);
  });

  it("hands on what the bridge asks for", () => {
    const { receiver, requests, missed } = newReceiver();
    const pli = Uint8Array.of(0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9);
    receiver.handleRtcp(pli, 0, pli.length, 0);
    expect([requests(), receiver.keyFrameRequests]).to.deep.equal([1, 1]);
    const nack = Uint8Array.of(
      ...[0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9],
      ...[0xff, 0xff, 0x80, 0x01],
    );
    receiver.handleRtcp(nack, 0, nack.length, 0);
    expect(missed).to.deep.equal([9, 0xffff, 9, 0, 9, 15]);
  });
});
