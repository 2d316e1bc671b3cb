import { expect } from "chai";
import { ReceiveEstimate } from "./receive-estimate.ts";

const TICKS_PER_MS = 2 ** 18 / 1000;
const BYTES = 1_000;

/** A sender that sends as much as it is told, at most `wishBps`, through a way with a queue. */
class Sender {
  readonly estimate = new ReceiveEstimate(30_000, 20_000_000);
  now = 0;
  /** The way is busy until then. */
  #busyUntil = 0;
  #allowedBps = 300_000;
  readonly #clockMs: number;

  constructor(clockMs: number) {
    this.#clockMs = clockMs;
  }

  /** Returns what was sent, bits per second. */
  run(ms: number, linkBps: number, wishBps: number): number {
    const end = this.now + ms;
    let bits = 0;
    let nextReport = this.now + 500;
    while (this.now < end) {
      if (this.now >= nextReport) {
        nextReport += 500;
        if (this.estimate.bps > 0) this.#allowedBps = this.estimate.bps;
      }
      const sentAt = this.now;
      this.#busyUntil = Math.max(this.#busyUntil, sentAt) + (8000 * BYTES) / linkBps;
      const ticks = Math.floor((this.#clockMs + sentAt) * TICKS_PER_MS) % 2 ** 24;
      this.estimate.handlePacket(ticks, BYTES, this.#busyUntil + 20);
      bits += 8 * BYTES;
      this.now += (8000 * BYTES) / Math.min(wishBps, this.#allowedBps);
    }
    return (bits * 1000) / ms;
  }
}

describe("what the way from a sender carries", () => {
  for (const clockMs of [0, 63_000])
    it(`is found, and found again when it changes, its clock at ${clockMs} ms`, () => {
      const sender = new Sender(clockMs);
      sender.run(15_000, 1_000_000, 5_000_000);
      expect(sender.estimate.bps).to.be.within(750_000, 1_250_000);
      expect(sender.run(15_000, 1_000_000, 5_000_000)).to.be.within(800_000, 1_050_000);
      sender.run(10_000, 400_000, 5_000_000);
      expect(sender.run(10_000, 400_000, 5_000_000)).to.be.within(300_000, 430_000);
      sender.run(30_000, 4_000_000, 5_000_000);
      expect(sender.estimate.bps).to.be.above(2_000_000);
    });

  it("is known only after a second, and rises at once while nothing filled it", () => {
    const sender = new Sender(0);
    sender.run(900, 50_000_000, 600_000);
    expect(sender.estimate.bps).to.equal(0);
    sender.run(8_000, 50_000_000, 4_000_000);
    expect(sender.estimate.bps).to.be.above(4_000_000);
  });

  it("begins anew after a pause in which the times wrapped", () => {
    const sender = new Sender(0);
    sender.run(10_000, 50_000_000, 1_000_000);
    const before = sender.estimate.bps;
    sender.now += 40_000;
    sender.run(3_000, 50_000_000, 1_000_000);
    expect(sender.estimate.bps).to.be.within(0.9 * before, 1.1 * before);
  });

  it("stays within its bounds whatever the times say", () => {
    const estimate = new ReceiveEstimate(30_000, 2_000_000);
    let state = 1;
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      estimate.handlePacket(state & 0xff_ffff, state % 1500, i + (state % 50));
      if (estimate.bps !== 0) expect(estimate.bps).to.be.within(30_000, 2_000_000);
    }
  });
});
