import { expect } from "chai";
import { defaultReducerSettings, LastNReducer } from "./last-n-reducer.ts";

const MINUTE = 60_000;
const half = { ...defaultReducerSettings, reductionScale: 0.5, recoverScale: 2 };

describe("last-n reducer", () => {
  it("lowers last-n to a part of what is forwarded, and raises it again (M-158, B-131)", () => {
    const reducer = new LastNReducer(half, -1);
    expect(reducer.lastN).to.equal(-1);
    // The most that anybody gets of {4, 8, 12} and {2, 4, 10}.
    expect(reducer.handleSample("above", 12, 0)).to.equal(true);
    expect(reducer.lastN).to.equal(6);
    expect(reducer.handleSample("above", 8, MINUTE)).to.equal(true);
    expect(reducer.lastN).to.equal(4);
    expect(reducer.handleSample("below", 4, 2 * MINUTE)).to.equal(true);
    expect(reducer.lastN).to.equal(8);
  });

  it("changes nothing when nothing is set, nothing is forwarded or load is in between (M-158)", () => {
    const reducer = new LastNReducer(half, -1);
    expect(reducer.handleSample("below", 12, 0)).to.equal(false);
    expect(reducer.handleSample("above", undefined, 0)).to.equal(false);
    expect(reducer.handleSample("between", 12, 0)).to.equal(false);
    expect(reducer.lastN).to.equal(-1);
  });

  it("takes at most one step in the time a step needs to show (B-130)", () => {
    const reducer = new LastNReducer(defaultReducerSettings, -1);
    const seen = [0, 10_000, 50_000, 59_999, 60_000, 70_000].map((now) => {
      reducer.handleSample("above", 20 - now / 10_000, now);
      return reducer.lastN;
    });
    expect(seen).to.deep.equal([15, 15, 15, 15, 10, 10]);
    expect(reducer.handleSample("below", 10, 100_000)).to.equal(false);
    expect(reducer.handleSample("below", 10, 120_000)).to.equal(true);
    expect(reducer.lastN).to.equal(12);
  });

  it("recovers by at least one and ends without a limit", () => {
    const reducer = new LastNReducer(defaultReducerSettings, -1);
    reducer.handleSample("above", 1, 0);
    const seen: number[] = [];
    for (let i = 1; i <= 16; i++) {
      reducer.handleSample("below", 1, i * MINUTE);
      seen.push(reducer.lastN);
    }
    expect(seen).to.deep.equal([2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33, -1, -1]);
  });

  it("never allows more than the operator does", () => {
    const reducer = new LastNReducer(half, 5);
    expect(reducer.handleSample("above", 20, 0)).to.equal(false);
    expect(reducer.lastN).to.equal(5);
    expect(reducer.handleSample("above", 5, MINUTE)).to.equal(true);
    expect(reducer.lastN).to.equal(2);
    for (let i = 2; i < 10; i++) reducer.handleSample("below", 2, i * MINUTE);
    expect(reducer.lastN).to.equal(5);
  });
});
