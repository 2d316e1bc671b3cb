import { expect } from "chai";
import { DependencyDescriptor } from "./dependency-descriptor.ts";
import { descriptorLength, writeDescriptor } from "./descriptor-edit.ts";
import type { DescriptorSpec } from "./descriptor-fixture.ts";
import { buildDescriptor, scalableStructure } from "./descriptor-fixture.ts";
import { StructureHistory } from "./structure-history.ts";
import { VideoPacket } from "./video-packet.ts";

const packet = new VideoPacket();

/** A reader with the history of one stream. */
class Reader {
  readonly history = new StructureHistory();
  readonly descriptor = new DependencyDescriptor();

  parse(bytes: readonly number[], seq: number): boolean {
    packet.reset();
    const input = Uint8Array.from([9, ...bytes, 9]);
    if (!this.descriptor.parse(this.history, seq, input, 1, bytes.length)) return false;
    packet.describe(this.descriptor);
    return true;
  }
}

const l1t3 = scalableStructure(1, 3, false);
const l3t3 = scalableStructure(3, 3, false, 60);
const k3t3 = scalableStructure(3, 3, true);

describe("dependency descriptor", () => {
  it("reads the structure of a real sender of three temporal layers", () => {
    const bytes = Buffer.from("800001800214eaa860414d141020842701df010d", "hex");
    const reader = new Reader();
    expect(reader.parse([...bytes], 1)).to.equal(true);
    const { structure, targetsAt, usedBits } = reader.descriptor;
    expect([...structure!.tid.subarray(0, structure!.templateCount)]).to.deep.equal([
      0, 0, 1, 2, 2,
    ]);
    expect([...structure!.targetTid.subarray(0, 3)]).to.deep.equal([0, 1, 2]);
    expect([...structure!.frameRate.subarray(0, 3)]).to.deep.equal([7.5, 15, 30]);
    expect(structure!.heights[0]).to.equal(270);
    expect(packet.keyframe).to.equal(true);
    expect([targetsAt, usedBits].every((bits) => bits > 8 * 19 && bits <= 8 * 20)).to.equal(true);
  });

  it("a structure of three by three layers has nine decode targets (M-042)", () => {
    for (const spec of [l3t3, k3t3]) {
      const reader = new Reader();
      const bytes = buildDescriptor({
        templateId: spec.idOffset,
        frameNumber: 0xffff,
        structure: spec,
      });
      expect(reader.parse(bytes, 7)).to.equal(true);
      const structure = reader.descriptor.structure!;
      expect(structure.targetCount).to.equal(9);
      expect([...structure.targetSid.subarray(0, 9)]).to.deep.equal([0, 0, 0, 1, 1, 1, 2, 2, 2]);
      expect([...structure.targetTid.subarray(0, 9)]).to.deep.equal([0, 1, 2, 0, 1, 2, 0, 1, 2]);
      expect([...structure.frameRate.subarray(6, 9)]).to.deep.equal([7.5, 15, 30]);
      expect([...structure.heights.subarray(0, 3)]).to.deep.equal([180, 360, 720]);
      expect([packet.pictureId, packet.sid, packet.tid]).to.deep.equal([0xffff, 0, 0]);
      expect(reader.descriptor.activeTargets).to.equal(0x1ff);
      // Decode target 4: spatial layers 0 and 1, temporal 0 and 1; k-SVC: without the lower one.
      expect(structure.subset[4]).to.equal(spec === l3t3 ? 0b000011011 : 0b000011000);
    }
  });

  it("whether one may switch without a key frame is told by templates between key pictures", () => {
    const targets = (spec: typeof l3t3) => {
      const reader = new Reader();
      reader.parse(
        buildDescriptor({ templateId: spec.idOffset, frameNumber: 1, structure: spec }),
        1,
      );
      return reader.descriptor.structure!;
    };
    expect(targets(l3t3).canSwitch(8, 5)).to.equal(true);
    expect(targets(l3t3).canSwitch(0, 2)).to.equal(true);
    expect(targets(l3t3).canSwitch(2, 8)).to.equal(false);
    expect(targets(k3t3).canSwitch(8, 5)).to.equal(false);
    expect(targets(k3t3).canSwitch(6, 8)).to.equal(true);
  });

  it("a packet that a new structure overtook is read with its own (M-043)", () => {
    const reader = new Reader();
    const old = scalableStructure(1, 3, false, 0);
    const next = scalableStructure(1, 2, false, 2);
    for (const start of [10, 0xfffe]) {
      const seq = (n: number) => (start + n) & 0xffff;
      reader.parse(buildDescriptor({ templateId: 0, frameNumber: 1, structure: old }), seq(0));
      reader.parse(buildDescriptor({ templateId: 2, frameNumber: 3, structure: next }), seq(3));
      reader.parse(buildDescriptor({ templateId: 3, frameNumber: 2 }), seq(1));
      expect([packet.tid, reader.descriptor.hasFrame]).to.deep.equal([2, true]);
      reader.parse(buildDescriptor({ templateId: 4, frameNumber: 4 }), seq(4));
      expect([packet.tid, reader.descriptor.hasFrame]).to.deep.equal([1, true]);
      // An id of the old structure means nothing any more.
      reader.parse(buildDescriptor({ templateId: 0, frameNumber: 5 }), seq(5));
      expect([packet.tid, reader.descriptor.hasFrame]).to.deep.equal([-1, false]);
    }
  });

  it("remembers different structures only, and of those the last sixteen", () => {
    const reader = new Reader();
    for (let i = 0; i < 100; i++) {
      const structure = scalableStructure(1, 3, false, i >> 1);
      reader.parse(
        buildDescriptor({ templateId: i >> 1, frameNumber: i, structure }),
        10 * (i + 1),
      );
    }
    expect(reader.descriptor.structure?.idOffset).to.equal(49);
    reader.parse(buildDescriptor({ templateId: 34, frameNumber: 1 }), 695);
    expect(reader.descriptor.structure?.idOffset).to.equal(34);
    reader.parse(buildDescriptor({ templateId: 33, frameNumber: 1 }), 685);
    expect(reader.descriptor.structure).to.equal(undefined);
  });

  it("without a structure the frame number and the borders of frames are known", () => {
    const reader = new Reader();
    const bytes = buildDescriptor({ templateId: 5, frameNumber: 77, start: false });
    expect(reader.parse(bytes, 1)).to.equal(true);
    expect([packet.startOfFrame, packet.endOfFrame, packet.pictureId, packet.tid]).to.deep.equal([
      false,
      true,
      77,
      -1,
    ]);
  });

  it("custom fields take the place of the template's", () => {
    const reader = new Reader();
    reader.parse(buildDescriptor({ templateId: 0, frameNumber: 0, structure: l1t3 }), 1);
    const bytes = buildDescriptor({
      templateId: 3,
      frameNumber: 8,
      active: [0b101, 3],
      indications: "D-R",
      references: [1, 17, 300],
      chainDiffs: [200],
    });
    expect(reader.parse(bytes, 2)).to.equal(true);
    const { descriptor } = reader;
    expect([descriptor.present, descriptor.switches, descriptor.required]).to.deep.equal([5, 0, 4]);
    expect([...descriptor.references.subarray(0, descriptor.referenceCount)]).to.deep.equal([
      1, 17, 300,
    ]);
    expect([descriptor.hasTargets, descriptor.activeTargets]).to.deep.equal([true, 5]);
  });

  it("every truncation is refused, except behind the mandatory part when nothing is missing (M-183)", () => {
    const whole = buildDescriptor({
      templateId: 60,
      frameNumber: 8,
      structure: l3t3,
      references: [3],
      chainDiffs: [1, 2, 3],
    });
    for (let length = 0; length < whole.length; length++)
      expect(new Reader().parse(whole.slice(0, length), 1), `${length}`).to.equal(length === 3);
    expect(new Reader().parse(whole, 1)).to.equal(true);
  });
});

