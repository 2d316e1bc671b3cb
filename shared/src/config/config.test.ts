import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type LoadedConfig, type LoadOptions, loadConfig } from "./config.ts";
import { ConfigError, faultLine } from "./config-error.ts";
import {
  bool,
  duration,
  int,
  type KeyTable,
  keys,
  list,
  optional,
  port,
  record,
  str,
} from "./keys.ts";
import { editDistance, nearest } from "./known-keys.ts";
import { logSettings, readLogSettings } from "./log-settings.ts";
import { propertyMap } from "./properties.ts";
import { referenceConf, referenceMarkdown } from "./reference.ts";

/** As programs do it. */
function readKeys<T>(config: LoadedConfig, table: KeyTable<T>): Readonly<T> {
  return config.readTable(table);
}

const stats = keys("videobridge.stats", {
  interval: { type: duration, default: 5000, doc: "How often." },
  "presence-interval": {
    type: duration,
    default: 5000,
    follows: "videobridge.stats.interval",
    doc: "How often in presence.",
  },
  transports: { type: list(str), default: ["muc"], doc: "Where to." },
});
const ice = keys("videobridge.ice", {
  "udp.port": {
    type: port,
    default: 10_000,
    legacy: ["org.jitsi.videobridge.SINGLE_PORT_HARVESTER_PORT"],
    needsRestart: true,
    doc: "UDP port shared by all endpoints.",
  },
  "ufrag-prefix": { type: optional(str), doc: "Prefix." },
  relaxed: { type: bool, default: false, doc: "Whether." },
});
const required = keys("jicofo.xmpp", { domain: { type: str, doc: "Domain." } });

