import { expect } from "chai";
import type { LinkConditions, LinkPhase } from "./network-emulator.ts";
import { EmulatedLink, LOST } from "./network-emulator.ts";
import { SeededRandom } from "./virtual-runtime.ts";

const link = (plan: LinkConditions | readonly LinkPhase[], seed = 1): EmulatedLink =>
  new EmulatedLink(new SeededRandom(seed), plan);

/** Arrivals of `count` datagrams of 1000 bytes, `spacing` ms apart from 0 on. */
function run(one: EmulatedLink, count: number, spacing: number): number[] {
  return Array.from({ length: count }, (_, i) => one.offer(1000, i * spacing));
}

describe("emulated link", () => {
  it("delivers at once without conditions, and after a delay", () => {
    expect(run(link({}), 3, 5)).to.deep.equal([0, 5, 10]);
    expect(run(link({ delayMs: 40 }), 3, 5)).to.deep.equal([40, 45, 50]);
  });

  it("serves at its rate and drops what the queue does not hold", () => {
    const one = link({ rateBps: 800_000, queueBytes: 3000, delayMs: 5 });
    // 1000 bytes take 10 ms; at 1 ms steps three fit, the rest waits for room.
    expect(run(one, 4, 1)).to.deep.equal([15, 25, 35, LOST]);
    expect(one.overflowed).to.equal(1);
    expect(one.lastQueueMs).to.equal(28);
    expect(one.queuedBytes(10)).to.equal(2000);
    expect(one.queuedBytes(30)).to.equal(0);
  });

  it("carries exactly its rate when more is offered", () => {
    const one = link({ rateBps: 1_000_000, queueBytes: 20_000 });
    const arrived = run(one, 10_000, 2).filter((at) => at !== LOST && at <= 20_000);
    expect(arrived.length * 8000).to.be.within(1_000_000 * 20 * 0.995, 1_000_000 * 20 * 1.005);
  });

  it("changes its rate in the middle of a datagram, again and again", () => {
    const one = link([
      { forMs: 20, rateBps: 800_000 },
      { forMs: 10, rateBps: 80_000 },
    ]);
    expect(one.offer(1500, 0)).to.equal(15);
    // 5 ms at 800 kbps leave 4000 bits: 10 ms at 80 kbps carry 800, 4 ms at 800 kbps the rest.
    expect(one.offer(1000, 0)).to.equal(34);
    expect(one.conditionsAt(25).rateBps).to.equal(80_000);
    expect(one.conditionsAt(31).rateBps).to.equal(800_000);
    expect(one.conditionsAt(3_000_029).rateBps).to.equal(80_000);
  });

  it("loses its share, the same datagrams for the same seed", () => {
    for (const loss of [0.01, 0.05, 0.1, 0.2]) {
      const one = link({ loss }, 7);
      const fates = run(one, 20_000, 1);
      expect(one.lost / one.offered).to.be.closeTo(loss, 0.1 * loss);
      expect(run(link({ loss }, 7), 20_000, 1)).to.deep.equal(fates);
      expect(run(link({ loss }, 8), 20_000, 1)).not.to.deep.equal(fates);
    }
  });

  it("loses in bursts of the mean length", () => {
    const one = link({ burstLoss: { share: 0.05, meanLength: 8 } }, 3);
    const fates = run(one, 100_000, 1);
    const bursts = fates.filter((at, i) => at === LOST && fates[i - 1] !== LOST).length;
    expect(one.lost / one.offered).to.be.closeTo(0.05, 0.01);
    expect(one.lost / bursts).to.be.closeTo(8, 1);
  });

  it("keeps the order under jitter and breaks it only when told", () => {
    const steady = run(link({ delayMs: 10, jitterMs: 30 }), 1000, 1);
    expect(steady).to.deep.equal([...steady].sort((a, b) => a - b));
    const delays = steady.map((at, i) => at - i);
    expect(Math.min(...delays)).to.be.at.least(10);
    expect(Math.max(...delays)).to.be.within(35, 40);
    const shuffled = link({ reorder: 0.1, reorderMs: 7 });
    const arrivals = run(shuffled, 1000, 1);
    expect(shuffled.held).to.be.within(70, 130);
    expect(arrivals.filter((at, i) => at === i + 7)).to.have.length(shuffled.held);
  });

  it("refuses phases that take no time", () => {
    expect(() => link([])).to.throw("must take time");
    expect(() => link([{ forMs: 0 }])).to.throw("must take time");
  });

  it("never delivers before the sending, whatever is offered", () => {
    const random = new SeededRandom(99);
    for (let round = 0; round < 200; round++) {
      const phases = Array.from({ length: 1 + random.int(3) }, () => ({
        forMs: 1 + random.int(50),
        delayMs: random.int(20),
        jitterMs: random.int(20),
        loss: random.float() / 2,
        reorder: random.float() / 2,
        rateBps: 10_000 + random.int(1_000_000),
        queueBytes: 2000 + random.int(20_000),
      }));
      const one = link(phases, round);
      let now = 0;
      for (let i = 0; i < 100; i++) {
        now += random.int(20);
        const at = one.offer(1 + random.int(1500), now);
        if (at !== LOST) expect(at).to.be.at.least(now);
        expect(one.queuedBytes(now)).to.be.within(0, 22_000 + 1500);
      }
    }
  });
});
