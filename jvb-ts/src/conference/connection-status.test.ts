import { expect } from "chai";
import { ConnectionStatus } from "./connection-status.ts";

const settings = { firstTransferTimeoutMs: 15_000, maxInactivityMs: 8000 };

describe("connection status (B-124, B-125, M-025)", () => {
  const cases = [
    { name: "young, never active", last: undefined, now: 15_000, expected: undefined },
    {
      name: "old, never active",
      last: undefined,
      now: 15_001,
      expected: { kind: "inactive", isFirst: true },
    },
    { name: "silent for the limit", last: 1000, now: 9000, expected: undefined },
    {
      name: "silent for longer",
      last: 1000,
      now: 9001,
      expected: { kind: "inactive", isFirst: false },
    },
  ] as const;
  for (const { name, last, now, expected } of cases) {
    it(name, () => {
      const status = new ConnectionStatus(settings, 0);
      expect(status.handleCheck(last, now)).to.deep.equal(expected);
      expect(status.isActive).to.equal(expected === undefined);
    });
  }

  it("says each change once and comes back with activity", () => {
    const status = new ConnectionStatus(settings, 0);
    expect(status.handleCheck(0, 9000)?.kind).to.equal("inactive");
    expect(status.handleCheck(0, 9500)).to.equal(undefined);
    expect(status.handleCheck(9600, 9700)).to.deep.equal({ kind: "active" });
    expect(status.handleCheck(9600, 9800)).to.equal(undefined);
  });
});
