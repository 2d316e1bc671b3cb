import { expect } from "chai";
import { packetsPerReceiver, simulateFleet } from "./fleet-simulation.ts";

describe("a simulated fleet", () => {
  const fleet = { bridges: 10, capacity: 50_000, offered: 0.5, hours: 1 };

  it("carries what is offered, and spreads it", () => {
    const report = simulateFleet({ ...fleet, bridges: 40 });
    expect(report.meanLoad).to.be.within(0.43, 0.57);
    expect(report.busiestLoad).to.be.within(report.meanLoad, 1.1);
    expect(report.overCapacity).to.be.below(0.001);
    expect(report.refused).to.equal(0);
    // 40 bridges at half load, some 330 packets a second for each participant.
    expect(report.participants).to.be.within(2600, 3400);
  });

  it("is over its capacity when more is offered than it can carry", () => {
    const report = simulateFleet({ ...fleet, bridges: 2, offered: 2 });
    expect(report.overCapacity).to.be.above(0.5);
  });

  it("gives the same for the same seed, but for the time that it took", () => {
    const { selectionMicros: _, ...one } = simulateFleet({ ...fleet, bridges: 3 });
    const { selectionMicros: __, ...other } = simulateFleet({ ...fleet, bridges: 3 });
    const { selectionMicros: ___, ...third } = simulateFleet({ ...fleet, bridges: 3, seed: 2 });
    expect(one).to.deep.equal(other);
    expect(one).not.to.deep.equal(third);
  });

  it("counts no packets where nobody hears", () => {
    expect([1, 2, 10, 60].map(packetsPerReceiver)).to.deep.equal([0, 200, 425, 425]);
  });
});
