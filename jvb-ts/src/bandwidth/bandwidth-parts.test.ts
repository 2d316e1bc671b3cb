import { expect } from "chai";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { AcknowledgedRate } from "./acknowledged-rate.ts";
import { ApplicationLimit } from "./application-limit.ts";
import { DelayRate } from "./delay-rate.ts";
import { Usage } from "./delay-trend.ts";
import { PaddingPlan } from "./padding-plan.ts";
import { ProbeBurst } from "./probe-burst.ts";
import { ProbePlan } from "./probe-plan.ts";
import { ProbeRate } from "./probe-rate.ts";
import { Report, SentHistory } from "./sent-history.ts";

const MAX = 20_000_000;

describe("estimate by delay", () => {
  for (const [bps, rttMs, slope] of [
    [30_000, 200, 4000],
    [90_000, 200, 5000],
    [60_000, 100, 5000],
  ] as const) {
    it(`grows by ${slope} bps/s near ${bps} bps at ${rttMs} ms (M-134)`, () => {
      const rate = new DelayRate(bps, 10_000, MAX);
      rate.setRoundTrip(rttMs);
      expect(rate.nearMaxIncreasePerSecond()).to.be.closeTo(slope, 1);
    });
  }

  it("is bound by what arrives, and does not follow it down (M-135)", () => {
    const rate = new DelayRate(10_000, 5_000, MAX);
    for (let now = 0; now <= 20_000; now += 100)
      rate.update(Usage.normal, 0, 10_000, -1, false, now);
    expect(rate.bps).to.be.closeTo(25_000, 1);
    for (let now = 20_100; now <= 40_000; now += 100)
      rate.update(Usage.normal, 0, 5_000, -1, false, now);
    expect(rate.bps).to.be.closeTo(25_000, 1);
  });

  it("falls by what empties the queue in 0.6 s, and returns when it is empty", () => {
    const rate = new DelayRate(1_100_000, 5_000, MAX);
    rate.update(Usage.over, 240, 1_000_000, 1_000_000, false, 1_000);
    expect(rate.bps).to.be.closeTo(595_000, 1);
    rate.update(Usage.under, 100, 900_000, 900_000, false, 1_300);
    expect(rate.bps).to.be.closeTo(595_000, 1);
    rate.update(Usage.normal, 5, 800_000, 800_000, false, 1_600);
    expect(rate.bps).to.be.closeTo(950_000, 1);
  });

  it("takes what arrives while a queue shrinks for no capacity, and leaves the lowest layer room", () => {
    const rate = new DelayRate(2_800_000, 30_000, MAX);
    rate.update(Usage.over, 600, 250_000, 240_000, false, 1_000);
    expect(rate.bps).to.equal(125_000);
    // Less is sent, and a window with few packets tells nothing.
    rate.update(Usage.over, 500, 200_000, 60_000, true, 1_400);
    rate.update(Usage.normal, 400, 60_000, -1, false, 1_800);
    rate.update(Usage.over, 20, 60_000, 60_000, false, 2_200);
    expect(rate.bps).to.be.within(125_000, 130_000);
    expect(rate.capacity.bps).to.equal(240_000);
    // The trend still looks back on the queue.
    rate.update(Usage.under, 5, 60_000, 60_000, false, 2_400);
    expect(rate.bps).to.be.closeTo(228_000, 1_000);
  });

  it("takes a queue that does not shrink for a longer way", () => {
    const rate = new DelayRate(1_000_000, 5_000, MAX);
    let lasting = 0;
    for (let now = 0; now < 3_000; now += 100) {
      rate.update(Usage.normal, 150, rate.bps, rate.bps, false, now);
      if (rate.queueIsLasting) lasting = now;
      if (lasting > 0) break;
    }
    expect(lasting).to.be.within(2_000, 2_500);
  });

  it("waits for no queue between empty and full: what stays while little is sent is the way's", () => {
    const rate = new DelayRate(1_000_000, 5_000, MAX);
    rate.update(Usage.over, 300, 300_000, 300_000, false, 0);
    const low = rate.bps;
    let lasting = 0;
    for (let now = 200; now < 4_000; now += 100) {
      rate.update(Usage.normal, 40, low / 4, -1, false, now);
      if (rate.queueIsLasting) lasting = now;
      if (lasting > 0) break;
    }
    expect(lasting).to.be.within(2_000, 2_500);
    for (let now = lasting; now < lasting + 1_000; now += 100)
      rate.update(Usage.normal, 0, low, -1, false, now);
    expect(rate.bps, "grows again").to.be.above(1.03 * low);
  });

  it("sends less for a moment when a queue stops its growth, to see whose it is", () => {
    const rate = new DelayRate(500_000, 5_000, MAX);
    for (let now = 0; now <= 3_000; now += 100)
      rate.update(Usage.normal, 45, 500_000, 500_000, false, now);
    expect(rate.bps).to.be.closeTo(465_000, 1);
  });

  it("halves when nothing is known to arrive", () => {
    const rate = new DelayRate(1_000_000, 5_000, MAX);
    rate.update(Usage.over, 0, -1, -1, false, 1_000);
    expect(rate.bps).to.equal(500_000);
  });
});

