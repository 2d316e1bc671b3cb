import { expect } from "chai";
import { judge, type Outcome, type Requirement, reportHtml } from "./report.ts";

const requirement = (id: string): Requirement => ({
  id,
  text: `${id} holds`,
  source: "s",
  peer: "p",
});

function outcome(id: string, difference?: string, reason?: string): Outcome {
  return { title: `case of ${id}`, place: "f:1", ids: [id], difference, reason, milliseconds: 1 };
}

describe("the report", () => {
  const cases: { name: string; outcomes: Outcome[]; result: string }[] = [
    { name: "without a case", outcomes: [], result: "not covered" },
    { name: "with a case that fits", outcomes: [outcome("A")], result: "passed" },
    { name: "with a difference", outcomes: [outcome("A"), outcome("A", "d")], result: "failed" },
    {
      name: "with a known difference",
      outcomes: [outcome("A"), outcome("A", "d", "because")],
      result: "known difference",
    },
    {
      name: "with a known difference that is gone",
      outcomes: [outcome("A", undefined, "because")],
      result: "failed",
    },
    { name: "with a case of another", outcomes: [outcome("B", "d")], result: "not covered" },
  ];
  for (const { name, outcomes, result } of cases) {
    it(`calls a requirement ${name} ${result}`, () => {
      expect(judge([requirement("A")], outcomes)[0]?.result).to.equal(result);
    });
  }

  it("is one page that needs nothing else and shows texts as texts", () => {
    const rows = judge([requirement("A")], [outcome("A", "<script>alert(1)</script>")]);
    const page = reportHtml({ focus: "ours", bridge: "java", seconds: 1.23, rows });
    expect(page).to.contain('data-result="failed"');
    expect(page).to.contain("&lt;script&gt;alert(1)");
    expect(page).not.to.match(/(?:src|href)=/);
    expect(page).to.contain("1 failed");
  });
});
