import { expect } from "chai";
import { vp9StructureBytes } from "../cc/projection-fixture.ts";
import { DependencyDescriptor } from "./dependency-descriptor.ts";
import type { DescriptorSpec } from "./descriptor-fixture.ts";
import { buildDescriptor, DescribedEncoder, scalableStructure } from "./descriptor-fixture.ts";
import { EncodingLayers } from "./encoding-layers.ts";
import { LayersAllocation } from "./layers-allocation.ts";
import { StructureHistory } from "./structure-history.ts";
import { VideoPacket } from "./video-packet.ts";
import { Vp9Structure } from "./vp9-structure.ts";

const summary = (layers: EncodingLayers) =>
  layers.all.map(({ index, height, frameRate }) => [index, height, frameRate]);

function structureOf(spatial: number, temporal: number, flexible = false): Vp9Structure {
  const structure = new Vp9Structure();
  const bytes = Uint8Array.from(vp9StructureBytes(spatial, temporal, flexible));
  expect(structure.parse(bytes, 0, bytes.length)).to.equal(bytes.length);
  return structure;
}

const packet = new VideoPacket();

/** Counts one packet of a layer. */
function count(
  layers: EncodingLayers,
  sid: number,
  tid: number,
  bits: number,
  now: number,
  prediction: { readonly picture?: boolean; readonly lower?: boolean } = {},
): boolean {
  packet.reset();
  packet.sid = sid;
  packet.tid = tid;
  packet.interPicture = prediction.picture ?? true;
  packet.interLayer = prediction.lower ?? sid > 0;
  return layers.count(packet, bits, false, now);
}