describe("probes", () => {
  function rates(plan: ProbePlan): number[] {
    const all: number[] = [];
    for (let bps = plan.take(); bps > 0; bps = plan.take()) all.push(bps);
    return all;
  }

  it("begin with 3 and 6 times the start, 15 ms and 5 packets each (M-136)", () => {
    const plan = new ProbePlan(MAX);
    plan.handleStart(300_000, 0);
    expect(rates(plan)).to.deep.equal([900_000, 1_800_000]);
    const burst = new ProbeBurst();
    burst.begin(1_800_000, 0);
    expect(burst.bytes).to.equal(3375);
    for (let i = 0; i < 5; i++) {
      expect(burst.isOver(burst.nextAt)).to.equal(false);
      burst.handleSent(700);
    }
    expect(burst.isOver(burst.nextAt)).to.equal(true);
  });

  for (const [bps, further] of [
    [1_000_000, []],
    [1_800_000, [3_600_000]],
  ] as const) {
    it(`go on ${further.length} times from ${bps} after 300 kbps (M-137)`, () => {
      const plan = new ProbePlan(MAX);
      plan.handleStart(300_000, 0);
      rates(plan);
      plan.handleEstimate(bps, 500);
      expect(rates(plan)).to.deep.equal(further);
    });
  }

  it("go on only while a result may come, and never above the greatest estimate (M-136)", () => {
    const plan = new ProbePlan(4_000_000);
    plan.handleStart(300_000, 0);
    rates(plan);
    plan.handleEstimate(1_800_000, 1_500);
    expect(rates(plan)).to.deep.equal([]);
    plan.handleClear(9_000_000, MAX, false, 3_000);
    expect(rates(plan)).to.deep.equal([3_240_000]);
    plan.handleEstimate(3_900_000, 3_200);
    expect(rates(plan)).to.deep.equal([4_000_000]);
    plan.handleEstimate(4_000_000, 3_400);
    plan.handleClear(9_000_000, MAX, false, 9_000);
    expect(rates(plan)).to.deep.equal([]);
  });

  it("go back to 0.85 of the rate before a fall, once in five seconds", () => {
    const plan = new ProbePlan(MAX);
    plan.handleStart(1_000_000, 0);
    rates(plan);
    plan.handleEstimate(500_000, 2_000);
    plan.handleClear(0, MAX, false, 2_500);
    expect(rates(plan)).to.deep.equal([850_000]);
    plan.handleClear(0, MAX, false, 4_000);
    expect(rates(plan)).to.deep.equal([]);
  });

  it("are given up when they come too late", () => {
    const burst = new ProbeBurst();
    burst.begin(1_000_000, 0);
    expect(burst.due(0)).to.equal(500);
    burst.handleSent(500);
    expect(burst.due(3)).to.equal(0);
    expect(burst.due(4)).to.equal(500);
    expect(burst.isOver(30)).to.equal(true);
    expect(burst.due(30)).to.equal(0);
  });

  /** Result of `count` packets of 1000 bytes, so far apart on departure and arrival. */
  function result(count: number, sendMs: number, arrivalMs: number): number {
    const probes = new ProbeRate();
    probes.begin(1, 5, 5000);
    let bps = -1;
    for (let i = 0; i < count; i++) bps = probes.add(1, i * sendMs, 50 + i * arrivalMs, 1000);
    return bps;
  }

  it("show the rate at which they came through (M-139)", () => {
    expect(result(5, 10, 10)).to.be.closeTo(800_000, 1);
    expect(result(5, 5, 7)).to.be.within(0.95 * 1_140_000 - 10_000, 0.95 * 1_140_000 + 10_000);
    expect(result(5, 10, 4), "much faster than sent").to.equal(-1);
    expect(result(3, 10, 10), "3 of 5").to.equal(-1);
    expect(result(4, 10, 10), "4 of 5").to.be.above(0);
  });
});

