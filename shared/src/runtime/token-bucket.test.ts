import { expect } from "chai";
import fc from "fast-check";
import { TokenBucket, TokenBuckets } from "./token-bucket.ts";

describe("TokenBucket", () => {
  it("lets a burst through and then the rate", () => {
    const bucket = new TokenBucket({ rate: 2, burst: 3 }, 0);
    expect([1, 2, 3, 4].map(() => bucket.take(0))).to.deep.equal([true, true, true, false]);
    expect(bucket.nextAt(0)).to.equal(500);
    expect(bucket.take(499)).to.equal(false);
    expect(bucket.take(500)).to.equal(true);
    expect(bucket.isFull(1_999)).to.equal(false);
    expect(bucket.isFull(2_000)).to.equal(true);
  });

  it("never lets more through than burst and rate allow", () => {
    const steps = fc.array(fc.nat(400), { maxLength: 200 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        steps,
        (rate, burst, waits) => {
          const bucket = new TokenBucket({ rate, burst }, 0);
          let now = 0;
          let taken = 0;
          for (const wait of waits) {
            now += wait;
            if (bucket.take(now)) taken++;
            else expect(bucket.nextAt(now)).to.be.greaterThan(now);
            expect(taken).to.be.at.most(burst + (now * rate) / 1_000 + 1e-6);
          }
          expect(bucket.take(bucket.nextAt(now)), "there is one when it was promised").to.equal(
            true,
          );
        },
      ),
    );
  });
});

describe("TokenBuckets", () => {
  it("keeps one key from another's allowance", () => {
    const buckets = new TokenBuckets({ rate: 1, burst: 1 }, 10);
    expect(buckets.take("a", 0)).to.equal(true);
    expect(buckets.take("a", 0)).to.equal(false);
    expect(buckets.take("b", 0)).to.equal(true);
  });

  it("holds no more keys than it may, the busy ones longest", () => {
    const buckets = new TokenBuckets({ rate: 1, burst: 1 }, 100);
    buckets.take("busy", 0);
    for (let i = 0; i < 10_000; i++) {
      buckets.take(`stranger ${i}`, i);
      if (i % 10 === 0) buckets.take("busy", i);
      expect(buckets.size).to.be.at.most(100);
    }
    expect(buckets.take("busy", 9_995)).to.equal(false);
  });
});
