import { expect } from "chai";
import { withFigures } from "./readme.ts";
import type { RowResult } from "./result.ts";
import { sampleResult } from "./sample.ts";

/** A row of which only CPU time has the name that is quoted. */
function rowOf(row: string, ours: number, java?: number): RowResult {
  const sample = sampleResult({ row, rounds: 1 });
  const [round] = sample.rounds;
  const cell = (value: number) => ({ figures: { CPU: value } });
  const cells = { ours: cell(ours), ...(java === undefined ? {} : { java: cell(java) }) };
  return {
    ...sample,
    figures: [{ name: "CPU", unit: "CPU-s/M" }],
    rounds: [{ ...round!, cells }],
  };
}

describe("the figures in the README", () => {
  const text =
    "before\n<!-- figures of npm run bench -->\nold\n<!-- end of the figures -->\nafter\n";

  it("replace those of an earlier run, and nothing else", () => {
    const fresh = withFigures(text, [rowOf("audio", 4.25, 44), rowOf("broadcast", 3)]);
    expect(fresh)
      .to.match(/^before\n/)
      .and.to.match(/\nafter\n$/);
    expect(fresh).to.not.include("old");
    expect(fresh).to.include("| audio | 4.25 / 44 / – | – / – | – / – |");
    expect(fresh).to.include("| broadcast | 3 / – / – | – / – | – / – |");
    expect(fresh).to.not.include("start-focus");
    expect(fresh).to.include("Medians, 2026-11-21, commit 0123456789, on 2 cores of Sample CPU");
    expect(fresh).to.include("**Not to be quoted**").and.to.include("audio, broadcast.");
    const [round] = rowOf("audio", 4.25).rounds;
    const enough = { ...rowOf("audio", 4.25), rounds: Array(5).fill(round!) };
    expect(withFigures(text, [enough])).to.not.include("Not to be quoted");
    expect(withFigures(fresh, [rowOf("audio", 4.25, 44), rowOf("broadcast", 3)])).to.equal(fresh);
  });

  it("stay where nothing was measured, and a text without marks stays as it is", () => {
    expect(withFigures(text, [])).to.equal(text);
    expect(withFigures("no marks", [rowOf("audio", 1)])).to.equal("no marks");
  });
});
