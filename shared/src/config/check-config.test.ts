import { expect } from "chai";
import { configFolder } from "#shared/testing/config-trial";
import { checkConfig } from "./check-config.ts";
import { checkKeys, keyRows } from "./check-keys.ts";
import { loadConfig } from "./config.ts";
import { ConfigError, type ConfigFault, faultLine } from "./config-error.ts";
import { bool, int, keys, list, noEffect, notBuilt, optional, port, raw, str } from "./keys.ts";
import { unknownProperties } from "./known-properties.ts";

const works = keys("a", {
  port: { type: port, default: 80, legacy: ["org.a.PORT"], older: ["a.old-port"], doc: "Port." },
  password: { type: optional(str), doc: "Password." },
  accounts: { type: optional(raw), doc: "Accounts." },
  headers: { type: optional(raw), secret: true, doc: "Headers." },
  links: { type: optional(raw), entryFields: ["host", "password"], doc: "Links." },
});
const partly = keys("b", {
  cache: { type: int, default: 5, state: noEffect("there is no cache"), doc: "Cache." },
  spread: { type: bool, default: false, state: notBuilt("one bridge each"), doc: "Spread." },
  probe: { type: bool, default: true, state: notBuilt("nobody is asked"), doc: "Probe." },
  mode: {
    type: str,
    default: "one",
    state: notBuilt("one is used", { values: (mode: string) => mode === "three" }),
    doc: "Mode.",
  },
  former: { type: optional(raw), state: noEffect("it is gone"), doc: "Former." },
  trusted: {
    type: list(str),
    default: ["x", "y"],
    state: notBuilt("everybody is trusted", { restricts: true, remedy: "remove it" }),
    doc: "Trusted.",
  },
});
const tables = [works, partly];

