import { expect } from "chai";
import { type CanaryReading, judgeRound, parseMachineTimes } from "./canary.ts";

const reading = (ns: number, total = 0, steal = 0): CanaryReading => ({ ns, total, steal });

describe("the canary's judgement of a round", () => {
  for (const [name, before, after, reason] of [
    ["the same machine", reading(2), reading(2, 1000), undefined],
    ["3 % slower", reading(2), reading(2.059, 1000), undefined],
    ["more than 3 % slower", reading(2), reading(2.07, 1000), "canary drifted by 3.5 %"],
    ["more than 3 % faster", reading(2), reading(1.9, 1000), "canary drifted by -5.0 %"],
    ["1 % stolen", reading(2, 500, 100), reading(2, 1500, 110), undefined],
    ["more stolen", reading(2, 500, 100), reading(2, 1500, 115), "steal 1.5 %"],
    ["both", reading(2), reading(3, 100, 50), "canary drifted by 50.0 %, steal 50.0 %"],
    ["a loop without a number", reading(2), reading(Number.NaN, 1000), "canary drifted by NaN %"],
    ["no time between", reading(2, 7, 7), reading(2, 7, 7), undefined],
  ] as const) {
    it(`${name}: ${reason === undefined ? "holds" : "void"}`, () => {
      expect(judgeRound(before, after).void).to.equal(reason);
    });
  }

  it("reads the machine's line of /proc/stat, without counting guests twice", () => {
    const text = "cpu  10 20 30 400 5 6 7 8 900 1000\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
    expect(parseMachineTimes(text)).to.deep.equal({ total: 486, steal: 8 });
    expect(() => parseMachineTimes("intr 1 2 3\n")).to.throw("/proc/stat");
  });
});
