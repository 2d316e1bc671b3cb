// The program itself: run with `mocha … 'jvb-ts/test/program.live.ts'`. Needs the addon and Prosody.
import { createSocket } from "node:dgram";
import { request } from "node:http";
import type { Socket } from "node:net";
import { expect } from "chai";
import { WebSocket } from "ws";
import { freePort } from "#shared/testing/free-port";
import {
  type Account,
  droppingServer,
  itBehavesAsAProgram,
} from "#shared/testing/program-expectations";
import { StartedProgram } from "#shared/testing/started-program";

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** No HTTP, and any free UDP port of the loopback address. */
const quiet =
  'videobridge { http-servers { private.port = -1, public { port = -1, host = "127.0.0.1" } }, ice.udp.port = 0 }, ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]';
const login = ({ port, authDomain, password = "jvb" }: Account): string =>
  `${quiet}, videobridge.apis.xmpp-client.configs.a { hostname = "127.0.0.1", port = ${port}, domain = "${authDomain}", username = jvb, password = ${password}, muc_jids = "jvbbrewery@internal.${authDomain}", muc_nickname = jvb1 }`;
const account = login({ port: 1, authDomain: "auth.x", domain: "x" });

describe("the bridge as a program", function () {
  this.timeout(20_000);

  itBehavesAsAProgram({
    name: "jvb-ts",
    main,
    helpStatus: 0,
    login,
    passwordKey: "videobridge.apis.xmpp-client.configs.a.password",
    notBuilt: ["videobridge.relay.enabled", "videobridge.relay.enabled = true"],
    mistakes: [
      [
        "a warning, when told to be strict",
        `${account}\nvideobridge.ice.udp.prot = 1`,
        /x\.conf:2: videobridge\.ice\.udp\.prot: unknown key/,
        ["--strict"],
      ],
      [
        "a wrong port",
        "videobridge.ice.udp.port = 70000",
        /x\.conf:1: videobridge\.ice\.udp\.port/,
      ],
      ["broken HOCON", "videobridge {", /x\.conf:\d/],
      [
        "an unknown cipher suite (B-087)",
        'jmt.dtls.cipher-suites = [ "X" ]',
        /x\.conf:1: jmt\.dtls\.cipher/,
      ],
      [
        "an XMPP entry that is no object",
        "videobridge.apis.xmpp-client.configs { a = 5 }",
        /x\.conf:1: videobridge\.apis\.xmpp-client\.configs\.a/,
      ],
      [
        "an option that nothing knows",
        "",
        /^jvb-ts: unknown option --confg; did you mean --config\?$/m,
        ["--confg=x"],
      ],
      [
        "the only XMPP connection lacks its password",
        "videobridge.apis.xmpp-client.configs { a { hostname = h, username = u, muc_jids = m, muc_nickname = n } }",
        /x\.conf:1: videobridge\.apis\.xmpp-client\.configs\.a\.password: is missing; add/,
      ],
      [
        "a mapping with one port",
        "ice4j.harvest.mapping.static-mappings = [ { local-address = a, public-address = b, local-port = 1 } ]",
        /x\.conf:1: ice4j\.harvest\.mapping\.static-mappings/,
      ],
    ],
    ports: {
      "videobridge.http-servers.private.port": (port) =>
        `videobridge.http-servers.private.port = ${port}`,
      "videobridge.http-servers.public.port": (port) =>
        `videobridge { http-servers.public.port = ${port}, websockets { enabled = true, server-id = x, domain = "127.0.0.1:1" } }`,
    },
  });
});

