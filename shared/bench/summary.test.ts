import { expect } from "chai";
import { type RowResult, toJson, unitOf } from "./result.ts";
import type { Cell } from "./row.ts";
import { sampleResult } from "./sample.ts";
import { countedCells, summarise } from "./summary.ts";
import { digits, table } from "./table.ts";

/** A result with these values of one figure by round, and a target. */
function resultOf(
  ours: readonly (number | Cell)[],
  java: readonly (number | Cell)[],
  target: { readonly of?: "java"; readonly atMost: number },
): RowResult {
  const cell = (value: number | Cell | undefined): Cell =>
    typeof value === "number" ? { figures: { x: value } } : (value ?? { figures: {} });
  const sample = sampleResult({ rounds: ours.length });
  return {
    ...sample,
    figures: [{ name: "x", unit: "ms", better: "less", target }],
    contenders: { ours: {}, java: {} },
    rounds: sample.rounds.map((round, i) => ({
      ...round,
      cells: { ours: cell(ours[i]), java: cell(java[i]) },
    })),
  };
}

const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

describe("what is said of a row", () => {
  const java = [100, 101, 99, 100, 100];
  const cases = [
    { name: "met", ours: [10, 10.1, 9.9, 10, 10], target: { of: "java", atMost: 0.15 } },
    { name: "missed", ours: [20, 20.1, 19.9, 20, 20], target: { of: "java", atMost: 0.15 } },
    {
      name: "met, within the noise",
      ours: [10, 12, 14, 16, 30],
      target: { of: "java", atMost: 0.15 },
    },
    {
      name: "missed, within the noise",
      ours: [10, 12, 16, 16, 30],
      target: { of: "java", atMost: 0.15 },
    },
    { name: "met", ours: times(5, 90), target: { atMost: 90 } },
    { name: "missed", ours: times(5, 90.1), target: { atMost: 90 } },
  ] as const;
  for (const { name, ours, target } of cases)
    it(`${ours.join(", ")} is ${name}`, () => {
      const result = resultOf(ours, java, target);
      const { word, certain } = summarise(result).figures[0]!.verdicts[0]!;
      expect(`${word}${certain ? "" : ", within the noise"}`).to.equal(name);
      expect(table(result)).to.include(name);
    });

  it("says better only of intervals that do not touch, and of enough rounds", () => {
    const target = { of: "java", atMost: 0.15 } as const;
    const wordOf = (ours: readonly number[], theirs: readonly number[]) =>
      summarise(resultOf(ours, theirs, target)).figures[0]!.words.java;
    expect(wordOf([90, 91, 92, 93, 94], java)).to.equal("better");
    expect(wordOf([90, 91, 92, 93, 99], java)).to.equal("no difference shown");
    expect(wordOf([102, 103, 102, 103, 102], java)).to.equal("worse");
    expect(wordOf([1, 1, 1, 1], java.slice(0, 4))).to.equal(undefined);
    expect(table(resultOf([90, 91, 92, 93, 94], java, target))).to.include("better");
  });

  it("calls nobody beaten who was not measured", () => {
    const result = sampleResult({ cpu: { ours: 1 } });
    const figure = summarise(result).figures[0]!;
    expect(figure.verdicts.map(({ word }) => word)).to.deep.equal(["open", "open"]);
    expect(figure.words).to.deep.equal({});
    expect(table(result)).to.include("java is not measured: JITSI_UPSTREAM is not set");
  });

  it("leaves out void rounds and void cells, and counts them", () => {
    const late: Cell = { figures: { x: 1 }, void: "the generator was late" };
    const result = resultOf([10, 10, late, 10, 1], [100, late, 100, 100, 1], { atMost: 15 });
    const last = { ...result.rounds[4]!, void: "steal 3.0 %" };
    const voided = { ...result, rounds: [...result.rounds.slice(0, 4), last] };
    const summary = summarise(voided);
    expect(summary.valid).to.deep.equal({ ours: 3, java: 3 });
    expect(summary.figures[0]!.values.ours?.high).to.equal(10);
    expect(summary.voidRounds).to.equal(1);
    expect(summary.voids).to.deep.equal([
      { reason: "java: the generator was late", times: 1 },
      { reason: "ours: the generator was late", times: 1 },
      { reason: "round: steal 3.0 %", times: 1 },
    ]);
    // Only the two rounds that have both give the ratio.
    expect(summary.figures[0]!.ratios.java?.value).to.equal(0.1);
    expect(table(voided)).to.include("3 of 5 rounds count").and.to.include("an impression");
  });

  it("shows void rounds of a try-out, and says what it is", () => {
    const result = sampleResult({ rounds: 1, void: 1, quick: true });
    expect(countedCells(result, "ours")).to.have.length(1);
    expect(table(result)).to.include("a try-out of 1 round");
  });

  it("writes what can be read again, numbers on one line", () => {
    const result = sampleResult({ rounds: 2, void: 1 });
    const text = toJson(result);
    const again = JSON.parse(text) as RowResult;
    expect(again.rounds[1]?.void).to.equal("steal 2.0 %");
    expect(again.rounds[0]?.cells.ours?.quantiles?.["added delay"]).to.have.length(102);
    expect(Math.max(...text.split("\n").map((line) => line.length))).to.be.greaterThan(500);
    expect(text.split("\n").length).to.be.lessThan(300);
  });

  it("knows the unit of what is drawn", () => {
    const result = sampleResult();
    expect(unitOf(result, "added delay")).to.equal("ms");
    expect(unitOf(result, "memory")).to.equal("MiB");
    expect(unitOf(result, "rssMb")).to.equal("MiB");
    expect(unitOf(result, "other")).to.equal("");
  });

  const numbers: readonly [number, string][] = [
    [0, "0"],
    [0.043, "0.043"],
    [0.00012, "1.2e-4"],
    [1.234, "1.23"],
    [12.34, "12.3"],
    [123.4, "123"],
    [12_345.6, "12346"],
  ];
  for (const [value, text] of numbers)
    it(`writes ${value} as ${text}`, () => expect(digits(value)).to.equal(text));
});
