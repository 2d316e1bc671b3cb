import { expect } from "chai";
import { layerIndex } from "../media/projection.ts";
import type { EncoderOptions } from "./projection-fixture.ts";
import { TestEncoder, Viewer } from "./projection-fixture.ts";
import { RtpState } from "./rtp-state.ts";
import { SourceProjection } from "./source-projection.ts";

const starts = [0, 1, 0x7fff, 0xfffe, 0xffff];

const vp9 = (options: Partial<EncoderOptions> = {}): TestEncoder =>
  new TestEncoder({ codec: "VP9", ...options });

/** `sid:tid` of the frames that pass in `pictures` pictures after a key picture. */
function layersPassed(encoder: TestEncoder, viewer: Viewer, pictures = 8): string[] {
  return Array.from({ length: pictures }, () => viewer.passed(encoder.picture()))
    .flat()
    .map(({ frame }) => `${frame.sid}:${frame.tid}`);
}

describe("VP9 projection", () => {
  for (const flexible of [false, true]) {
    const mode = flexible ? ", flexible mode" : "";

    it(`k-SVC to S2T2: all layers of key pictures, else the third, with its markers (M-081)${mode}`, () => {
      const encoder = vp9({ spatial: 3, keyOnly: true, flexible });
      const viewer = new Viewer("VP9", layerIndex(0, 2, 2), 1);
      const key = viewer.passed(encoder.picture(true));
      expect(key.map(({ frame }) => frame.sid)).to.deep.equal([0, 1, 2]);
      expect(key.map(({ out }) => out.marker)).to.deep.equal([false, false, true]);
      for (let i = 0; i < 12; i++) {
        const passed = viewer.passed(encoder.picture());
        expect(passed.map(({ frame }) => frame.sid)).to.deep.equal([2]);
        expect(passed.map(({ out }) => out.marker)).to.deep.equal([true]);
      }
    });

    it(`k-SVC to S1: the second layer alone, and it carries the marker${mode}`, () => {
      const encoder = vp9({ spatial: 3, keyOnly: true, flexible, perFrame: 2 });
      const viewer = new Viewer("VP9", layerIndex(0, 1, 2), 1);
      expect(viewer.passed(encoder.picture(true)).map(({ out }) => out.marker)).to.deep.equal([
        false,
        false,
        false,
        true,
      ]);
      const passed = viewer.passed(encoder.picture());
      expect(passed.map(({ frame, out }) => [frame.sid, out.marker])).to.deep.equal([
        [1, false],
        [1, true],
      ]);
    });

    it(`SVC to S1T2: two layers, marker on the second; to S0: on the first (M-082)${mode}`, () => {
      for (const top of [1, 0]) {
        const encoder = vp9({ spatial: 3, flexible });
        const viewer = new Viewer("VP9", layerIndex(0, top, 2), 1);
        for (let i = 0; i < 9; i++) {
          const passed = viewer.passed(encoder.picture(i === 0));
          const sids = top === 1 ? [0, 1] : [0];
          expect(passed.map(({ frame }) => frame.sid)).to.deep.equal(sids);
          expect(passed.map(({ out }) => out.marker)).to.deep.equal(sids.map((sid) => sid === top));
        }
      }
    });

    it(`S2T0: the lowest temporal layer of all three (M-083)${mode}`, () => {
      const encoder = vp9({ spatial: 3, flexible });
      const viewer = new Viewer("VP9", layerIndex(0, 2, 0), 1);
      viewer.passed(encoder.picture(true));
      expect(layersPassed(encoder, viewer)).to.deep.equal([
        "0:0",
        "1:0",
        "2:0",
        "0:0",
        "1:0",
        "2:0",
      ]);
    });

    it(`SVC: up waits for a key picture and asks for it, down is immediate (M-084)${mode}`, () => {
      const encoder = vp9({ spatial: 3, temporal: 1, flexible });
      const viewer = new Viewer("VP9", layerIndex(0, 0, 0), 1);
      viewer.passed(encoder.picture(true));
      expect(viewer.projection.needsKeyframe).to.equal(false);
      viewer.projection.setTarget(layerIndex(0, 2, 0));
      expect(layersPassed(encoder, viewer, 3)).to.deep.equal(["0:0", "0:0", "0:0"]);
      expect(viewer.projection.needsKeyframe).to.equal(true);
      expect(viewer.passed(encoder.picture(true)).map(({ frame }) => frame.sid)).to.deep.equal([
        0, 1, 2,
      ]);
      expect(viewer.projection.needsKeyframe).to.equal(false);
      viewer.projection.setTarget(layerIndex(0, 1, 0));
      expect(layersPassed(encoder, viewer, 2)).to.deep.equal(["0:0", "1:0", "0:0", "1:0"]);
      expect(viewer.projection.needsKeyframe).to.equal(false);
    });

    it(`a temporal layer is added where what it refers to was forwarded${mode}`, () => {
      const encoder = vp9({ flexible });
      const viewer = new Viewer("VP9", layerIndex(0, 0, 0), 1);
      const passed: string[] = [];
      for (let i = 0; i < 13; i++) {
        if (i === 7) viewer.projection.setTarget(layerIndex(0, 0, 2));
        for (const { frame } of viewer.passed(encoder.picture(i === 0)))
          passed.push(`${i}:${frame.tid}`);
      }
      // Picture 6 (tid 1) was passed over, so 7, which refers to it, is too.
      expect(passed).to.deep.equal(["0:0", "4:0", "8:0", "9:2", "10:1", "11:2", "12:0"]);
    });
  }

  it("k-SVC: down waits for a key picture, the layer above flows until then in its lowest temporal layer", () => {
    const encoder = vp9({ spatial: 3, keyOnly: true });
    const viewer = new Viewer("VP9", layerIndex(0, 2, 2), 1);
    viewer.passed(encoder.picture(true));
    layersPassed(encoder, viewer, 4);
    viewer.projection.setTarget(layerIndex(0, 1, 2));
    expect(layersPassed(encoder, viewer, 7)).to.deep.equal(["2:0"]);
    expect(viewer.projection.needsKeyframe).to.equal(true);
    viewer.passed(encoder.picture(true));
    expect(layersPassed(encoder, viewer, 3)).to.deep.equal(["1:2", "1:1", "1:2"]);
  });

  it("a spatial layer that stops coming does not stop the picture: a key picture brings the next one", () => {
    for (const keyOnly of [false, true]) {
      const encoder = vp9({ spatial: 3, keyOnly });
      const viewer = new Viewer("VP9", layerIndex(0, 2, 2), 1);
      const without = (key: boolean) => encoder.picture(key).filter(({ frame }) => frame.sid < 2);
      viewer.passed(without(true));
      const seen = new Set<number>();
      for (let i = 0; i < 8; i++)
        for (const { frame } of viewer.passed(without(false))) seen.add(frame.sid);
      expect(seen.has(1), `${keyOnly}`).to.equal(true);
    }
  });

  for (const start of starts) {
    it(`a late first packet of a key picture fills the number before the others (M-085), from ${start}`, () => {
      for (const pause of [0, 3]) {
        const encoder = vp9({ perFrame: 3, seq: start });
        const viewer = new Viewer("VP9", layerIndex(0, 0, 2), 1);
        for (let i = 0; i < pause; i++) viewer.passed(encoder.picture());
        const [first, second, third] = encoder.picture(true);
        const out = viewer.giveAll([second!, third!, first!]);
        expect(out[1]?.seq).to.equal(out[0]!.seq + 1);
        expect(out[2]?.seq).to.equal(out[0]!.seq - 1);
        expect(out[2]!.seq).to.be.greaterThan(1);
        const [next] = viewer.giveAll(encoder.picture());
        expect(next?.seq).to.equal(out[1]!.seq + 1);
      }
    });

    it(`temporal filtering leaves gaps in picture ids, none in numbers (M-089), from ${start}`, () => {
      const encoder = vp9({ seq: start, pictureId: start & 0x7fff, tl0: 254 });
      const viewer = new Viewer("VP9", layerIndex(0, 0, 0), 1);
      const outs = Array.from({ length: 17 }, (_, i) => viewer.passed(encoder.picture(i === 0)))
        .flat()
        .map(({ out }) => out);
      expect(outs).to.have.length(5);
      for (const [i, out] of outs.entries()) {
        expect(out.seq).to.equal(2 + i);
        expect(out.id).to.equal((start + 4 * i) & 0x7fff);
        expect(out.tl0).to.equal((255 + i) & 0xff);
        expect(out.timestamp).to.equal(3001 + 12_000 * i);
      }
    });

    it(`an encoding switch goes on with numbers, time and ids (M-086), from ${start}`, () => {
      const low = vp9({ perFrame: 3, seq: start });
      const high = vp9({ eid: 1, seq: 9000, perFrame: 3, pictureId: 500, tl0: 60 });
      const viewer = new Viewer("VP9", layerIndex(0, 0, 2));
      viewer.giveAll(low.picture(true));
      viewer.projection.setTarget(layerIndex(1, 0, 2));
      viewer.now = 1000;
      viewer.giveAll(low.picture());
      const lowKey = low.picture(true);
      const highKey = high.picture(true);
      const leaked = viewer.give(lowKey[0]!)!;
      const first = viewer.give(highKey[0]!)!;
      expect(first).to.deep.equal({
        seq: leaked.seq + 2,
        timestamp: leaked.timestamp + 3000,
        id: leaked.id + 1,
        tl0: leaked.tl0 + 1,
        marker: false,
      });
      expect(viewer.give(lowKey[1]!)).to.equal(undefined);
      expect(viewer.giveAll(highKey.slice(1)).map((one) => one?.seq)).to.deep.equal([
        first.seq + 1,
        first.seq + 2,
      ]);
      expect(viewer.passed(low.picture())).to.deep.equal([]);
      expect(viewer.projection.currentEncoding).to.equal(1);
    });

    it(`resumes under the same SSRC without a gap, the time as it was (M-087), from ${start}`, () => {
      for (const pause of [1, 10, 70, 600]) {
        const encoder = vp9({ seq: start, perFrame: 2, pictureId: 0x7ff0 });
        const viewer = new Viewer("VP9", layerIndex(0, 0, 2), 1);
        for (let i = 0; i < 5; i++) viewer.giveAll(encoder.picture(i === 0));
        const last = viewer.passed(encoder.picture()).at(-1)!.out;
        viewer.projection.setTarget(-1);
        for (let i = 0; i < pause; i++) expect(viewer.passed(encoder.picture())).to.deep.equal([]);
        viewer.projection.setTarget(layerIndex(0, 0, 2));
        expect(viewer.passed(encoder.picture())).to.deep.equal([]);
        expect(viewer.projection.needsKeyframe).to.equal(true);
        const [first] = viewer.giveAll(encoder.picture(true));
        expect(first?.seq).to.equal((last.seq + 1) & 0xffff);
        expect(first?.id).to.equal((last.id + 1) & 0x7fff);
        expect(first?.tl0).to.equal((last.tl0 + 1) & 0xff);
        expect(first?.timestamp).to.equal(last.timestamp + 3000 * (pause + 2));
      }
    });
  }

  it("the time at a switch is what passed (M-096)", () => {
    const low = vp9();
    const high = vp9({ eid: 1, seq: 5 });
    const viewer = new Viewer("VP9", layerIndex(0, 0, 2));
    const [before] = viewer.giveAll(low.picture(true));
    viewer.projection.setTarget(layerIndex(1, 0, 2));
    viewer.now = 10_000;
    const [after] = viewer.giveAll(high.picture(true));
    expect(after!.timestamp - before!.timestamp).to.be.within(890_000, 910_000);
  });

  it("simulcast: key frames of lower encodings are shown until the wanted one's arrives", () => {
    const encoders = [0, 1, 2].map((eid) => vp9({ eid, seq: 3000 * eid }));
    const viewer = new Viewer("VP9", layerIndex(2, 0, 2));
    const shown = encoders.map((encoder) => viewer.passed(encoder.picture(true)).length);
    expect(shown).to.deep.equal([1, 1, 1]);
    expect(viewer.projection.currentEncoding).to.equal(2);
    expect(viewer.passed(encoders[0]!.picture())).to.deep.equal([]);
  });

  it("a switch between two sources goes on with picture ids (after another stream's end)", () => {
    const state = { seq: 500, timestamp: 1_000_000, pictureId: 0x7fff, tl0: 255, at: 0 };
    const viewer = new Viewer("VP9", layerIndex(0, 0, 2), 1, new SourceProjection(state));
    viewer.now = 330;
    const [first] = viewer.giveAll(vp9({ perFrame: 2 }).picture(true));
    expect(first).to.deep.equal({
      seq: 501,
      timestamp: 1_030_000,
      id: 0,
      tl0: 0,
      marker: false,
    });
    expect(new RtpState(state).fresh).to.equal(false);
  });

  it("a late key frame whose next base picture was passed over is no use: another one is asked for", () => {
    const low = vp9();
    const high = vp9({ eid: 1, seq: 5 });
    const viewer = new Viewer("VP9", layerIndex(0, 0, 2));
    viewer.giveAll(low.picture(true));
    viewer.projection.setTarget(layerIndex(1, 0, 2));
    const late = high.picture(true);
    for (let i = 0; i < 4; i++) viewer.giveAll(high.picture());
    expect(viewer.giveAll(late)).to.deep.equal([undefined]);
    expect(viewer.projection.needsKeyframe).to.equal(true);
    expect(viewer.passed(low.picture())).to.have.length(1);
  });
});
