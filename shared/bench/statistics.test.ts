import { expect } from "chai";
import {
  bootstrap,
  compare,
  median,
  medianWithInterval,
  ratioWithInterval,
  seededRandom,
} from "./statistics.ts";

describe("the statistics of the benchmark", () => {
  it("takes the middle", () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1, 2, 3])).to.equal(2.5);
    expect(median([7])).to.equal(7);
    expect(median([])).to.be.NaN;
  });

  it("draws the same numbers again, evenly", () => {
    const draw = () => Array.from({ length: 10_000 }, seededRandom(7));
    const [first, second] = [draw(), draw()];
    expect(first).to.deep.equal(second);
    const mean = first.reduce((sum, each) => sum + each, 0) / first.length;
    expect(mean).to.be.within(0.49, 0.51);
    expect(Math.min(...first)).to.be.within(0, 0.01);
    expect(Math.max(...first)).to.be.within(0.99, 1);
  });

  it("gives an interval around the median, always the same", () => {
    const values = [10, 11, 12, 13, 14];
    const estimate = medianWithInterval(values);
    expect(estimate).to.deep.equal({ value: 12, low: 10, high: 14 });
    expect(medianWithInterval(values)).to.deep.equal(estimate);
    expect(medianWithInterval([])).to.equal(undefined);
    expect(medianWithInterval([5])).to.deep.equal({ value: 5, low: 5, high: 5 });
  });

  it("covers the true median about as often as it says", () => {
    const random = seededRandom(1);
    let covered = 0;
    for (let i = 0; i < 40; i++) {
      const values = Array.from({ length: 15 }, () => random());
      const { low, high } = bootstrap(values, median) ?? { low: 1, high: 0 };
      if (low <= 0.5 && high >= 0.5) covered++;
    }
    expect(covered).to.be.within(34, 40);
  });

  it("lets what slows both in a round cancel out", () => {
    // The machine was half as fast in the last two rounds, for both.
    const pairs = [
      [1, 10],
      [1.01, 10.2],
      [0.99, 9.9],
      [2, 20],
      [2.02, 20.1],
    ] as const;
    const ratio = ratioWithInterval(pairs);
    expect(ratio?.value).to.be.closeTo(0.1, 0.002);
    expect(ratio?.low).to.be.greaterThan(0.09);
    expect(ratio?.high).to.be.lessThan(0.11);
  });

  it("divides by no zero", () => {
    expect(ratioWithInterval([[1, 0]])).to.equal(undefined);
    expect(ratioWithInterval([])).to.equal(undefined);
  });

  const cases = [
    { ours: [1, 2], other: [3, 4], less: "better", more: "worse" },
    { ours: [3, 4], other: [1, 2], less: "worse", more: "better" },
    { ours: [1, 3], other: [3, 4], less: "no difference shown", more: "no difference shown" },
    { ours: [2, 5], other: [3, 4], less: "no difference shown", more: "no difference shown" },
  ] as const;
  for (const { ours, other, less, more } of cases)
    it(`says ${less} of ${ours.join(" to ")} beside ${other.join(" to ")}`, () => {
      const estimate = ([low, high]: readonly [number, number]) => ({ value: low, low, high });
      expect(compare(estimate(ours), estimate(other), "less")).to.equal(less);
      expect(compare(estimate(ours), estimate(other), "more")).to.equal(more);
    });
});
