import { readFileSync } from "node:fs";
import { expect } from "chai";
import { toPlain } from "./config-value.ts";
import { parseHocon } from "./hocon.ts";

/** What Typesafe config 1.4.2 made of each text, with HOCON_USER=bob and HOCON_EMPTY= set. */
interface Case {
  readonly name: string;
  readonly text: string;
  /** Texts that `include` finds beside the file. */
  readonly files?: Readonly<Record<string, string>>;
  readonly expect?: unknown;
  readonly error?: true;
}

const cases = JSON.parse(
  readFileSync(new URL("./hocon-cases.json", import.meta.url), "utf8"),
) as readonly Case[];
const environment: Readonly<Record<string, string>> = { HOCON_USER: "bob", HOCON_EMPTY: "" };

function read(given: Case) {
  const files: Readonly<Record<string, string>> = { ...given.files, "case.conf": given.text };
  return parseHocon(given.text, {
    file: "case.conf",
    environment: (name) => environment[name],
    include: ({ name }) => {
      const file = [name, `${name}.conf`].find((candidate) => Object.hasOwn(files, candidate));
      return file === undefined ? undefined : { file, text: files[file] ?? "" };
    },
  });
}

describe("HOCON as Typesafe config reads it", () => {
  for (const given of cases) {
    it(given.name, () => {
      const result = read(given);
      if (given.error === true) {
        expect(result.ok, JSON.stringify(result.ok && toPlain(result.value))).to.equal(false);
        if (!result.ok) expect(result.error.origin?.line).to.be.greaterThan(0);
        return;
      }
      if (!result.ok) throw new Error(JSON.stringify(result.error));
      expect(toPlain(result.value)).to.deep.equal(given.expect);
    });
  }
});

describe("HOCON origins", () => {
  it("keeps the line of each value, included files too", () => {
    const result = read({
      name: "",
      text: 'a = 1\n\nb {\n  c = [\n    x\n    y\n  ]\n  include "x.conf"\n}\n',
      files: { "x.conf": '# comment\nd = """q\nr"""\ne = 2\n' },
    });
    if (!result.ok) throw new Error(result.error.message);
    const b = result.value.fields.get("b");
    if (b?.kind !== "object") throw new Error("b is no object");
    const list = b.fields.get("c");
    if (list?.kind !== "list") throw new Error("c is no list");
    expect(list.items.map((item) => item.origin.line)).to.deep.equal([5, 6]);
    expect(b.fields.get("e")?.origin).to.deep.equal({ file: "x.conf", line: 4 });
  });

  const faults: readonly [string, string, number, string][] = [
    ["reserved character", "a=1\nb=x@y", 2, "@ may not stand outside quotes"],
    ["missing value", "a=1\n\nb=", 3, "a value is expected, not the end of file"],
    ["unresolved substitution", `a=1\nb=2\nc=\${nosuch}`, 3, `\${nosuch} has no value`],
    ["unclosed brace", "a {\n b=1\n", 3, "the file ends inside { }"],
  ];
  for (const [name, text, line, message] of faults) {
    it(`says where: ${name}`, () => {
      const result = parseHocon(text, { file: "x.conf" });
      expect(result.ok).to.equal(false);
      if (result.ok) return;
      expect(result.error.origin).to.deep.equal({ file: "x.conf", line });
      expect(result.error.message).to.equal(message);
      expect(result.error.remedy).to.be.a("string");
    });
  }
});

describe("HOCON that grows without end", () => {
  it("refuses substitutions that double", () => {
    const lines = ["a0 = xxxxxxxxxx"];
    for (let at = 1; at < 60; at++) lines.push(`a${at} = \${a${at - 1}}\${a${at - 1}}`);
    expect(parseHocon(lines.join("\n")).ok).to.equal(false);
  });

  it("refuses deep nesting", () => {
    expect(parseHocon(`a=${"[".repeat(100_000)}`).ok).to.equal(false);
    expect(parseHocon("{a:".repeat(100_000)).ok).to.equal(false);
    expect(parseHocon(`${"a.".repeat(100_000)}b=1`).ok).to.equal(false);
  });

  it("refuses substitutions inside of substitutions, however many", () => {
    for (const depth of [2, 20_000]) {
      const result = parseHocon(`x = ${"${".repeat(depth)}a${"}".repeat(depth)}`);
      expect(!result.ok && result.error.message).to.match(/may not stand inside another/);
    }
  });

  it("refuses long chains of substitutions", () => {
    const chain = ["a0 = 1"];
    const nested = ["a0 = 1"];
    for (let at = 1; at < 20_000; at++) {
      chain.push(`a${at} = \${a${at - 1}}`);
      nested.push(`a${at} = { b = \${a${at - 1}} }`);
    }
    expect(parseHocon(chain.join("\n")).ok).to.equal(false);
    expect(parseHocon(nested.join("\n")).ok).to.equal(false);
  });
});
