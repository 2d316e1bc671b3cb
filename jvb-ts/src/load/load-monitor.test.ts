import { expect } from "chai";
import { LoadMonitor } from "./load-monitor.ts";

describe("load monitor", () => {
  it("B-129 has no stress before a measurement", () => {
    expect(new LoadMonitor({ load: 10, recovery: 5 }).stress).to.equal(0);
  });

  it("B-129 B-132 is the quotient of load and threshold, also above 1", () => {
    const monitor = new LoadMonitor({ load: 50_000, recovery: 40_000 });
    monitor.handleSample(25_000);
    expect(monitor.stress).to.equal(0.5);
    monitor.handleSample(100_000);
    expect(monitor.stress).to.equal(2);
  });

  it("recovers only below the recovery threshold", () => {
    const monitor = new LoadMonitor({ load: 10, recovery: 5 });
    const states = [9, 10, 7, 5, 4].map((load) => {
      monitor.handleSample(load);
      return monitor.state;
    });
    expect(states).to.deep.equal([
      "NOT_OVERLOADED",
      "OVERLOADED",
      "OVERLOADED",
      "OVERLOADED",
      "NOT_OVERLOADED",
    ]);
  });
});
