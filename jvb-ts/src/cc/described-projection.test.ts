import { expect } from "chai";
import { buildDescriptor } from "../media/descriptor-fixture.ts";
import { layerIndex } from "../media/projection.ts";
import type { EncoderOptions, TestPacket } from "./projection-fixture.ts";
import { TestEncoder, Viewer } from "./projection-fixture.ts";
import { SourceProjection } from "./source-projection.ts";

const starts = [0, 1, 0x7fff, 0xfffe, 0xffff];

const av1 = (options: Partial<EncoderOptions> = {}): TestEncoder =>
  new TestEncoder({ codec: "AV1", ...options });

const target = (eid: number, dt: number): number => layerIndex(eid, 0, 0) | dt;

/** `sid:tid` of the frames that pass in `pictures` pictures. */
function layersPassed(encoder: TestEncoder, viewer: Viewer, pictures = 8): string[] {
  return Array.from({ length: pictures }, () => viewer.passed(encoder.picture()))
    .flat()
    .map(({ frame }) => `${frame.sid}:${frame.tid}`);
}

/** The same packet with its descriptor saying which decode targets are active. */
function withActive(packet: TestPacket, active: number, count: number): TestPacket {
  const [first, high, low] = packet.descriptor!;
  const descriptor = buildDescriptor({
    start: (first! & 0x80) !== 0,
    end: (first! & 0x40) !== 0,
    templateId: first! & 0x3f,
    frameNumber: (high! << 8) | low!,
    active: [active, count],
  });
  return { ...packet, descriptor };
}

