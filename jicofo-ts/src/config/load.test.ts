import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ConfigError, faultLine } from "#shared/config/config-error";
import { allKeys, legacyName } from "#shared/config/key-table";
import { surfaceList } from "#shared/testing/surface";
import { loadFocusConfig, readFocusConfig } from "./load.ts";
import { allTables } from "./settings.ts";

const account = `jicofo.xmpp.client { domain = auth.example.com, xmpp-domain = example.com, password = p }`;

describe("the focus' configuration", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "jicofo-load-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const short = (text: string): string => text.replaceAll(`${folder}/`, "");
  const read = (text: string, ...argv: string[]) => {
    const file = join(folder, "jicofo.conf");
    writeFileSync(file, text);
    return readFocusConfig(loadFocusConfig(["--config", file, ...argv], {}));
  };
  const warnings = (text: string, ...argv: string[]): string[] =>
    read(`${account}\n${text}`, ...argv).warnings.map((fault) => short(faultLine(fault)));
  const refusal = (text: string, ...argv: string[]): string => {
    try {
      read(text, ...argv);
    } catch (error) {
      if (error instanceof ConfigError) return short(error.line);
      throw error;
    }
    return "accepted";
  };

  it("knows every key that upstream reads", () => {
    const known = new Set(allKeys(allTables).map(({ path }) => path));
    expect(surfaceList("jicofo-keys").filter((path) => !known.has(path))).to.deep.equal([]);
  });

  it("declares each key and property once", () => {
    const keys = allKeys(allTables);
    const paths = keys.map(({ path }) => path);
    expect(paths.filter((path, at) => paths.indexOf(path) !== at)).to.deep.equal([]);
    const names = new Set(keys.flatMap(({ spec }) => (spec.legacy ?? []).map(legacyName)));
    expect(names.size).to.be.greaterThan(40);
  });

  it("says nothing of a complete configuration", () => {
    expect(warnings("")).to.deep.equal([]);
    expect(warnings("jicofo.octo { enabled = false, sctp-datachannels = true }")).to.deep.equal([]);
  });

  const unbuilt: readonly (readonly [text: string, line: string])[] = [
    [
      'jicofo.jibri.brewery-jid = "a@b"',
      "jicofo.jibri.brewery-jid: is not built yet: nothing is recorded",
    ],
    [
      'jicofo.jigasi.brewery-jid = "a@b"',
      "jicofo.jigasi.brewery-jid: is not built yet: nobody can dial",
    ],
    [
      "jicofo.octo.enabled = true",
      "jicofo.octo.enabled: is not built yet: each conference stays on one bridge",
    ],
    [
      "jicofo.conference.reinvite-method = ReplaceTransport",
      "jicofo.conference.reinvite-method: is not built yet: participants are moved by a new session",
    ],
    [
      "jicofo.visitors.max-participants = 9",
      "jicofo.visitors.max-participants: is not built yet: nobody is sent to a visitor node",
    ],
    [
      "jicofo.transcription.url-template = x",
      "jicofo.transcription.url-template: is not built yet: there is no transcription",
    ],
    ["tracing.enabled = true", "tracing.enabled: is not built yet: no traces are sent"],
  ];
  for (const [text, line] of unbuilt) {
    it(`warns once of ${text}`, () => {
      expect(warnings(text)).to.deep.equal([`jicofo.conf:2: ${line}`]);
    });
  }

  it("warns of an interface that other machines reach", () => {
    expect(warnings("jicofo.rest.host = 127.0.0.1")).to.deep.equal([]);
    expect(warnings("jicofo.rest { host = 0.0.0.0, enabled = off }")).to.deep.equal([]);
    expect(warnings("jicofo.rest.host = 0.0.0.0")).to.deep.equal([
      "jicofo.conf:2: jicofo.rest.host: 0.0.0.0 lets other machines reach rooms, statistics and pins without a password; set it to 127.0.0.1, or keep others out by a firewall",
    ]);
  });

  it("warns of legacy properties that it does not know", () => {
    expect(
      warnings("", "-Dorg.jitsi.jicofo.HOSTNAM=x", "-Dorg.jitsi.focus.IDLE_TIMEOUT=1"),
    ).to.deep.equal([
      "-Dorg.jitsi.jicofo.HOSTNAM: org.jitsi.jicofo.HOSTNAM: unknown property; did you mean org.jitsi.jicofo.HOSTNAME?",
    ]);
  });

  const mistakes: readonly (readonly [name: string, text: string, line: string | RegExp])[] = [
    [
      "visitors, whose limit is missing",
      `${account}\njicofo.visitors.enabled = true`,
      /^jicofo\.conf:2: jicofo\.visitors\.enabled: is not built yet: .*; set it to false/,
    ],
    [
      "an authentication that does not exist",
      `${account}\njicofo.authentication { enabled = true, type = SHIBBOLETH, login-url = x }`,
      /^jicofo\.conf:2: jicofo\.authentication\.type: .*; set it to XMPP or JWT/,
    ],
    [
      "no domain",
      "jicofo.xmpp.client.xmpp-domain = x",
      /^jicofo\.xmpp\.client\.domain: is required and not set; add /,
    ],
    [
      "a misspelt domain",
      "jicofo.xmpp.client { xmpp-domain = x, domian = y }",
      "jicofo.conf:1: jicofo.xmpp.client.domain: is required and not set; rename jicofo.xmpp.client.domian to it",
    ],
    [
      "text for a port",
      `${account}\njicofo.rest.port = many`,
      'jicofo.conf:2: jicofo.rest.port: "many" is not a port number, -1 to 65535; correct it, or remove it for the default 8888',
    ],
    [
      "a port out of range",
      `${account}\njicofo.rest.port = 70000`,
      /^jicofo\.conf:2: jicofo\.rest\.port: "70000" is not a port number/,
    ],
    [
      "a payload type out of range",
      `${account}\njicofo.codec.video.vp8.pt = 128`,
      /"128" is not a payload type, -1 to 127/,
    ],
    [
      "1 for a boolean",
      `${account}\njicofo.octo.enabled = 1`,
      /^jicofo\.conf:2: jicofo\.octo\.enabled: "1" is not true or false/,
    ],
    [
      "an object for a text",
      `${account}\njicofo.bridge.brewery-jid { a = b }`,
      /an object is not text/,
    ],
    [
      "a text for a list",
      `${account}\njicofo.xmpp.trusted-domains = recorder.x`,
      /"recorder\.x" is not a list/,
    ],
    [
      "a brewery that is no room",
      `${account}\njicofo.bridge.brewery-jid = "no room"`,
      /^jicofo\.conf:2: jicofo\.bridge\.brewery-jid: .*room@/,
    ],
    [
      "an unknown strategy",
      `${account}\njicofo.bridge.selection-strategy = Best`,
      /^jicofo\.conf:2: .*selection-strategy: "Best" is not one of /,
    ],
    ["an open brace", `${account}\njicofo {\n`, /^jicofo\.conf:\d+: .*; /],
    [
      "an unquoted @",
      `${account}\njicofo.bridge.brewery-jid = a@b`,
      /^jicofo\.conf:2: @ may not stand outside quotes; put the text into/,
    ],
    [
      "an unset variable",
      `${account}\njicofo.rest.host = \${REST_HOST}`,
      /^jicofo\.conf:2: \$\{REST_HOST\} has no value; set REST_HOST, or write/,
    ],
    [
      "a required file that is missing",
      `${account}\ninclude required("more.conf")`,
      /^jicofo\.conf:2: .*more\.conf.*; /,
    ],
    [
      "two mistakes, both named",
      `${account}\njicofo.rest.port = x\njicofo.octo.enabled = 7`,
      /jicofo\.rest\.port: .*\n.*jicofo\.octo\.enabled: |jicofo\.octo\.enabled: .*\n.*jicofo\.rest\.port: /,
    ],
  ];
  for (const [name, text, line] of mistakes) {
    it(`refuses ${name}`, () => {
      if (typeof line === "string") expect(refusal(text)).to.equal(line);
      else expect(refusal(text)).to.match(line);
    });
  }

  it("refuses a file that cannot be read, and no file", () => {
    const refused = (...argv: string[]): string => {
      try {
        loadFocusConfig(argv, {});
      } catch (error) {
        if (error instanceof ConfigError) return short(error.line);
      }
      return "accepted";
    };
    expect(refused("--config", join(folder, "none.conf"))).to.equal(
      "cannot read the configuration file none.conf; check the path and its permissions",
    );
    expect(refused("--config", folder)).to.match(/^cannot read the configuration file/);
    expect(refused()).to.match(/^no configuration file is given; start with --config FILE/);
  });

  it("warns of an included file that is there and cannot be read", () => {
    // A folder: root may read any file, whatever its permissions.
    mkdirSync(join(folder, "more.conf"));
    expect(warnings('include "more.conf"')).to.deep.equal([
      "jicofo.conf:2: more.conf cannot be read and is left out; check its permissions",
    ]);
  });

  it("takes what upstream tolerates, with a warning; --strict does not", () => {
    const malformed = "jicofo.bridge.failure-reset-threshold = 1 min";
    expect(warnings(malformed)).to.deep.equal([
      'jicofo.conf:2: jicofo.bridge.failure-reset-threshold: "1 min" is not a duration such as 5 seconds; 60 seconds is used',
    ]);
    expect(warnings("jicofo.bridge.brewry-jid = x")).to.deep.equal([
      "jicofo.conf:2: jicofo.bridge.brewry-jid: unknown key; did you mean jicofo.bridge.brewery-jid?",
    ]);
    expect(refusal(`${account}\n${malformed}`, "--strict")).to.match(/failure-reset-threshold/);
  });

  it("never prints the password", () => {
    const secret = "hunter2";
    for (const text of [
      `jicofo.xmpp.client { password = ${secret}`,
      `jicofo.xmpp.client.password = ${secret}@x`,
      `jicofo.xmpp.client { password = ["${secret}"] }`,
      `jicofo.xmpp.client { password = ${secret}, domain = [x] }`,
      `jicofo.xmpp.client { password = "${secret}`,
    ]) {
      expect(refusal(text), text).not.to.contain(secret);
      expect(refusal(text), text).not.to.equal("accepted");
    }
  });
});
