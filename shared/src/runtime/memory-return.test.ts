import { expect } from "chai";
import { recordingLogger } from "../testing/recording-logger.ts";
import { VirtualRuntime } from "../testing/virtual-runtime.ts";
import { processMemory, returnMemory } from "./memory-return.ts";

const MIB = 2 ** 20;

/** A process of `resident` MiB of which `needed` are in use. */
class FakeMemory {
  resident = 100;
  needed = 100;
  busy = 0;
  processors = 0;
  released = 0;

  residentBytes(): number {
    return this.resident * MIB;
  }
  utilization(): number {
    return this.busy;
  }
  processorShare(): number {
    return this.processors;
  }
  release(): void {
    this.released++;
    this.resident = this.needed;
  }
}

describe("memory return", () => {
  let memory: FakeMemory;
  let runtime: VirtualRuntime;
  beforeEach(() => {
    memory = new FakeMemory();
    runtime = new VirtualRuntime();
    returnMemory({ timers: runtime.timers, log: recordingLogger(), memory });
  });

  it("releases within 10 s what a rush left, once", () => {
    memory.resident = 300;
    runtime.advance(10_000);
    expect(memory).to.include({ released: 1, resident: 100 });
    runtime.advance(600_000);
    expect(memory.released).to.equal(1);
  });

  it("leaves 5 % and 10 MiB alone", () => {
    memory.resident = 115;
    runtime.advance(60_000);
    expect(memory.released).to.equal(0);
    memory.resident = 116;
    runtime.advance(10_000);
    expect(memory.released).to.equal(1);
  });

  it("does not try again for what is in use, until there is more", () => {
    memory.resident = 300;
    memory.needed = 300;
    runtime.advance(60_000);
    expect(memory.released).to.equal(1);
    memory.resident = 330;
    runtime.advance(60_000);
    expect(memory.released).to.equal(2);
  });

  it("releases what a rush left although it looked in the middle of it, once", () => {
    memory.processors = 0.4;
    memory.resident = 300;
    memory.needed = 290;
    runtime.advance(20_000);
    expect(memory).to.include({ released: 1, resident: 290 });
    memory.processors = 0.3;
    runtime.advance(60_000);
    expect(memory.released, "during the rush").to.equal(1);
    memory.processors = 0.01;
    memory.needed = 100;
    runtime.advance(10_000);
    expect(memory).to.include({ released: 2, resident: 100 });
    runtime.advance(600_000);
    expect(memory.released).to.equal(2);
  });

  it("takes what goes up and down at rest for no rush", () => {
    memory.resident = 300;
    memory.needed = 300;
    for (let i = 0; i < 100; i++) {
      memory.processors = i % 2 === 0 ? 0.04 : 0.01;
      runtime.advance(10_000);
    }
    expect(memory.released).to.equal(1);
  });

  it("compares with the least that the process came down to", () => {
    memory.resident = 200;
    memory.needed = 200;
    runtime.advance(10_000);
    memory.resident = 50;
    runtime.advance(10_000);
    memory.resident = 100;
    memory.needed = 50;
    runtime.advance(10_000);
    expect(memory).to.include({ released: 2, resident: 50 });
  });

  it("waits until the thread is quiet", () => {
    memory.resident = 300;
    memory.busy = 0.3;
    runtime.advance(60_000);
    expect(memory.released).to.equal(0);
    memory.busy = 0.2;
    runtime.advance(10_000);
    expect(memory.released).to.equal(1);
  });

  it("frees the heap of this very process", () => {
    const port = processMemory();
    port.release();
    const before = process.memoryUsage().heapUsed;
    const rush: { garbage: number[][] | undefined } = {
      garbage: Array.from({ length: 50_000 }, () => new Array<number>(100).fill(1)),
    };
    expect(process.memoryUsage().heapUsed).to.be.above(before + 20 * MIB);
    rush.garbage = undefined;
    port.release();
    expect(process.memoryUsage().heapUsed).to.be.below(before + MIB);
    expect(port.utilization()).to.be.within(0, 1);
    expect(port.processorShare()).to.be.above(0);
  });
});
