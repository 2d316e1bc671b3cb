/** The whole engine with a receiver behind an emulated link: estimate, layers, probes and padding. */
import { expect } from "chai";
import { writeRemb } from "#shared/rtp/rtcp-build";
import type { LinkConditions, LinkPhase } from "#shared/testing/network-emulator";
import { EmulatedLink, LOST } from "#shared/testing/network-emulator";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { defaultBandwidthSettings } from "../bandwidth/settings.ts";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import type { MediaEndpoint } from "../media/media-engine.ts";
import { TransportCcReceiver } from "../media/transport-cc-receiver.ts";
import type { RtpFields } from "./engine-fixture.ts";
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

const SSRCS = [1000, 1001, 1002];
/** Of the three encodings, bits per second. */
const RATES = [200_000, 700_000, 2_000_000];
const FRAME_MS = 33;
const PACKET_BYTES = 1_100;
const BACK_MS = 20;

/** `a` sends a camera in three encodings, `b` receives behind a link and answers. */
class Call {
  readonly fixture: EngineFixture;
  readonly b: MediaEndpoint;
  /** What arrived at `b`, and when. */
  readonly arrived: { readonly at: number; readonly rtp: RtpFields; readonly bytes: number }[] = [];
  answers = true;
  readonly #link: EmulatedLink;
  readonly #receiver = new TransportCcReceiver();
  readonly #flying: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #reports: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #report = new Uint8Array(1500);
  readonly #seqs = [0, 0, 0];
  #frame = 0;
  #nextFrame = 0;
  #keyframe = true;

  constructor(
    link: LinkConditions | readonly LinkPhase[],
    options: Partial<MediaEngineOptions> = {},
    withRtx = true,
  ) {
    const bandwidth = { ...defaultBandwidthSettings, initialBps: 800_000 };
    this.fixture = new EngineFixture({ bandwidth, initialMaxHeightPx: 720, ...options });
    this.fixture.join("a", 1, [videoSource("a-v0", SSRCS)]);
    this.b = this.fixture.join("b", 2);
    if (!withRtx)
      this.b.setPayloadTypes(
        "video",
        videoTypes.filter(({ name }) => name !== "rtx"),
      );
    this.b.setReceiverConstraints({
      lastN: -1,
      onStageSources: ["a-v0"],
      defaultConstraints: { maxHeight: 720 },
    });
    this.#link = new EmulatedLink(new SeededRandom(3), link, this.fixture.now);
    this.#nextFrame = this.fixture.now;
  }

  run(ms: number): void {
    const { fixture } = this;
    for (const end = fixture.now + ms; fixture.now < end; ) {
      fixture.advance(1);
      if (fixture.now >= this.#nextFrame) this.#sendFrame();
      this.#carry();
      this.#deliver();
    }
  }

  /** Bits per second of what `which` selects of the arrivals in the last `ms`. */
  rate(ms: number, which: (rtp: RtpFields) => boolean = () => true): number {
    const from = this.fixture.now - ms;
    const some = this.arrived.filter(({ at, rtp }) => at >= from && which(rtp));
    return (some.reduce((sum, { bytes }) => sum + bytes, 0) * 8000) / ms;
  }

  #sendFrame(): void {
    this.#nextFrame += FRAME_MS;
    const frame = this.#frame++;
    const keyframe = this.#keyframe;
    this.#keyframe = false;
    for (let eid = 0; eid < SSRCS.length; eid++) {
      let left = Math.round((RATES[eid]! * FRAME_MS) / 8000);
      for (let start = true; left > 0; start = false) {
        const size = Math.min(PACKET_BYTES, left);
        left -= size;
        this.fixture.receive(1, {
          pt: VP8,
          ssrc: SSRCS[eid]!,
          seq: this.#seqs[eid]!,
          timestamp: frame * 3000,
          marker: left <= 0,
          payload: vp8Payload({
            pictureId: frame & 0x7fff,
            tl0: frame & 0xff,
            tid: 0,
            start,
            keyframe,
            height: 180 << eid,
            fill: Math.max(0, size - 40),
          }),
        });
        this.#seqs[eid] = (this.#seqs[eid]! + 1) & 0xffff;
      }
    }
  }

  #carry(): void {
    for (const sent of this.fixture.take()) {
      if (sent.session === 1 && sent.isRtcp && sent.bytes[1] === 206) this.#keyframe = true;
      if (sent.session !== 2 || sent.isRtcp) continue;
      const at = this.#link.offer(sent.bytes.length, this.fixture.now);
      if (at !== LOST) this.#flying.push({ at, bytes: sent.bytes });
    }
  }

  #deliver(): void {
    const { now } = this.fixture;
    while (this.#flying.length > 0 && this.#flying[0]!.at <= now) {
      const { at, bytes } = this.#flying.shift()!;
      const rtp = readRtp({ session: 2, isRtcp: false, bytes });
      this.arrived.push({ at: now, rtp, bytes: bytes.length });
      const tcc = rtp.extensions.get(TRANSPORT_CC);
      if (tcc !== undefined)
        this.#receiver.handlePacket((tcc[0]! << 8) | tcc[1]!, rtp.marker, rtp.ssrc, at, now);
    }
    while (this.answers && this.#receiver.due) {
      const length = this.#receiver.write(this.#report, 0, 7, now);
      if (length > 0)
        this.#reports.push({ at: now + BACK_MS, bytes: this.#report.slice(0, length) });
    }
    while (this.#reports.length > 0 && this.#reports[0]!.at <= now)
      this.fixture.receiveBytes(2, this.#reports.shift()!.bytes);
  }
}

const isPadding = ({ ssrc }: RtpFields): boolean => !SSRCS.includes(ssrc) && ssrc < 1500;
const isRepeat = ({ pt }: RtpFields): boolean => pt === VP8_RTX;

describe("engine with a receiver behind a narrow way", () => {
  const narrow = (rateBps: number): LinkConditions => ({
    rateBps,
    delayMs: 20,
    queueBytes: 100_000,
  });

  it("sends everything while nothing is known of the way (M-133)", () => {
    const call = new Call({});
    call.answers = false;
    call.run(5_000);
    expect(call.b.estimatedBandwidthBps()).to.equal(Number.POSITIVE_INFINITY);
    expect(call.b.snapshot(call.fixture.now).estimatedBandwidthBps).to.equal(undefined);
    expect(call.rate(1_000, ({ pt }) => pt === VP8)).to.be.above(0.85 * RATES[2]!);
  });

  it("takes lower layers, fills the rest with repeats, and goes up again (M-141, M-142)", () => {
    const call = new Call([
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

  it("probes with packets of padding where RTX is unknown (M-058, M-142)", () => {
    const call = new Call(narrow(10_000_000), {}, false);
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
    const call = new Call(narrow(50_000_000));
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
    const call = new Call({});
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

  it("stops probing and padding for an endpoint that left", () => {
    const call = new Call(narrow(600_000));
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
