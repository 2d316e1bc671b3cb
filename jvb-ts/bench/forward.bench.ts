/**
 * Cost of forwarding in TypeScript alone (no socket, no cipher): nanoseconds and heap bytes per
 * forwarded packet, at 1, 10 and 100 receivers. Budget: 1 byte, 1000 ns (2000 ns at one receiver).
 *
 * Run: shared/tooling/n24 --expose-gc jvb-ts/bench/forward.bench.ts [--json]
 */
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

/** With one receiver the whole receive side is in the figure. */
const budgetNs = (receivers: number): number => (receivers === 1 ? 2000 : 1000);
const BUDGET_BYTES = 1;
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

function run(kind: "audio" | "video", receivers: number): boolean {
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
  sent = 0;
  const heap = process.memoryUsage().heapUsed;
  // Processor time: what other processes take of the machine does not count.
  const start = process.cpuUsage();
  step(batches);
  const elapsed = process.cpuUsage(start).user;
  const allocated = process.memoryUsage().heapUsed - heap;
  const ns = (elapsed * 1e3) / sent;
  const bytes = allocated / sent;
  const ok = ns <= budgetNs(receivers) && bytes <= BUDGET_BYTES;
  figures[`${kind} 1:${receivers} ns`] = ns;
  figures[`${kind} 1:${receivers} B`] = bytes;
  if (asJson) return ok;
  console.log(
    `${kind} 1:${receivers}`.padEnd(12),
    `${ns.toFixed(0)} ns`.padStart(9),
    `${bytes.toFixed(3)} B`.padStart(10),
    `(${sent} packets)`,
    ok ? "within budget" : "OVER BUDGET",
  );
  return ok;
}

const asJson = process.argv.includes("--json");
const figures: Record<string, number> = {};
let ok = true;
for (const receivers of [1, 10, 100])
  for (const kind of ["audio", "video"] as const) ok = run(kind, receivers) && ok;
if (asJson) console.log(JSON.stringify({ "jvb-ts": figures }));
else process.exitCode = ok ? 0 : 1;
