import { expect } from "chai";
import { ConferenceSources } from "./conference-sources.ts";
import type { EndpointGroup, EndpointSource, SourceMedia, SourceSet } from "./source-set.ts";

function source(
  ssrc: number,
  msid: string | undefined = "m",
  media: SourceMedia = "video",
): EndpointSource {
  return { ssrc, media, name: undefined, msid, videoType: undefined };
}

function bare(ssrc: number): EndpointSource {
  return { ...source(ssrc), msid: undefined };
}

function group(semantics: "SIM" | "FID", ...ssrcs: number[]): EndpointGroup {
  return { semantics, media: "video", ssrcs };
}

function set(sources: EndpointSource[], groups: EndpointGroup[] = []): SourceSet {
  return { sources, groups };
}

/** Standard simulcast with retransmissions, SSRCs `first` to `first + 5`. */
function simulcast(first: number, msid = "m"): SourceSet {
  return set(
    [0, 1, 2, 3, 4, 5].map((at) => source(first + at, msid)),
    [
      group("SIM", first, first + 1, first + 2),
      group("FID", first, first + 3),
      group("FID", first + 1, first + 4),
      group("FID", first + 2, first + 5),
    ],
  );
}

const limits = { maxSsrcs: 20, maxGroups: 20 };

describe("adding sources", () => {
  const refusals: readonly { name: string; first?: SourceSet; added: SourceSet; error: RegExp }[] =
    [
      { name: "SSRC 0", added: set([source(0)]), error: /^Invalid SSRC: 0\.$/ },
      { name: "a negative SSRC", added: set([source(-1)]), error: /^Invalid SSRC: -1\.$/ },
      { name: "more than 32 bits", added: set([source(2 ** 32)]), error: /^Invalid SSRC/ },
      {
        name: "one SSRC twice in a request",
        added: set([source(1, "a"), source(1, "b")]),
        error: /^SSRC is already used: 1\.$/,
      },
      {
        name: "an SSRC again",
        first: set([source(1)]),
        added: set([source(1)]),
        error: /^SSRC is already used: 1\.$/,
      },
      {
        name: "a group of strangers",
        added: set([source(1)], [group("FID", 1, 2)]),
        error:
          /^An SSRC group contains an SSRC, which hasn't been signaled as a source: \[1, 2\]\.$/,
      },
      {
        name: "a FID group of one",
        added: set([source(1)], [group("FID", 1)]),
        error: /^Invalid FID group: \[1\]\.$/,
      },
      {
        name: "a FID group of three",
        added: set([source(1), source(2), source(3)], [group("FID", 1, 2, 3)]),
        error: /^Invalid FID group/,
      },
      {
        name: "a group without msid",
        added: set([bare(1), bare(2)], [group("FID", 1, 2)]),
        error: /^Required source parameter 'msid' is not present\.$/,
      },
      {
        name: "a group of two msids",
        added: set([source(1, "a"), source(2, "b")], [group("FID", 1, 2)]),
        error: /^SsrcGroup contains sources with different MSIDs/,
      },
      {
        name: "two streams with one msid",
        added: set([source(1), source(2)]),
        error: /^MSID is already used: m\.$/,
      },
      {
        name: "a stream beside a simulcast with its msid",
        first: simulcast(1),
        added: set([source(50)]),
        error: /^MSID is already used/,
      },
      {
        name: "more than 20 SSRCs",
        added: set(Array.from({ length: 21 }, (_, i) => source(i + 1, `m${i}`))),
        error: /^SSRC limit \(20\) exceeded\.$/,
      },
      {
        name: "more than 20 SSRCs in two requests",
        first: set(Array.from({ length: 20 }, (_, i) => source(i + 1, `m${i}`))),
        added: set([source(99, "z")]),
        error: /^SSRC limit/,
      },
    ];
  for (const { name, first, added, error } of refusals) {
    it(`refuses ${name} and changes nothing`, () => {
      const sources = new ConferenceSources(limits);
      if (first !== undefined) expect(sources.add("a", first).ok).to.equal(true);
      const before = sources.get("a");
      const result = sources.add("a", added);
      expect(result.ok ? "accepted" : result.error).to.match(error);
      expect(sources.get("a")).to.equal(before);
    });
  }

  for (const first of ["video", "audio"] as const) {
    it(`J-087: accepts simulcast with retransmissions beside audio, ${first} first`, () => {
      const sources = new ConferenceSources(limits);
      const camera = simulcast(1);
      const voice = source(90, "voice", "audio");
      const all = first === "video" ? [...camera.sources, voice] : [voice, ...camera.sources];
      expect(sources.add("a", set(all, [...camera.groups])).ok).to.equal(true);
      expect(sources.get("a").sources).to.have.length(camera.sources.length + 1);
    });
  }

  it("J-089: refuses too many groups over several requests", () => {
    const sources = new ConferenceSources({ maxSsrcs: 100, maxGroups: 5 });
    expect(sources.add("a", simulcast(1)).ok).to.equal(true);
    const pair = (ssrc: number) =>
      set([source(ssrc, `m${ssrc}`), source(ssrc + 1, `m${ssrc}`)], [group("FID", ssrc, ssrc + 1)]);
    expect(sources.add("a", pair(50)).ok).to.equal(true);
    const refused = sources.add("a", pair(60));
    expect(refused.ok ? "" : refused.error).to.equal("ssrc-group limit (5) exceeded.");
  });

  it("refuses too many groups", () => {
    const sources = new ConferenceSources({ maxSsrcs: 100, maxGroups: 3 });
    const result = sources.add("a", simulcast(1));
    expect(result.ok ? "" : result.error).to.equal("ssrc-group limit (3) exceeded.");
  });

  it("refuses the SSRC and the msid of another endpoint", () => {
    const sources = new ConferenceSources(limits);
    sources.add("a", set([source(1, "x")]));
    expect(sources.add("b", set([source(1, "y")])).ok).to.equal(false);
    expect(sources.add("b", set([source(2, "x")])).ok).to.equal(false);
    expect(sources.add("b", set([source(2, "y")])).ok).to.equal(true);
    sources.removeOwner("a");
    expect(sources.add("b", set([source(1, "x")])).ok).to.equal(true);
  });

  it("accepts simulcast, an audio source with the same msid, sources without msid, empty and repeated groups", () => {
    const sources = new ConferenceSources(limits);
    expect(sources.add("a", simulcast(1)).ok).to.equal(true);
    expect(sources.add("a", set([source(10, "m", "audio")])).ok).to.equal(true);
    expect(sources.add("a", set([bare(11), bare(12)])).ok).to.equal(true);
    const repeated = sources.add("a", set([], [group("SIM"), group("SIM", 1, 2, 3)]));
    expect(repeated.ok && repeated.value.groups.length).to.equal(4);
  });
});