describe("history of sent packets", () => {
  it("counts reports of what was never sent, comes twice or late (M-140)", () => {
    const history = new SentHistory();
    for (let i = 0; i < 4; i++) history.put(100, 0, i);
    for (let seq = 5; seq < 8; seq++) expect(history.report(seq, true)).to.equal(Report.unknown);
    expect(history.unmatched).to.equal(3);
    expect(history.report(4, true)).to.equal(Report.received);
    expect(history.report(4, true)).to.equal(Report.repeated);
    expect(history.report(3, false)).to.equal(Report.lost);
    expect(history.report(3, false)).to.equal(Report.repeated);
    expect(history.report(3, true)).to.equal(Report.late);
    expect(history.late).to.equal(1);
  });

  it("finds what was sent among as many as are on the way, across the wrap", () => {
    const history = new SentHistory();
    const random = new SeededRandom(8);
    let wrong = 0;
    for (let i = 0; i < 150_000; i++) {
      const seq = history.nextSeq;
      if (seq !== ((1 + i) & 0xffff)) wrong++;
      history.put(i % 1400, i % 256, i / 2);
      // A second of 2,000 packets is on the way.
      const age = random.int(2_000);
      if (age >= i) continue;
      const fate = history.report((seq - age) & 0xffff, true);
      if (fate === Report.repeated) continue;
      if (fate !== Report.received || history.sentAt !== (i - age) / 2) wrong++;
      if (history.sizeBytes !== (i - age) % 1400 || history.cluster !== (i - age) % 256) wrong++;
    }
    expect(wrong).to.equal(0);
    expect(history.unmatched).to.equal(0);
  });

  it("measures what is sent again from then on", () => {
    const history = new SentHistory();
    history.put(100, 0, 10);
    history.putAgain(1, 60);
    history.report(1, true);
    expect(history.sentAt).to.equal(60);
  });
});

