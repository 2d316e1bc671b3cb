import { expect } from "chai";
import { isAnotherDue, judge, orderOf } from "./schedule.ts";

const reading = (ns: number, total: number, steal: number) => ({ ns, total, steal });

describe("the schedule of the benchmark", () => {
  it("turns the order round by round", () => {
    const order = [0, 1, 2].map((round) => orderOf(round, ["ours", "java", "limit"]).join(" "));
    expect(order).to.deep.equal(["ours java limit", "limit java ours", "ours java limit"]);
  });

  const rounds = [
    { name: "a quiet machine", after: reading(1.029, 10_000, 90), elsewhere: 0.02 },
    { name: "a slower one", after: reading(1.031, 10_000, 0), elsewhere: 0, void: /drift/ },
    { name: "a faster one", after: reading(0.969, 10_000, 0), elsewhere: 0, void: /drift/ },
    { name: "one shared by force", after: reading(1, 10_000, 101), elsewhere: 0, void: /steal/ },
    { name: "a busy one", after: reading(1, 10_000, 0), elsewhere: 0.11, void: /11 % of a core/ },
    { name: "one that cannot be judged", after: reading(1, 10, 0), elsewhere: NaN, void: /NaN/ },
    {
      name: "all at once",
      after: reading(2, 10_000, 5000),
      elsewhere: 1,
      void: /drift.*steal.*core/,
    },
  ];
  for (const { name, after, elsewhere, void: reason } of rounds)
    it(`judges ${name}`, () => {
      const judgement = judge(reading(1, 0, 0), after, elsewhere);
      if (reason === undefined) expect(judgement.void).to.equal(undefined);
      else expect(judgement.void).to.match(reason);
      expect(judgement.quiet.canaryNs).to.deep.equal([1, after.ns]);
    });

  const due = [
    { name: "the first", done: 0, valid: {}, want: true },
    { name: "not enough yet", done: 4, valid: { ours: 4, java: 4 }, want: true },
    { name: "enough", done: 5, valid: { ours: 5, java: 5 }, want: false },
    { name: "one void for all", done: 5, valid: { ours: 4, java: 4 }, want: true },
    { name: "one cell void", done: 5, valid: { ours: 5, java: 4 }, want: true },
    { name: "void until the bound", done: 10, valid: { ours: 5 }, want: false },
  ];
  for (const { name, done, valid, want } of due)
    it(`${want ? "measures" : "ends"}: ${name}`, () => {
      expect(isAnotherDue(5, done, valid, ["ours", "java"])).to.equal(want);
    });
});
