import { expect } from "chai";
import { faultLine } from "#shared/config/config-error";
import { itTakesMistakes } from "#shared/testing/config-expectations";
import { configTrial } from "#shared/testing/config-trial";
import { recordingLogger } from "#shared/testing/recording-logger";
import { ice4jKeys } from "./ice-keys.ts";
import { loadBridgeConfig, readWholeConfig, whyIdle } from "./load.ts";

const client = `videobridge.apis.xmpp-client.configs.s { hostname = h, domain = d, username = u, password = p, muc_jids = "a@b", muc_nickname = n }`;

describe("the bridge's configuration", () => {
  const trial = configTrial("jvb.conf", (argv) =>
    readWholeConfig(loadBridgeConfig(argv, {}), [], recordingLogger()),
  );
  const warnings = (text: string): string[] => trial.warnings(`${client}\n${text}`);

  itTakesMistakes({
    trial,
    file: "jvb.conf",
    complete: client,
    root: "videobridge",
    portKey: "videobridge.ice.udp.port",
    portDefault: 10_000,
    booleanKeys: ["videobridge.sctp.enabled", "jmt.audio.level.discard-silence"],
    listKey: "videobridge.websockets.domains",
    textKey: "videobridge.relay.region",
    withPassword: (secret) => [
      client.replace("password = p", `password = ${secret}@x`),
      client.replace("password = p", `passwort = ${secret}`),
      `${client}\nvideobridge.http-servers.public { tls-port = 8443, key-store-path = /nowhere, key-store-password = ${secret} }`,
    ],
  });

  it("knows why it would carry no calls", () => {
    const idle = (text: string): readonly string[] => {
      const argv = ["--config", trial.folder.write(text)];
      const { config } = readWholeConfig(loadBridgeConfig(argv, {}), [], recordingLogger());
      return whyIdle(config).map(faultLine);
    };
    expect(idle(client)).to.deep.equal([]);
    expect(idle(`${client}\nice4j.harvest.allowed-interfaces = [wlan9]`)).to.deep.equal([
      "no address for media is left; see the warnings",
    ]);
    const incomplete = client.replace("hostname = h,", "");
    expect(idle(`${incomplete}\nvideobridge.apis.rest.enabled = true`)[0]).to.match(
      /^videobridge\.apis\.xmpp-client\.configs: has no complete entry.* over HTTP; add or complete/,
    );
    expect(idle("videobridge {}")).to.have.length(1);
  });

  it("says what an entry lacks although something else stops the start", () => {
    const log = recordingLogger();
    const text = `${client.replace("password =", "passwd =")}\nvideobridge.ice.udp.port = 70000`;
    const argv = ["--config", trial.folder.write(text)];
    expect(() => readWholeConfig(loadBridgeConfig(argv, {}), [], log)).to.throw(/70000/);
    expect(log.lines.map(({ message }) => message).join("\n")).to.match(
      /password: is missing; rename passwd to password/,
    );
  });

  it("says why a bridge channel that is switched on is offered to nobody", () => {
    const sockets = "videobridge.websockets.enabled = yes";
    const server = "videobridge.http-servers.public.port = 9090";
    const domains = 'videobridge.websockets.domains = ["meet.x"]';
    const said = (missing: string) => [
      `jvb.conf:2: videobridge.websockets.enabled: no WebSocket is offered to anybody; set ${missing}, or switch it off`,
    ];
    expect(warnings(sockets)).to.deep.equal(
      said("videobridge.websockets.domains and videobridge.http-servers.public.port"),
    );
    expect(warnings(`${sockets}\n${server}`)).to.deep.equal(said("videobridge.websockets.domains"));
    expect(warnings(`${sockets}\n${domains}`)).to.deep.equal(
      said("videobridge.http-servers.public.port"),
    );
    expect(warnings(`${sockets}\n${domains}\n${server}`)).to.deep.equal([]);
  });

  it("says nothing of upstream's defaults", () => {
    expect(
      warnings("videobridge { sctp.max-channels = 1, relay.enabled = off, cc.trust-bwe = true }"),
    ).to.deep.equal([]);
  });

  for (const [text, line] of [
    [
      "videobridge.relay.enabled = true",
      "videobridge.relay.enabled: is not built yet: each conference stays on one bridge, relay_id is not published",
    ],
    [
      "videobridge.octo.enabled = true",
      "videobridge.octo.enabled: is not built yet: each conference stays on one bridge, relay_id is not published",
    ],
    [
      "jmt.bwe.estimator.engine = GoogleCc",
      "jmt.bwe.estimator.engine: is not built yet: GoogleCc2 is used",
    ],
    [
      "ice4j.harvest.mapping.aws.force = true",
      "ice4j.harvest.mapping.aws.force: is not built yet: no cloud service is asked; give static-mappings or STUN servers",
    ],
    [
      "videobridge.http-servers.private.host = 0.0.0.0",
      "videobridge.http-servers.private.host: 0.0.0.0 lets other machines reach statistics, drain and shutdown without a password; set it to 127.0.0.1, or keep others out by a firewall",
    ],
    ["tracing.enabled = true", "tracing.enabled: is not built yet: no traces are sent"],
    [
      "jmt.keyframe.min-intervall = 5",
      "jmt.keyframe.min-intervall: unknown key; did you mean jmt.keyframe.min-interval?",
    ],
    [
      "videobridge.websockets.idle-timeout = 1 min",
      'videobridge.websockets.idle-timeout: "1 min" is not a duration such as 5 seconds; 60 seconds is used',
    ],
  ] as const) {
    it(`warns once of ${text}`, () => {
      expect(warnings(text)).to.deep.equal([`jvb.conf:2: ${line}`]);
    });
  }

  it("warns of names in an entry that nothing reads, and of properties", () => {
    const entry = `${client}\n${client.replace(
      "hostname = h",
      "hostname = localhost\n disable_certificate_verificatio = true\n securty_mode = required\n ",
    )}`;
    const key = "videobridge.apis.xmpp-client.configs.s";
    const lines = [
      `jvb.conf:3: ${key}.disable_certificate_verificatio: unknown key; did you mean ${key}.disable_certificate_verification?`,
      `jvb.conf:4: ${key}.securty_mode: unknown key; did you mean ${key}.security_mode?`,
    ];
    expect(trial.warnings(entry)).to.deep.equal(lines);
    expect(trial.refusal(entry, "--strict")).to.equal(lines.join("\n"));
    const user = "org.jitsi.videobridge.xmpp.user.";
    expect(trial.warnings(client, `-D${user}s.PASSWROD=x`, `-D${user}PORT=1`)).to.deep.equal([
      `-D${user}s.PASSWROD: ${user}s.PASSWROD: unknown property; did you mean ${user}s.PASSWORD?`,
    ]);
  });

  it("takes the lists of former properties", () => {
    const lines = [
      "ALLOWED_ADDRESSES=10.0.0.1; 10.0.0.2",
      "BLOCKED_ADDRESSES=10.0.0.3",
      "ALLOWED_INTERFACES=eth0;eth1;",
      "BLOCKED_INTERFACES=",
      "STUN_MAPPING_HARVESTER_ADDRESSES=a.example:443,b.example:3478",
    ].map((line) => `-Dorg.ice4j.ice.harvest.${line}`);
    const harvest = loadBridgeConfig(["--config", trial.folder.write(client), ...lines], {});
    expect(harvest.readTable(ice4jKeys)).to.deep.include({
      "harvest.allowed-addresses": ["10.0.0.1", "10.0.0.2"],
      "harvest.blocked-addresses": ["10.0.0.3"],
      "harvest.allowed-interfaces": ["eth0", "eth1"],
      "harvest.blocked-interfaces": [],
      "harvest.mapping.stun.addresses": ["a.example:443", "b.example:3478"],
    });
  });

  it("says how a list is given as properties", () => {
    const key = "ice4j.harvest.blocked-addresses";
    expect(trial.refusal(client, `-D${key}=x`)).to.contain(`write -D${key}.0=… -D${key}.1=…`);
    expect(trial.refusal(client, `-D${key}.0=x`, `-D${key}.1=y`)).to.equal("accepted");
  });

  it("counts older names of keys, which win", () => {
    const { config } = trial.read(
      `${client}\nvideobridge.cc { thumbnail-max-height-px = 270, enable-onstage-video-suspend = true }`,
    );
    expect(config.settings.engine).to.include({
      defaultMaxHeightPx: 270,
      initialMaxHeightPx: 270,
      allowOversendOnstage: false,
    });
  });

  const mistakes: readonly (readonly [name: string, text: string, line: RegExp])[] = [
    [
      "no fingerprint hash that is known",
      "jmt.dtls.accepted-fingerprint-hash-functions = [md5]",
      /^jvb\.conf:2: jmt\.dtls\.accepted-fingerprint-hash-functions: .* is not a list of sha-512, /,
    ],
    [
      "an interval of nothing",
      "videobridge.stats.interval = 0",
      /^jvb\.conf:2: videobridge\.stats\.interval: "0" is not a duration above 0/,
    ],
    [
      "a negative interval",
      "videobridge.health.interval = -1 s",
      /"-1 s" is not a duration above 0/,
    ],
    [
      "a STUN server without port",
      'ice4j.harvest.mapping.stun.addresses = ["a.b"]',
      /^jvb\.conf:2: .*stun\.addresses: a list is not a list of host:port/,
    ],
    [
      "a mapping without addresses",
      "ice4j.harvest.mapping.static-mappings = [{}]",
      /^jvb\.conf:2: .*local-address is missing; give/,
    ],
    [
      "an unknown cipher suite",
      "jmt.dtls.cipher-suites = [X]",
      /^jvb\.conf:2: jmt\.dtls\.cipher-suites: a list is not a list of TLS 1\.2 cipher suites/,
    ],
    [
      "a key store that is not there",
      "videobridge.http-servers.public { tls-port = 8443, key-store-path = /nowhere }",
      /key-store-path: .*\/nowhere.*; /,
    ],
  ];
  for (const [name, text, line] of mistakes) {
    it(`refuses ${name}`, () => {
      expect(trial.refusal(`${client}\n${text}`)).to.match(line);
    });
  }

  it("refuses a connection without its password, naming the entry", () => {
    expect(trial.refusal(client.replace("password = p, ", ""))).to.match(
      /^jvb\.conf:1: videobridge\.apis\.xmpp-client\.configs\.s\.password: is missing; add/,
    );
  });
});