describe("a bridge without a socket for media", function () {
  this.timeout(40_000);
  let bridge: StartedProgram | undefined;
  afterEach(() => bridge?.stop());

  it("R25: names the key when its UDP port is taken, and ends with 78 before XMPP hears of it", async () => {
    const xmpp = await droppingServer();
    const blocker = createSocket("udp4");
    await new Promise<void>((resolve) => blocker.bind(0, "127.0.0.1", resolve));
    const { port } = blocker.address();
    const account = login({ port: xmpp.port, authDomain: "auth.x", domain: "x" });
    bridge = new StartedProgram({
      main,
      config: `${account}\nvideobridge.ice.udp.port = ${port}`,
    });
    expect(await bridge.ended).to.equal(78);
    expect(bridge.stderr).to.contain(
      `videobridge.ice.udp.port: UDP 127.0.0.1:${port} is taken; free the port`,
    );
    expect(bridge.stderr).to.match(/ SEVERE: .* is taken; /);
    expect(xmpp.count()).to.equal(0);
    await new Promise<void>((resolve) => blocker.close(() => resolve()));
    xmpp.close();
  });

  it("takes its UDP port once a former process has closed it", async () => {
    const blocker = createSocket("udp4");
    await new Promise<void>((resolve) => blocker.bind(0, "127.0.0.1", resolve));
    const { port } = blocker.address();
    const started = new StartedProgram({
      main,
      config: `${account}\nvideobridge.ice.udp.port = ${port}`,
    });
    bridge = started;
    await started.until(() =>
      started.output.includes(`UDP 127.0.0.1:${port} is taken, trying again for 5 s`),
    );
    blocker.close();
    await started.until(() => started.output.includes(`addresses=127.0.0.1:${port}`));
  });

  it("names the filter that leaves no address, and is unhealthy at once", async () => {
    const port = await freePort();
    const started = new StartedProgram({
      main,
      config: `videobridge { http-servers.private.port = ${port}, ice.udp.port = 0, apis.rest.enabled = true }
      ice4j.harvest.allowed-interfaces = [ "wlan9" ]`,
    });
    bridge = started;
    let health: Response | undefined;
    await started.until(async () => {
      health = await fetch(`http://127.0.0.1:${port}/about/health`).catch(() => undefined);
      return health !== undefined;
    });
    expect(health?.status).to.equal(500);
    started.kill("SIGTERM");
    expect(await started.ended).to.equal(143);
    expect(started.stderr).to.match(
      /x\.conf:2: ice4j\.harvest\.allowed-interfaces: \[wlan9\] leaves no address for media; there are .*lo \(127\.0\.0\.1/,
    );
    expect(started.stderr).not.to.contain("Media worker ready");
  });
});

describe("a running bridge", function () {
  this.timeout(20_000);
  let base = "";
  let publicPort = 0;
  let program: StartedProgram;

  const post = (path: string, body: unknown, method = "POST") =>
    fetch(`${base}${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  const endpoint = {
    id: "aaaa1111",
    create: true,
    capabilities: ["source-names"],
    transport: { "ice-controlling": true },
  };

  before(async () => {
    const privatePort = await freePort();
    publicPort = await freePort();
    base = `http://127.0.0.1:${privatePort}`;
    program = new StartedProgram({
      main,
      config: `videobridge {
        http-servers { private.port = ${privatePort}, public { port = ${publicPort}, host = "127.0.0.1" } }
        websockets { enabled = true, server-id = "jvb1", domains = [ "127.0.0.1:${publicPort}" ] }
        apis.rest.enabled = true
        rest.shutdown.enabled = true
        shutdown.shutting-down-delay = 500 ms
        health.require-valid-address = false
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
    });
    await program.until(async () => {
      const healthy = await fetch(`${base}/about/health`).catch(() => undefined);
      return healthy?.status === 200;
    });
  });
  after(() => program.stop());

  const paths: [method: string, path: string, status: number][] = [
    ["GET", "/about/version", 200],
    ["GET", "/colibri/stats", 200],
    ["GET", "/colibri/drain", 200],
    ["GET", "/colibri/drain/enable", 405],
    ["GET", "/colibri/muc-client/list", 200],
    ["GET", "/colibri/v2/conferences", 501],
    ["GET", "/colibri/v2/conferences/nosuch", 404],
    ["GET", "/colibri/shutdown", 405],
    ["GET", "/debug", 200],
    ["GET", "/debug/nosuch", 200],
    ["GET", "/debug/stats/jvb/xmpp-delay-stats", 200],
    ["GET", "/debug/stats/jvb/nosuch", 404],
    ["GET", "/debug/features/jvb/node-stats", 200],
    ["GET", "/debug/features/jvb/nosuch", 404],
    ["POST", "/debug/features/jvb/queue-stats/true", 200],
    ["GET", "/metrics", 200],
    ["GET", "/stats", 200],
    ["GET", "/nosuch", 404],
    ["POST", "/colibri/shutdown", 415],
    ["POST", "/about/health", 405],
  ];
  for (const [method, path, status] of paths) {
    it(`${method} ${path} is ${status}`, async () => {
      expect((await fetch(`${base}${path}`, { method })).status).to.equal(status);
    });
  }

  it("serves COLIBRI2 and the bridge channel, each with its refusals", async () => {
    const created = await post("/colibri/v2/conferences", {
      "meeting-id": "m",
      name: "room@conference.example",
      create: true,
      endpoints: [endpoint],
    });
    expect(created.status).to.equal(200);
    const body = (await created.json()) as {
      endpoints: { transport: { transport: { "web-sockets": string[] } } }[];
    };
    const url = body.endpoints[0]?.transport.transport["web-sockets"][0] ?? "";
    const again = await post("/colibri/v2/conferences", { "meeting-id": "m", create: true });
    expect(again.status).to.equal(400);
    expect((await post("/colibri/v2/conferences/m", { create: "true" }, "PATCH")).status).to.equal(
      400,
    );
    expect((await post("/colibri/v2/conferences/x", {}, "PATCH")).status).to.equal(404);

    const socket = new WebSocket(url);
    const first = await new Promise((resolve) =>
      socket.once("message", (data: Buffer) => resolve(data.toString())),
    );
    expect(first).to.equal('{"colibriClass":"ServerHello"}');
    socket.send("not JSON");
    socket.send(JSON.stringify({ colibriClass: "ClientHello" }));
    const closed = new Promise((resolve) => socket.once("close", resolve));

    const { pathname } = new URL(url);
    const [, , , conference] = pathname.split("/");
    const refused: [path: string, status: number][] = [
      [`${pathname}?pwd=wrong`, 403],
      [pathname, 403],
      [`/colibri-ws/jvb1/nosuch/x?pwd=y`, 403],
      [`/colibri-ws/other/${conference}/aaaa1111?pwd=y`, 404],
      [`/colibri-ws/jvb1/${conference}`, 404],
    ];
    for (const [path, status] of refused)
      expect(await upgrade(publicPort, path), path).to.equal(status);
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).to.match(/^jitsi_jvb_colibri_web_socket_refused(_total)? 5(\.0)?$/m);
    expect(program.stderr).to.match(/WARNING: .*Bridge channel refused: authentication failed/);
    const plain = await fetch(`http://127.0.0.1:${publicPort}/colibri-ws/jvb1/a/b`);
    expect(plain.status).to.equal(405);
    expect((await fetch(`http://127.0.0.1:${publicPort}/about/health`)).status).to.equal(404);

    const stats = (await (await fetch(`${base}/colibri/stats`)).json()) as Record<string, unknown>;
    expect(stats).to.include({ conferences: 1, endpoints: 1, octo_endpoints: 0 });
    expect((await post("/colibri/v2/conferences/m", { expire: true }, "PATCH")).status).to.equal(
      200,
    );
    expect(await closed).to.equal(1001);
  });

  it("shuts down in order when asked over HTTP, with the text the packaged script sends", async () => {
    const accepted = await post("/colibri/shutdown", { "graceful-shutdown": "true" });
    expect(accepted.status).to.equal(200);
    expect(await program.ended).to.equal(0);
  });
});

/** Status of an upgrade request that is refused. */
function upgrade(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({
      port,
      path,
      host: "127.0.0.1",
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    asked.on("response", (response) => {
      response.resume();
      // The bridge ends the connection, and does not wait for us to do so.
      response.socket.once("close", () => resolve(response.statusCode ?? 0));
    });
    asked.on("upgrade", (_response, socket: Socket) => {
      socket.destroy();
      resolve(101);
    });
    asked.on("error", reject);
    asked.end();
  });
}
