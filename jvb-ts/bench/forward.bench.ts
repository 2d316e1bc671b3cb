/**
 * Cost of forwarding in TypeScript alone (no socket, no cipher): nanoseconds and heap bytes per
 * forwarded packet, with so many receivers as the argument says. Prints its figures as JSON.
 *
 * Run by `npm run bench -- --row packet-path-10`, with a young space that is never collected.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { createMediaEngine } from "../src/cc/create-media-engine.ts";
import {
  AUDIO_LEVEL,
  audioExtensions,
  audioSource,
  audioTypes,
  buildRtp,
  OPUS,
  TRANSPORT_CC,
  VP8,
  videoExtensions,
  videoSource,
  videoTypes,
  vp8Payload,
} from "../src/cc/engine-fixture.ts";
import { defaultEngineOptions } from "../src/media/engine-options.ts";
import type { MediaEngine } from "../src/media/media-engine.ts";
import { BATCH, RxSlab, SLOT_BYTES } from "../src/media/slab.ts";
import type { ScriptOutput } from "./script-contender.ts";

const PACKETS_PER_FRAME = 4;

let sent = 0;

function createEngine(receivers: number): MediaEngine {
  let ssrc = 1000;
  const engine = createMediaEngine({
    options: defaultEngineOptions,
    sender: {
      send: (slab) => {
        const { count } = slab;
        sent += count;
        slab.count = 0;
        return count;
      },
    },
    random: { bytes: (n) => new Uint8Array(n), int: () => ssrc++, float: () => 0 },
  });
  engine.addConference("c");
  for (let i = 0; i <= receivers; i++) {
    const endpoint = engine.addEndpoint("c", { id: `e${i}`, session: i });
    endpoint.setPayloadTypes("audio", audioTypes);
    endpoint.setPayloadTypes("video", videoTypes);
    endpoint.setHeaderExtensions("audio", audioExtensions);
    endpoint.setHeaderExtensions("video", videoExtensions);
    if (i === 0)
      endpoint.setSources([audioSource("e0-a0", 11), videoSource("e0-v0", [0x9000_0021])]);
    else endpoint.setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
    endpoint.setTransportUp(true);
  }
  engine.handleTimeout(0);
  return engine;
}

/** Fills a slab with one batch of `kind`, numbered from `index`; rewrites only what changes. */
function fill(slab: RxSlab, kind: "audio" | "video", index: number, now: number): void {
  for (let row = 0; row < BATCH; row++) {
    const at = row * SLOT_BYTES + 64;
    const { bytes } = slab;
    const seq = (index + row) & 0xffff;
    bytes[at + 2] = seq >> 8;
    bytes[at + 3] = seq;
    const frame = kind === "audio" ? index + row : Math.floor((index + row) / PACKETS_PER_FRAME);
    const timestamp = frame * (kind === "audio" ? 960 : 3000);
    bytes[at + 4] = timestamp >> 24;
    bytes[at + 5] = timestamp >> 16;
    bytes[at + 6] = timestamp >> 8;
    bytes[at + 7] = timestamp;
    if (kind === "video") {
      const part = (index + row) % PACKETS_PER_FRAME;
      bytes[at + 1] = (part === PACKETS_PER_FRAME - 1 ? 0x80 : 0) | VP8;
      const tcc = at + 17;
      bytes[tcc] = seq >> 8;
      bytes[tcc + 1] = seq;
      const payload = at + 20;
      bytes[payload] = 0x80 | (part === 0 ? 0x10 : 0);
      bytes[payload + 2] = 0x80 | ((frame >> 8) & 0x7f);
      bytes[payload + 3] = frame;
      bytes[payload + 4] = frame;
      bytes[payload + 6] = frame === 0 ? 0x10 : 0x11;
    }
    slab.arrival[row] = now;
  }
}

function prepare(slab: RxSlab, kind: "audio" | "video"): void {
  const packet =
    kind === "audio"
      ? buildRtp({
          pt: OPUS,
          seq: 0,
          ssrc: 11,
          extensions: [[AUDIO_LEVEL, [0x80 | 40]]],
          payload: new Array<number>(120).fill(7),
        })
      : buildRtp({
          pt: VP8,
          seq: 0,
          ssrc: 0x9000_0021,
          extensions: [[TRANSPORT_CC, [0, 0]]],
          payload: vp8Payload({ pictureId: 0, tl0: 0, tid: 0, keyframe: true, fill: 1080 }),
        });
  for (let row = 0; row < BATCH; row++) {
    const at = row * SLOT_BYTES + 64;
    slab.bytes.set(packet, at);
    slab.offset[row] = at;
    slab.length[row] = packet.length;
    slab.session[row] = 0;
  }
}

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ["gc"] });

async function run(kind: "audio" | "video", receivers: number) {
  const engine = createEngine(receivers);
  const slab = new RxSlab();
  prepare(slab, kind);
  const batches = Math.ceil(4_000_000 / (receivers * BATCH) / 4);
  let index = 0;
  let now = 0;
  const step = (count: number): void => {
    for (let b = 0; b < count; b++) {
      now += kind === "audio" ? 64 * 20 : 64 * 8;
      fill(slab, kind, index, now);
      for (let row = 0; row < BATCH; row++) engine.handleRtpRow(slab, row, now);
      engine.endBatch(now);
      index += BATCH;
    }
  };
  step(Math.ceil(batches / 4) + 200);
  globalThis.gc?.();
  // The observer hears of a collection in a later turn.
  await sleep(50);
  collections = 0;
  sent = 0;
  const heap = process.memoryUsage().heapUsed;
  // Processor time: what other processes take of the machine does not count.
  const start = process.cpuUsage();
  step(batches);
  const elapsed = process.cpuUsage(start).user;
  const allocated = process.memoryUsage().heapUsed - heap;
  await sleep(50);
  return { ns: (elapsed * 1e3) / sent, bytes: allocated / sent, collections };
}

const receivers = Number(process.argv[2]);
const figures: Record<string, number> = {};
let collected = 0;
for (const kind of ["audio", "video"] as const) {
  const found = await run(kind, receivers);
  figures[`${kind} takes`] = found.ns;
  figures[`${kind} allocates`] = found.bytes;
  collected += found.collections;
}
const output: ScriptOutput = {
  figures,
  ...(collected > 0 ? { void: "the heap was collected: bytes are missing" } : {}),
};
console.log(JSON.stringify(output));
