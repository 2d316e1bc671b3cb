import { expect } from "chai";
import { RecentCount } from "./recent-count.ts";

describe("RecentCount", () => {
  it("counts what happened within the window and forgets the rest", () => {
    const count = new RecentCount(20_000);
    count.add(0);
    count.add(50, 2);
    count.add(10_000);
    expect(count.count(10_000)).to.equal(4);
    expect(count.count(19_900)).to.equal(4);
    expect(count.count(20_000)).to.equal(1);
    expect(count.count(30_000)).to.equal(0);
  });

  it("agrees with counting every single instant, to the bucket", () => {
    const count = new RecentCount(1000);
    const instants: number[] = [];
    let now = 0;
    for (let step = 1; step <= 500; step++) {
      now += (step * 37) % 90;
      count.add(now);
      instants.push(now);
      const oldest = Math.floor((now - 1000) / 100);
      expect(count.count(now)).to.equal(
        instants.filter((at) => Math.floor(at / 100) > oldest).length,
      );
    }
  });
});
