import { expect } from "chai";
import { QuietLines } from "./quiet-lines.ts";

describe("QuietLines", () => {
  it("lets the first through, then one an interval with the number left out", () => {
    const lines = new QuietLines(1_000);
    expect([0, 1, 999].map((now) => lines.due("a", now))).to.deep.equal([0, undefined, undefined]);
    expect(lines.due("b", 999)).to.equal(0);
    expect(lines.due("a", 1_000)).to.equal(2);
    expect(lines.due("a", 1_500)).to.equal(undefined);
    expect(lines.due("a", 2_500)).to.equal(1);
  });

  it("forgets the one said longest ago beyond 1,000", () => {
    const lines = new QuietLines(1_000);
    for (let at = 0; at <= 1_000; at++) lines.due(`key ${at}`, at / 10);
    expect(lines.due("key 0", 101)).to.equal(0);
    expect(lines.due("key 1000", 101)).to.equal(undefined);
  });
});
