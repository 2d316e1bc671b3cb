import { expect } from "chai";
import { VirtualRuntime } from "../testing/virtual-runtime.ts";
import { JICOFO_METRICS, JVB_METRICS, negotiate } from "./negotiate.ts";
import { publishProcessMetrics } from "./process-metrics.ts";
import { MetricsRegistry } from "./registry.ts";
import { javaDouble } from "./text-format.ts";

/** The samples below follow the recorded answers of upstream's two programs. */
function sample(): MetricsRegistry {
  const { clock } = new VirtualRuntime({ wallStartMs: 1_795_256_713_091 });
  const registry = new MetricsRegistry({ prefix: "jitsi_x", clock });
  const endpoints = registry.gauge("bridge_endpoints", { help: "Endpoints.", labels: ["jvb"] });
  endpoints.set(1, ["jvb2"]);
  endpoints.add(3, ['a"b\\c\nd']);
  registry.counter("moved", { help: 'Says "moved".' }).add(2);
  registry.counter("asked_total", { help: "Asked.", labels: ["jvb"] });
  registry.boolean("healthy", "Healthy.", true);
  registry.info("region", "The region.", "region1");
  const sizes = registry.histogram("sizes", "By size.", [0, 5, 50]);
  for (const value of [0, 3, 5, 7, 1000]) sizes.observe(value);
  return registry;
}

describe("metrics", () => {
  it("as OpenMetrics", () => {
    expect(sample().openMetrics()).to.equal(`# TYPE jitsi_x_bridge_endpoints gauge
# HELP jitsi_x_bridge_endpoints Endpoints.
jitsi_x_bridge_endpoints{jvb="jvb2"} 1.0
jitsi_x_bridge_endpoints{jvb="a\\"b\\\\c\\nd"} 3.0
# TYPE jitsi_x_moved counter
# HELP jitsi_x_moved Says \\"moved\\".
jitsi_x_moved_total 2.0
jitsi_x_moved_created 1.795256713091E9
# TYPE jitsi_x_asked counter
# HELP jitsi_x_asked Asked.
# TYPE jitsi_x_healthy gauge
# HELP jitsi_x_healthy Healthy.
jitsi_x_healthy 1.0
# TYPE jitsi_x_region info
# HELP jitsi_x_region The region.
jitsi_x_region_info{region="region1"} 1.0
# TYPE jitsi_x_sizes histogram
# HELP jitsi_x_sizes By size.
jitsi_x_sizes_bucket{le="0.0"} 1.0
jitsi_x_sizes_bucket{le="5.0"} 3.0
jitsi_x_sizes_bucket{le="50.0"} 4.0
jitsi_x_sizes_bucket{le="+Inf"} 5.0
jitsi_x_sizes_count 5.0
jitsi_x_sizes_sum 1015.0
jitsi_x_sizes_created 1.795256713091E9
# EOF
`);
  });

  it("as Prometheus text", () => {
    expect(sample().prometheus()).to.equal(`# HELP jitsi_x_bridge_endpoints Endpoints.
# TYPE jitsi_x_bridge_endpoints gauge
jitsi_x_bridge_endpoints{jvb="jvb2",} 1.0
jitsi_x_bridge_endpoints{jvb="a\\"b\\\\c\\nd",} 3.0
# HELP jitsi_x_moved_total Says "moved".
# TYPE jitsi_x_moved_total counter
jitsi_x_moved_total 2.0
# HELP jitsi_x_asked_total Asked.
# TYPE jitsi_x_asked_total counter
# HELP jitsi_x_healthy Healthy.
# TYPE jitsi_x_healthy gauge
jitsi_x_healthy 1.0
# HELP jitsi_x_region_info The region.
# TYPE jitsi_x_region_info gauge
jitsi_x_region_info{region="region1",} 1.0
# HELP jitsi_x_sizes By size.
# TYPE jitsi_x_sizes histogram
jitsi_x_sizes_bucket{le="0.0",} 1.0
jitsi_x_sizes_bucket{le="5.0",} 3.0
jitsi_x_sizes_bucket{le="50.0",} 4.0
jitsi_x_sizes_bucket{le="+Inf",} 5.0
jitsi_x_sizes_count 5.0
jitsi_x_sizes_sum 1015.0
# HELP jitsi_x_moved_created Says "moved".
# TYPE jitsi_x_moved_created gauge
jitsi_x_moved_created 1.795256713091E9
# HELP jitsi_x_sizes_created By size.
# TYPE jitsi_x_sizes_created gauge
jitsi_x_sizes_created 1.795256713091E9
`);
  });

  it("as JSON", () => {
    expect(sample().json()).to.deep.equal({
      moved_total: 2,
      healthy: true,
      region: "region1",
      sizes: {
        "bucket_le_0.0": 1,
        "bucket_le_5.0": 3,
        "bucket_le_50.0": 4,
        "bucket_le_+Inf": 5,
        count: 5,
        sum: 1015,
        created: 1_795_256_713.091,
      },
    });
  });

  it("show no control of a peer's choice, and cut long labels (X8)", () => {
    const registry = new MetricsRegistry({ prefix: "x", clock: new VirtualRuntime().clock });
    const gauge = registry.gauge("named", { help: "", labels: ["jvb"] });
    gauge.set(1, ["\u001b[31mred\r\u009b\u202e"]);
    gauge.set(1, ["y".repeat(10_000)]);
    const text = registry.prometheus();
    expect(text).to.contain(String.raw`{jvb="\\u001b[31mred\\r\\u009b\\u202e",}`);
    expect(text).to.contain('y… (10000 characters)",}');
    expect(text.length).to.be.below(1000);
  });

  it("are one per name, whoever asks", () => {
    const registry = sample();
    registry.counter("moved", { help: "again" }).inc();
    expect(registry.counter("moved_total", { help: "" }).get()).to.equal(3);
    expect(() => registry.gauge("moved", { help: "" })).to.throw("declared twice");
    expect(() => registry.counter("moved", { help: "" }).add(-1)).to.throw("cannot go down");
    expect(() => registry.counter("asked", { help: "", labels: ["jvb"] }).inc()).to.throw("labels");
    const gauge = registry.gauge("bridge_endpoints", { help: "", labels: ["jvb"] });
    gauge.remove(["jvb2"]);
    expect(registry.openMetrics()).not.to.contain("jvb2");
  });

  it("are brought up to date before each view", () => {
    const registry = sample();
    const gauge = registry.gauge("now", { help: "" });
    let calls = 0;
    registry.onCollect(() => gauge.set(++calls));
    expect(registry.json()["now"]).to.equal(1);
    expect(registry.prometheus()).to.contain("jitsi_x_now 2.0\n");
  });

  it("publish the process", () => {
    const registry = sample();
    const stop = publishProcessMetrics(registry, { threads: "thread_count", jvm: true });
    const json = registry.json();
    stop();
    expect(json["thread_count"]).to.be.a("number").greaterThan(1);
    expect(json["jvm_heap_used"]).to.be.a("number").greaterThan(1_000_000);
    expect(json["jvm_open_fd_count"]).to.be.a("number").greaterThan(2);
  });
});

