import { expect } from "chai";
import { configFolder } from "#shared/testing/config-trial";
import { recordingLogger } from "#shared/testing/recording-logger";
import { announcesVersion, type BridgeConfig, readBridgeConfig } from "./bridge-config.ts";
import { loadBridgeConfig } from "./config/load.ts";

describe("values of the configuration", () => {
  const folder = configFolder("jvb.conf");

  function read(
    text: string,
    ...properties: string[]
  ): BridgeConfig & { readonly announces: boolean } {
    const file = folder.write(text);
    const loaded = loadBridgeConfig(
      ["--config", file, ...properties.map((property) => `-D${property}`)],
      {},
    );
    return {
      ...readBridgeConfig(loaded, recordingLogger()),
      announces: announcesVersion(loaded),
    };
  }

  const entry = 'hostname = h, username = u, password = p, muc_jids = "a@x", muc_nickname = n';
  const old = (id: string, ...names: string[]): string[] =>
    names.map((name) => `org.jitsi.videobridge.xmpp.user.${id}.${name}=${name}`);
  const complete = ["HOSTNAME", "USERNAME", "PASSWORD", "MUC_JIDS", "MUC_NICKNAME"];

  it("B-065 takes the connections of the file, or the legacy ones where one of those is complete", () => {
    const file = `videobridge.apis.xmpp-client.configs { new { ${entry} } }`;
    const ids = (...properties: string[]): string[] =>
      read(file, ...properties).mucClients.map(({ id }) => id);
    expect(ids()).to.deep.equal(["new"]);
    expect(ids(...old("one", ...complete))).to.deep.equal(["one"]);
    expect(ids(...old("one", "HOSTNAME", "USERNAME"))).to.deep.equal(["new"]);
    expect(ids(...old("one", ...complete), ...old("two", "HOSTNAME"))).to.deep.equal(["one"]);
  });

  it("B-065 fills in what may be left out", () => {
    const [client] = read(`videobridge.apis.xmpp-client.configs { new { ${entry} } }`).mucClients;
    expect(client).to.deep.include({
      hostname: "h",
      port: 5222,
      domain: "h",
      mucJids: ["a@x"],
      securityMode: "required",
      disableCertificateVerification: false,
    });
  });

  const sockets = 'websockets { enabled = true, server-id = "s1"';
  for (const { name, text, expected } of [
    {
      name: "is plain where the public server is",
      text: `${sockets}, domains = [ "d1:443", "d2" ] }`,
      expected: ["ws://d1:443/colibri-ws/s1", "ws://d2/colibri-ws/s1"],
    },
    {
      name: "says wss when told so",
      text: `${sockets}, tls = true, domains = [ "d1" ] }`,
      expected: ["wss://d1/colibri-ws/s1"],
    },
    {
      name: "puts the domain of old first, once",
      text: `${sockets}, domain = "d2", domains = [ "d1", "d2" ] }`,
      expected: ["ws://d2/colibri-ws/s1", "ws://d1/colibri-ws/s1"],
    },
    { name: "has none without a domain", text: `${sockets} }`, expected: [] },
    {
      name: "has none without WebSockets",
      text: 'websockets { enabled = false, domains = [ "d1" ] }',
      expected: [],
    },
  ]) {
    it(`B-091 the address of the bridge channel ${name}`, () => {
      const config = read(`videobridge { http-servers.public.port = 9090, ${text} }`);
      expect(config.settings.webSocketPrefixes).to.deep.equal(expected);
    });
  }

  it("B-091 has none without a public server", () => {
    const config = read(`videobridge { ${sockets}, domains = [ "d1" ] } }`);
    expect(config.settings.webSocketPrefixes).to.deep.equal([]);
  });

  it("B-137 takes the health interval of old in milliseconds", () => {
    expect(read("").health.intervalMs).to.equal(60_000);
    expect(read("", "org.jitsi.videobridge.health.INTERVAL=5000").health.intervalMs).to.equal(5000);
    expect(read("videobridge.health.interval = 7 s").health.intervalMs).to.equal(7000);
  });

  it("B-139 has the interfaces on that upstream has, and shutdown only when asked for", () => {
    expect(read("").apis).to.deep.equal({
      colibri: false,
      debug: true,
      drain: true,
      health: true,
      prometheus: true,
      rtcstats: true,
      version: true,
      shutdown: false,
    });
    expect(read("videobridge.apis.rest.enabled = true").apis).to.include({
      colibri: true,
      shutdown: false,
    });
  });

  it("B-062 filters statistics only when asked to, by upstream's list", () => {
    expect(read("").statsWhitelist).to.equal(undefined);
    const list = read("videobridge.apis.xmpp-client.stats-filter.enabled = true").statsWhitelist;
    expect(list).to.include.members(["stress_level", "drain", "version", "relay_id"]);
    expect(list).to.have.length(12);
  });

  it("B-092 B-143 has a version that can be set, and tells it to clients only when asked to", () => {
    const config = read('videobridge.ts.version = "2.3.296-ga29d97d"');
    expect(config.version).to.equal("2.3.296-ga29d97d");
    expect(config.announces).to.equal(false);
    expect(read("videobridge.version.announce = true").announces).to.equal(true);
  });

  it("reads what allocation, rewriting, RED and the reducer go by", () => {
    const usual = read("");
    expect(usual.load.reducer).to.equal(undefined);
    expect(usual.settings.engine).to.deep.include({
      trustBwe: true,
      bweChangeThreshold: 0.15,
      initialIgnoreBwePeriodMs: 0,
      videoSsrcLimit: 50,
      audioSsrcLimit: 50,
      redPolicy: "NOOP",
      redDistance: 2,
      redVadOnly: true,
    });
    const other = read(`
      videobridge.cc { trust-bwe = false, bwe-change-threshold = 0.3, initial-ignore-bwe-period = 10 seconds }
      videobridge.ssrc-limit { video = 8, audio = 3 }
      videobridge.connection-stats.enabled = false
      jmt.audio.red { policy = PROTECT_ALL, distance = ONE, vad-only = false }
      videobridge.load-management {
        reducer-enabled = true
        load-reducers.last-n { reduction-scale = 0.5, impact-time = 30 seconds }
      }`);
    expect(other.load.reducer).to.deep.equal({
      reductionScale: 0.5,
      recoverScale: 1.25,
      impactTimeMs: 30_000,
      minimum: 1,
      maximum: 40,
    });
    expect(other.settings.life.connectionStatsMs).to.equal(undefined);
    expect(other.settings.engine).to.deep.include({
      trustBwe: false,
      bweChangeThreshold: 0.3,
      initialIgnoreBwePeriodMs: 10_000,
      videoSsrcLimit: 8,
      audioSsrcLimit: 3,
      redPolicy: "PROTECT_ALL",
      redDistance: 1,
      redVadOnly: false,
    });
  });

  it("has upstream's times", () => {
    const { settings, shutdown, presenceIntervalMs } = read("");
    expect(settings.life).to.deep.equal({
      expirationTimeoutMs: 60_000,
      expirationCheckMs: 60_000,
      firstTransferTimeoutMs: 15_000,
      maxInactivityMs: 8000,
      connectivityCheckMs: 500,
      statsIntervalMs: 5000,
      statsFilterThreshold: 20,
      connectionStatsMs: 10_000,
    });
    expect(shutdown).to.deep.equal({
      gracefulMaxDurationMs: 86_400_000,
      gracefulMinParticipants: 0,
      shuttingDownDelayMs: 60_000,
    });
    expect(presenceIntervalMs).to.equal(5000);
  });
});
