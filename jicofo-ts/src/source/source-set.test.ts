import { expect } from "chai";
import {
  colibriSources,
  type EndpointSource,
  emptySet,
  filterMedia,
  type SourceSet,
  setFromContents,
  setFromFeedback,
  stripSimulcast,
  subtract,
} from "./source-set.ts";
import { SourceSignaling, signalingDelay } from "./source-signaling.ts";

function video(ssrc: number, name = "e-v0"): EndpointSource {
  return { ssrc, media: "video", name, msid: "m", videoType: "camera" };
}
const audio: EndpointSource = {
  ssrc: 9,
  media: "audio",
  name: "e-a0",
  msid: "n",
  videoType: undefined,
};

const ssrcs = (set: SourceSet): number[] => set.sources.map(({ ssrc }) => ssrc);
const fid = (...members: number[]) =>
  ({ semantics: "FID", media: "video", ssrcs: members }) as const;
const sim = (...members: number[]) =>
  ({ semantics: "SIM", media: "video", ssrcs: members }) as const;

describe("stripping simulcast", () => {
  const cases: readonly { name: string; set: SourceSet; left: number[]; groups: number }[] = [
    {
      name: "nothing grouped",
      set: { sources: [audio, video(1)], groups: [] },
      left: [9, 1],
      groups: 0,
    },
    {
      name: "only retransmissions",
      set: { sources: [video(1), video(2)], groups: [fid(1, 2)] },
      left: [1, 2],
      groups: 1,
    },
    {
      name: "simulcast alone",
      set: { sources: [1, 2, 3].map((n) => video(n)), groups: [sim(1, 2, 3)] },
      left: [1],
      groups: 0,
    },
    {
      name: "simulcast with retransmissions",
      set: {
        sources: [1, 2, 3, 4, 5, 6].map((n) => video(n)),
        groups: [fid(1, 4), sim(1, 2, 3), fid(2, 5), fid(3, 6)],
      },
      left: [1, 4],
      groups: 1,
    },
    {
      name: "two simulcasts",
      set: { sources: [1, 2, 3, 4].map((n) => video(n)), groups: [sim(1, 2), sim(3, 4)] },
      left: [1, 3],
      groups: 0,
    },
  ];
  for (const { name, set, left, groups } of cases) {
    it(name, () => {
      const result = stripSimulcast(set);
      expect(ssrcs(result)).to.deep.equal(left);
      expect(result.groups).to.have.length(groups);
      expect(stripSimulcast(set)).to.equal(result);
    });
  }
});

describe("source sets", () => {
  it("are read from contents, with the semantics in any case", () => {
    const plain = {
      name: "e-v0",
      msid: "m",
      rid: undefined,
      owner: undefined,
      videoType: undefined,
    };
    const contents = [
      {
        media: "video",
        sources: [{ ssrc: 1, ...plain }],
        groups: [{ semantics: "fid", ssrcs: [1, 2] }],
      },
      { media: "application", sources: [{ ssrc: 5, ...plain }], groups: [] },
    ];
    const set = setFromContents(contents);
    expect(set.ok && ssrcs(set.value)).to.deep.equal([1]);
    expect(set.ok && set.value.groups).to.deep.equal([fid(1, 2)]);
    const odd = setFromContents([
      { media: "video", sources: [], groups: [{ semantics: "FEC", ssrcs: [] }] },
    ]);
    expect(odd.ok).to.equal(false);
  });

  it("are compared by value", () => {
    const one = { sources: [audio, video(1)], groups: [fid(1, 2)] };
    expect(subtract(one, { sources: [{ ...audio }], groups: [] })).to.deep.equal({
      sources: [video(1)],
      groups: [fid(1, 2)],
    });
    expect(
      subtract(one, {
        sources: [audio, { ...video(1), videoType: "desktop" }],
        groups: [fid(1, 2)],
      }).sources,
    ).to.have.length(1);
    expect(subtract(one, one)).to.deep.equal(emptySet);
    expect(ssrcs(filterMedia(one, true, false))).to.deep.equal([9]);
  });

  it("go to the bridge by source name, without msid", () => {
    const unnamed = { ...video(7), name: undefined };
    const list = colibriSources("e", {
      sources: [video(1), video(2), unnamed, audio, video(3, "e-v1")],
      groups: [fid(1, 2)],
    });
    expect(list.map(({ id, type }) => `${type} ${id}`)).to.deep.equal([
      "audio e-a0",
      "video e-v0",
      "video e-v1",
    ]);
    expect(list[1]?.sources.map(({ ssrc }) => ssrc)).to.deep.equal([1, 2, 7]);
    expect(list[1]?.groups).to.deep.equal([{ semantics: "FID", ssrcs: [1, 2] }]);
    expect(list.flatMap(({ sources }) => sources.map(({ msid }) => msid))).to.deep.equal(
      Array(5).fill(undefined),
    );
  });

  it("of the bridge get the mixed msid, video first", () => {
    const feedback = (["audio", "video"] as const).map((type) => ({
      type,
      id: `jvb-${type.charAt(0)}0`,
      synthetic: false,
      sources: [
        {
          ssrc: type.length,
          name: undefined,
          msid: undefined,
          rid: undefined,
          owner: undefined,
          videoType: undefined,
        },
      ],
      groups: [],
    }));
    expect(
      setFromFeedback(feedback).sources.map(({ name, msid }) => `${name} ${msid}`),
    ).to.deep.equal([
      "jvb-v0 mixedmslabel mixedlabelvideo0",
      "jvb-a0 mixedmslabel mixedlabelaudio0",
    ]);
  });
});

describe("telling a participant of sources", () => {
  it("sends removals and additions since the last time, each once", () => {
    const signaling = new SourceSignaling();
    const now = new Map<string, SourceSet>([["a", { sources: [video(1)], groups: [] }]]);
    const flush = () => {
      const { add, remove } = signaling.flush((owner) => now.get(owner) ?? emptySet);
      return { add: [...add.keys()], remove: [...remove.keys()] };
    };
    signaling.reset(now);
    signaling.mark("a");
    expect(flush()).to.deep.equal({ add: [], remove: [] });
    now.set("b", { sources: [audio], groups: [] });
    signaling.mark("b");
    now.delete("a");
    signaling.mark("a");
    expect(flush()).to.deep.equal({ add: ["b"], remove: ["a"] });
    expect(signaling.pending).to.equal(false);
    now.delete("b");
    signaling.mark("b");
    signaling.forget("b");
    expect(flush()).to.deep.equal({ add: [], remove: [] });
  });

  it("waits as long as the size of the conference says", () => {
    const delays = new Map([
      [10, 100],
      [50, 500],
    ]);
    expect([0, 9, 10, 49, 50, 500].map((size) => signalingDelay(delays, size))).to.deep.equal([
      0, 0, 100, 100, 500, 500,
    ]);
  });
});
