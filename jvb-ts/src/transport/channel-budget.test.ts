import { expect } from "chai";
import { ChannelBudget, messageCost } from "./channel-budget.ts";

/** Sends `perSecond` messages a second for `seconds`; how many passed, and the pace of each second. */
function run(perSecond: number, seconds: number): { passed: number; paces: string[] } {
  const budget = new ChannelBudget(0);
  let waiting = 0;
  let passed = 0;
  const paces: string[] = [];
  for (let ms = 0; ms < seconds * 1000; ms++) {
    if (ms % (1000 / perSecond) < 1) waiting++;
    for (; waiting > 0 && budget.take(1, ms); waiting--) passed++;
    budget.settle(waiting, ms);
    if (ms % 1000 === 999) paces.push(budget.pace);
  }
  return { passed, paces };
}

describe("E6 budget of a bridge channel", () => {
  it("E6 lets a burst at join and a steady hundred a second pass", () => {
    const budget = new ChannelBudget(0);
    for (let i = 0; i < 500; i++) expect(budget.take(1, 0)).to.equal(true);
    expect(budget.take(1, 0)).to.equal(false);
    expect(budget.readyAt).to.be.within(10, 11);
    expect(budget.take(1, 10.2)).to.equal(true);
    const { passed, paces } = run(100, 60);
    expect(passed).to.equal(6000);
    expect(new Set(paces)).to.deep.equal(new Set(["free"]));
  });

  it("E6 slows a thousand messages a second to a hundred, and ends it after ten seconds", () => {
    const { passed, paces } = run(1000, 12);
    expect(passed).to.be.within(500 + 11 * 100, 500 + 12 * 100 + 1);
    expect(paces.slice(0, 10)).to.deep.equal(Array(10).fill("slowed"));
    expect(paces.at(-1)).to.equal("flooding");
  });

  it("E6 is calm again two seconds after the last message had to wait", () => {
    const budget = new ChannelBudget(0);
    while (budget.take(1, 0));
    expect(budget.settle(20, 0)).to.equal("slowed");
    expect(budget.settle(0, 1999)).to.equal("slowed");
    expect(budget.settle(0, 2000)).to.equal("free");
    expect(budget.fullAt).to.be.within(4990, 5010);
  });

  it("E6 counts long messages as several, and puts none off for ever", () => {
    expect([0, 4095, 4096, 65_536].map(messageCost)).to.deep.equal([1, 1, 2, 17]);
    const budget = new ChannelBudget(0);
    let longest = 0;
    for (let ms = 0; ms < 60_000; ms++) if (budget.take(messageCost(65_536), ms)) longest++;
    expect(longest).to.be.within(380, 390);
  });
});