describe("AV1 projection", () => {
  it("three temporal layers: decode target 0, 1, 2 has layers up to it (M-090)", () => {
    for (const [dt, expected] of [
      [0, ["0:0", "0:0"]],
      [1, ["0:1", "0:0", "0:1", "0:0"]],
      [2, ["0:2", "0:1", "0:2", "0:0", "0:2", "0:1", "0:2", "0:0"]],
    ] as const) {
      const encoder = av1();
      const viewer = new Viewer("AV1", target(0, dt), 1);
      expect(viewer.passed(encoder.picture(true))).to.have.length(1);
      expect(layersPassed(encoder, viewer)).to.deep.equal(expected);
    }
  });

  it("three by three layers, decode target 5: two spatial layers, marker on the second (M-091)", () => {
    const encoder = av1({ spatial: 3, perFrame: 2 });
    const viewer = new Viewer("AV1", target(0, 5), 1);
    for (let i = 0; i < 9; i++) {
      const passed = viewer.passed(encoder.picture(i === 0));
      expect(passed.map(({ frame, out }) => [frame.sid, out.marker])).to.deep.equal([
        [0, false],
        [0, false],
        [1, false],
        [1, true],
      ]);
    }
  });

  it("k-SVC: all spatial layers of key pictures, else the highest alone", () => {
    const encoder = av1({ spatial: 3, keyOnly: true });
    const viewer = new Viewer("AV1", target(0, 8), 1);
    expect(viewer.passed(encoder.picture(true)).map(({ frame }) => frame.sid)).to.deep.equal([
      0, 1, 2,
    ]);
    expect(new Set(layersPassed(encoder, viewer).map((layer) => layer[0]))).to.deep.equal(
      new Set(["2"]),
    );
  });

  it("another decode target: at a switch frame whose references went out, else by a key frame (M-092)", () => {
    const encoder = av1({ spatial: 3, temporal: 1 });
    const viewer = new Viewer("AV1", target(0, 2), 1);
    viewer.passed(encoder.picture(true));
    viewer.projection.setTarget(target(0, 1));
    expect(layersPassed(encoder, viewer, 2)).to.deep.equal(["0:0", "1:0", "0:0", "1:0"]);
    expect(viewer.projection.needsKeyframe).to.equal(false);
    viewer.projection.setTarget(target(0, 2));
    expect(layersPassed(encoder, viewer, 1)).to.deep.equal(["0:0", "1:0"]);
    expect(viewer.projection.needsKeyframe).to.equal(true);
    expect(viewer.passed(encoder.picture(true)).map(({ frame }) => frame.sid)).to.deep.equal([
      0, 1, 2,
    ]);
    expect(viewer.projection.needsKeyframe).to.equal(false);

    const temporal = av1();
    const other = new Viewer("AV1", target(0, 0), 1);
    other.passed(temporal.picture(true));
    expect(layersPassed(temporal, other, 2)).to.deep.equal([]);
    other.projection.setTarget(target(0, 2));
    expect(layersPassed(temporal, other, 6)).to.deep.equal(["0:0", "0:2", "0:1", "0:2", "0:0"]);
    expect(other.projection.needsKeyframe).to.equal(false);
  });

  it("k-SVC: down waits for a key frame, and the picture goes on until then", () => {
    const encoder = av1({ spatial: 3, keyOnly: true });
    const viewer = new Viewer("AV1", target(0, 8), 1);
    viewer.passed(encoder.picture(true));
    layersPassed(encoder, viewer, 4);
    viewer.projection.setTarget(target(0, 5));
    expect(layersPassed(encoder, viewer, 4)).to.deep.equal(["2:2", "2:1", "2:2", "2:0"]);
    expect(viewer.projection.needsKeyframe).to.equal(true);
    viewer.passed(encoder.picture(true));
    expect(layersPassed(encoder, viewer, 2)).to.deep.equal(["1:2", "1:1"]);
  });

  it("tells the receiver its decode targets where they change, not beside a structure for all (M-093)", () => {
    const encoder = av1();
    const viewer = new Viewer("AV1", target(0, 2), 1);
    const targets = (): (number | undefined)[] =>
      viewer
        .passed(encoder.picture())
        .map(() => (viewer.projection.writesTargets ? viewer.projection.activeTargets : undefined));
    viewer.passed(encoder.picture(true));
    expect(viewer.projection.writesTargets).to.equal(false);
    for (let i = 0; i < 3; i++) expect(targets()).to.deep.equal([undefined]);
    viewer.projection.setTarget(target(0, 0));
    expect(targets()).to.deep.equal([0b001]);
    for (let i = 0; i < 3; i++) expect(targets()).to.deep.equal([]);
    expect(targets()).to.deep.equal([undefined]);
    viewer.passed(encoder.picture(true));
    expect(viewer.projection.writesTargets).to.equal(false);
    const lower = new Viewer("AV1", target(0, 1), 1);
    lower.passed(encoder.picture(true));
    expect([lower.projection.writesTargets, lower.projection.activeTargets]).to.deep.equal([
      true,
      0b011,
    ]);
  });

  it("a descriptor that says which decode targets are active says the receiver's (M-093)", () => {
    const encoder = av1({ temporal: 2 });
    const viewer = new Viewer("AV1", target(0, 0), 1);
    viewer.passed(encoder.picture(true));
    viewer.passed(encoder.picture());
    const [packet] = encoder.picture();
    expect(viewer.give(withActive(packet!, 0b11, 2))).to.not.equal(undefined);
    expect([viewer.projection.writesTargets, viewer.projection.activeTargets]).to.deep.equal([
      true,
      0b01,
    ]);
  });

  it("a decode target that is not active: the frame is dropped, then a key frame is asked for (M-095)", () => {
    const encoder = av1({ temporal: 1, spatial: 2 });
    const viewer = new Viewer("AV1", target(0, 1), 1);
    viewer.passed(encoder.picture(true));
    const inactive = encoder.picture().map((packet) => withActive(packet, 0b01, 2));
    expect(viewer.giveAll(inactive)).to.deep.equal([undefined, undefined]);
    expect(layersPassed(encoder, viewer, 2)).to.deep.equal([]);
    expect(viewer.projection.needsKeyframe).to.equal(true);
    // The allocation has moved on: what is active flows with the key frame.
    viewer.projection.setTarget(target(0, 0));
    expect(viewer.passed(encoder.picture(true)).map(({ frame }) => frame.sid)).to.deep.equal([0]);
  });

  for (const start of starts) {
    it(`an encoding switch: frame number + 1, template ids behind the last structure's (M-094), from ${start}`, () => {
      const low = av1({ perFrame: 2, seq: start, pictureId: start, idOffset: 60 });
      const high = av1({ eid: 1, seq: 9000, perFrame: 2, pictureId: 500, idOffset: 7, spatial: 2 });
      const viewer = new Viewer("AV1", target(0, 2));
      const [first] = viewer.giveAll(low.picture(true));
      expect([first?.seq, first?.timestamp, first?.id]).to.deep.equal([2, 3001, start]);
      expect(viewer.projection.templateShift).to.equal(0);
      const last = viewer.passed(low.picture()).at(-1)!.out;
      viewer.projection.setTarget(target(1, 5));
      viewer.now = 66;
      const [next] = viewer.giveAll(high.picture(true));
      expect(next).to.deep.equal({
        seq: last.seq + 1,
        timestamp: last.timestamp + 6000,
        id: (last.id + 1) & 0xffff,
        tl0: -1,
        marker: false,
      });
      // Five templates from 60 on: the next free id is 1.
      expect(viewer.projection.templateShift).to.equal((1 - 7) & 63);
      expect(viewer.passed(low.picture())).to.deep.equal([]);
      viewer.projection.setTarget(target(0, 2));
      viewer.now = 1000;
      viewer.giveAll(low.picture(true));
      // Ten templates more.
      expect(viewer.projection.templateShift).to.equal((11 - 60) & 63);
    });

    it(`filtering keeps frame numbers linear and closes sequence numbers, from ${start}`, () => {
      const encoder = av1({ spatial: 3, seq: start, pictureId: start });
      const viewer = new Viewer("AV1", target(0, 3), 1);
      const outs = Array.from({ length: 21 }, (_, i) => viewer.passed(encoder.picture(i === 0)))
        .flat()
        .map(({ out }) => out);
      expect(outs).to.have.length(12);
      for (const [i, out] of outs.entries()) {
        expect(out.seq).to.equal(2 + i);
        expect(out.id).to.equal((start + 12 * (i >> 1) + (i & 1)) & 0xffff);
      }
    });

    it(`resumes after a suspension with the next frame number, from ${start}`, () => {
      for (const pause of [1, 100, 700]) {
        const encoder = av1({ seq: start, pictureId: start });
        const viewer = new Viewer("AV1", target(0, 2), 1);
        viewer.passed(encoder.picture(true));
        const last = viewer.passed(encoder.picture()).at(-1)!.out;
        viewer.projection.setTarget(-1);
        for (let i = 0; i < pause; i++) expect(viewer.passed(encoder.picture())).to.deep.equal([]);
        viewer.projection.setTarget(target(0, 2));
        expect(viewer.passed(encoder.picture())).to.deep.equal([]);
        const [first] = viewer.giveAll(encoder.picture(true));
        expect(first?.seq).to.equal(last.seq + 1);
        expect(first?.id).to.equal((last.id + 1) & 0xffff);
        expect(first?.timestamp).to.equal(last.timestamp + 3000 * (pause + 2));
      }
    });
  }

  it("a jump of frame numbers keeps what is added to them (quirk of upstream)", () => {
    const encoder = av1();
    const viewer = new Viewer(
      "AV1",
      target(0, 2),
      1,
      new SourceProjection({ seq: 9, timestamp: 9, frameNumber: 40 }),
    );
    const [first] = viewer.giveAll(encoder.picture(true));
    expect(first?.id).to.equal(41);
    const jumped = av1({ pictureId: 5000, seq: 1001, timestamp: 93_000 });
    const [after] = viewer.giveAll(jumped.picture(true));
    expect(after?.id).to.equal((5000 - 100 + 41) & 0xffff);
    expect(after?.seq).to.equal(first!.seq + 1);
  });

  it("frames of an unknown structure ask for a key frame", () => {
    const encoder = av1();
    const viewer = new Viewer("AV1", target(0, 2), 1);
    encoder.picture(true);
    expect(viewer.passed(encoder.picture())).to.deep.equal([]);
    expect(viewer.projection.needsKeyframe).to.equal(true);
    expect(viewer.passed(encoder.picture(true))).to.have.length(1);
    expect(viewer.projection.needsKeyframe).to.equal(false);
  });
});
