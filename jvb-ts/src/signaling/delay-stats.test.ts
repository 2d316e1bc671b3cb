import { expect } from "chai";
import { DelayStats } from "./delay-stats.ts";

describe("delay statistics", () => {
  it("prints an empty histogram as upstream does", () => {
    expect(new DelayStats().json()).to.deep.include({ average_delay_ms: "NaN", total_count: 0 });
  });

  it("sorts delays into buckets", () => {
    const stats = new DelayStats();
    for (const delay of [0, 4, 5, 99, 100, 999, 1000, 5000]) stats.add(delay);
    expect(stats.json()).to.deep.include({
      max_delay_ms: 5000,
      min_delay_ms: 0,
      total_count: 8,
      buckets: {
        "0_to_5_ms": 2,
        "5_to_50_ms": 1,
        "50_to_100_ms": 1,
        "100_to_1000_ms": 2,
        "1000_to_max_ms": 2,
        p99_upper_bound: -1,
        p999_upper_bound: -1,
      },
    });
  });

  it("knows quantiles after enough samples", () => {
    const stats = new DelayStats();
    for (let n = 0; n < 100; n++) stats.add(n === 0 ? 70 : 1);
    expect(stats.json()).to.have.nested.property("buckets.p99_upper_bound", 5);
  });
});