describe("configuration", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "config-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (name: string, text: string): string => {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  };
  const load = (text: string, more: Partial<LoadOptions> = {}) =>
    loadConfig({
      env: {},
      tables: [stats, ice],
      ...more,
      argv: ["--config", write("x.conf", text), ...(more.argv ?? [])],
    });
  const faultOf = (run: () => unknown): ConfigError => {
    try {
      run();
    } catch (cause) {
      if (cause instanceof ConfigError) return cause;
      throw cause;
    }
    throw new Error("nothing thrown");
  };

  it("gives typed values with defaults", () => {
    const config = load('videobridge { ice { udp { port = "4443" } }, stats.interval = 2 s }');
    expect(readKeys(config, ice)).to.deep.equal({
      "udp.port": 4443,
      "ufrag-prefix": undefined,
      relaxed: false,
    });
    expect(readKeys(config, stats).interval).to.equal(2000);
  });

  it("prefers legacy file, legacy -D, file, -D, default, in this order", () => {
    const legacy = "org.jitsi.videobridge.SINGLE_PORT_HARVESTER_PORT";
    const home = `-Dnet.java.sip.communicator.SC_HOME_DIR_LOCATION=${directory}`;
    const read = (text: string, argv: string[]): number =>
      readKeys(load(text, { argv }), ice)["udp.port"];
    expect(read("", [])).to.equal(10_000);
    expect(read("", ["-Dvideobridge.ice.udp.port=1"])).to.equal(1);
    expect(read("videobridge.ice.udp.port=2", ["-Dvideobridge.ice.udp.port=1"])).to.equal(2);
    expect(read("videobridge.ice.udp.port=2", [`-D${legacy}=3`])).to.equal(3);
    write("sip-communicator.properties", `${legacy}=4\n`);
    expect(read("videobridge.ice.udp.port=2", [`-D${legacy}=3`, home])).to.equal(4);
  });

  it("reads JAVA_SYS_PROPS and lets the command line win", () => {
    const file = write("y.conf", "videobridge.ice.relaxed = true");
    const config = loadConfig({
      argv: ["-Dvideobridge.ice.udp.port=7", "-Xmx3g", "word", "--compat-name=java:x.jar"],
      env: { JAVA_SYS_PROPS: `-Dconfig.file=${file}  -Dvideobridge.ice.udp.port=6 -Dempty` },
      tables: [ice],
    });
    expect(config.file).to.equal(file);
    expect(readKeys(config, ice)).to.include({ "udp.port": 7, relaxed: true });
    expect(config.systemProperties.get("empty")).to.equal("");
    expect(config.rest).to.deep.equal(["word"]);
  });

  it("resolves substitutions against file, -D, defaults, environment", () => {
    const config = load(
      `videobridge.stats.transports = [\${videobridge.ice.udp.port}, \${own}, \${?WHO}, \${?NOBODY}]\nown = x`,
      { env: { WHO: "me", own: "not me" } },
    );
    expect(readKeys(config, stats).transports).to.deep.equal(["10000", "x", "me"]);
  });

  it("keeps defaults that follow another key, except for -D, and says so", () => {
    const config = load("videobridge.stats.interval = 10 s");
    expect(readKeys(config, stats)["presence-interval"]).to.equal(5000);
    expect(config.warnings.map(({ key, message }) => [key, message])).to.deep.equal([
      [
        "videobridge.stats.interval",
        "does not change videobridge.stats.presence-interval, which stays at 5 seconds",
      ],
    ]);
    const property = load("", { argv: ["-Dvideobridge.stats.interval=10 s"] });
    expect(readKeys(property, stats)["presence-interval"]).to.equal(10_000);
  });

  it("warns of a -D that has no effect because the file sets its key, as upstream has it", () => {
    const argv = ["-Dvideobridge.ice.udp.port=7", "-Dvideobridge.stats.interval=9 s"];
    const config = load("\nvideobridge.ice.udp.port = 5", { argv });
    expect(readKeys(config, ice)["udp.port"]).to.equal(5);
    expect(config.warnings.map((w) => [w.key, w.origin?.line, w.message])).to.deep.equal([
      ["videobridge.ice.udp.port", 2, "wins over -Dvideobridge.ice.udp.port, which has no effect"],
    ]);
    expect(load("videobridge.ice.udp.port = 7", { argv }).warnings).to.deep.equal([]);
  });

  it("finds the nearest name in a long path by its last segment", () => {
    const config = load(
      "videobridge { ice.upd.port = 1, ice.udp { p0rt = 1 }, stats { intervalx = 1, zz = 1 } }",
    );
    expect(config.warnings.map((w) => w.remedy)).to.deep.equal([
      "did you mean videobridge.ice.udp?",
      "did you mean videobridge.ice.udp.port?",
      "did you mean videobridge.stats.interval?",
      "remove it or check its spelling",
    ]);
  });

  it("warns of unknown keys with file, line and the nearest name", () => {
    const config = load(
      "videobridge {\n  ice {\n    udp.prot = 1\n  }\n  stats.zzzzzzzz.y = 1\n  any.thing = 2\n}\nsmack.x = 1",
      { anyBelow: ["videobridge.any"] },
    );
    expect(config.warnings.map((w) => [w.key, w.origin?.line, w.remedy])).to.deep.equal([
      ["videobridge.ice.udp.prot", 3, "did you mean videobridge.ice.udp.port?"],
      ["videobridge.stats.zzzzzzzz", 5, "remove it or check its spelling"],
    ]);
  });

  it("warns of a misspelt top-level object, and of no other program's", () => {
    const config = load("videobrige.ice.udp.port = 1\nsmack.x = 1\njicofo.y = 1\njibri.z = 1");
    expect(config.warnings.map((w) => [w.key, w.remedy])).to.deep.equal([
      ["videobrige", "did you mean videobridge?"],
    ]);
  });

  it("names every wrong value with file, line, key and remedy", () => {
    const config = load('videobridge.ice {\n udp.port = "abc"\n relaxed = 1\n}');
    const fault = faultOf(() => readKeys(config, ice));
    expect(fault.line.split("\n").map((line) => line.replace(directory, ""))).to.deep.equal([
      '/x.conf:2: videobridge.ice.udp.port: "abc" is not a port number up to 65535, or -1 for none; correct it, or remove it for the default 10000',
      '/x.conf:3: videobridge.ice.relaxed: "1" is not true or false; correct it, or remove it for the default false',
    ]);
  });

  it("shows a wrong value only where it cannot be a secret in the wrong place", () => {
    const refused = (text: string) => {
      const config = load(`videobridge.ice.udp.port = ${JSON.stringify(text)}`);
      return faultOf(() => readKeys(config, ice)).faults[0]?.message.replace(/ is not .*/, "");
    };
    for (const shown of ["many", "70000", "10 MB", "5 seconds", "1 min", "true", "", "10.0.0.1"])
      expect(refused(shown)).to.equal(JSON.stringify(shown));
    for (const hidden of ["Sup3rSecretX", "hunter2", "12ab34", "10 secrets", "averylongpassword"])
      expect(refused(hidden)).to.equal("the value (hidden)");
  });

  it("names misspelt -D keys of ours, and never their values", () => {
    const words = ["-Dvideobridge.ice.udp.prot=Sup3r", "-Dvideobridge.stats.interval=1 s"];
    const others = ["-Djava.net.x=1", "-Djmx=2", "-Dvideobrigde.x=3", "-Dorg.jitsi.x=4"];
    const env = { JAVA_SYS_PROPS: "-Dvideobridge.ice.relaxd=1" };
    const config = load("", { argv: [...words, ...others], env });
    expect(config.warnings.map(faultLine)).to.deep.equal([
      "-D: videobridge.ice.relaxd: unknown key; did you mean videobridge.ice.relaxed?",
      "-D: videobridge.ice.udp.prot: unknown key; did you mean videobridge.ice.udp.port?",
    ]);
  });

  it("says which file is missing, or there and cannot be read", () => {
    // A folder in the file's place: root may read every file.
    const home = mkdtempSync(join(directory, "home-"));
    mkdirSync(join(home, "sip-communicator.properties"));
    const argv = [`-Dnet.java.sip.communicator.SC_HOME_DIR_LOCATION=${home}`];
    mkdirSync(join(directory, "folder.conf"));
    const config = load('\ninclude "folder.conf"\ninclude "none.conf"', { argv });
    expect(
      config.warnings.map(faultLine).map((line) => line.replaceAll(directory, "")),
    ).to.deep.equal([
      "/x.conf:2: /folder.conf cannot be read and is left out; check its permissions",
      "/x.conf:3: include of /none.conf, which does not exist; nothing is included; create it, or remove the line",
      `${home.replace(directory, "")}/sip-communicator.properties cannot be read and is left out; check its permissions`,
    ]);
  });

  it("treats a malformed duration as absent, with a warning", () => {
    const config = load("videobridge.stats.interval = 1 min");
    expect(readKeys(config, stats).interval).to.equal(5000);
    expect(config.warnings[0]?.remedy).to.equal("5 seconds is used");
  });

  it("warns where a legacy property hides a value", () => {
    const legacy = "org.jitsi.videobridge.SINGLE_PORT_HARVESTER_PORT";
    const config = load("videobridge.ice.udp.port = 5", { argv: [`-D${legacy}=6`] });
    readKeys(config, ice);
    expect(config.warnings[0]?.message).to.equal(`has no effect, ${legacy} at -D${legacy} wins`);
    expect(
      config.legacyBelow("org.jitsi.videobridge.").get("SINGLE_PORT_HARVESTER_PORT"),
    ).to.include({
      text: "6",
    });
  });

  it("names a required key that is missing, and a file that is", () => {
    const config = load("", { tables: [required] });
    expect(faultOf(() => readKeys(config, required)).line).to.equal(
      "jicofo.xmpp.domain: is required and not set; add jicofo.xmpp.domain = … (text) to the configuration file",
    );
    const misspelt = load("\njicofo.xmpp.domian = x", { tables: [required] });
    expect(faultOf(() => readKeys(misspelt, required)).line).to.match(
      /x\.conf:2: jicofo\.xmpp\.domain: is required and not set; rename jicofo\.xmpp\.domian to it$/,
    );
    const none = { argv: [], env: {}, tables: [], fileRequired: true };
    expect(faultOf(() => loadConfig(none)).line).to.contain("--config FILE");
    const gone = { argv: ["--config=/nonexistent/x.conf"], env: {}, tables: [] };
    expect(faultOf(() => loadConfig(gone)).line).to.contain("/nonexistent/x.conf");
    expect(faultOf(() => load("a = [")).line).to.match(/x\.conf:1: .*; /);
  });

  it("includes files beside the including one, byte order mark and CRLF allowed", () => {
    write("more.conf", "\ufeffudp.port = 9\r\nrelaxed = true\r\n");
    const config = load('videobridge.ice { include "more.conf" }\ninclude "missing.conf"');
    expect(readKeys(config, ice)).to.include({ "udp.port": 9, relaxed: true });
    expect(config.warnings.map(({ origin }) => origin?.line)).to.deep.equal([2]);
    expect(faultOf(() => load('include url("http://x/")')).line).to.contain("not supported");
  });

  it("generates a reference that reads back to its own defaults", () => {
    const text = referenceConf([stats, ice]);
    expect(text).to.contain("# UDP port shared by all endpoints.");
    const config = load(text);
    expect(config.warnings.filter(({ message }) => message === "unknown key")).to.deep.equal([]);
    expect(readKeys(config, ice)["udp.port"]).to.equal(10_000);
    expect(readKeys(config, stats).transports).to.deep.equal(["muc"]);
    expect(referenceMarkdown([ice])).to.contain("| `videobridge.ice.udp.port` |");
  });

  it("adds entries of a file to those of a default, and of a file to those of -D", () => {
    const table = keys("a", {
      delays: { type: record(int), default: { "50": 1, "60": 2 }, doc: "" },
    });
    const text = 'a.delays = { "60" = 3 }';
    const config = load(text, { tables: [table], argv: ["-Da.delays.70=4", "-Da.delays.60=5"] });
    expect(readKeys(config, table).delays).to.deep.equal({ "50": 1, "60": 3, "70": 4 });
  });

  it("turns a legacy text into a list", () => {
    const split = (text: string): string[] => text.split(";");
    const table = keys("a", {
      names: {
        type: list(str),
        default: [],
        legacy: [{ name: "o.NAMES", convert: split }],
        doc: "",
      },
    });
    const config = load("", { tables: [table], argv: ["-Do.NAMES=eth0;v0"] });
    expect(readKeys(config, table).names).to.deep.equal(["eth0", "v0"]);
  });

  it("refuses numbers out of range", () => {
    const table = keys("a", {
      b: { type: int, default: 0, doc: "" },
      c: { type: port, default: 1, doc: "" },
    });
    const config = load("a { b = 99999999999, c = 70000 }", { tables: [table] });
    expect(faultOf(() => readKeys(config, table)).faults).to.have.length(2);
  });
});