describe("padding", () => {
  it("fills the gap to the ideal or the estimate in steps of 15 ms (M-141)", () => {
    const plan = new PaddingPlan();
    const sum = (target: number, ideal: number, estimate: number): number => {
      let padding = 0;
      for (let i = 0; i < 1000; i++) {
        const media = (i * 15 * target) / 8000;
        const due = plan.advance(target, ideal, estimate, 15, media + padding);
        plan.handleSent(due);
        padding += due;
      }
      return (padding * 8) / 15;
    };
    expect(sum(500_000, 2_000_000, 800_000)).to.be.closeTo(300_000, 2_000);
    plan.begin(0);
    expect(sum(500_000, 900_000, 899_000)).to.be.closeTo(399_000, 2_000);
    plan.begin(0);
    expect(sum(500_000, 900_000, 900_000), "the estimate allows all").to.equal(0);
    plan.begin(0);
    expect(sum(900_000, 900_000, 800_000), "nothing is missing").to.equal(0);
    plan.begin(0);
    expect(sum(500_000, 900_000, 400_000), "too much is sent already").to.equal(0);
  });

  it("fills what media leaves that does not come", () => {
    const plan = new PaddingPlan();
    let sent = 0;
    let last = 0;
    for (let i = 0; i < 200; i++) {
      const due = plan.advance(110_000, 600_000, 125_000, 15, sent);
      plan.handleSent(due);
      sent += due;
      if (i === 99) last = sent;
    }
    expect(((sent - last) * 8) / 1.5).to.be.within(110_000, 126_000);
  });

  it("is owed until it was sent", () => {
    const plan = new PaddingPlan();
    expect(plan.advance(0, 1_000_000, 80_000, 15, 0)).to.equal(150);
    expect(plan.advance(0, 1_000_000, 80_000, 15, 0)).to.equal(300);
    plan.handleSent(290);
    expect(plan.advance(0, 1_000_000, 80_000, 15, 290)).to.equal(160);
  });

  it("makes room for media that is larger than its layer was found to be", () => {
    const plan = new PaddingPlan();
    let sent = 0;
    let padding = 0;
    for (let i = 0; i < 1000; i++) {
      // 150 bytes in 15 ms are 80 kbps.
      const due = plan.advance(20_000, 1_000_000, 80_000, 15, sent);
      plan.handleSent(due);
      padding += due;
      sent += due + 100;
    }
    expect(padding / 1000).to.be.closeTo(50, 2);
  });
});

describe("acknowledged rate", () => {
  it("is unknown at first, then what arrives, however it is bunched", () => {
    const rate = new AcknowledgedRate();
    expect(rate.bps()).to.equal(-1);
    for (let i = 0; i < 200; i++) rate.add(10 * i, 30 + 10 * i, 1000);
    expect(rate.bps()).to.be.closeTo(800_000, 1);
    expect(rate.recentBps()).to.be.closeTo(800_000, 1);
    for (let i = 200; i < 230; i++) rate.add(10 * i, 30 + 2300, 1000);
    expect(rate.bps()).to.be.at.most(1_000_000);
  });
});

describe("acknowledged rate of the last moments", () => {
  it("tells whether a queue became shorter meanwhile", () => {
    for (const [apart, draining] of [
      [10, false],
      [5, false],
      [20, true],
    ] as const) {
      const rate = new AcknowledgedRate();
      for (let i = 0; i < 40; i++) rate.add(apart * i, 1000 + 10 * i, 1000);
      expect(rate.recentBps()).to.be.closeTo(800_000, 1);
      expect(rate.isDraining, `${apart} ms`).to.equal(draining);
    }
  });

  it("begins anew when the receiver's clock is set back", () => {
    const rate = new AcknowledgedRate();
    for (let i = 0; i < 100; i++) rate.add(10 * i, 60_000 + 10 * i, 1000);
    for (let i = 0; i < 20; i++) rate.add(1000 + 10 * i, 30_000 + 10 * i, 250);
    expect(rate.recentBps()).to.be.closeTo(200_000, 1);
    expect(rate.bps()).to.be.closeTo(200_000, 1);
  });
});

describe("application limit", () => {
  it("begins when little is sent and ends when much is", () => {
    const limit = new ApplicationLimit();
    let bytes = 0;
    for (let now = 0; now <= 1000; now += 50) limit.update(1_000_000, bytes, now);
    expect(limit.isLimited).to.equal(true);
    for (let now = 1050; now <= 3000; now += 50) {
      bytes += 1_500_000 / 160;
      limit.update(1_000_000, bytes, now);
    }
    expect(limit.isLimited).to.equal(false);
  });
});
