import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { ConfigValue } from "./config-value.ts";
import { parseHocon } from "./hocon.ts";
import { bool, double, duration, int, type KeyType, list, size, str } from "./key-types.ts";
import { parseBandwidth, parseFraction } from "./units.ts";

/** What Typesafe config 1.4.2 answers for `x = text`; `null` is an error. */
interface Case {
  readonly type: "duration" | "size" | "int" | "bool" | "double" | "strlist" | "string";
  readonly text: string;
  readonly expect: string | null;
}

const cases = JSON.parse(
  readFileSync(new URL("./unit-cases.json", import.meta.url), "utf8"),
) as readonly Case[];

const types: Readonly<Record<Case["type"], KeyType<unknown>>> = {
  duration,
  size,
  int,
  bool,
  double,
  string: str,
  strlist: list(str),
};

function readOne(text: string): ConfigValue | undefined {
  const parsed = parseHocon(`x=${text}`);
  return parsed.ok ? parsed.value.fields.get("x") : undefined;
}

/** Where upstream reads through layers of its own above Typesafe config (spec B3). */
const wider: Readonly<Record<string, string>> = {
  "bool True": "true",
  "bool TRUE": "true",
  "double 5%": "0.05",
};

describe("value coercion as Typesafe config's", () => {
  for (const given of cases) {
    const { type, text } = given;
    const expected = wider[`${type} ${text}`] ?? given.expect;
    it(`${type} ${text} is ${expected ?? "refused"}`, () => {
      const value = readOne(text);
      const read = value === undefined ? undefined : types[type].read(value);
      const actual = read?.kind === "value" ? read.value : null;
      if (actual === null || expected === null) expect(actual).to.equal(expected);
      else if (typeof actual === "number") expect(actual).to.be.closeTo(Number(expected), 1e-9);
      else if (Array.isArray(actual)) expect(`[${actual.join(", ")}]`).to.equal(expected);
      else expect(String(actual)).to.equal(expected);
    });
  }
});

describe("numbers of any length", () => {
  it("are read in linear time", () => {
    const texts = ["5".repeat(100_000), `5${" ".repeat(100_000)}!`, `${"5".repeat(100_000)}!`];
    const before = process.threadCpuUsage();
    for (const text of texts) expect(parseBandwidth(text)).to.equal(undefined);
    // 5 ms; minutes when digits could be divided in many ways.
    expect(process.threadCpuUsage(before).user).to.be.below(500_000);
  });
});

describe("upstream's own units", () => {
  it("reads percentages", () => {
    expect(["5%", "0 %", "0.25", "1e-1", "x", "%"].map(parseFraction)).to.deep.equal([
      0.05,
      0,
      0.25,
      0.1,
      undefined,
      undefined,
    ]);
  });

  it("reads bit rates", () => {
    expect(
      ["500 kbps", "10 Mbps", "1.5mbps", "300", "9 bps", "1 gbps", "5 kb"].map(parseBandwidth),
    ).to.deep.equal([500_000, 10_000_000, 1_500_000, 300, 9, 1e9, undefined]);
  });
});
