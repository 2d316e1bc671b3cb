import { expect } from "chai";
import { lagFigures, ownLag } from "./loop-lag.ts";

describe("the lag of an event loop", () => {
  const none = { late: 0, worked: 0, waited: 0, stolen: 0 };
  for (const [what, round, lag] of [
    ["nothing of a round in time", { ...none, late: -0.3, worked: 4 }, 0],
    ["what it worked", { ...none, late: 60, worked: 70 }, 60],
    ["time in which it stood still", { ...none, late: 60, worked: 1 }, 60],
    ["not that in which it waited for a core", { ...none, late: 60, worked: 1, waited: 60 }, 1],
    ["nor what the hypervisor took", { ...none, late: 60, worked: 2, stolen: 70 }, 2],
    ["its own part of all that", { late: 90, worked: 20, waited: 15, stolen: 10 }, 65],
    ["what it worked, also beside that", { late: 60, worked: 40, waited: 30, stolen: 20 }, 40],
    ["only what it worked, not told more", { ...none, late: 60, worked: 5, waited: undefined }, 5],
  ] as const)
    it(`is ${what}`, () => {
      expect(ownLag(round)).to.equal(lag);
    });

  const ones = (length: number) => Array.from({ length }, () => 1);
  it("has no figures of few samples", () => {
    expect(lagFigures(ones(99))).to.equal(undefined);
    expect(lagFigures([...ones(198), 7, 9])).to.deep.equal({ p99: 7, worst: 9 });
  });
});
