import { expect } from "chai";
import {
  counterDelta,
  isNewerSeq,
  isNewerTimestamp,
  seqDelta,
  timestampDelta,
  Unwrapper,
} from "./arithmetic.ts";

describe("wrapping arithmetic", () => {
  const cases: [a: number, b: number, delta: number][] = [
    [1, 0, 1],
    [0, 1, -1],
    [0, 0xffff, 1],
    [0xffff, 0, -1],
    [0x7fff, 0, 0x7fff],
    [0x8000, 0, -0x8000],
    [5, 65530, 11],
  ];
  for (const [a, b, delta] of cases)
    it(`sequence numbers ${a} - ${b} = ${delta}`, () => {
      expect(seqDelta(a, b)).to.equal(delta);
      expect(isNewerSeq(a, b)).to.equal(delta > 0);
    });

  it("timestamps wrap at 32 bits, signed or unsigned", () => {
    expect(timestampDelta(5, 0xfffffffb)).to.equal(10);
    expect(timestampDelta(5 | 0, 0xfffffffb | 0)).to.equal(10);
    expect(isNewerTimestamp(0, 0xffffffff)).to.equal(true);
    expect(isNewerTimestamp(0xffffffff, 0)).to.equal(false);
  });

  it("picture ids and TL0PICIDX (M-079)", () => {
    expect(counterDelta(1, 32760, 15)).to.equal(9);
    expect(counterDelta(1, 250, 8)).to.equal(7);
    expect(counterDelta(32760, 1, 15)).to.equal(-9);
  });

  it("unwraps indices (M-080)", () => {
    const seqs = new Unwrapper(16);
    expect([65000, 65001, 2, 65002].map((seq) => seqs.unwrap(seq))).to.deep.equal([
      65000, 65001, 65538, 65002,
    ]);
    const pictures = new Unwrapper(15);
    expect([32001, 2].map((id) => pictures.unwrap(id))).to.deep.equal([32001, 32770]);
  });
});
