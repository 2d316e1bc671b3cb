/** The whole engine with a receiver behind an emulated link: estimate, layers, probes and padding. */
import { expect } from "chai";
import { writeRemb } from "#shared/rtp/rtcp-build";
import type { LinkConditions } from "#shared/testing/network-emulator";
import { BandwidthEstimator } from "../../src/bandwidth/bandwidth-estimator.ts";
import { readRtp, TRANSPORT_CC, VP8, videoTypes } from "../../src/cc/engine-fixture.ts";
import { isPadding, isRepeat, NarrowCall } from "./narrow-call.ts";

describe("engine with a receiver behind a narrow way", () => {
  const narrow = (rateBps: number): LinkConditions => ({
    rateBps,
    delayMs: 20,
    queueBytes: 100_000,
  });

  it("sends everything while nothing is known of the way (M-133)", () => {
    const call = new NarrowCall({});
    call.answers = false;
    call.run(5_000);
    expect(call.b.estimatedBandwidthBps()).to.equal(Number.POSITIVE_INFINITY);
    expect(call.b.snapshot(call.fixture.now).estimatedBandwidthBps).to.equal(undefined);
    expect(call.rate(1_000, ({ pt }) => pt === VP8)).to.be.above(0.85 * call.rates[2]!);
  });

  it("takes lower layers, fills the rest with repeats, and goes up again (M-141, M-142)", () => {
    const call = new NarrowCall([
      { forMs: 15_000, ...narrow(1_000_000) },
      { forMs: 60_000, ...narrow(6_000_000) },
    ]);
    call.run(14_900);
    const { now } = call.fixture;
    const narrowed = call.b.snapshot(now);
    expect(narrowed.estimatedBandwidthBps).to.be.within(850_000, 1_100_000);
    expect(narrowed.sending[0]!.currentEncoding).to.equal(1);
    // Between what is sent and the estimate, in RTX form, for packets of it are remembered.
    const repeats = call.rate(3_000, isRepeat);
    const gap = narrowed.estimatedBandwidthBps! - narrowed.targetBps;
    expect(repeats).to.be.within(0.6 * gap, 1.15 * gap);
    expect(call.rate(3_000, isPadding)).to.be.below(0.15 * gap);
    expect(call.rate(3_000)).to.be.within(850_000, 1_050_000);
    call.run(10_000);
    const wide = call.b.snapshot(call.fixture.now);
    expect(wide.sending[0]!.currentEncoding).to.equal(2);
    expect(wide.estimatedBandwidthBps).to.be.above(wide.idealBps);
    expect(call.rate(2_000, isRepeat), "nothing is missing any more").to.equal(0);
    expect(wide.probePackets).to.be.above(0);
  });

  for (const [seed, keyframeScale] of [
    [3, 4],
    [4, 4],
    [5, 10],
    [12, 8],
    [16, 8],
    [6, 4],
  ] as const)
    it(`goes on with the lowest layer when 3 Mbps become 300 kbps with audio, and back, seed ${seed}`, () => {
      const link = (forMs: number, rateBps: number) => ({
        forMs,
        rateBps,
        delayMs: 25,
        queueBytes: 40_000,
      });
      const call = new NarrowCall(
        [link(20_000, 3_000_000), link(25_000, 300_000), link(60_000, 3_000_000)],
        {},
        true,
        {
          rates: [200_000, 350_000, 1_000_000],
          fps: 15,
          temporal: true,
          keyframeScale,
          audioBps: 100_000,
          noise: 0.2,
          seed,
        },
      );
      const encoding = () => call.b.snapshot(call.fixture.now).sending[0]!.currentEncoding;
      call.run(20_000);
      expect(encoding()).to.equal(2);
      const begun = call.fixture.now;
      call.run(5_000);
      expect(encoding(), "lowest layer").to.equal(0);
      const estimates: number[] = [];
      let lowest = 0;
      for (let i = 0; i < 200; i++) {
        call.run(100);
        if (i >= 50) estimates.push(call.b.snapshot(call.fixture.now).estimatedBandwidthBps!);
        if (encoding() === 0) lowest++;
      }
      expect(lowest).to.equal(200);
      const mean = estimates.reduce((sum, bps) => sum + bps, 0) / estimates.length;
      expect(mean, "what audio leaves").to.be.within(170_000, 220_000);
      expect(call.longestGapMs(begun + 5_000, call.fixture.now), "picture").to.be.below(1_000);
      expect(call.waitAt(0.95, begun + 5_000), "queue").to.be.below(150);
      const widened = call.fixture.now;
      while (encoding() !== 2 && call.fixture.now - widened < 15_000) call.run(100);
      expect(encoding(), "top again").to.equal(2);
    }).timeout(20_000);

  for (const seed of [1, 2, 3, 4])
    it(`is not moved up because the encoder rests behind a key frame, seed ${seed}`, function () {
      const link = { rateBps: 500_000, delayMs: 25, queueBytes: 40_000 };
      const call = new NarrowCall(link, {}, true, {
        rates: [120_000, 400_000, 1_300_000],
        fps: 15,
        keyframeScale: 10,
        restMs: 1_200,
        noise: 0.2,
        seed,
      });
      call.run(15_000);
      let moves = 0;
      let current = 0;
      for (let i = 0; i < 300; i++) {
        call.run(100);
        const { currentEncoding } = call.b.snapshot(call.fixture.now).sending[0]!;
        if (currentEncoding > current) moves++;
        current = currentEncoding;
      }
      const bps = call.rate(30_000);
      this.test!.title += `: ${moves} times up in 30 s, ${Math.round(bps / 1000)} kbps`;
      expect(moves).to.be.at.most(4);
      expect(bps).to.be.at.least(400_000);
    }).timeout(20_000);

  it("probes with packets of padding where RTX is unknown (M-058, M-142)", () => {
    const call = new NarrowCall(narrow(10_000_000), {}, false);
    call.run(3_000);
    const padding = call.arrived.filter(({ rtp }) => isPadding(rtp));
    expect(padding).not.to.deep.equal([]);
    const own = new Set(padding.map(({ rtp }) => rtp.ssrc));
    expect(own.size).to.equal(1);
    for (const { rtp, bytes } of padding) {
      expect(bytes).to.be.at.most(12 + 8 + 255);
      expect(rtp.pt).to.equal(VP8);
      expect(rtp.payload.at(-1)).to.equal(rtp.payload.length);
      expect(rtp.marker).to.equal(false);
      expect(rtp.extensions.has(TRANSPORT_CC)).to.equal(true);
    }
    const seqs = padding.map(({ rtp }) => rtp.seq);
    expect(seqs).to.deep.equal(seqs.map((_, i) => (seqs[0]! + i) & 0xffff));
    expect(call.arrived.filter(({ rtp }) => isRepeat(rtp))).to.deep.equal([]);
  });

  it("probes at the start, then not any more when the way is wide enough (M-136)", () => {
    const call = new NarrowCall(narrow(50_000_000));
    call.run(2_000);
    const begun = call.b.snapshot(call.fixture.now);
    expect(begun.estimatedBandwidthBps).to.be.above(2_300_000);
    call.run(10_000);
    const later = call.b.snapshot(call.fixture.now);
    expect(later.probeBytes - begun.probeBytes).to.be.below(20_000);
    expect(call.fixture.engine.totals(0).unmatchedFeedback).to.equal(0);
  });

  it("goes by REMB where transport-cc is not negotiated, and only there (M-125)", () => {
    const bytes = new Uint8Array(24);
    writeRemb(bytes, 0, 7, 500_000, [1000]);
    const call = new NarrowCall({});
    call.fixture.receiveBytes(2, bytes);
    expect(call.b.estimatedBandwidthBps()).to.equal(Number.POSITIVE_INFINITY);
    call.b.setPayloadTypes(
      "video",
      videoTypes.map((one) => ({
        ...one,
        rtcpFeedback: one.rtcpFeedback.filter(({ type }) => type !== "transport-cc"),
      })),
    );
    call.fixture.receiveBytes(2, bytes);
    expect(call.b.estimatedBandwidthBps()).to.be.within(499_000, 500_000);
    call.run(3_000);
    expect(call.b.snapshot(call.fixture.now).sending[0]!.currentEncoding).to.be.below(2);
  });

  it("takes the time of the hand-off for that of sending, for repeats and probes too (M-185)", () => {
    const told: number[] = [];
    const { prototype } = BandwidthEstimator;
    const first = Object.getOwnPropertyDescriptor(prototype, "handleSent")!;
    const again = Object.getOwnPropertyDescriptor(prototype, "handleSentAgain")!;
    const noting = (original: PropertyDescriptor): PropertyDescriptor => ({
      ...original,
      value(this: BandwidthEstimator, what: number, now: number) {
        told.push(now);
        Reflect.apply(original.value as BandwidthEstimator["handleSent"], this, [what, now]);
      },
    });
    Object.defineProperty(prototype, "handleSent", noting(first));
    Object.defineProperty(prototype, "handleSentAgain", noting(again));
    try {
      const call = new NarrowCall(narrow(1_000_000));
      let packets = 0;
      call.fixture.onHandOff = (sent) => {
        const numbered = sent.filter(
          (one) => one.session === 2 && !one.isRtcp && readRtp(one).extensions.has(TRANSPORT_CC),
        );
        expect(told.length, "none is held back, none told of twice").to.equal(numbered.length);
        for (const time of told) expect(time).to.equal(call.fixture.now);
        packets += numbered.length;
        told.length = 0;
      };
      call.run(3_000);
      expect(packets).to.be.above(300);
      expect(call.b.snapshot(call.fixture.now).probePackets).to.be.above(0);
    } finally {
      Object.defineProperty(prototype, "handleSent", first);
      Object.defineProperty(prototype, "handleSentAgain", again);
    }
  });

  it("stops probing and padding for an endpoint that left", () => {
    const call = new NarrowCall(narrow(600_000));
    call.run(5_000);
    call.b.remove();
    call.fixture.take();
    call.fixture.advance(1_000);
    expect(call.fixture.take().filter(({ session }) => session === 2)).to.deep.equal([]);
    call.fixture.engine.removeConference("c");
    call.fixture.tick();
    expect(call.fixture.engine.pollTimeout()).to.equal(undefined);
  });
});
