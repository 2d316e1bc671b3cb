/**
 * The whole load for a second of each kind of contender: that streams arrive as they were sent. How
 * late it was and what it cost is for a quiet machine.
 */
import { expect } from "chai";
import { SEED, Stand, type StandReport } from "./contender.ts";

async function report(contender: "ours" | "limit", workload: string, profile: "gcm" | "cm") {
  const stand = await Stand.start({ contender, workload, seed: SEED, profile });
  try {
    return await stand.measure(1);
  } finally {
    await stand.stop();
  }
}

function expectAll({ cell, measured }: StandReport): void {
  expect(measured.window).to.include({ unverified: 0, unwanted: 0, silentPairs: 0, duplicates: 0 });
  // On a machine that does ten other things sockets overflow.
  expect(cell.figures["forwarded"]).to.be.within(95, 100);
  expect(cell.figures["CPU"]).to.be.greaterThan(0);
}

describe("the load", function () {
  this.timeout(60_000);

  it("comes back from our bridge: audio and the encoding asked for", async () => {
    const result = await report("ours", "meeting", "gcm");
    expectAll(result);
    // Five people hear and see four others: 50 packets of audio and 6 a frame of video.
    expect(result.measured.window.packets).to.be.within(4300, 5000);
    expect(result.cell.figures["RTCP"]).to.be.greaterThan(0);
  });

  it("comes back from the limit program, the same packets", async () => {
    expectAll(await report("limit", "meeting", "cm"));
  });
});