describe("keys with a state", () => {
  const { write, short } = configFolder("x.conf");

  const load = (text: string, ...argv: string[]) => {
    const file = write(text);
    const env = { HIDE: "from the environment", PORT: "81" };
    return loadConfig({ argv: ["--config", file, ...argv], env, tables });
  };
  const warned = (text: string): string[] =>
    checkKeys(load(text), tables).map((fault) => short(faultLine(fault)));

  it("warn of values that ask for what is not built, once each, and of no others", () => {
    expect(warned("b { spread = true, mode = three, cache = 9 }")).to.deep.equal([
      "x.conf:1: b.spread: is not built yet: one bridge each",
      "x.conf:1: b.mode: is not built yet: one is used",
    ]);
    const content = "b { spread = false, mode = two, cache = 5, trusted = [x, y], probe = off }";
    expect(warned(content)).to.deep.equal([]);
  });

  it("stop the start where the value restricts access, beside every wrong value", () => {
    expect(() => checkKeys(load("a.port = x\nb.trusted = [x]\nb.cache = many"), tables)).to.throw(
      ConfigError,
      /x\.conf:1: a\.port: .*\n.*x\.conf:2: b\.trusted: is not built yet: everybody is trusted; remove it\n.*x\.conf:3: b\.cache: /,
    );
  });

  it("are listed with value, origin and state; secrets are not shown", () => {
    const text = `a { password = "p#1", port = \${PORT}
      accounts.x { host = h, PASSWORD = s1, rooms = [r, { secret = s2 }] }
      headers { key = s3 } }
      b { cache = 1, mode = three }`;
    const rows = keyRows(load(text), tables).map(
      ({ path, value, origin, state }) =>
        `${path}=${value} ${origin?.line ?? "-"} ${origin?.variable ?? "-"} ${state}`,
    );
    expect(rows).to.deep.equal([
      "a.port=81 1 PORT works",
      "a.password=(hidden) 1 - works",
      'a.accounts.x.host="h" 2 - works',
      "a.accounts.x.PASSWORD=(hidden) 2 - works",
      'a.accounts.x.rooms=["r",{"secret":"(hidden)"}] 2 - works',
      "a.headers.key=(hidden) 3 - works",
      "a.links=(none) - - works",
      "b.cache=1 4 - no-effect",
      "b.spread=false - - not-built",
      "b.probe=true - - not-built",
      'b.mode="three" 4 - not-built',
      "b.former=(none) - - no-effect",
      'b.trusted=["x", "y"] - - not-built',
    ]);
  });

  it("warn of fields of entries that nothing reads, and show their values to nobody", () => {
    const text = `a.links {
      one { HOST = h, password = s1
        passwrod = s2
        pass { word = s3 } } }
      b.former { a = s4, deep.key = s5 }`;
    expect(warned(text)).to.deep.equal([
      "x.conf:3: a.links.one.passwrod: unknown key; did you mean a.links.one.password?",
      "x.conf:4: a.links.one.pass: unknown key; remove it or check its spelling",
    ]);
    const rows = keyRows(load(text), tables).filter(({ origin }) => origin !== undefined);
    expect(rows.map(({ path, value, state }) => `${path}=${value} ${state}`)).to.deep.equal([
      'a.links.one.HOST="h" works',
      "a.links.one.password=(hidden) works",
      "a.links.one.passwrod=(hidden) no-effect",
      "a.links.one.pass.word=(hidden) no-effect",
      "b.former.a=(hidden) no-effect",
      "b.former.deep.key=(hidden) no-effect",
    ]);
  });

  it("take older names, which win and are known", () => {
    const config = load("a { old-port = 7, port = 8 }");
    expect(config.readTable(works).port).to.equal(7);
    expect(config.warnings.map((fault) => short(faultLine(fault)))).to.deep.equal([
      "x.conf:1: a.port: has no effect, a.old-port at x.conf:1 wins; remove one of the two",
    ]);
  });

  it("warn once although read twice", () => {
    const config = load("a { old-port = 7, port = 8 }");
    config.readTable(works);
    checkKeys(config, tables);
    expect(config.warnings).to.have.length(1);
  });

  it("know properties by their prefixes", () => {
    const config = load("", "-Dorg.a.PORTS=1", "-Dorg.a.PORT=2", "-Dorg.a.old.x=3", "-Dorg.b=4");
    const unknown = unknownProperties(config, tables, {
      prefixes: ["org.a."],
      others: ["org.a.old."],
    });
    expect(unknown.map(faultLine)).to.deep.equal([
      "-Dorg.a.PORTS: org.a.PORTS: unknown property; did you mean org.a.PORT?",
    ]);
  });

  describe("--check-config", () => {
    const check = (text: string, all = false, idle: readonly ConfigFault[] = []) => {
      const report = checkConfig({
        program: "x-ts",
        version: "1",
        tables,
        all,
        errorStatus: 78,
        load: () => load(text),
        read(config, log) {
          log.warn("said by the reader");
          return {
            warnings: [...config.warnings, ...checkKeys(config, tables), ...idle.slice(0, 1)],
            idle,
          };
        },
      });
      return { ...report, stdout: short(report.stdout), stderr: short(report.stderr) };
    };

    it("shows problems, then what is set, then the verdict", () => {
      const { stdout, stderr, status } = check("a.password = p\nb { spread = on }\na.prot = 1");
      expect(status).to.equal(0);
      expect(stderr).to.equal("");
      expect(stdout.replace(/ +/g, " ")).to.equal(
        [
          "x-ts 1 with x.conf",
          "",
          "Warnings",
          " x.conf:3: a.prot: unknown key; did you mean a.port?",
          " x.conf:2: b.spread: is not built yet: one bridge each",
          " said by the reader",
          "",
          "Set keys",
          " a.password = (hidden) x.conf:1 works",
          " b.spread = true x.conf:2 not built yet: one bridge each",
          "",
          "9 keys have their defaults; add --all to see them.",
          "Fit to start, with 3 warnings.",
          "",
        ].join("\n"),
      );
    });

    it("says first why it would carry no calls, and that only once", () => {
      const hindrance = { key: "a.password", message: "is not set", remedy: "set it" };
      const { stdout, status } = check("", false, [hindrance, { message: "no address is left" }]);
      expect(status).to.equal(0);
      expect(stdout.split("\n").slice(1, 4)).to.deep.equal([
        "Starts, but cannot carry calls: a.password: is not set; set it",
        "Starts, but cannot carry calls: no address is left",
        "",
      ]);
      expect(stdout.split("is not set")).to.have.length(2);
      expect(stdout).to.match(/\nStarts, but cannot carry calls, with 1 warning\.\n$/);
    });

    it("says where no file was read", () => {
      const report = checkConfig({
        program: "x-ts",
        version: "1",
        tables,
        all: false,
        errorStatus: 78,
        load: () => loadConfig({ argv: [], env: {}, tables }),
        read: ({ warnings }) => ({ warnings, idle: [] }),
      });
      expect(report.stdout).to.match(
        /^x-ts 1 with no configuration file\nNo file was read; give --config FILE to check one\.\n/,
      );
      expect(report.stdout).to.match(/\nFit to start, without a configuration file\.\n$/);
    });

    it("lists every key when asked", () => {
      const { stdout } = check("", true);
      for (const path of ["a.port = 80", "b.cache = 5", "b.spread = false"]) {
        expect(stdout).to.match(new RegExp(`^ +${path} +default +`, "m"));
      }
    });

    it("says what a start would say, with its status", () => {
      const wrong = check("a.port = high");
      expect(wrong.status).to.equal(78);
      expect(wrong.stderr).to.match(/^x-ts: x\.conf:1: a\.port: "high" is not a port.*\n$/);
      expect(wrong.stdout).to.match(/Not fit to start: 1 error\.\n$/);
      const beside = check("a.port = high\nb.spread = on").stdout;
      expect(beside).to.match(
        /Warnings\n +x\.conf:2: b\.spread: is not built yet: one bridge each\n/,
      );
      const broken = check("a {");
      expect(broken.status).to.equal(78);
      expect(broken.stderr).to.match(/^x-ts: x\.conf:1: /);
      expect(broken.stdout).to.equal("");
    });
  });
});
