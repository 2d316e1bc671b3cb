import { expect } from "chai";
import { isDisturbed, stolenShare, untilCalm } from "./stolen-time.ts";

describe("time that the hypervisor takes", () => {
  it("is a share of the machine's", () => {
    expect(stolenShare({ total: 1000, steal: 10 }, { total: 1200, steal: 40 })).to.equal(0.15);
    expect(stolenShare({ total: 1000, steal: 10 }, { total: 1000, steal: 10 })).to.equal(0);
    expect([0.15, 0.03, 0.01, 0].map(isDisturbed)).to.deep.equal([true, true, false, false]);
  });

  for (const [disturbed, looks] of [
    [0, 1],
    [4, 5],
    [100, 30],
  ] as const)
    it(`is waited out: ${disturbed} disturbed looks, ${looks} looks`, async () => {
      let waits = 0;
      let steal = 0;
      await untilCalm(
        () => ({ total: 2000 * waits, steal }),
        () => {
          if (++waits <= disturbed) steal += 500;
          return Promise.resolve();
        },
      );
      expect(waits).to.equal(looks);
    });
});
