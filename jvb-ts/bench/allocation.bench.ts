/**
 * What a decision about 100 sources costs for one receiver (the least of some rounds: the rest is the machine's),
 * and how long a change of the speaker in a conference of 30 takes to the allocations of all. Run by
 * `shared/tooling/n24 --conditions=source jvb-ts/bench/allocation.bench.ts`.
 */
import { BandwidthAllocator } from "../src/cc/allocation/bandwidth-allocator.ts";
import { initialSettings } from "../src/cc/allocation/settings.ts";
import {
  AUDIO_LEVEL,
  audioSource,
  EngineFixture,
  OPUS,
  VP8,
  videoSource,
  vp8Payload,
} from "../src/cc/engine-fixture.ts";
import type { SourceValue } from "../src/media/allocation-port.ts";
import { defaultEngineOptions } from "../src/media/engine-options.ts";
import { layerIndex } from "../src/media/projection.ts";

const SOURCES = 100;
const DECISIONS = 2_000;
const ROUNDS = 7;

const tops = [150_000, 500_000, 2_000_000];
const sources: readonly SourceValue[] = Array.from({ length: SOURCES }, (_, at) => ({
  name: `s${at}-v0`,
  ownerId: `s${at}`,
  videoType: "CAMERA" as const,
  layers: tops.flatMap((top, eid) =>
    [0.33, 0.66, 1].map((share, tid) => ({
      index: layerIndex(eid, -1, tid),
      height: 180 << eid,
      frameRate: 7.5 * 2 ** tid,
      bitrateBps: top * share,
    })),
  ),
}));

const allocator = new BandwidthAllocator();
const settings = {
  ...initialSettings(defaultEngineOptions),
  lastN: -1,
  defaultMaxHeight: 720,
  onStageSources: ["s7-v0"],
  selectedSources: ["s3-v0", "s5-v0"],
};
for (const availableBps of [1_000_000, 20_000_000, 300_000_000]) {
  const input = { settings, sources, receiverId: "me", bridgeLastN: -1, availableBps };
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    for (let i = 0; i < DECISIONS; i++) allocator.allocate(input, defaultEngineOptions);
    least = Math.min(least, performance.now() - begun);
  }
  const us = (1000 * least) / DECISIONS / SOURCES;
  console.log(`100 sources, ${availableBps / 1e6} Mbps: ${us.toFixed(3)} us a source`);
}

const PEOPLE = 30;
const SWITCHES = 40;

/** Everybody sends a camera, so that each speaker changes what last-n 5 gives to all. */
const fixture = new EngineFixture();
for (let at = 0; at < PEOPLE; at++) {
  const id = `p${at}`;
  const endpoint = fixture.join(id, at, [
    audioSource(`${id}-a0`, 1000 + at),
    videoSource(`${id}-v0`, [5000 + at]),
  ]);
  endpoint.setReceiverConstraints({ lastN: 5, defaultConstraints: { maxHeight: 180 } });
}
let seq = 0;
let switches = 0;
let leastMs = Number.POSITIVE_INFINITY;
let mostMs = 0;
/** Virtual ms from the change of the speaker until the first receiver was told what it gets now. */
let mostWaitMs = 0;
let changedAt = 0;
for (let turn = 0; switches < SWITCHES; turn++) {
  const speaker = Math.floor(turn / 150) % PEOPLE;
  seq++;
  for (let at = 0; at < PEOPLE; at++) {
    fixture.receive(at, {
      pt: VP8,
      seq: seq & 0xffff,
      ssrc: 5000 + at,
      timestamp: 3000 * seq,
      marker: true,
      payload: vp8Payload({ pictureId: seq & 0x7fff, tl0: seq & 0xff, tid: 0, keyframe: true }),
    });
    fixture.receive(at, {
      pt: OPUS,
      seq: seq & 0xffff,
      ssrc: 1000 + at,
      timestamp: 960 * seq,
      extensions: [[AUDIO_LEVEL, [at === speaker ? 10 : 90]]],
    });
  }
  fixture.take();
  fixture.events();
  for (let ms = 0; ms < 20; ms++) {
    fixture.now += 1;
    const begun = performance.now();
    fixture.tick();
    const took = performance.now() - begun;
    const kinds = fixture.events().map(({ kind }) => kind);
    if (kinds.includes("dominantSpeakerChanged")) changedAt = fixture.now;
    if (changedAt === 0 || !kinds.includes("forwardedSourcesChanged")) continue;
    mostWaitMs = Math.max(mostWaitMs, fixture.now - changedAt);
    changedAt = 0;
    switches++;
    leastMs = Math.min(leastMs, took);
    mostMs = Math.max(mostMs, took);
  }
}
console.log(
  `speaker to new allocations of ${PEOPLE}: after ${mostWaitMs} ms at most, ${leastMs.toFixed(2)} to ${mostMs.toFixed(2)} ms of work, ${SWITCHES} changes`,
);