describe("properties", () => {
  const cases: readonly [string, string, Record<string, string>][] = [
    ["separators", "a=1\nb:2\nc 3\nd\t=\t4\ne", { a: "1", b: "2", c: "3", d: "4", e: "" }],
    ["spaces", "  a = x y  \n", { a: "x y  " }],
    ["comments", "# x\n! y\n  # z\na=#1", { a: "#1" }],
    ["escapes", "Jabber\\:user@x = a\\u0041\\n\\q\\\\", { "Jabber:user@x": "aA\nq\\" }],
    ["continuation", "a = x\\\n    y\\\r\n z\nb=1\\\\\nc=2", { a: "xyz", b: "1\\", c: "2" }],
    ["last wins", "a=1\na=2", { a: "2" }],
    ["equals in value", "a=b=c:d", { a: "b=c:d" }],
    ["byte order mark", "\ufeffa=1", { a: "1" }],
  ];
  for (const [name, text, expected] of cases) {
    it(name, () => expect(Object.fromEntries(propertyMap(text))).to.deep.equal(expected));
  }
});

describe("log settings", () => {
  it("reads levels, program and console threshold", () => {
    const settings = logSettings(
      propertyMap(
        ".level=FINEST\norg.jitsi.videobridge.Conference.level=SEVERE\n" +
          "java.util.logging.ConsoleHandler.level=FINE\norg.jitsi.X.level=ALL\n" +
          "org.jitsi.utils.logging2.JitsiLogFormatter.programname=JVB\n" +
          "org.jitsi.utils.logging2.JitsiLogFormatter.disableTimestamp=true\n",
      ),
      { JITSI_TS_LOG: "json", JITSI_TS_REDACT: "1" },
    );
    expect(settings).to.include({
      program: "JVB",
      level: "debug",
      timestamps: false,
      format: "json",
      redact: true,
    });
    expect([...(settings.levels ?? [])]).to.deep.equal([
      ["Conference", "error"],
      ["X", "debug"],
    ]);
  });

  it("finds the file that the command line names", () => {
    const directory = mkdtempSync(join(tmpdir(), "log-"));
    const file = join(directory, "logging.properties");
    writeFileSync(file, ".level=SEVERE\n");
    const argv = [`-Djava.util.logging.config.file=${file}`];
    expect(readLogSettings(argv, {}).level).to.equal("error");
    expect(readLogSettings([], { JAVA_SYS_PROPS: argv[0] }, "debug").level).to.equal("error");
    expect(readLogSettings([], {}, "debug").level).to.equal("debug");
    rmSync(directory, { recursive: true });
    expect(readLogSettings(argv, {}).level).to.equal("info");
  });

  it("has Java's defaults without a file", () => {
    expect(logSettings(new Map(), {})).to.include({
      level: "info",
      timestamps: true,
      redact: false,
    });
  });
});

describe("nearest", () => {
  it("prefers a name of the same length among equals", () => {
    expect(nearest("relay-domainz", ["relay-domain", "relay-domains"], 3)).to.equal(
      "relay-domains",
    );
    expect(nearest("domain", ["domains", "domain-x"], 3)).to.equal("domains");
    expect(nearest("upd", ["tcp", "udp"], 3)).to.equal("udp");
    expect(nearest("abc", ["xyz"], 3)).to.equal(undefined);
  });
});

describe("edit distance", () => {
  it("is exact below the limit", () => {
    expect(editDistance("prot", "port", 9)).to.equal(2);
    expect(editDistance("", "abc", 9)).to.equal(3);
    expect(editDistance("abcdef", "uvwxyz", 3)).to.equal(3);
  });
});