describe("metrics content negotiation", () => {
  const cases: readonly [string | undefined, string | undefined][] = [
    ["application/openmetrics-text", "openMetrics"],
    ["*/*", "openMetrics"],
    ["text/plain", "prometheus"],
    ["application/json", "json"],
    ["image/png", undefined],
    ["", "openMetrics"],
    [undefined, "openMetrics"],
    ["text/plain;q=0.5, application/json", "json"],
    [
      "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
      "openMetrics",
    ],
    ["text/plain;q=x, application/json;q=0.1", "json"],
    ["text/plain;q=0", undefined],
  ];
  for (const [accept, expected] of cases) {
    it(`${accept ?? "no header"} is ${expected ?? "refused"}`, () => {
      expect(negotiate(accept, JICOFO_METRICS)).to.equal(expected);
    });
  }

  it("spells the media type as each program does", () => {
    const registry = sample();
    expect(registry.view("text/plain", JVB_METRICS)?.contentType).to.equal(
      "text/plain;charset=utf-8;version=0.0.4",
    );
    expect(registry.view("text/plain", JICOFO_METRICS)?.contentType).to.equal(
      "text/plain; version=0.0.4; charset=utf-8",
    );
    expect(registry.view(undefined, JVB_METRICS)?.contentType).to.contain("text/plain");
    expect(registry.view("image/png", JVB_METRICS)).to.equal(undefined);
  });
});

describe("numbers as Java prints them", () => {
  const cases: readonly [number, string][] = [
    [0, "0.0"],
    [-1, "-1.0"],
    [1.0355290742579721, "1.0355290742579721"],
    [9_999_999, "9999999.0"],
    [10_000_000, "1.0E7"],
    [1_795_256_723_285, "1.795256723285E12"],
    [25_182_208, "2.5182208E7"],
    [0.001, "0.001"],
    [0.0001, "1.0E-4"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NaN, "NaN"],
  ];
  for (const [value, text] of cases) it(text, () => expect(javaDouble(value)).to.equal(text));
});
