import { expect } from "chai";
import { Timetable } from "./timetable.ts";

describe("Timetable", () => {
  it("lets each source act at its times, in their order", () => {
    const table = new Timetable([
      { intervalMs: 20, phaseMs: 5 },
      { intervalMs: 30, phaseMs: 0 },
    ]);
    const acts: [number, number, number][] = [];
    while (table.time < 70) {
      acts.push([table.time, table.source, table.turn]);
      table.advance();
    }
    expect(acts).to.deep.equal([
      [0, 1, 0],
      [5, 0, 0],
      [25, 0, 1],
      [30, 1, 1],
      [45, 0, 2],
      [60, 1, 2],
      [65, 0, 3],
    ]);
  });

  it("does not drift", () => {
    const table = new Timetable([{ intervalMs: 1000 / 30, phaseMs: 0 }]);
    for (let i = 0; i < 30 * 3600; i++) table.advance();
    expect(table.time).to.be.closeTo(3_600_000, 1e-6);
  });

  it("of nobody never acts", () => {
    expect(new Timetable([]).time).to.equal(Number.POSITIVE_INFINITY);
  });
});
