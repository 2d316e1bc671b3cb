import { expect } from "chai";
import {
  endOfDescriptor,
  FRAMES_PER_SECOND,
  packetBytes,
  Vp8Camera,
  writeVp8Header,
} from "./vp8-camera.ts";

const encodings = [
  { ssrc: 1, height: 180, bps: 150_000 },
  { ssrc: 2, height: 360, bps: 450_000 },
  { ssrc: 3, height: 720, bps: 1_400_000 },
];
const frameMs = 1000 / FRAMES_PER_SECOND;

describe("Vp8Camera", () => {
  it("keeps to the rates", () => {
    const camera = new Vp8Camera(encodings, 1);
    const bytes = [0, 0, 0];
    for (let frame = 0; frame < 3000; frame++) {
      camera.nextFrame(frame * frameMs);
      camera.encodings.forEach((state, at) => {
        if (!state.keyFrame) bytes[at]! += state.frameBytes;
      });
    }
    bytes.forEach((sum, at) => {
      expect((sum * 8) / 100 / encodings[at]!.bps).to.be.within(0.98, 1.02);
    });
  });

  it("splits a frame into packets that fit and lose nothing", () => {
    const camera = new Vp8Camera(encodings, 2);
    for (let frame = 0; frame < 200; frame++) {
      camera.nextFrame(frame * frameMs);
      for (const state of camera.encodings) {
        const sizes = Array.from({ length: state.packets }, (_, at) => packetBytes(state, at));
        expect(sizes.reduce((a, b) => a + b, 0)).to.equal(state.frameBytes);
        expect(Math.max(...sizes) + 6).to.be.at.most(1100);
        expect(Math.min(...sizes)).to.be.greaterThan(100);
      }
    }
  });

  it("begins with a key frame, and makes one when asked, not more than each 300 ms", () => {
    const camera = new Vp8Camera(encodings, 3);
    const keys: number[] = [];
    for (let frame = 0; frame < 40; frame++) {
      if (frame >= 1 && frame <= 20) camera.requestKeyFrame();
      camera.nextFrame(frame * frameMs);
      if (camera.encodings[1]!.keyFrame) keys.push(frame);
    }
    expect(keys).to.deep.equal([0, 9, 18, 27]);
    expect(camera.keyFrames).to.equal(4);
  });

  it("counts pictures across their wrap, and base layers only in the base layer", () => {
    const camera = new Vp8Camera(encodings, 4);
    const [state] = camera.encodings;
    state!.pictureId = 0x7ffe;
    state!.tl0 = 254;
    const seen = Array.from({ length: 9 }, (_, frame) => {
      camera.nextFrame(frame * frameMs);
      return [state!.pictureId, state!.temporalId, state!.tl0];
    });
    expect(seen).to.deep.equal([
      [0x7fff, 0, 255],
      [0, 2, 255],
      [1, 1, 255],
      [2, 2, 255],
      [3, 0, 0],
      [4, 2, 0],
      [5, 1, 0],
      [6, 2, 0],
      [7, 0, 1],
    ]);
  });

  it("writes descriptors whose end it finds", () => {
    const camera = new Vp8Camera(encodings, 5);
    const bytes = new Uint8Array(100);
    camera.nextFrame(0);
    const state = camera.encodings[2]!;
    expect(writeVp8Header(bytes, 10, state, 0)).to.equal(26);
    expect(endOfDescriptor(bytes, 10, 100)).to.equal(16);
    expect([...bytes.subarray(19, 26)]).to.deep.equal([0x9d, 1, 0x2a, 0, 5, 0xd0, 2]);
    expect(bytes[16]! & 1).to.equal(0);
    expect(writeVp8Header(bytes, 10, state, 1)).to.equal(16);
    expect(bytes[10]! & 0x10).to.equal(0);
    camera.nextFrame(frameMs);
    expect(writeVp8Header(bytes, 10, state, 0)).to.equal(19);
    expect(bytes[16]! & 1).to.equal(1);
    // As a bridge may rewrite them: 7 bits of picture id, or none of it.
    expect(endOfDescriptor(Uint8Array.of(0x90, 0xe0, 0x05, 1, 0x40, 9), 0, 6)).to.equal(5);
    expect(endOfDescriptor(Uint8Array.of(0x10, 9), 0, 2)).to.equal(1);
    expect(endOfDescriptor(Uint8Array.of(0x90, 0xe0, 0x85, 1), 0, 4)).to.equal(-1);
  });
});
