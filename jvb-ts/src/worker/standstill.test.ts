import { expect } from "chai";
import { Standstill } from "./standstill.ts";

/** Turns each 20 ms with one packet each, for `ms`. */
function live(watch: Standstill, from: number, ms: number): number {
  let now = from;
  for (; now < from + ms; now += 20) {
    expect(watch.handleTurn(now)).to.equal(0);
    expect(watch.admit()).to.equal(true);
  }
  return now;
}

describe("standstill", () => {
  it("is told once, with its length; being a little late is none", () => {
    const watch = new Standstill(0);
    expect(watch.handleTurn(999)).to.equal(0);
    expect(watch.handleTurn(3000)).to.equal(2001);
    expect(watch.handleTurn(3001)).to.equal(0);
  });

  for (const { stood, leftOut } of [
    { stood: 1000, leftOut: 5 },
    { stood: 2000, leftOut: 55 },
    { stood: 10_000, leftOut: 455 },
  ]) {
    it(`of ${stood} ms leaves out ${leftOut} of 50 packets a second, the oldest`, () => {
      const watch = new Standstill(0);
      const now = live(watch, 0, 3000);
      watch.handleTurn(now - 20 + stood);
      const waited = Array.from({ length: (stood / 1000) * 50 }, () => watch.admit());
      const first = waited.indexOf(true);
      expect(first).to.be.within(leftOut * 0.97 - 1, leftOut * 1.03 + 1);
      expect(waited.slice(first)).to.not.include(false);
      expect(watch.handleDry(now - 20 + stood)).to.equal(first);
      expect(watch.handleDry(now - 20 + stood)).to.equal(0);
    });
  }

  it("leaves out nothing of what comes once the sockets are empty", () => {
    const watch = new Standstill(0);
    const now = live(watch, 0, 3000);
    watch.handleTurn(now + 60_000);
    expect(watch.admit()).to.equal(false);
    // Somebody else may be reading the sockets still.
    expect(watch.handleDry(now + 60_000)).to.equal(0);
    expect(watch.admit()).to.equal(false);
    expect(watch.handleDry(now + 60_100)).to.equal(2);
    expect(watch.admit()).to.equal(true);
    // Nor does a second standstill reckon with what waited in the first.
    live(watch, now + 60_120, 1500);
    expect(watch.handleTurn(now + 70_000)).to.be.above(8000);
  });
});
