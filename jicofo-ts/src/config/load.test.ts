import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { faultLine } from "#shared/config/config-error";
import { allKeys, legacyName } from "#shared/config/key-table";
import { itTakesMistakes } from "#shared/testing/config-expectations";
import { configTrial, refusalOf } from "#shared/testing/config-trial";
import { surfaceList } from "#shared/testing/surface";
import { loadFocusConfig, readFocusConfig, whyIdle } from "./load.ts";
import { allTables } from "./settings.ts";

const account = `jicofo.xmpp.client { domain = auth.example.com, xmpp-domain = example.com, password = p }`;

describe("the focus' configuration", () => {
  const trial = configTrial("jicofo.conf", (argv) => readFocusConfig(loadFocusConfig(argv, {})));
  const warnings = (text: string, ...argv: string[]): string[] =>
    trial.warnings(`${account}\n${text}`, ...argv);

  itTakesMistakes({
    trial,
    file: "jicofo.conf",
    complete: account,
    root: "jicofo",
    portKey: "jicofo.rest.port",
    portDefault: 8888,
    booleanKeys: ["jicofo.octo.enabled", "jicofo.rest.enabled"],
    listKey: "jicofo.xmpp.trusted-domains",
    textKey: "jicofo.bridge.brewery-jid",
    withPassword: (secret) => [
      `jicofo.xmpp.client { password = ${secret}`,
      `jicofo.xmpp.client.password = ${secret}@x`,
      `jicofo.xmpp.client { password = ["${secret}"] }`,
      `jicofo.xmpp.client { password = ${secret}, domain = [x] }`,
      `jicofo.xmpp.client { password = "${secret}`,
    ],
  });

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

  it("says nothing of upstream's defaults", () => {
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
      "a payload type out of range",
      `${account}\njicofo.codec.video.vp8.pt = 128`,
      /"128" is not a payload type, -1 to 127/,
    ],
    [
      "a brewery that is no room",
      `${account}\njicofo.bridge.brewery-jid = "no room"`,
      /^jicofo\.conf:2: jicofo\.bridge\.brewery-jid: .*room@/,
    ],
    [
      "an unknown strategy",
      `${account}\njicofo.bridge.selection-strategy = Best`,
      /^jicofo\.conf:2: .*selection-strategy: the value \(hidden\) is not one of /,
    ],
  ];
  for (const [name, text, line] of mistakes) {
    it(`refuses ${name}`, () => {
      if (typeof line === "string") expect(trial.refusal(text)).to.equal(line);
      else expect(trial.refusal(text)).to.match(line);
    });
  }

  it("refuses a file that cannot be read, and no file", () => {
    const { path, short } = trial.folder;
    const refused = (...argv: string[]): string =>
      short(refusalOf(() => loadFocusConfig(argv, {})));
    expect(refused("--config", join(path, "none.conf"))).to.equal(
      "cannot read the configuration file none.conf; check the path and its permissions",
    );
    expect(refused("--config", path)).to.match(/^cannot read the configuration file/);
    expect(refused()).to.match(/^no configuration file is given; start with --config FILE/);
  });

  it("warns of an included file that is there and cannot be read", () => {
    // A folder: root may read any file, whatever its permissions.
    mkdirSync(join(trial.folder.path, "more.conf"));
    expect(warnings('include "more.conf"')).to.deep.equal([
      "jicofo.conf:2: more.conf cannot be read and is left out; check its permissions",
    ]);
  });

  it("knows why it would carry no calls", () => {
    const idle = (text: string): readonly string[] => {
      const argv = ["--config", trial.folder.write(text)];
      return whyIdle(readFocusConfig(loadFocusConfig(argv, {})).config).map(faultLine);
    };
    const brewery = 'jicofo.bridge.brewery-jid = "b@internal.auth.example.com"';
    expect(idle(`${account}\n${brewery}`)).to.deep.equal([]);
    const reasons = idle(account.replace(", password = p", ""));
    expect(reasons[0]).to.match(
      /^jicofo\.xmpp\.client\.password: is not set, so the login is anon/,
    );
    expect(reasons[1]).to.match(/^jicofo\.bridge\.brewery-jid: is not set: there are no bridges/);
    expect(reasons).to.have.length(2);
  });

  it("takes what upstream tolerates, with a warning; --strict does not", () => {
    const malformed = "jicofo.bridge.failure-reset-threshold = 1 min";
    expect(warnings(malformed)).to.deep.equal([
      'jicofo.conf:2: jicofo.bridge.failure-reset-threshold: "1 min" is not a duration such as 5 seconds; 60 seconds is used',
    ]);
    expect(warnings("jicofo.bridge.brewry-jid = x")).to.deep.equal([
      "jicofo.conf:2: jicofo.bridge.brewry-jid: unknown key; did you mean jicofo.bridge.brewery-jid?",
    ]);
    expect(trial.refusal(`${account}\n${malformed}`, "--strict")).to.match(
      /failure-reset-threshold/,
    );
  });
});
