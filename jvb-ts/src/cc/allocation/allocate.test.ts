import { expect } from "chai";
import type { AllocationSettings, SourceValue } from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import { defaultEngineOptions } from "../../media/engine-options.ts";
import type { VideoType } from "../../media/media-engine.ts";
import { layerIndex } from "../../media/projection.ts";
import { allocate } from "./allocate.ts";
import { effectiveConstraints, lastNForSize, lowestLastN, prioritize } from "./prioritize.ts";
import { applyConstraints, initialSettings } from "./settings.ts";
import { candidates } from "./single-source.ts";

const options: MediaEngineOptions = defaultEngineOptions;
const NAMES = ["ld7.5", "ld15", "ld30", "sd7.5", "sd15", "sd30", "hd7.5", "hd15", "hd30"];
const INDICES = [0, 1, 2].flatMap((eid) => [0, 1, 2].map((tid) => layerIndex(eid, -1, tid)));
const BITRATES = [150_000, 500_000, 2_000_000].flatMap((top) => [0.33 * top, 0.66 * top, top]);

function source(
  name: string,
  videoType: VideoType = "CAMERA",
  bitrates: readonly number[] = BITRATES,
): SourceValue {
  return {
    name,
    ownerId: name,
    videoType,
    layers: INDICES.map((index, i) => ({
      index,
      height: 180 << Math.floor(i / 3),
      frameRate: [7.5, 15, 30][i % 3]!,
      bitrateBps: bitrates[i]!,
    })),
  };
}

function settings(part: Partial<AllocationSettings> = {}): AllocationSettings {
  return { ...initialSettings(options), ...part };
}

const layerName = (index: number) => NAMES[INDICES.indexOf(index)] ?? "none";

/** Every change while bandwidth rises in 10 kbps steps: at kbps, source and layer. */
function ladder(sources: readonly SourceValue[], wanted: AllocationSettings): string[] {
  const changes: string[] = [];
  const last = new Map<string, string>();
  for (let kbps = 10; kbps <= 2600; kbps += 10) {
    const { sources: result } = allocate(
      { settings: wanted, sources, bridgeLastN: -1, availableBps: kbps * 1000 },
      options,
    );
    for (const one of result) {
      const layer = layerName(one.targetIndex);
      if (layer === (last.get(one.name) ?? "none")) continue;
      last.set(one.name, layer);
      changes.push(`${kbps} ${one.name} ${layer}`);
    }
  }
  return changes;
}

const four = ["A", "B", "C", "D"].map((name) => source(name));
const stage = settings({
  onStageSources: ["A"],
  constraints: new Map([["A", 720]]),
  defaultMaxHeight: 180,
});

