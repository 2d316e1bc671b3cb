import { expect } from "chai";
import { cellOf, loadFigures } from "./cell.ts";
import type { Measured } from "./generator-messages.ts";
import type { WindowResult } from "./tally.ts";

const ramp = Array.from({ length: 102 }, (_, at) => at * 4);
const window: WindowResult = {
  packets: 100_000,
  expected: 100_000,
  delayUs: ramp,
  delayMaxUs: 999,
  latenessUs: ramp,
  latenessMaxUs: 999,
  sent: 10_000,
  lost: 0,
  unwanted: 0,
  duplicates: 0,
  unverified: 0,
  rtx: 0,
  rtcp: 20,
  silentPairs: 0,
};
const measured: Measured = {
  kind: "measured",
  window,
  settledMs: 100,
  unsteady: 0,
  keyFrames: 0,
  nacksSent: 0,
  plisSent: 0,
  nacksReceived: 0,
  sendFailures: 0,
  authFailed: 0,
  ports: [],
};
const use = {
  seconds: 10,
  userSeconds: 0.3,
  systemSeconds: 0.1,
  rssMb: [70, 90, 80],
  programDrops: 0,
  ownDrops: 0,
  stolen: 0.01,
};
const reason = (more: Partial<WindowResult>) =>
  cellOf({ ...measured, window: { ...window, ...more } }, use).void;

describe("cellOf", () => {
  it("gives CPU seconds per million packets received, and what a row declares", () => {
    const { figures, void: isVoid } = cellOf(measured, use);
    expect(isVoid).to.equal(undefined);
    expect(figures["CPU"]).to.be.closeTo(4, 1e-9);
    expect(figures).to.include({ "delay p50": 200, "delay p99.9": 404, RSS: 80, "peak RSS": 90 });
    expect(figures).to.include({ packets: 10_000, forwarded: 100, RTCP: 2 });
    const declared = loadFigures(true).map(({ name }) => name);
    expect(Object.keys(figures)).to.have.members(declared);
  });

  it("is void when the generator was late, somebody got nothing, or bytes were others", () => {
    const late = ramp.map((value) => value * 2);
    expect(reason({ latenessUs: late })).to.equal("the generator was 792 us late at p99");
    expect(reason({ silentPairs: 2 })).to.match(/^2 of what/);
    expect(reason({ unverified: 1 })).to.match(/could not be verified/);
    expect(reason({ packets: 0 })).to.match(/nobody/);
  });

  it("is void when the hypervisor took more than 1 %: that is charged to the bridge", () => {
    const { void: isVoid } = cellOf(measured, { ...use, stolen: 0.011 });
    expect(isVoid).to.equal("the hypervisor took 1.1 % of the machine");
  });

  it("is void when more than 0.1 % is lost", () => {
    expect(reason({ lost: 100 })).to.equal(undefined);
    expect(reason({ lost: 101, packets: 99_899 })).to.equal("0.10 % lost");
  });
});
