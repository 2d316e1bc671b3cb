import { expect } from "chai";
import { parseH264 } from "./codec-parsers.ts";
import { VideoPacket } from "./video-packet.ts";
import { parseVp9 } from "./vp9-descriptor.ts";
import { Vp9Structure } from "./vp9-structure.ts";

const packet = new VideoPacket();
const structure = new Vp9Structure();

function vp9(payload: readonly number[]): boolean {
  packet.reset();
  const bytes = Uint8Array.from([7, ...payload, 7]);
  return parseVp9(packet, structure, bytes, 1, payload.length);
}

function h264(payload: readonly number[]): boolean {
  packet.reset();
  return parseH264(packet, Uint8Array.from([7, ...payload, 7]), 1, payload.length);
}

describe("VP9 payload descriptor", () => {
  it("reads picture id, layers and TL0PICIDX of a predicted frame", () => {
    expect(vp9([0xe5, 0x92, 0x34, 0x53, 0x77, 0x00])).to.equal(true);
    expect([packet.pictureId, packet.pictureIdBits, packet.pictureIdAt]).to.deep.equal([
      0x1234, 15, 1,
    ]);
    expect([packet.tid, packet.sid, packet.tl0, packet.tl0At]).to.deep.equal([2, 1, 0x77, 4]);
    expect([packet.interPicture, packet.interLayer, packet.upperLevelReference]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect([packet.startOfFrame, packet.endOfFrame, packet.keyframe]).to.deep.equal([
      false,
      true,
      false,
    ]);
  });

  it("reads seven bits of picture id, and no layers at all (M-088)", () => {
    expect(vp9([0x88, 0x7f, 0x00])).to.equal(true);
    expect([packet.pictureId, packet.pictureIdBits, packet.pictureIdAt]).to.deep.equal([
      0x7f, 7, 0,
    ]);
    expect([packet.tid, packet.sid, packet.tl0, packet.keyframe]).to.deep.equal([-1, -1, -1, true]);
  });

  const keyframes: readonly (readonly [string, readonly number[], boolean])[] = [
    ["lowest spatial layer, not predicted", [0xa8, 1, 0x00, 5, 0], true],
    ["higher spatial layer predicted from the lower one", [0xa8, 1, 0x03, 5, 0], false],
    ["higher spatial layer on its own", [0xa8, 1, 0x02, 5, 0], true],
    ["predicted", [0xe8, 1, 0x00, 5, 0], false],
  ];
  for (const [name, payload, expected] of keyframes)
    it(`key frame: ${name}`, () => {
      expect(vp9(payload)).to.equal(true);
      expect(packet.keyframe).to.equal(expected);
    });

  it("flexible mode: up to three references, and no TL0PICIDX", () => {
    expect(vp9([0xf8, 1, 0x20, 0x03, 0x05, 0x08, 0x00])).to.equal(true);
    expect([packet.flexible, packet.tl0, packet.referenceCount]).to.deep.equal([true, -1, 3]);
    expect([...packet.references]).to.deep.equal([1, 2, 4]);
    expect(vp9([0xf8, 1, 0x20, 0x03, 0x05, 0x09, 0x02, 0x00])).to.equal(false);
  });

  it("scalability structure with sizes and a picture group", () => {
    const group = [0x04, 0x04, 1, 0x44, 1, 0x28, 1, 2, 0x44, 1];
    const sizes = [1, 64, 0, 180, 2, 128, 1, 104];
    expect(vp9([0xaa, 1, 0x00, 5, 0x38, ...sizes, ...group, 0])).to.equal(true);
    expect(packet.structure).to.equal(structure);
    expect([structure.spatialLayers, structure.temporalLayers]).to.deep.equal([2, 3]);
    expect([...structure.heights.subarray(0, 2)]).to.deep.equal([180, 360]);
    expect([...structure.frameRates.subarray(0, 3)]).to.deep.equal([7.5, 15, 30]);
    expect(packet.height).to.equal(360);
  });

  it("a structure behind references is read where it is (quirk of upstream)", () => {
    expect(
      vp9([0xfa, 1, 0x20, 0x02, 0x50, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208, 0]),
    ).to.equal(true);
    expect([structure.spatialLayers, structure.temporalLayers]).to.deep.equal([3, 0]);
    expect([...structure.heights.subarray(0, 3)]).to.deep.equal([180, 360, 720]);
    expect(structure.frameRates[0]).to.equal(-1);
  });

  it("every truncation is refused (M-183)", () => {
    const whole = [0xaa, 0x81, 2, 0x00, 5, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 1, 0];
    for (let length = 0; length < whole.length; length++)
      expect(vp9(whole.slice(0, length)), `${length}`).to.equal(false);
    expect(vp9(whole)).to.equal(true);
  });
});

describe("H.264 key frames", () => {
  const cases: readonly (readonly [string, readonly number[], boolean | undefined])[] = [
    ["SPS alone", [0x67, 1, 2], true],
    ["IDR slice alone", [0x65, 1], true],
    ["PPS alone", [0x68, 1], false],
    ["other slice", [0x41, 1], false],
    ["aggregate with SPS first", [0x78, 0, 2, 0x67, 1, 0, 1, 0x68], true],
    ["aggregate with SPS behind a delimiter", [0x78, 0, 2, 9, 1, 0, 1, 0x67], true],
    ["aggregate of slices", [0x78, 0, 1, 0x41, 0, 1, 0x41], false],
    ["aggregate cut off", [0x78, 0, 2, 0x67, 1, 0, 9, 0x68], undefined],
    ["aggregate with an empty unit", [0x78, 0, 0], undefined],
    ["empty aggregate", [0x78], undefined],
    ["first fragment of an IDR slice", [0x7c, 0x85, 1], true],
    ["later fragment of an IDR slice", [0x7c, 0x05, 1], false],
    ["first fragment of another slice", [0x7c, 0x81, 1], false],
    ["fragment cut off", [0x7c], undefined],
    ["nothing", [], undefined],
  ];
  for (const [name, payload, expected] of cases)
    it(name, () => {
      const accepted = h264(payload);
      expect(accepted ? packet.keyframe : undefined).to.equal(expected);
    });
});