describe("allocation ladders (M-148)", () => {
  it("stage view", () => {
    expect(ladder(four, stage)).to.deep.equal([
      "50 A ld7.5",
      "100 A ld15",
      "150 A ld30",
      "500 A sd30",
      "550 B ld7.5",
      "600 C ld7.5",
      "650 D ld7.5",
      "700 B ld15",
      "750 C ld15",
      "800 D ld15",
      "850 B ld30",
      "900 C ld30",
      "960 D ld30",
      "2150 A hd30",
      "2150 B ld7.5",
      "2150 C ld7.5",
      "2150 D ld7.5",
      "2200 B ld15",
      "2250 C ld15",
      "2300 D ld15",
      "2350 B ld30",
      "2400 C ld30",
      "2460 D ld30",
    ]);
  });
  it("tile view at 180", () => {
    expect(ladder(four, settings({ defaultMaxHeight: 180 }))).to.deep.equal([
      "50 A ld7.5",
      "100 B ld7.5",
      "150 C ld7.5",
      "200 D ld7.5",
      "250 A ld15",
      "300 B ld15",
      "350 C ld15",
      "400 D ld15",
      "450 A ld30",
      "500 B ld30",
      "550 C ld30",
      "610 D ld30",
    ]);
  });
  it("tile view at 360 goes on to sd30", () => {
    const changes = ladder(four, settings({ defaultMaxHeight: 360 }));
    expect(changes.slice(-4)).to.deep.equal([
      "960 A sd30",
      "1310 B sd30",
      "1660 C sd30",
      "2010 D sd30",
    ]);
  });
  it("stage view of one, tile view of one, of nobody", () => {
    expect(ladder(four, { ...stage, lastN: 1 })).to.deep.equal([
      "50 A ld7.5",
      "100 A ld15",
      "150 A ld30",
      "500 A sd30",
      "2010 A hd30",
    ]);
    expect(ladder(four, settings({ defaultMaxHeight: 180, lastN: 1 }))).to.deep.equal([
      "50 A ld7.5",
      "100 A ld15",
      "160 A ld30",
    ]);
    expect(ladder(four, settings({ defaultMaxHeight: 360, lastN: 1 })).at(-1)).to.equal(
      "510 A sd30",
    );
    expect(ladder(four, settings({ defaultMaxHeight: 720, lastN: 0 }))).to.deep.equal([]);
  });
  it("a shared screen on stage is oversent (M-150)", () => {
    const sources = [source("A", "DESKTOP"), ...four.slice(1)];
    const at = (kbps: number) => {
      const result = allocate(
        { settings: stage, sources, bridgeLastN: -1, availableBps: kbps * 1000 },
        options,
      );
      return [layerName(result.sources[0]!.targetIndex), result.oversending];
    };
    expect(at(0)).to.deep.equal(["sd30", true]);
    expect(at(160)).to.deep.equal(["hd7.5", true]);
    expect(at(670)).to.deep.equal(["hd7.5", false]);
    expect(at(1330)).to.deep.equal(["hd15", false]);
    expect(at(2010)).to.deep.equal(["hd30", false]);
  });
  it("nothing for others while the one on stage is below its preferred layer (M-149)", () => {
    const { sources } = allocate(
      { settings: stage, sources: four, bridgeLastN: -1, availableBps: 450_000 },
      options,
    );
    expect(sources.map((one) => layerName(one.targetIndex))).to.deep.equal([
      "ld30",
      "none",
      "none",
      "none",
    ]);
    expect(sources.map((one) => one.suspended)).to.deep.equal([false, true, true, true]);
  });
  it("without a limit everybody gets what is wanted", () => {
    const { sources } = allocate(
      { settings: stage, sources: four, bridgeLastN: -1, availableBps: Number.POSITIVE_INFINITY },
      options,
    );
    expect(sources.map((one) => [layerName(one.targetIndex), one.maxHeight])).to.deep.equal([
      ["hd30", 720],
      ["ld30", 180],
      ["ld30", 180],
      ["ld30", 180],
    ]);
  });
});

describe("candidate layers (M-147)", () => {
  const names = (one: SourceValue, maxHeight: number, onStage = false) => {
    const result = candidates({ source: one, maxHeight, onStage }, options);
    const name = (i: number) => (i < 0 ? "none" : layerName(result.layers[i]!.index));
    return {
      layers: result.layers.map((layer) => layerName(layer.index)).join(" "),
      preferred: name(result.preferred),
      oversend: name(result.oversend),
    };
  };
  const onlyHd = (type: VideoType) =>
    source(
      "A",
      type,
      BITRATES.map((bitrate, i) => (i < 6 ? 0 : bitrate)),
    );

  it("camera", () => {
    expect(names(source("A"), 720)).to.deep.equal({
      layers: "ld7.5 ld15 ld30 sd30 hd30",
      preferred: "sd30",
      oversend: "none",
    });
    expect(names(source("A"), 360).layers).to.equal("ld7.5 ld15 ld30 sd30");
    expect(names(source("A"), 180).layers).to.equal("ld7.5 ld15 ld30");
    expect(names(onlyHd("CAMERA"), 360)).to.deep.equal({
      layers: "hd7.5 hd15 hd30",
      preferred: "hd30",
      oversend: "none",
    });
    expect(names(source("A"), 0).layers).to.equal("");
  });
  it("desktop", () => {
    expect(names(source("A", "DESKTOP"), 720, true)).to.deep.equal({
      layers: NAMES.join(" "),
      preferred: "hd30",
      oversend: "hd7.5",
    });
    expect(names(source("A", "DESKTOP"), 360, true)).to.deep.equal({
      layers: NAMES.slice(0, 6).join(" "),
      preferred: "sd30",
      oversend: "sd7.5",
    });
    expect(names(onlyHd("DESKTOP"), 180).layers).to.equal("hd7.5 hd15 hd30");
  });
  it("desktop of unknown frame rate", () => {
    const unknown: SourceValue = {
      ...source("A", "DESKTOP"),
      layers: [0, 8, 16].map((index, i) => ({
        index,
        height: 720,
        frameRate: -1,
        bitrateBps: 100_000 * (i + 1),
      })),
    };
    const pick = (onStage: boolean) =>
      candidates({ source: unknown, maxHeight: 180, onStage }, options);
    expect(pick(true).layers).to.have.length(3);
    expect(pick(true).oversend).to.equal(0);
    expect(pick(false).layers).to.have.length(1);
  });
});