describe("removing sources", () => {
  it("takes groups along", () => {
    const sources = new ConferenceSources(limits);
    sources.add("a", simulcast(1));
    const all = [1, 2, 3, 4, 5, 6].map((ssrc) => source(ssrc));
    expect(sources.remove("a", set(all))).to.deep.equal({ ok: true, value: set([]) });
    expect(sources.sets.size).to.equal(0);
    expect(sources.add("b", simulcast(1)).ok).to.equal(true);
  });

  it("refuses what is unknown, foreign, or would leave an invalid rest", () => {
    const sources = new ConferenceSources(limits);
    const text = (removed: SourceSet, owner = "a"): string => {
      const result = sources.remove(owner, removed);
      return result.ok ? "accepted" : result.error;
    };
    expect(text(set([source(1)]))).to.match(
      /^Source does not exist or is not owned by endpoint a$/,
    );
    sources.add("a", simulcast(1));
    sources.add("b", set([source(20, "b")]));
    expect(text(set([source(20)]))).to.match(/not owned by endpoint a: 20\.$/);
    expect(text(set([], [group("FID", 1, 2)]))).to.equal("Source group does not exist");
    expect(text(set([source(1)]))).to.match(/^MSID is already used/);
    expect(sources.get("a").sources).to.have.length(6);
  });
});
