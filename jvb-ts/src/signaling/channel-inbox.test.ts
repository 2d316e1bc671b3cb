import { expect } from "chai";
import { ChannelBudget } from "../transport/channel-budget.ts";
import { ChannelInbox } from "./channel-inbox.ts";

function drain(inbox: ChannelInbox, now: number): string[] {
  const texts: string[] = [];
  for (let text = inbox.poll(now); text !== undefined; text = inbox.poll(now)) texts.push(text);
  return texts;
}

describe("E6 inbox of a WebSocket", () => {
  it("E6 hands a burst at join on at once and in order", () => {
    const inbox = new ChannelInbox(new ChannelBudget(0));
    const texts = Array.from({ length: 400 }, (_, at) => `m${at}`);
    for (const text of texts) expect(inbox.push(text)).to.equal(true);
    expect(drain(inbox, 0)).to.deep.equal(texts);
    expect(inbox.settle(0)).to.equal("free");
    expect([inbox.mayRead, inbox.pollTimeout(0)]).to.deep.equal([true, undefined]);
  });

  it("E6 keeps what is over the budget, stops reading, drops at its end, ends a flood", () => {
    const inbox = new ChannelInbox(new ChannelBudget(0));
    let dropped = 0;
    for (let at = 0; at < 5000; at++) {
      if (!inbox.push(at % 10 === 0 ? undefined : `m${at}`)) dropped++;
      if (at < 500) drain(inbox, 0);
    }
    expect(dropped).to.equal(3500);
    expect([inbox.settle(0), inbox.mayRead]).to.deep.equal(["slowed", false]);
    let now = 0;
    let handed = 0;
    let last = 499;
    while (!inbox.mayRead) {
      now = inbox.pollTimeout(now) ?? expect.fail("nothing more would come");
      for (const text of drain(inbox, now)) {
        expect(Number(text.slice(1))).to.be.above(last);
        last = Number(text.slice(1));
        handed++;
      }
      inbox.settle(now);
    }
    // A hundred a second; one in ten had no text.
    expect(now).to.be.within(7900, 8200);
    expect(handed).to.be.within(700, 740);
    for (let at = 0; at < 5000; at++) inbox.push("more");
    for (; now < 11_000; now = inbox.pollTimeout(now) ?? 0) {
      drain(inbox, now);
      inbox.settle(now);
    }
    expect(inbox.settle(now)).to.equal("flooding");
  });

  it("E6 gives the same endpoint no new budget for a new socket", () => {
    const budget = new ChannelBudget(0);
    const first = new ChannelInbox(budget);
    for (let at = 0; at < 500; at++) first.push("x");
    expect(drain(first, 0).length).to.equal(500);
    budget.reopen();
    const second = new ChannelInbox(budget);
    second.push("y");
    expect(drain(second, 0)).to.deep.equal([]);
    expect(drain(second, 20)).to.deep.equal(["y"]);
  });
});
