import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "chai";
import { loadConfig } from "#shared/config/config";
import { ConfigError } from "#shared/config/config-error";
import type { KeySpec } from "#shared/config/keys";
import { configFolder, refusalOf } from "#shared/testing/config-trial";
import { defaultBridgeSettings } from "../bridge/settings.ts";
import { defaultConferenceConfig } from "../conference/config.ts";
import { openAuthentication } from "./authentication-keys.ts";
import { allTables, anonymousLogins, readSettings } from "./settings.ts";
import { version } from "./version.ts";

const account = `jicofo.xmpp.client { domain = auth.example.com, xmpp-domain = example.com }\n`;

describe("readSettings", () => {
  const folder = configFolder("jicofo.conf");

  const load = (text: string, argv: readonly string[] = []) => {
    return loadConfig({
      argv: ["--config", folder.write(text), ...argv],
      env: {},
      tables: allTables,
      fileRequired: true,
    });
  };
  const read = (text: string, argv?: readonly string[]) => readSettings(load(account + text, argv));
  const failure = (text: string): string => refusalOf(() => read(text));

  it("gives upstream's defaults", () => {
    const settings = read("");
    expect(settings.client).to.deep.equal({
      hostname: "localhost",
      port: 5222,
      domain: "auth.example.com",
      username: "focus",
      resource: "focus",
      password: undefined,
      replyTimeout: 15_000,
      useTls: true,
      verifyCertificate: true,
      xmppDomain: "example.com",
    });
    expect(settings.service).to.equal(undefined);
    expect(settings.bridges).to.deep.equal(defaultBridgeSettings);
    expect(settings.bridgeChecks).to.deep.equal({
      enabled: true,
      interval: 10_000,
      retryDelay: 5000,
      usePresence: false,
      presenceTimeout: 45_000,
    });
    expect(settings.conference).to.deep.equal({ ...defaultConferenceConfig, version });
    expect(settings.rest).to.include({ host: "127.0.0.1", port: 8888, pin: true });
    expect(settings.health).to.equal(undefined);
  });

  it("says which account setting is missing", () => {
    expect(() => readSettings(load("jicofo {}"))).to.throw(/jicofo\.xmpp\.client\.domain/);
  });

  it("reads the brewery as a room and normalises it", () => {
    const settings = read(`jicofo.bridge.brewery-jid = "JvbBrewery@internal.auth.example.com"`);
    expect(settings.bridgeBrewery).to.deep.equal({
      room: "jvbbrewery@internal.auth.example.com",
      connection: "service",
    });
    expect(failure(`jicofo.bridge.brewery-jid = "no room"`)).to.match(/jicofo\.conf:2.*room@/);
  });

  it("takes strategies with and without upstream's package and refuses others", () => {
    const strategy = (name: string) =>
      read(`jicofo.bridge.selection-strategy = ${name}`).bridges.strategy;
    expect(strategy("SplitBridgeSelectionStrategy")).to.equal("SplitBridgeSelectionStrategy");
    expect(strategy("org.jitsi.jicofo.bridge.IntraRegionBridgeSelectionStrategy")).to.equal(
      "IntraRegionBridgeSelectionStrategy",
    );
    expect(failure("jicofo.bridge.selection-strategy = com.example.Mine")).to.match(
      /jicofo\.conf:2.*selection-strategy/,
    );
  });

  it("uses the participants' part of the visitor strategy and wants both parts", () => {
    const parts = `jicofo.bridge { selection-strategy = VisitorSelectionStrategy
      participant-selection-strategy = RegionBasedBridgeSelectionStrategy`;
    expect(
      read(`${parts}\n visitor-selection-strategy = SplitBridgeSelectionStrategy }`).bridges
        .strategy,
    ).to.equal("RegionBasedBridgeSelectionStrategy");
    expect(failure(`${parts} }`)).to.match(/visitor-selection-strategy/);
  });

  it("lets legacy properties win over the file", () => {
    const settings = read(`jicofo.bridge.health-checks.enabled = true`, [
      "-Dorg.jitsi.jicofo.HEALTH_CHECK_INTERVAL=0",
      "-Dorg.jitsi.jicofo.DISABLE_AUTO_OWNER=true",
      "-Dorg.jitsi.jicofo.BRIDGE_MUC_XMPP_HOST=bridges.example.com",
      "-Dorg.jitsi.jicofo.BRIDGE_MUC_XMPP_USER_DOMAIN=auth.bridges.example.com",
      "-Dorg.jitsi.jicofo.jibri.PENDING_TIMEOUT=30",
    ]);
    expect(settings.bridgeChecks.enabled).to.equal(false);
    expect(settings.conference.enableAutoOwner).to.equal(false);
    expect(settings.service).to.include({ hostname: "bridges.example.com", port: 6222 });
  });

  it("knows every legacy property that upstream reads", () => {
    const known = allTables.flatMap(({ specs }) =>
      Object.values<KeySpec<unknown>>(specs).flatMap(({ legacy = [] }) =>
        legacy.map((one) => (typeof one === "string" ? one : one.name)),
      ),
    );
    const codecs = ["AV1", "VP8", "VP9", "H264"];
    const jicofo = [
      ...["HOSTNAME", "XMPP_PORT", "FOCUS_USER_DOMAIN", "FOCUS_USER_NAME", "FOCUS_USER_PASSWORD"],
      ...["XMPP_DOMAIN", "XMPP_MUC_COMPONENT_PREFIX", "ALWAYS_TRUST_MODE_ENABLED"],
      ...["HOST", "PORT", "USER_DOMAIN", "USER", "USER_PASS"].map((x) => `BRIDGE_MUC_XMPP_${x}`),
      ...["BRIDGE_MUC", "HEALTH_CHECK_INTERVAL", "HEALTH_CHECK_2NDTRY_DELAY"],
      ...["MAX_PARTICIPANTS_PER_BRIDGE", "BRIDGE_SELECTION_STRATEGY", "LOCAL_REGION"].map(
        (x) => `BridgeSelector.${x}`,
      ),
      ...["DISABLE_AUTO_OWNER", "MAX_SSRC_PER_USER"],
      ...codecs.flatMap((codec) => [`ENABLE_${codec}`, `${codec}_PT`, `${codec}_RTX_PT`]),
      ...["TOF", "AST", "RID", "VIDEO_CONTENT_TYPE", "FRAMEMARKING"].map((x) => `ENABLE_${x}`),
      ...[
        "auth.URL",
        "auth.AUTH_LIFETIME",
        "auth.DISABLE_AUTOLOGIN",
        "health.ENABLE_HEALTH_CHECKS",
      ],
      ...["jibri.BREWERY", "jibri.SIP_BREWERY", "jibri.PENDING_TIMEOUT", "NUM_JIBRI_RETRIES"],
      "jigasi.BREWERY",
    ].map((name) => `org.jitsi.jicofo.${name}`);
    expect(new Set(known)).to.deep.equal(
      new Set([...jicofo, "org.jitsi.focus.BRIDGE_FAILURE_RESET_THRESHOLD"]),
    );
  });

  it("reads environment and sip-communicator.properties as packages and containers set them", () => {
    writeFileSync(
      join(folder.path, "sip-communicator.properties"),
      "org.jitsi.jicofo.BRIDGE_MUC=legacy@internal.auth.example.com\n",
    );
    const file = join(folder.path, "container.conf");
    writeFileSync(
      file,
      `${account}jicofo { xmpp.client.password = \${JICOFO_AUTH_PASSWORD}
        bridge { brewery-jid = "jvbbrewery@internal.example.com", stress-threshold = "0.7" }
        conference.max-ssrcs-per-user = \${?MAX_SSRCS_PER_USER} }
      include "custom-jicofo.conf"`,
    );
    const home = "-Dnet.java.sip.communicator.SC_HOME_DIR_";
    const env = {
      JAVA_SYS_PROPS: `-Dconfig.file=${file} ${home}LOCATION=${dirname(folder.path)} ${home}NAME=${basename(folder.path)}`,
      JICOFO_AUTH_PASSWORD: "p#w",
      MAX_SSRCS_PER_USER: "7",
    };
    const start = (given: Readonly<Record<string, string | undefined>>) =>
      loadConfig({ argv: [], env: given, tables: allTables, fileRequired: true });
    const config = start(env);
    const settings = readSettings(config);
    expect(settings.client.password).to.equal("p#w");
    expect(settings.conference.maxSsrcsPerUser).to.equal(7);
    expect(settings.bridges.stressThreshold).to.equal(0.7);
    expect(settings.bridgeBrewery?.room).to.equal("legacy@internal.auth.example.com");
    expect(config.warnings.map(({ key }) => key)).to.include("jicofo.bridge.brewery-jid");
    expect(() => start({ ...env, JICOFO_AUTH_PASSWORD: undefined })).to.throw(
      ConfigError,
      /container\.conf:2: .*JICOFO_AUTH_PASSWORD.* has no value/,
    );
  });

  it("adds the domain to a legacy room prefix", () => {
    const health = "jicofo.health.enabled = true";
    expect(read(health).health?.mucService).to.equal("conference.example.com");
    const prefix = ["-Dorg.jitsi.jicofo.XMPP_MUC_COMPONENT_PREFIX=muc"];
    expect(read(health, prefix).health?.mucService).to.equal("muc.example.com");
  });

  it("reads delays by conference size", () => {
    const delays = read(`jicofo.conference.source-signaling-delays { "50" = 1000, "100" = 2000 }`);
    expect([...delays.conference.sourceSignalingDelays]).to.deep.equal([
      [50, 1000],
      [100, 2000],
    ]);
    expect(failure(`jicofo.conference.source-signaling-delays { many = 1 }`)).to.match(/"many"/);
  });

  it("takes a service connection's deadline for COLIBRI2 only when there is one", () => {
    const service = `jicofo.xmpp.service { reply-timeout = 3s, domain = auth.x, enabled = `;
    expect(read(`${service} false }`).conference.serviceReplyTimeout).to.equal(15_000);
    expect(read(`${service} true }`).conference.serviceReplyTimeout).to.equal(3000);
    expect(failure("jicofo.xmpp.service.enabled = true")).to.match(/service\.domain/);
  });

  it("reads the component: off, and with the client's host and proxy address unless given", () => {
    const component = (text: string) => read(`jicofo.ts.component { ${text} }`).component;
    expect(read("").component).to.equal(undefined);
    expect(component("secret = s, domain = x")).to.equal(undefined);
    const proxy = "jicofo.xmpp.client { client-proxy = focus.x, hostname = h }";
    const on = "jicofo.ts.component { enabled = true, secret = s";
    expect(read(`${proxy}\n${on} }`).component).to.deep.equal({
      hostname: "h",
      port: 5347,
      domain: "focus.x",
      secret: "s",
    });
    expect(component("enabled = true, secret = s, domain = d, hostname = o, port = 1"))
      .to.deep //
      .equal({ hostname: "o", port: 1, domain: "d", secret: "s" });
    expect(failure(`${on} }`)).to.match(/component\.domain: is missing .*focus\.DOMAIN/s);
    expect(failure("jicofo.ts.component { enabled = true, domain = d }")).to.match(
      /jicofo\.conf:\d+: jicofo\.ts\.component\.secret/,
    );
  });

  it("J-012: knows the proxy by its normalised address, as senders are", () => {
    expect(read("jicofo.xmpp.client.client-proxy = Focus.Example.COM").clientProxy).to.equal(
      "focus.example.com",
    );
  });

  it("J-035: reads authentication: a domain, a day, and with tokens a minute whatever is set", () => {
    const enabled = "jicofo.authentication { enabled = true, login-url = Example.COM, type =";
    expect(read("").authentication).to.equal(undefined);
    expect(read("jicofo.authentication { type = XMPP, login-url = x }").authentication).to.equal(
      undefined,
    );
    expect(read(`${enabled} XMPP }`).authentication).to.deep.equal({
      type: "XMPP",
      loginDomain: "example.com",
      lifetime: 86_400_000,
      autoLogin: true,
    });
    const own = "authentication-lifetime = 90s, enable-auto-login = false }";
    expect(read(`${enabled} XMPP, ${own}`).authentication).to.include({
      lifetime: 90_000,
      autoLogin: false,
    });
    const token = "authentication-lifetime = 90s, enable-auto-login = true }";
    expect(read(`${enabled} JWT, ${token}`).authentication).to.deep.equal({
      type: "JWT",
      loginDomain: "example.com",
      lifetime: 60_000,
      autoLogin: false,
    });
  });

  it("J-035: takes the legacy address of authentication, which wins over the file", () => {
    const file = "jicofo.authentication { enabled = false, type = XMPP, login-url = other }";
    const legacy = (url: string) =>
      read(file, [`-Dorg.jitsi.jicofo.auth.URL=${url}`]).authentication;
    expect(legacy("XMPP:example.com")).to.include({ type: "XMPP", loginDomain: "example.com" });
    expect(legacy("EXT_JWT:example.com")).to.include({ type: "JWT", loginDomain: "example.com" });
    for (const url of ["SHIBBOLETH:default", "example.com"])
      expect(() => legacy(url), url).to.throw(/authentication\.type.*is no way/);
    const times = [
      "-Dorg.jitsi.jicofo.auth.AUTH_LIFETIME=5000",
      "-Dorg.jitsi.jicofo.auth.DISABLE_AUTOLOGIN=true",
    ];
    const on = "jicofo.authentication { enabled = true, type = XMPP, login-url = x }";
    expect(read(on, times).authentication).to.include({ lifetime: 5000, autoLogin: false });
  });

  it("stops where authentication is wanted and cannot be had", () => {
    const enabled = "jicofo.authentication { enabled = true, type =";
    expect(failure(`${enabled} SHIBBOLETH, login-url = x }`)).to.match(
      /jicofo\.conf:2: jicofo\.authentication\.type: "SHIBBOLETH".*; set it to XMPP or JWT/,
    );
    expect(failure(`${enabled} XMPP }`)).to.match(/login-url: is missing/);
    expect(failure(`${enabled} XMPP, login-url = "https://x/y" }`)).to.match(/is not a domain/);
    expect(failure('org.jitsi.jicofo.auth.URL = "XMPP:x"')).to.match(
      /jicofo\.conf:2: org\.jitsi\.jicofo\.auth\.URL: .*; set jicofo\.authentication/,
    );
  });

  it("says that enabled authentication of type NONE is none", () => {
    const warned = (text: string) => openAuthentication(load(account + text)).map(({ key }) => key);
    expect(warned("jicofo.authentication.enabled = true")).to.deep.equal([
      "jicofo.authentication.type",
    ]);
    expect(read("jicofo.authentication.enabled = true").authentication).to.equal(undefined);
    expect(warned("")).to.deep.equal([]);
  });

  it("says that a login without password is anonymous", () => {
    const keysOf = (text: string) =>
      anonymousLogins(readSettings(load(account + text))).map(({ key }) => key);
    expect(keysOf("")).to.deep.equal(["jicofo.xmpp.client.password"]);
    expect(keysOf("jicofo.xmpp.client.password = p")).to.deep.equal([]);
    expect(
      keysOf("jicofo.xmpp { client.password = p, service { enabled = true, domain = x } }"),
    ).to.deep.equal(["jicofo.xmpp.service.password"]);
  });

  it("accepts keys of former versions without a word", () => {
    const config = load(
      `${account}jicofo.task-pools.shared-pool-max-threads = 5\njicofo.octo.id = 1\n`,
    );
    expect(config.warnings).to.deep.equal([]);
    const unknown = load(`${account}jicofo.bridge.nonsense = 1\n`);
    expect(unknown.warnings.map((fault) => fault.key)).to.deep.equal(["jicofo.bridge.nonsense"]);
  });
});
