import { expect } from "chai";
import { CpuMeter } from "./cpu-load.ts";

const line = (user: number, idle: number, steal: number): string =>
  `cpu  ${user} 0 0 ${idle} 0 0 0 ${steal} 0 0\ncpu0 1 2 3\n`;

describe("CPU meter", () => {
  it("knows nothing after one reading", () => {
    expect(new CpuMeter().handleReading(line(10, 10, 10))).to.deep.equal({ busy: 0, steal: 0 });
  });

  it("B-133 gives the fractions since the last reading", () => {
    const meter = new CpuMeter();
    meter.handleReading(line(0, 0, 0));
    const load = meter.handleReading(line(30, 60, 10));
    expect(load.busy).to.be.closeTo(0.3, 1e-9);
    expect(load.steal).to.be.closeTo(0.1, 1e-9);
  });

  for (const text of ["", "cpu", "cpu a b c d e f g h", "intr 1 2 3", "cpu 1 2 3"]) {
    it(`B-133 takes malformed text as no load: ${JSON.stringify(text)}`, () => {
      const meter = new CpuMeter();
      meter.handleReading(line(0, 0, 0));
      expect(meter.handleReading(text)).to.deep.equal({ busy: 0, steal: 0 });
    });
  }

  it("B-133 takes no progress as no load", () => {
    const meter = new CpuMeter();
    meter.handleReading(line(5, 5, 5));
    expect(meter.handleReading(line(5, 5, 5))).to.deep.equal({ busy: 0, steal: 0 });
  });
});