describe("layers of an encoding", () => {
  it("are three temporal ones before a packet told", () => {
    expect(summary(new EncodingLayers(1))).to.deep.equal([
      [64, 360, 7.5],
      [65, 360, 15],
      [66, 360, 30],
    ]);
  });

  it("VP9: three by three from a structure, in the order of their indices", () => {
    const layers = new EncodingLayers(0);
    expect(layers.applyStructure(structureOf(3, 3))).to.equal(true);
    expect(summary(layers)).to.deep.equal(
      [0, 1, 2].flatMap((sid) =>
        [7.5, 15, 30].map((fps, tid) => [(sid << 3) | tid, 180 << sid, fps]),
      ),
    );
    expect(layers.applyStructure(structureOf(3, 3))).to.equal(false);
    expect(layers.applyStructure(structureOf(2, 3))).to.equal(true);
    expect(layers.all).to.have.length(6);
  });

  it("VP9: a single spatial layer without a size keeps the height of signaling", () => {
    const layers = new EncodingLayers(2);
    const structure = structureOf(1, 1, true);
    structure.heights[0] = 0;
    layers.applyStructure(structure);
    expect(summary(layers)).to.deep.equal([[128, 720, -1]]);
  });

  it("VP9 in flexible mode: a temporal layer is added when it shows (M-041)", () => {
    const layers = new EncodingLayers(0);
    layers.applyStructure(structureOf(2, 3, true));
    expect(summary(layers)).to.deep.equal([
      [0, 180, -1],
      [8, 360, -1],
    ]);
    packet.reset();
    packet.sid = 1;
    packet.tid = 2;
    expect(layers.addObserved(packet)).to.equal(true);
    expect(layers.addObserved(packet)).to.equal(false);
    expect(summary(layers)).to.deep.equal([
      [0, 180, -1],
      [8, 360, -1],
      [10, 360, -1],
    ]);
    // The next structure says nothing else.
    expect(layers.applyStructure(structureOf(2, 3, true))).to.equal(false);
  });

  it("VP9: a bitrate includes the layers it depends on, lower spatial ones while they are used", () => {
    const layers = new EncodingLayers(0);
    layers.applyStructure(structureOf(2, 2));
    const rates = () => layers.all.map((layer) => layers.bitrate(layer, 500) / 2000);
    expect(count(layers, 0, 0, 1000, 0)).to.equal(true);
    expect(count(layers, 0, 0, 9000, 0)).to.equal(false);
    count(layers, 0, 1, 20_000, 0);
    count(layers, 1, 0, 40_000, 0);
    count(layers, 1, 1, 80_000, 0);
    expect(rates()).to.deep.equal([10, 30, 50, 150]);
    // k-SVC: pictures between key pictures do not refer to the layer below.
    count(layers, 1, 0, 0, 0, { lower: false });
    expect(rates()).to.deep.equal([10, 30, 40, 120]);
    // Key pictures say nothing about that.
    count(layers, 1, 0, 0, 0, { picture: false, lower: true });
    expect(rates()).to.deep.equal([10, 30, 40, 120]);
  });

  function described(spec: DescriptorSpec, history = new StructureHistory()): DependencyDescriptor {
    const descriptor = new DependencyDescriptor();
    const bytes = Uint8Array.from(buildDescriptor(spec));
    packet.reset();
    expect(descriptor.parse(history, 1, bytes, 0, bytes.length)).to.equal(true);
    packet.describe(descriptor);
    return descriptor;
  }

  it("count a quarter of a lone key frame, all of those that come often", () => {
    const layers = new EncodingLayers(0);
    const key = (timestamp: number, bits: number, now: number) => {
      packet.reset();
      packet.tid = 0;
      packet.timestamp = timestamp;
      layers.count(packet, bits, true, now);
    };
    // Nothing else tells of the layer.
    key(1, 1_000, 0);
    expect(layers.bitrate(layers.all[0]!, 500)).to.equal(2_000);
    count(layers, 0, 0, 1_000, 1_900);
    key(2, 4_000, 2_000);
    key(2, 4_000, 2_001);
    expect(layers.bitrate(layers.all[0]!, 2_400)).to.equal((1_000 + 2_000) / 0.5);
    key(3, 4_000, 2_300);
    expect(layers.bitrate(layers.all[0]!, 2_400)).to.equal((1_000 + 2_000 + 4_000) / 0.5);
  });

  it("AV1: nine decode targets of three by three layers with cumulative bitrates (M-042)", () => {
    const layers = new EncodingLayers(0);
    const encoder = new DescribedEncoder(3, 3);
    const history = new StructureHistory();
    const descriptor = new DependencyDescriptor();
    for (let picture = 0; picture < 4; picture++) {
      for (const [sid, frame] of encoder.picture(picture === 0).entries()) {
        const bytes = Uint8Array.from(frame.describe(true, true));
        packet.reset();
        descriptor.parse(history, picture, bytes, 0, bytes.length);
        packet.describe(descriptor);
        layers.applyDescriptor(descriptor);
        layers.count(packet, 1000 * 10 ** sid, false, 0);
      }
    }
    expect(summary(layers)).to.deep.equal(
      [0, 1, 2].flatMap((sid) => [7.5, 15, 30].map((fps, tid) => [3 * sid + tid, 180 << sid, fps])),
    );
    // Pictures of temporal layer 0, 0 to 1, 0 to 2: one, two and four.
    expect(layers.all.map((layer) => layers.bitrate(layer, 500) / 2)).to.deep.equal(
      [1, 11, 111].flatMap((kbps) => [1, 2, 4].map((pictures) => 1000 * kbps * pictures)),
    );
  });

  it("AV1: only active decode targets are layers, and come back with their bitrate", () => {
    const layers = new EncodingLayers(1);
    const history = new StructureHistory();
    const structure = scalableStructure(2, 2, false);
    const start = described({ templateId: 0, frameNumber: 0, structure }, history);
    expect(layers.applyDescriptor(start)).to.equal(true);
    expect(layers.all.map((layer) => layer.index)).to.deep.equal([64, 65, 66, 67]);
    layers.count(packet, 5000, false, 0);
    const next = (active?: number) =>
      described(
        { templateId: 1, frameNumber: 1, active: active === undefined ? undefined : [active, 4] },
        history,
      );
    expect(layers.applyDescriptor(next())).to.equal(false);
    expect(layers.applyDescriptor(next(0b0011))).to.equal(true);
    expect(layers.applyDescriptor(next(0b0011))).to.equal(false);
    expect(layers.all.map((layer) => layer.index)).to.deep.equal([64, 65]);
    expect(layers.bitrate(layers.all[0]!, 500)).to.equal(10_000);
    expect(layers.applyDescriptor(next(0))).to.equal(true);
    expect(count(layers, 0, 0, 100, 0)).to.equal(false);
  });

  it("what a sender tells of its layers: bitrates, sizes, frame rates (M-045)", () => {
    const allocation = new LayersAllocation();
    const bytes = Buffer.from("01805078C801013F00B321", "hex");
    allocation.parse(bytes, 0, bytes.length);
    const layers = new EncodingLayers(0);
    layers.applyAllocation(allocation, 0);
    expect(layers.all.map((layer) => layer.targetBitrateBps)).to.deep.equal([
      80_000, 120_000, 200_000,
    ]);
    expect(summary(layers)).to.deep.equal([
      [0, 180, 8.25],
      [1, 180, 16.5],
      [2, 180, 33],
    ]);
    layers.applyAllocation(allocation, 1);
    expect(layers.all.map((layer) => layer.targetBitrateBps)).to.deep.equal([0, 0, 0]);
  });
});
