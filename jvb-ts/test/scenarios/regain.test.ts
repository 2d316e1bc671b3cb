/**
 * However bad a way was, once it carries twice what the lowest layer takes, its receiver sees a picture
 * soon: an estimate that nothing is sent by could never grow.
 */
import { expect } from "chai";
import type { LinkPhase } from "#shared/testing/network-emulator";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { VP8 } from "../../src/cc/engine-fixture.ts";
import { isPadding, NarrowCall } from "./narrow-call.ts";

const WITHIN_MS = 5_000;
const BAD_MS = 15_000;
const LOWEST_BPS = 150_000;

const camera = (seed: number, audioBps: number) => ({
  rates: [LOWEST_BPS, 500_000, 1_500_000],
  fps: 15,
  temporal: true,
  keyframeScale: 4,
  noise: 0.3,
  seed,
  audioBps,
});

/** Some bad phases, then a clean way for good. */
function schedule(random: SeededRandom, audioBps: number): LinkPhase[] {
  const phases: LinkPhase[] = [];
  const kilo = (least: number, most: number) =>
    1000 * Math.round(least * (most / least) ** random.float());
  let left = BAD_MS;
  while (left > 0) {
    const forMs = Math.min(left, 500 + Math.round(6_000 * random.float()));
    left -= forMs;
    const rateBps = kilo(20, 6_000);
    phases.push({
      forMs,
      rateBps,
      delayMs: Math.round(120 * random.float()),
      // At most a second, or the clean way would begin with a full one.
      queueBytes: Math.max(3_000, Math.min(kilo(4, 150), rateBps / 8)),
      loss: random.float() < 0.5 ? 0 : 0.7 * random.float() ** 2,
      jitterMs: random.float() < 0.5 ? 0 : Math.round(60 * random.float()),
    });
  }
  phases.push({
    forMs: 60_000,
    rateBps: 2 * LOWEST_BPS + audioBps + Math.round(1_000_000 * random.float() ** 3),
    delayMs: Math.round(120 * random.float()),
    queueBytes: 40_000,
  });
  return phases;
}

/** What arrived of video from `from` on. */
function video(call: NarrowCall, from: number) {
  return call.arrived.filter(({ at, rtp }) => at >= from && rtp.pt === VP8 && !isPadding(rtp));
}

describe("a way that was bad", () => {
  for (const audioBps of [0, 64_000])
    for (let seed = 1; seed <= 8; seed++)
      it(`carries a picture within ${WITHIN_MS / 1000} s, seed ${seed}, audio ${audioBps / 1000} kbps`, () => {
        const random = new SeededRandom(seed);
        const phases = schedule(random, audioBps);
        const call = new NarrowCall(phases, {}, true, camera(seed, audioBps));
        call.run(BAD_MS);
        const mended = call.fixture.now;
        call.run(WITHIN_MS + 5_000);
        const from = mended + WITHIN_MS;
        expect(video(call, from).length, "packets in 5 s").to.be.above(40);
        expect(call.longestGapMs(from, call.fixture.now), "longest gap").to.be.below(2_000);
      }).timeout(20_000);
});