describe("order and last-n (M-146, M-154, M-157)", () => {
  const mixed = [
    source("x", "DISABLED"),
    source("y", "DISABLED"),
    source("z", "NONE"),
    source("s1"),
    source("s2"),
    source("s3"),
  ];
  const effective = (part: Partial<AllocationSettings>, lastN: number) => {
    const wanted = settings(part);
    return effectiveConstraints(prioritize(mixed, wanted), wanted, lastN)
      .filter((one) => one.maxHeight !== 0)
      .map((one) => `${one.source.name}=${one.maxHeight}`);
  };
  it("effective constraints", () => {
    expect(effective({ defaultMaxHeight: 180 }, 1)).to.deep.equal(["s1=180"]);
    const some = new Map([
      ["s2", 180],
      ["s3", 180],
    ]);
    expect(effective({ defaultMaxHeight: 0, constraints: some }, 1)).to.deep.equal(["s2=180"]);
    expect(effective({ defaultMaxHeight: 180 }, 0)).to.deep.equal([]);
  });
  it("on stage, then selected, in listed order", () => {
    const wanted = settings({ onStageSources: ["D", "nobody"], selectedSources: ["C", "A", "D"] });
    expect(prioritize(four, wanted).map((one) => one.name)).to.deep.equal(["D", "C", "A", "B"]);
  });
  it("selected sources outrank the speaker", () => {
    const wanted = settings({ selectedSources: ["A", "B"], lastN: 2, defaultMaxHeight: 180 });
    const sources = [four[3]!, four[2]!, four[1]!, four[0]!];
    const result = allocate(
      { settings: wanted, sources, bridgeLastN: -1, availableBps: Number.POSITIVE_INFINITY },
      options,
    );
    const forwarded = result.sources.filter((one) => one.targetIndex >= 0).map((one) => one.name);
    expect(forwarded).to.deep.equal(["A", "B"]);
  });
  it("the lowest last-n that is set (B-127, B-128)", () => {
    expect(lowestLastN(-1, 10, -1)).to.equal(10);
    expect(lowestLastN(-1, -1)).to.equal(-1);
    const limits = new Map([
      [20, 20],
      [30, 15],
      [40, 10],
      [50, 5],
    ]);
    expect([19, 29, 1000].map((size) => lastNForSize(limits, size))).to.deep.equal([-1, 20, 5]);
  });
});

describe("receiver settings (M-143 to M-145)", () => {
  const first = initialSettings(options);
  it("the first message without a default brings 180 (B-107)", () => {
    expect(first.defaultMaxHeight).to.equal(0);
    expect(applyConstraints(first, {}, true, options).defaultMaxHeight).to.equal(180);
  });
  it("a default stays (M-144)", () => {
    const set = applyConstraints(first, { defaultConstraints: { maxHeight: 720 } }, true, options);
    expect(applyConstraints(set, {}, false, options)).to.equal(set);
  });
  it("assumed bandwidth needs a limit and obeys it (B-108)", () => {
    const limited = { ...options, assumedBandwidthLimitBps: 10_000_000 };
    const message = { assumedBandwidthBps: 20_000_000 };
    expect(applyConstraints(first, message, false, limited).assumedBandwidthBps).to.equal(
      10_000_000,
    );
    expect(applyConstraints(first, message, false, options)).to.equal(first);
  });
  it("a frame rate of 0 disables; lists and maps are replaced whole", () => {
    const set = applyConstraints(
      first,
      { constraints: { a: { maxHeight: 720, maxFrameRate: 0 }, b: { maxHeight: -1 } }, lastN: 3 },
      false,
      options,
    );
    expect([...set.constraints]).to.deep.equal([
      ["a", 0],
      ["b", -1],
    ]);
    const next = applyConstraints(set, { constraints: {} }, false, options);
    expect([next.constraints.size, next.lastN]).to.deep.equal([0, 3]);
  });
});
