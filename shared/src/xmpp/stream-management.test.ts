import { expect } from "chai";
import { SeededRandom } from "../testing/virtual-runtime.ts";
import { StreamManagement } from "./stream-management.ts";
import { attr, xml } from "./xml.ts";

const enabled = xml("enabled", { id: "s1", resume: true });
const h = (value: number | string) => xml("a", { h: value });

describe("stream management", () => {
  it("keeps what is not acknowledged and gives it again on resumption", () => {
    const sm = new StreamManagement();
    sm.sent("before");
    expect(attr(sm.enable(), "resume")).to.equal("true");
    sm.sent("1");
    sm.handleEnabled(enabled);
    for (const text of ["2", "3"]) sm.sent(text);
    sm.handleStanza();
    expect(sm.handleAnswer(h(1))).to.equal(true);
    sm.handleLost();
    sm.sent("4");
    expect(sm.resumable).to.equal(true);
    expect(attr(sm.resume(), "previd")).to.equal("s1");
    expect(attr(sm.resume(), "h")).to.equal("1");
    expect(sm.handleResumed(h(2))).to.deep.equal(["3", "4"]);
    sm.handleStanza();
    expect(attr(sm.answer(), "h")).to.equal("2");
  });

  it("forgets the session when the server grants no resumption", () => {
    const sm = new StreamManagement();
    sm.enable();
    sm.handleEnabled(xml("enabled"));
    sm.sent("1");
    sm.handleLost();
    expect(sm.resumable).to.equal(false);
    expect(sm.unacknowledged).to.equal(0);
  });

  it("asks once until answered", () => {
    const sm = new StreamManagement();
    sm.enable();
    expect(sm.pollAsk(true)).to.equal(false);
    sm.handleEnabled(enabled);
    sm.sent("1");
    expect([sm.askable, sm.pollAsk(true), sm.pollAsk(true)]).to.deep.equal([true, true, false]);
    sm.sent("2");
    sm.handleAnswer(h(1));
    expect([sm.pollAsk(true), sm.pollAsk(true)]).to.deep.equal([true, false]);
    sm.handleAnswer(h(2));
    expect([sm.askable, sm.pollAsk(true)]).to.deep.equal([false, false]);
  });

  it("asks about few stanzas only after a while, about many at once", () => {
    const sm = new StreamManagement();
    sm.enable();
    sm.handleEnabled(enabled);
    for (let at = 1; at < 100; at++) {
      sm.sent(`${at}`);
      expect(sm.pollAsk(false)).to.equal(false);
    }
    sm.sent("100");
    expect([sm.pollAsk(false), sm.pollAsk(false)]).to.deep.equal([true, false]);
  });

  for (const wrong of [-1, 3, "x", 2 ** 32]) {
    it(`refuses the count ${wrong}`, () => {
      const sm = new StreamManagement();
      sm.enable();
      sm.handleEnabled(enabled);
      sm.sent("1");
      sm.sent("2");
      expect(sm.handleAnswer(h(wrong))).to.equal(false);
    });
  }

  it("delivers everything once and in order over random cuts", () => {
    const random = new SeededRandom(7);
    const sm = new StreamManagement();
    sm.enable();
    sm.handleEnabled(enabled);
    const delivered: number[] = [];
    let wire: string[] = [];
    let count = 0;
    for (let step = 0; step < 5000; step++) {
      const choice = random.int(10);
      if (choice < 5) {
        sm.sent(String(count));
        wire.push(String(count++));
      } else if (choice < 8) {
        const arrived = wire.splice(0, random.int(wire.length + 1));
        delivered.push(...arrived.map(Number));
        if (choice === 7) expect(sm.handleAnswer(h(delivered.length))).to.equal(true);
      } else if (choice === 8) {
        sm.handleLost();
        wire = [];
        for (let i = random.int(3); i > 0; i--) sm.sent(String(count++));
        wire = [...(sm.handleResumed(h(delivered.length)) ?? [])];
      }
    }
    delivered.push(...wire.map(Number));
    expect(delivered).to.deep.equal(Array.from({ length: count }, (_, i) => i));
  });
});
