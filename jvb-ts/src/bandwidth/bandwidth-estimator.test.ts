import { expect } from "chai";
import type { LinkConditions } from "#shared/testing/network-emulator";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { BandwidthEstimator } from "./bandwidth-estimator.ts";
import { defaultBandwidthSettings } from "./settings.ts";
import type { CallOptions } from "./virtual-call.test.ts";
import { VirtualCall } from "./virtual-call.test.ts";

const queueBytes = 150_000;
const link = (rateBps: number, more: LinkConditions = {}): LinkConditions => ({
  rateBps,
  queueBytes,
  delayMs: 25,
  ...more,
});

function run(ms: number, options: CallOptions): VirtualCall {
  const call = new VirtualCall({ back: { delayMs: 25 }, rttMs: 50, ...options });
  call.run(ms);
  return call;
}

/** Estimates in [from, to) ms as shares of `capacity`, ascending. */
function shares(call: VirtualCall, from: number, to: number, capacity: number): number[] {
  return call
    .between(from, to)
    .map(({ bps }) => bps / capacity)
    .sort((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;

/** Within 10 % on average and nine tenths of the time, and no swing above 20 %. */
function expectSettled(call: VirtualCall, from: number, to: number, capacity: number): void {
  const all = shares(call, from, to, capacity);
  expect(call.range(from, to).mean / capacity, "mean").to.be.within(0.9, 1.1);
  expect(at(all, 0.05), "low").to.be.at.least(0.86);
  expect(at(all, 0.99) - at(all, 0.01), "swing").to.be.at.most(0.2);
}

/** When the estimate came within 10 % of `capacity` and stayed there on average for a second. */
function arrivedAt(call: VirtualCall, from: number, to: number, capacity: number): number {
  for (let start = from; start + 1000 <= to; start += 50) {
    const mean = call.range(start, start + 1000).mean / capacity;
    if (mean >= 0.9 && mean <= 1.1) return start - from;
  }
  return Number.POSITIVE_INFINITY;
}

describe("bandwidth estimator on an emulated link", () => {
  for (const rate of [1_000_000, 4_000_000]) {
    it(`finds ${rate / 1e6} Mbps within 10 s and stays without swinging`, () => {
      for (const seed of [1, 2, 3]) {
        const call = run(45_000, { link: link(rate), seed });
        expect(arrivedAt(call, 0, 20_000, rate)).to.be.at.most(10_000);
        expectSettled(call, 10_000, 45_000, rate);
        expect(call.waitAt(0.95, 0, 45_000)).to.be.below(150);
      }
    });
  }

  for (const seed of [1, 2, 3, 4])
    it(`follows 4 Mbps for 20 s and 1 Mbps for 10 s, again and again, seed ${seed}`, () => {
      const call = run(90_000, {
        seed,
        link: [
          { forMs: 20_000, ...link(4_000_000) },
          { forMs: 10_000, ...link(1_000_000) },
        ],
      });
      for (let start = 0; start < 90_000; start += 30_000) {
        expect(arrivedAt(call, start, start + 20_000, 4_000_000), "4").to.be.at.most(10_000);
        expectSettled(call, start + 10_000, start + 20_000, 4_000_000);
        expect(arrivedAt(call, start + 20_000, start + 30_000, 1_000_000), "1").to.be.at.most(
          9_000,
        );
      }
      expect(call.waitAt(0.95, 0, 90_000)).to.be.below(150);
    });

  it("keeps what random loss leaves: 1, 5 and 10 % cost little, 20 % not everything", () => {
    for (const [loss, least] of [
      [0.01, 0.9],
      [0.05, 0.9],
      [0.1, 0.85],
      [0.2, 0.15],
    ] as const) {
      const call = run(40_000, { link: link(4_000_000, { loss }) });
      expect(call.range(10_000, 40_000).mean / 4e6, `${loss}`).to.be.within(least, 1.1);
      expect(call.waitAt(0.95, 0, 40_000)).to.be.below(150);
    }
  });

  for (const delayMs of [50, 100, 200]) {
    it(`works over ${delayMs} ms each way`, () => {
      const call = run(50_000, {
        link: link(2_000_000, { delayMs }),
        back: { delayMs },
        rttMs: 2 * delayMs,
      });
      expect(arrivedAt(call, 0, 20_000, 2_000_000)).to.be.at.most(10_000);
      expect(call.range(15_000, 50_000).mean / 2e6).to.be.within(0.85, 1.1);
      expect(call.waitAt(0.95, 0, 50_000)).to.be.below(150);
    });
  }

  it("works at 300 kbps, although it begins with 2.5 Mbps", () => {
    const call = run(60_000, { link: link(300_000) });
    expect(arrivedAt(call, 0, 20_000, 300_000)).to.be.at.most(10_000);
    expect(call.range(10_000, 60_000).mean / 3e5).to.be.within(0.9, 1.1);
    expect(call.waitAt(0.95, 10_000, 60_000)).to.be.below(150);
  });

  for (const seed of [1, 2, 3, 4])
    it(`is back soon when 3 Mbps become 300 kbps that others use too, seed ${seed}`, () => {
      const call = run(50_000, {
        seed,
        link: [
          { forMs: 20_000, ...link(3_000_000), queueBytes: 40_000 },
          { forMs: 30_000, ...link(300_000), queueBytes: 40_000 },
        ],
        layers: [80_000, 120_000, 200_000, 350_000, 1_000_000],
        suspends: true,
        audioBps: 100_000,
        fps: 15,
      });
      expect(arrivedAt(call, 20_000, 40_000, 200_000)).to.be.at.most(5_000);
      expect(call.range(25_000, 50_000).mean / 2e5).to.be.within(0.9, 1.1);
      expect(call.range(20_000, 50_000).min, "what the lowest layer takes").to.be.at.least(80_000);
      expect(call.waitAt(0.95, 25_000, 50_000)).to.be.below(150);
    });

  it("bears jitter, overtaking and slow feedback", () => {
    const jitter = run(40_000, { link: link(4_000_000, { jitterMs: 20 }) });
    expect(jitter.range(10_000, 40_000).mean / 4e6).to.be.within(0.85, 1.1);
    const overtaking = run(40_000, { link: link(4_000_000, { reorder: 0.02, reorderMs: 15 }) });
    expect(overtaking.range(10_000, 40_000).mean / 4e6).to.be.within(0.9, 1.1);
    const slow = run(40_000, { link: link(4_000_000), slowFeedback: true });
    expect(slow.range(10_000, 40_000).mean / 4e6).to.be.within(0.85, 1.1);
  });

  it("needs losses alone to find a way that queues nothing", () => {
    const call = run(40_000, { link: link(2_000_000, { queueBytes: 6_000 }) });
    expect(call.range(10_000, 40_000).mean / 2e6).to.be.within(0.8, 1.3);
  });

  it("tells losses of a short queue from others", () => {
    const call = run(40_000, { link: link(3_000_000, { queueBytes: 30_000 }) });
    expectSettled(call, 10_000, 40_000, 3_000_000);
    expect(call.link.overflowed / call.link.offered).to.be.below(0.03);
  });

  it("falls below a capacity that halves in about half a second (M-138)", () => {
    for (const clockStep of [undefined, { at: 20_000, ms: 30_000 }, { at: 20_000, ms: -30_000 }]) {
      const call = run(25_000, {
        link: [
          { forMs: 20_000, ...link(1_000_000) },
          { forMs: 20_000, ...link(500_000) },
        ],
        back: { delayMs: 25 },
        ...(clockStep === undefined ? {} : { clockStep }),
      });
      expect(call.range(10_000, 20_000).mean).to.be.within(820_000, 1_180_000);
      const fell = call.between(20_000, 25_000).find(({ bps }) => bps <= 500_000);
      expect(fell!.at - 20_000).to.be.at.most(clockStep === undefined ? 600 : 930);
    }
  });

  it("keeps within its bounds and probes no further than they allow", () => {
    const settings = { initialBps: 300_000, minBps: 100_000, maxBps: 500_000 };
    const wide = run(20_000, { link: { delayMs: 10 }, settings });
    expect(Math.max(...wide.samples.map(({ bps }) => bps))).to.be.at.most(500_000);
    const narrow = run(20_000, { link: link(60_000, { queueBytes: 6_000 }), settings });
    expect(Math.min(...narrow.samples.map(({ bps }) => bps))).to.be.at.least(100_000);
  });

  it("lowers the estimate while nothing answers any more", () => {
    const call = run(20_000, {
      link: [
        { forMs: 8_000, ...link(4_000_000) },
        { forMs: 100_000, ...link(4_000_000), loss: 1 },
      ],
    });
    const before = call.range(7_000, 8_000).mean;
    expect(call.range(19_000, 20_000).mean).to.be.below(0.3 * before);
  });

  it("takes a pause of the sender for no silence of the receiver", () => {
    const { estimator } = run(5_000, { link: link(4_000_000) });
    const before = estimator.estimateBps;
    for (let now = 5_500; now < 20_000; now += 500) estimator.handleTimeout(now);
    expect(estimator.estimateBps).to.equal(before);
    for (let now = 20_000; now < 22_500; now += 100) {
      estimator.handleSent(1_000, now);
      if (now % 500 === 0) estimator.handleTimeout(now);
    }
    expect(estimator.estimateBps).to.equal(before);
    for (let now = 22_500; now < 24_500; now += 100) {
      estimator.handleSent(1_000, now);
      if (now % 500 === 0) estimator.handleTimeout(now);
    }
    expect(estimator.estimateBps).to.be.below(0.9 * before);
  });

  it("stays at its first estimate and says so without feedback (M-133)", () => {
    const call = run(10_000, { link: { loss: 1 } });
    expect(call.estimator.hasFeedback).to.equal(false);
    expect(call.estimator.estimateBps).to.equal(2_500_000);
  });

  it("takes any feedback: within bounds, and claims of unsent packets change nothing", () => {
    const random = new SeededRandom(5);
    const call = run(5_000, { link: link(4_000_000) });
    const { estimator } = call;
    const { minBps, maxBps } = defaultBandwidthSettings;
    const bytes = new Uint8Array(64);
    for (let i = 0; i < 20_000; i++) {
      for (let k = 0; k < bytes.length; k++) bytes[k] = random.int(256);
      // Near the numbers that were sent, and few of them.
      bytes[12] = estimator.nextSeq >> 8;
      bytes[14] = 0;
      estimator.handleFeedback(bytes, 0, 20 + random.int(44), 5_000 + i);
      estimator.handleSent(random.int(1500), 5_000 + i);
      if (random.int(50) === 0) estimator.handleTimeout(5_000 + i);
      expect(estimator.estimateBps).to.be.within(0, maxBps);
      expect(estimator.probeBytes(5_000 + i)).to.be.within(0, (maxBps * 4) / 8000 + 1);
    }
    const fresh = new BandwidthEstimator(defaultBandwidthSettings);
    fresh.handleFeedback(bytes, 0, 64, 1);
    expect(fresh.estimateBps).to.be.within(minBps, 2_500_000);
    expect(fresh.hasFeedback).to.equal(false);
  });
});
