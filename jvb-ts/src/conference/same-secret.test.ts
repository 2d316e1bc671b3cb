import { expect } from "chai";
import { sameSecret } from "./same-secret.ts";

const secret = "0123456789abcdefghijABCD";

describe("A3 comparing secrets", () => {
  for (const [guess, same] of [
    [secret, true],
    [secret.slice(1), false],
    [`${secret}x`, false],
    [secret.toUpperCase(), false],
    ["\0".repeat(24), false],
    ["", false],
  ] as const) {
    it(`A3 ${JSON.stringify(guess)} is ${same ? "right" : "wrong"}`, () => {
      expect(sameSecret(secret, guess)).to.equal(same);
      expect(sameSecret(undefined, guess)).to.equal(false);
    });
  }

  it("A3 nobody has no secret, not even the one it is compared with", () => {
    expect(sameSecret(undefined, "x".repeat(24))).to.equal(false);
  });

  it("A3 the time of 100,000 tries does not tell how much of a guess is right", function () {
    this.timeout(30_000);
    const late = `${secret.slice(0, -1)}x`;
    const early = `x${secret.slice(1)}`;
    const time = (of: string | undefined, guess: string): number => {
      const started = performance.now();
      for (let n = 0; n < 2000; n++) sameSecret(of, guess);
      return performance.now() - started;
    };
    const kinds = [() => time(secret, early), () => time(secret, late)];
    const best = kinds.map(() => Number.POSITIVE_INFINITY);
    // The best of many rounds: whatever else the machine does only ever adds.
    for (let round = 0; round < 50; round++) {
      kinds.forEach((measure, at) => {
        best[at] = Math.min(best[at] ?? 0, measure());
      });
    }
    const [first = 0] = best;
    for (const each of best) expect(each / first, best.join(" ")).to.be.within(0.9, 1.1);
  });
});
