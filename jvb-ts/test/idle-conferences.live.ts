// What conferences that nobody comes to cost the program. Needs the native addon.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { RunningBridge } from "./running-bridge.ts";

/** 1 in `npm test`, more in `npm run test:full`. */
const scale = Math.min(4, Number(process.env["ABUSE_SCALE"] ?? "1"));
const COUNT = 1250 * scale;
const WARM = 1000;
const MAX_KB_EACH = 60;

describe("E10 half-open endpoints of a real bridge", function () {
  this.timeout(60_000 * scale);
  let bridge: RunningBridge;

  before(async () => {
    bridge = await RunningBridge.start();
  });
  after(() => bridge.stop());

  const endpoint = {
    id: "aaaa1111",
    create: true,
    capabilities: ["source-names"],
    transport: { "ice-controlling": true, sctp: {} },
    medias: [
      {
        type: "audio",
        "payload-types": [{ id: "111", name: "opus", clockrate: "48000", channels: "2" }],
      },
    ],
  };

  async function create(count: number, prefix: string): Promise<void> {
    const request = { create: true, endpoints: [endpoint] };
    await each(count, (at) => bridge.colibri(`${prefix}${at}`, request, "POST"));
  }

  /** Fifty at a time. */
  async function each(count: number, ask: (at: number) => Promise<unknown>): Promise<void> {
    for (let at = 0; at < count; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => ask(at + n)));
    }
  }

  it(`E10 ${COUNT} take at most ${MAX_KB_EACH} kB each, and hardly any CPU`, async () => {
    // Memory that the program needs once, whatever comes: code that was compiled, a grown heap.
    await create(WARM, "warm");
    await each(WARM, (at) => bridge.colibri(`warm${at}`, { expire: true }));
    expect(await bridge.stats()).to.include({ conferences: 0 });
    await sleep(1000);
    const before = bridge.program.memoryKb;
    await create(COUNT, "idle");
    await sleep(1000);
    const kilobytes = (bridge.program.memoryKb - before) / COUNT;
    const busy = bridge.program.cpuSeconds;
    await sleep(2000);
    const share = (bridge.program.cpuSeconds - busy) / 2;
    console.log(`      ${kilobytes.toFixed(0)} kB each, ${(share * 100).toFixed(0)} % of a core`);
    expect(kilobytes).to.be.below(MAX_KB_EACH);
    expect(share).to.be.below(0.3);
    expect(await bridge.stats()).to.include({ endpoints: COUNT, healthy: true });
  });
});
