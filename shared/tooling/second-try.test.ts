import { expect } from "chai";
import { badEnd, type FileCounts, failedFiles, outcomeOf } from "./second-try.ts";

const file = (passed: number, failed = 0, problems: readonly string[] = []): FileCounts => ({
  passed,
  failed,
  skipped: 1,
  problems,
});
const first = {
  "a.ts": file(3),
  "b.ts": file(1, 2, ["one: late", '"after all" hook: late']),
  "c.ts": file(0, 1, ["other: wrong"]),
};

describe("a second try of what failed", () => {
  it("is one of the files in which it did", () => {
    expect(failedFiles(first)).to.deep.equal(["b.ts", "c.ts"]);
  });

  it("without one everything counts as it was", () => {
    expect(outcomeOf(first)).to.deep.equal({
      passed: 4,
      failed: 3,
      skipped: 3,
      retried: 0,
      problems: ["one: late", '"after all" hook: late', "other: wrong"],
    });
  });

  it("or a third counts alike", () => {
    const second = { "b.ts": file(3, 1, ["one: late again"]), "c.ts": file(1) };
    expect(outcomeOf(first, second, { "b.ts": file(4) })).to.deep.include({
      passed: 8,
      failed: 0,
      retried: 4,
      problems: [],
    });
  });

  it("counts instead of the first, and says how much was tried twice", () => {
    const second = { "b.ts": file(4), "c.ts": file(0, 1, ["other: wrong again"]) };
    expect(outcomeOf(first, second)).to.deep.equal({
      passed: 7,
      failed: 1,
      skipped: 3,
      retried: 3,
      problems: ["other: wrong again"],
    });
  });

  it("is not for a program that crashed, whatever failed before", () => {
    expect(badEnd(3, first)).to.equal(undefined);
    expect(badEnd(0, first)).to.equal(undefined);
    expect(badEnd(139, first)).to.equal("mocha ended with 139");
    expect(badEnd(7, first)).to.equal("mocha ended with 7");
    expect(badEnd(1, { "a.ts": file(3) })).to.equal("mocha ended with 1");
    expect(badEnd(255, { "a.ts": file(0, 300) })).to.equal(undefined);
  });
});
