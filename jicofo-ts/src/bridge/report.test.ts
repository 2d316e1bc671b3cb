import { expect } from "chai";
import { readReport } from "./report.ts";

describe("readReport", () => {
  it("picks what the focus uses", () => {
    const report = readReport(
      new Map([
        ["stress_level", "0.25"],
        ["average_participant_stress", "0.02"],
        ["graceful_shutdown", "false"],
        ["shutting_down", "TRUE"],
        ["drain", "false"],
        ["healthy", "yes"],
        ["version", "2.3"],
        ["release", "7"],
        ["region", "eu"],
        ["relay_id", "jvb1"],
        ["conferences", "3"],
      ]),
    );
    expect(report).to.deep.equal({
      stress: 0.25,
      averageParticipantStress: 0.02,
      gracefulShutdown: false,
      shuttingDown: true,
      draining: false,
      healthy: false,
      version: "2.3",
      release: "7",
      region: "eu",
      relayId: "jvb1",
    });
  });

  it("ignores numbers that are none", () => {
    for (const text of ["", "abc", "NaN", "Infinity", " "])
      expect(readReport(new Map([["stress_level", text]])).stress).to.equal(undefined);
  });
});
