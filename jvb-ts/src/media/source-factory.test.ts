import { expect } from "chai";
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import type { SourceGroup } from "#shared/stanza/media";
import { layerIndex } from "./projection.ts";
import { planSources } from "./source-factory.ts";

function video(ssrcs: readonly number[], groups: readonly SourceGroup[]): ColibriMediaSource {
  return {
    type: "video",
    id: "a-v0",
    synthetic: false,
    sources: ssrcs.map((ssrc) => ({
      ssrc,
      name: undefined,
      msid: undefined,
      videoType: undefined,
      rid: undefined,
      owner: undefined,
    })),
    groups,
  };
}

const encodings = (source: ColibriMediaSource) =>
  planSources([source]).video.map((plan) => plan.encodings.map((one) => [one.ssrc, one.rtx]));

describe("sources from signaling (M-049)", () => {
  it("simulcast with RTX (B-028)", () => {
    const source = video(
      [1, 2, 3, 11, 12, 13],
      [
        { semantics: "SIM", ssrcs: [1, 2, 3] },
        { semantics: "FID", ssrcs: [1, 11] },
        { semantics: "FID", ssrcs: [2, 12] },
        { semantics: "FID", ssrcs: [3, 13] },
      ],
    );
    expect(encodings(source)).to.deep.equal([
      [
        [1, 11],
        [2, 12],
        [3, 13],
      ],
    ]);
  });
  it("(B-029) one stream with RTX, one alone, FEC ignored, short groups invalid", () => {
    expect(encodings(video([1, 11], [{ semantics: "FID", ssrcs: [1, 11] }]))).to.deep.equal([
      [[1, 11]],
    ]);
    expect(encodings(video([1], []))).to.deep.equal([[[1, undefined]]]);
    expect(encodings(video([1, 9], [{ semantics: "FEC-FR", ssrcs: [1, 9] }]))).to.deep.equal([
      [[1, undefined]],
    ]);
    expect(encodings(video([1], [{ semantics: "FID", ssrcs: [1] }]))).to.deep.equal([
      [[1, undefined]],
    ]);
  });
});

describe("layer indices (M-047)", () => {
  it("of simulcast and of scalable video", () => {
    const simulcast = [0, 1, 2].flatMap((eid) => [0, 1, 2].map((tid) => layerIndex(eid, -1, tid)));
    expect(simulcast).to.deep.equal([0, 1, 2, 64, 65, 66, 128, 129, 130]);
    const scalable = [0, 1, 2].flatMap((sid) => [0, 1, 2].map((tid) => layerIndex(0, sid, tid)));
    expect(scalable).to.deep.equal([0, 1, 2, 8, 9, 10, 16, 17, 18]);
  });
});
