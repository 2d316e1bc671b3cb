import { expect } from "chai";
import { addProfile, byOwnTime, type CpuProfile, type Locate, newFrame } from "./cpu-profile.ts";
import { renderFlame } from "./flame.ts";
import { hottest } from "./profile.ts";
import { sampleResult } from "./sample.ts";

const node = (id: number, functionName: string, children: number[] = [], url = "") => ({
  id,
  callFrame: { functionName, url, lineNumber: 9, columnNumber: 0 },
  children,
});

/** forward calls send, and itself once; the thread also waits and collects garbage. */
const profile: CpuProfile = {
  startTime: 1000,
  nodes: [
    node(1, "(root)", [2, 5, 6]),
    node(2, "forward", [3, 4], "file:///repo/src/forward.ts"),
    node(3, "send", [], "file:///repo/node_modules/x/send.js"),
    node(4, "forward", [], "file:///repo/src/forward.ts"),
    node(5, "(idle)"),
    node(6, "(garbage collector)"),
  ],
  samples: [2, 3, 5, 4, 6, 2, 2],
  timeDeltas: [10, 20, 500, 30, 40, 5, 1000],
};
const locate: Locate = (url, line) => ({ file: url.replace("file:///repo/", ""), line: line + 1 });

describe("a CPU profile", () => {
  const root = newFrame("row");
  const thread = newFrame("main thread");
  root.children.set("0", thread);
  // The first sample is too early and the last too late.
  addProfile(thread, profile, 1020, 1610, locate);
  root.total = thread.total;

  it("counts what ran while it was measured, without the waiting", () => {
    expect(thread.total).to.equal(20 + 30 + 40 + 5);
    const forward = thread.children.get("forward src/forward.ts:10");
    expect(forward).to.include({ self: 5, total: 55, kind: "ours" });
    expect(
      [...(forward?.children.values() ?? [])].map(({ name, self, kind }) => [name, self, kind]),
    ).to.deep.equal([
      ["send", 20, "package"],
      ["forward", 30, "ours"],
    ]);
    expect(thread.children.get("(garbage collector) ")).to.include({ self: 40, kind: "garbage" });
  });

  it("sums a function over its callers, and does not count it twice below itself", () => {
    expect(byOwnTime(root).map(({ name, self, total }) => [name, self, total])).to.deep.equal([
      ["(garbage collector)", 40, 40],
      ["forward", 35, 55],
      ["send", 20, 20],
    ]);
  });

  it("is drawn as a page of its own", () => {
    const page = renderFlame(root, { title: "a <b>", about: "" });
    expect(page).to.include("a &lt;b&gt;").and.to.include("src/forward.ts:10");
    expect(page).to.not.match(/NaN|https?:/);
    expect(page.match(/class="f ours"/g)).to.have.length(2);
  });

  it("is taken of the row that costs most", () => {
    const rows = ["cool", "hot", "unknown"].map((name) => ({
      name,
      about: "",
      figures: [],
      contenders: {},
    }));
    const results = [
      sampleResult({ row: "cool", cpu: { ours: 2 } }),
      sampleResult({ row: "hot", cpu: { ours: 9 } }),
    ];
    expect(hottest(rows, results)?.name).to.equal("hot");
    // Milliseconds for a participant are not microseconds for a packet.
    const other = sampleResult({ row: "unknown", cpu: { ours: 99 } });
    const figures = other.figures.map((meta) => ({ ...meta, unit: "ms" }));
    expect(hottest(rows, [...results, { ...other, figures }])?.name).to.equal("hot");
    expect(hottest(rows, [])?.name).to.equal("cool");
    expect(hottest([], [])).to.equal(undefined);
  });
});
