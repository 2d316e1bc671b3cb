import { expect } from "chai";
import { summary } from "./test-summary.ts";

describe("the summary of a test run", () => {
  it("gives the time that passed, not the sum of stages that ran side by side", () => {
    const row = { passed: 1, failed: 0, skipped: 0, retried: 0, problems: [], seconds: 40 };
    const rows = [
      { ...row, name: "types" },
      { ...row, name: "typed lint", failed: 2, skipped: 3, retried: 1 },
    ];
    expect(summary(rows, 45.25).replace(/ +/g, " ")).to.equal(
      [
        "types 40.0 s 1 passed, 0 failed",
        "typed lint 40.0 s 1 passed, 2 failed, 3 skipped, 1 of them tried twice",
        "together, wall time 45.3 s 2 passed, 2 failed, 3 skipped, 1 of them tried twice",
        "",
      ].join("\n"),
    );
  });

  it("ends with what failed, so that nobody has to search for it", () => {
    const row = { passed: 1, failed: 0, skipped: 0, retried: 0, problems: [], seconds: 1 };
    const rows = [
      { ...row, name: "pages", failed: 1, problems: ["a call ends: expected 3 to equal 4"] },
      { ...row, name: "types" },
    ];
    expect(summary(rows, 2).trimEnd().split("\n").slice(-2)).to.deep.equal([
      "",
      "FAILED pages: a call ends: expected 3 to equal 4",
    ]);
  });
});
