import { expect } from "chai";
import { DelayHistogram } from "./delay-histogram.ts";
import { seeded } from "./seeded.ts";

describe("DelayHistogram", () => {
  it("is exact below a millisecond", () => {
    const histogram = new DelayHistogram();
    for (let us = 1; us <= 1000; us++) histogram.add(us);
    expect([0.5, 0.9, 0.99, 0.999, 1].map((share) => histogram.quantile(share))).to.deep.equal([
      500, 900, 990, 999, 1000,
    ]);
    expect(histogram.quantile(0)).to.equal(1);
  });

  it("is off by 0.2 % at most above", () => {
    for (const us of [1023, 1024, 1025, 2047, 2048, 65_535, 65_536, 1e6, 1e9, 2 ** 31 - 1]) {
      const histogram = new DelayHistogram();
      histogram.add(us);
      histogram.add(2 ** 31 - 1);
      expect(Math.abs(histogram.quantile(0.5) / us - 1), String(us)).to.be.at.most(0.002);
    }
  });

  it("keeps the order of what it is given", () => {
    const random = seeded(7);
    const values = Array.from({ length: 5000 }, () => Math.floor(2 ** (random() * 24)));
    const histogram = new DelayHistogram();
    for (const value of values) histogram.add(value);
    const sorted = values.toSorted((a, b) => a - b);
    for (const share of [0.01, 0.25, 0.5, 0.75, 0.9, 0.99]) {
      const real = sorted[Math.ceil(share * 5000) - 1]!;
      expect(Math.abs(histogram.quantile(share) - real)).to.be.at.most(1 + real * 0.002);
    }
    expect(histogram.max).to.equal(sorted.at(-1));
    expect(histogram.count).to.equal(5000);
  });

  it("takes what comes before its time as no delay, and nothing as nothing", () => {
    const histogram = new DelayHistogram();
    expect(histogram.quantile(0.5)).to.equal(0);
    histogram.add(-5);
    expect(histogram.quantile(1)).to.equal(0);
    expect(histogram.quantiles()).to.have.length(102);
    histogram.add(50);
    histogram.clear();
    expect([histogram.count, histogram.max]).to.deep.equal([0, 0]);
  });
});