describe("dependency descriptor, written again", () => {
  const cases: readonly (readonly [string, DescriptorSpec])[] = [
    ["short", { templateId: 3, frameNumber: 500, start: false }],
    ["with a structure", { templateId: 0, frameNumber: 1, structure: l1t3 }],
    [
      "with everything",
      {
        templateId: 1,
        frameNumber: 65_535,
        structure: l1t3,
        active: [0b011, 3],
        indications: "SRD",
        references: [4, 20],
        chainDiffs: [255],
      },
    ],
    ["with custom fields", { templateId: 2, frameNumber: 9, indications: "S-R", references: [2] }],
    ["with active targets", { templateId: 2, frameNumber: 9, active: [0b111, 3] }],
  ];

  /** Parses after the structure is known and writes with a change. */
  function rewrite(
    spec: DescriptorSpec,
    change: { frameNumber?: number; templateShift?: number; activeTargets?: number },
  ): number[] {
    const reader = new Reader();
    reader.parse(buildDescriptor({ templateId: 0, frameNumber: 0, structure: l1t3 }), 1);
    const input = buildDescriptor(spec);
    expect(reader.parse(input, 2)).to.equal(true);
    const { targetsAt, usedBits, structure } = reader.descriptor;
    const layout = { targetsAt, usedBits, targetCount: structure!.targetCount };
    const full = {
      frameNumber: change.frameNumber ?? spec.frameNumber,
      templateShift: change.templateShift ?? 0,
      writesTargets: change.activeTargets !== undefined,
      activeTargets: change.activeTargets ?? 0,
    };
    const bytes = new Uint8Array(600).fill(0xaa);
    bytes.set(input, 10);
    const length = writeDescriptor(bytes, 10, input.length, 300, layout, full);
    expect(length).to.equal(descriptorLength(bytes, 10, input.length, layout, full));
    expect([...bytes.subarray(300 + length, 600)].every((byte) => byte === 0xaa)).to.equal(true);
    return [...bytes.subarray(300, 300 + length)];
  }

  for (const [name, spec] of cases) {
    it(`${name}: unchanged byte for byte (M-044)`, () => {
      expect(rewrite(spec, {})).to.deep.equal(buildDescriptor(spec));
    });

    it(`${name}: other numbers, template ids and active targets (M-093)`, () => {
      for (const templateShift of [0, 1, 40, 63]) {
        for (const activeTargets of [undefined, 0b001, 0b111]) {
          const structure = spec.structure && {
            ...spec.structure,
            idOffset: (spec.structure.idOffset + templateShift) & 63,
          };
          const expected = buildDescriptor({
            ...spec,
            frameNumber: 12_345,
            templateId: (spec.templateId + templateShift) & 63,
            structure,
            active: activeTargets === undefined ? spec.active : [activeTargets, 3],
          });
          expect(
            rewrite(spec, {
              frameNumber: 12_345,
              templateShift,
              ...(activeTargets === undefined ? {} : { activeTargets }),
            }),
            `${templateShift} ${activeTargets}`,
          ).to.deep.equal(expected);
        }
      }
    });
  }
});
