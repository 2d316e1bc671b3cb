import { expect } from "chai";
import { VirtualNetwork } from "./network.ts";
import { recordingLogger } from "./recording-logger.ts";
import { SeededRandom, VirtualRuntime, withSeed } from "./virtual-runtime.ts";

describe("virtual runtime", () => {
  it("runs due timers in order of time, then of making, at their own time", () => {
    const { clock, timers, advance } = bound(new VirtualRuntime());
    const seen: [string, number][] = [];
    const note = (name: string) => (): void => void seen.push([name, clock.now()]);
    timers.after(20, note("late"));
    timers.after(10, note("first"));
    timers.after(10, () => {
      note("second")();
      timers.after(0, note("now"));
      timers.after(5, note("nested"));
    });
    timers.after(10, note("cancelled")).cancel();
    const every = timers.every(8, note("every"));
    advance(17);
    every.cancel();
    advance(100);
    expect(seen).to.deep.equal([
      ["every", 8],
      ["first", 10],
      ["second", 10],
      ["now", 10],
      ["nested", 15],
      ["every", 16],
      ["late", 20],
    ]);
    expect(clock.now()).to.equal(117);
    expect(clock.wallNow() - Date.UTC(2026, 0, 1)).to.equal(117);
  });

  it("counts pending timers", () => {
    const runtime = new VirtualRuntime();
    const timer = runtime.timers.every(10, () => {});
    expect([runtime.pendingTimers, runtime.nextTimerAt()]).to.deep.equal([1, 10]);
    timer.cancel();
    expect([runtime.pendingTimers, runtime.nextTimerAt()]).to.deep.equal([0, undefined]);
  });

  it("lets awaiting code go on between timers", async () => {
    const runtime = new VirtualRuntime();
    const sleep = (ms: number): Promise<void> =>
      new Promise((resolve) => void runtime.timers.after(ms, resolve));
    const seen: number[] = [];
    const body = async (): Promise<void> => {
      for (let at = 0; at < 3; at++) {
        await sleep(10);
        seen.push(runtime.clock.now());
      }
    };
    const done = body();
    await runtime.advanceAsync(25);
    expect(seen).to.deep.equal([10, 20]);
    await runtime.advanceAsync(5);
    await done;
    expect(seen).to.deep.equal([10, 20, 30]);
  });

  it("repeats randomness from a seed", () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return [...random.bytes(8), random.int(1000), random.float()];
    };
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).not.to.deep.equal(draw(8));
    const random = new SeededRandom(1);
    let sum = 0;
    for (let at = 0; at < 10_000; at++) sum += random.float();
    expect(sum / 10_000).to.be.within(0.48, 0.52);
  });

  it("names the seed of a failure", () => {
    expect(() =>
      withSeed(42, () => {
        throw new Error("x");
      }),
    ).to.throw("x (TEST_SEED=42)");
  });
});

describe("recording logger", () => {
  it("keeps context of parents and shares lines with children", () => {
    const log = recordingLogger();
    const child = log.child({ conf: "a" }, "Conference").child({ endpoint: "b" });
    child.warn("hi", { x: 1 });
    expect(log.lines).to.have.length(1);
    expect(log.lines[0]).to.deep.include({
      component: "Conference",
      context: { conf: "a", endpoint: "b", x: 1 },
    });
    expect(log.messages("info")).to.deep.equal([]);
  });
});

describe("virtual network", () => {
  const a = { ip: "10.0.0.1", port: 1 };
  const b = { ip: "10.0.0.2", port: 2 };

  /** Sends `count` datagrams 1 ms apart from a to b; returns arrivals as [index, time]. */
  function run(seed: number, count: number, conditions: object) {
    const runtime = new VirtualRuntime({ seed });
    const network = new VirtualNetwork(runtime, conditions);
    const arrivals: [number, number][] = [];
    network.bind(b, (data) => arrivals.push([data[0] as number, runtime.clock.now()]));
    const socket = network.bind(a, () => {});
    for (let at = 0; at < count; at++) {
      socket.send(b, new Uint8Array(100).fill(at));
      runtime.advance(1);
    }
    runtime.advance(10_000);
    return { arrivals, counters: network.counters };
  }

  it("delivers in order after the delay", () => {
    const { arrivals } = run(1, 3, { delayMs: 50 });
    expect(arrivals).to.deep.equal([
      [0, 50],
      [1, 51],
      [2, 52],
    ]);
  });

  it("loses its share, the same datagrams for the same seed", () => {
    const first = run(3, 200, { loss: 0.25 });
    expect(first.counters.lost).to.be.within(30, 70);
    expect(run(3, 200, { loss: 0.25 }).arrivals).to.deep.equal(first.arrivals);
    expect(run(4, 200, { loss: 0.25 }).arrivals).not.to.deep.equal(first.arrivals);
  });

  it("reorders and duplicates", () => {
    const { arrivals, counters } = run(5, 100, { reorder: 0.2, reorderMs: 5, duplicate: 0.1 });
    const order = arrivals.map(([index]) => index);
    expect(order).not.to.deep.equal([...order].sort((x, y) => x - y));
    expect(arrivals.length).to.equal(100 + counters.duplicated);
  });

  it("limits the rate and drops beyond the queue", () => {
    const { arrivals, counters } = run(6, 50, { rateBps: 80_000, queueBytes: 1000 });
    expect(arrivals[0]).to.deep.equal([0, 10]);
    expect(counters.overflowed).to.be.greaterThan(20);
    expect(counters.overflowed + counters.delivered).to.equal(50);
  });

  it("counts datagrams to nobody", () => {
    const runtime = new VirtualRuntime();
    const network = new VirtualNetwork(runtime);
    const socket = network.bind(a, () => {});
    socket.send(b, new Uint8Array(1));
    runtime.advance(1);
    expect(network.counters.unreachable).to.equal(1);
    expect(() => network.bind(a, () => {})).to.throw("bound already");
    socket.close();
    network.bind(a, () => {});
  });
});

/** Destructured use, as cores do. */
function bound(runtime: VirtualRuntime) {
  return {
    clock: runtime.clock,
    timers: runtime.timers,
    advance: (ms: number): void => runtime.advance(ms),
  };
}

describe("virtual runtime with many timers", () => {
  it("agrees with a sorted list over random operations", () => {
    const runtime = new VirtualRuntime({ seed: 11 });
    const random = new SeededRandom(12);
    const expected: { at: number; id: number; cancelled: boolean }[] = [];
    const fired: number[] = [];
    for (let id = 0; id < 3000; id++) {
      const delay = random.int(500);
      const entry = { at: runtime.clock.now() + delay, id, cancelled: false };
      const timer = runtime.timers.after(delay, () => fired.push(id));
      expected.push(entry);
      if (random.int(4) === 0) {
        timer.cancel();
        entry.cancelled = true;
      }
      if (random.int(10) === 0) runtime.advance(random.int(50));
    }
    runtime.advance(1000);
    const order = expected
      .filter((entry) => !entry.cancelled)
      .sort((a, b) => a.at - b.at || a.id - b.id);
    expect(fired).to.deep.equal(order.map(({ id }) => id));
    expect(runtime.pendingTimers).to.equal(0);
  });
});
