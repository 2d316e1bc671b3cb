import { expect } from "chai";
import type { AllocationSettings, SourceValue } from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import { defaultEngineOptions } from "../../media/engine-options.ts";
import type { VideoType } from "../../media/media-engine.ts";
import { layerIndex } from "../../media/projection.ts";
import { BandwidthAllocator } from "./bandwidth-allocator.ts";
import { Candidates } from "./candidates.ts";
import { lastNForSize, lowerLastN } from "./last-n.ts";
import { applyConstraints, initialSettings } from "./settings.ts";

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

const allocator = new BandwidthAllocator();

/** One row of an allocation. */
interface Row {
  readonly name: string;
  readonly targetIndex: number;
  readonly maxHeight: number;
  readonly suspended: boolean;
}

function allocate(
  wanted: AllocationSettings,
  sources: readonly SourceValue[],
  availableBps: number,
  given: MediaEngineOptions = options,
): { readonly sources: readonly Row[]; readonly oversending: boolean } {
  const input = { settings: wanted, sources, receiverId: "me", bridgeLastN: -1, availableBps };
  const result = allocator.allocate(input, given);
  const rows = Array.from({ length: result.count }, (_, row) => ({
    name: sources[result.source[row]!]!.name,
    targetIndex: result.targetIndex[row]!,
    maxHeight: result.maxHeight[row]!,
    suspended: result.suspended[row] === 1,
  }));
  return { sources: rows, oversending: result.oversending };
}

const layerName = (index: number) => NAMES[INDICES.indexOf(index)] ?? "none";

/** Every change while bandwidth rises in 10 kbps steps: at kbps, source and layer. */
function ladder(sources: readonly SourceValue[], wanted: AllocationSettings): string[] {
  const changes: string[] = [];
  const last = new Map<string, string>();
  for (let kbps = 10; kbps <= 2600; kbps += 10) {
    const { sources: result } = allocate(wanted, sources, kbps * 1000);
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
      const result = allocate(stage, sources, kbps * 1000);
      return [layerName(result.sources[0]!.targetIndex), result.oversending];
    };
    expect(at(0)).to.deep.equal(["sd30", true]);
    expect(at(160)).to.deep.equal(["hd7.5", true]);
    expect(at(670)).to.deep.equal(["hd7.5", false]);
    expect(at(1330)).to.deep.equal(["hd15", false]);
    expect(at(2010)).to.deep.equal(["hd30", false]);
  });
  it("others follow once the shared screen on stage has all it wants", () => {
    const sources = [source("A", "DESKTOP"), ...four.slice(1)];
    const changes = ladder(sources, stage).filter((change) => !change.includes(" A "));
    expect(changes[0]).to.equal("2050 B ld7.5");
    expect(changes.at(-1)).to.equal("2460 D ld30");
    expect(changes).to.have.length(9);
  });
  it("nothing for others while the one on stage is below its preferred layer (M-149)", () => {
    const { sources } = allocate(stage, four, 450_000);
    expect(sources.map((one) => layerName(one.targetIndex))).to.deep.equal([
      "ld30",
      "none",
      "none",
      "none",
    ]);
    expect(sources.map((one) => one.suspended)).to.deep.equal([false, true, true, true]);
  });
  it("without a limit everybody gets what is wanted", () => {
    const { sources } = allocate(stage, four, Number.POSITIVE_INFINITY);
    expect(sources.map((one) => [layerName(one.targetIndex), one.maxHeight])).to.deep.equal([
      ["hd30", 720],
      ["ld30", 180],
      ["ld30", 180],
      ["ld30", 180],
    ]);
  });
});

describe("cost of an allocation", () => {
  it("100 sources: at most 5 microseconds each, without garbage", () => {
    const many = Array.from({ length: 100 }, (_, i) =>
      source(`s${i}`, i % 10 === 0 ? "DESKTOP" : "CAMERA"),
    );
    const names = many.map(({ name }) => name);
    const wanted = settings({
      onStageSources: names.slice(0, 1),
      selectedSources: names.slice(40, 60),
      constraints: new Map([[names[0]!, 720]]),
      defaultMaxHeight: 180,
      lastN: -1,
    });
    const unlimited = { ...options, videoSsrcLimit: 200 };
    const input = { settings: wanted, sources: many, receiverId: "me", bridgeLastN: -1 };
    const run = (times: number) => {
      for (let i = 0; i < times; i++)
        allocator.allocate({ ...input, availableBps: 8_000_000 + i * 1000 }, unlimited);
    };
    run(200);
    const cpuBefore = process.cpuUsage();
    const heapBefore = process.memoryUsage().heapUsed;
    run(300);
    const bytes = (process.memoryUsage().heapUsed - heapBefore) / 300;
    const cpu = process.cpuUsage(cpuBefore);
    const each = (cpu.user + cpu.system) / 300 / 100;
    process.stdout.write(`      ${each.toFixed(2)} us a source, ${bytes.toFixed(0)} bytes a run\n`);
    expect(allocator.count).to.equal(100);
    // The target is 5; machines that run this differ.
    expect(each).to.be.lessThan(15);
    // Of the input alone; 100 sources as objects would be tens of thousands.
    expect(bytes).to.be.lessThan(4000);
  });
});

describe("candidate layers (M-147)", () => {
  const names = (one: SourceValue, maxHeight: number, onStage = false) => {
    const result = new Candidates();
    result.add(one, maxHeight, onStage, options);
    const name = (i: number) => (i < 0 ? "none" : layerName(result.layerIndex[i]!));
    const rows = result.layerIndex.subarray(0, result.length);
    return {
      layers: [...rows].map(layerName).join(" "),
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
    const pick = (onStage: boolean) => {
      const result = new Candidates();
      result.add(unknown, 180, onStage, options);
      return [result.length, result.oversend];
    };
    expect(pick(true)).to.deep.equal([3, 0]);
    expect(pick(false)).to.deep.equal([1, -1]);
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
    return allocate({ ...settings(part), lastN }, mixed, Number.POSITIVE_INFINITY)
      .sources.filter((one) => one.maxHeight !== 0)
      .map((one) => `${one.name}=${one.maxHeight}`);
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
    const { sources } = allocate(wanted, four, Number.POSITIVE_INFINITY);
    expect(sources.map((one) => one.name)).to.deep.equal(["D", "C", "A", "B"]);
  });
  it("selected sources outrank the speaker", () => {
    const wanted = settings({ selectedSources: ["A", "B"], lastN: 2, defaultMaxHeight: 180 });
    const sources = [four[3]!, four[2]!, four[1]!, four[0]!];
    const result = allocate(wanted, sources, Number.POSITIVE_INFINITY);
    const forwarded = result.sources.filter((one) => one.targetIndex >= 0).map((one) => one.name);
    expect(forwarded).to.deep.equal(["A", "B"]);
  });
  it("the lowest last-n that is set (B-127, B-128)", () => {
    expect(lowerLastN(-1, 10)).to.equal(10);
    expect(lowerLastN(10, -1)).to.equal(10);
    expect(lowerLastN(10, 3)).to.equal(3);
    expect(lowerLastN(-1, -1)).to.equal(-1);
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
