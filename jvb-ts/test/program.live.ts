// The program itself: run with `mocha … 'jvb-ts/test/program.live.ts'`. Needs the native addon.
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { WebSocket } from "ws";
import { freePort } from "./free-port.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** A started program; its standard error and exit status. */
class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stderr = "";
  stdout = "";

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, ["--conditions=source", main, ...args]);
    this.child.stderr?.on("data", (data: Buffer) => {
      this.stderr += data.toString();
    });
    this.child.stdout?.on("data", (data: Buffer) => {
      this.stdout += data.toString();
    });
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
  }
}

describe("a bridge that cannot start", function () {
  this.timeout(15_000);
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "jvb-start-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const cases: [name: string, text: string, line: RegExp, more?: string[]][] = [
    [
      "a warning, when told to be strict",
      "videobridge.ice.udp.prot = 1",
      /j\.conf:1: videobridge\.ice\.udp\.prot: unknown key/,
      ["--strict"],
    ],
    ["a wrong port", "videobridge.ice.udp.port = 70000", /j\.conf:1: videobridge\.ice\.udp\.port/],
    ["broken HOCON", "videobridge {", /j\.conf:\d/],
    [
      "an unknown cipher suite (B-087)",
      'jmt.dtls.cipher-suites = [ "X" ]',
      /j\.conf:1: jmt\.dtls\.cipher/,
    ],
    [
      "an XMPP entry that is no object",
      "videobridge.apis.xmpp-client.configs { a = 5 }",
      /j\.conf:1: videobridge\.apis\.xmpp-client\.configs\.a/,
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
      /j\.conf:1: videobridge\.apis\.xmpp-client\.configs\.a\.password: is missing; add/,
    ],
    [
      "a mapping with one port",
      "ice4j.harvest.mapping.static-mappings = [ { local-address = a, public-address = b, local-port = 1 } ]",
      /j\.conf:1: ice4j\.harvest\.mapping\.static-mappings/,
    ],
  ];
  it("prints usage and version, and starts nothing", async () => {
    for (const word of ["--help", "--version"]) {
      const program = new Program(word);
      expect(await program.ended).to.equal(0);
      expect(program.stderr).to.equal("");
    }
  });

  it("checks the configuration without starting, and shows no secret", async () => {
    const file = join(folder, "check.conf");
    writeFileSync(
      file,
      `videobridge { http-servers.private.port = 1, relay.enabled = true
      apis.xmpp-client.configs.a { hostname = h, domain = d, username = u, password = hunter2, muc_jids = "m@x", muc_nickname = n } }`,
    );
    const program = new Program("--config", file, "--check-config");
    expect(await program.ended).to.equal(0);
    expect(program.stderr).to.equal("");
    expect(program.stdout).to.match(/check\.conf:1: videobridge\.relay\.enabled: is not built yet/);
    expect(program.stdout).to.match(/configs\.a\.password = \(hidden\) +.*check\.conf:2 +works/);
    expect(program.stdout).to.match(/Fit to start, with 1 warning\.\n$/);
    expect(program.stdout).not.to.contain("hunter2");
  });

  for (const [name, text, line, more = []] of cases) {
    it(`says so in one line and ends with 78: ${name}`, async () => {
      const file = join(folder, "j.conf");
      writeFileSync(file, text);
      const program = new Program("--config", file, ...more);
      expect(await program.ended).to.equal(78);
      expect(program.stderr).to.match(line);
      expect(program.stderr).not.to.match(/\n\s+at /);
    });
  }

  for (const { name, text } of [
    { name: "private.port", text: (port: number) => `private.port = ${port}` },
    { name: "public.port", text: (port: number) => `private.port = -1, public.port = ${port}` },
  ]) {
    it(`R25: names the key when a port is taken: ${name}`, async () => {
      const blocker = createServer();
      await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
      const address = blocker.address();
      const port = typeof address === "object" && address ? address.port : 0;
      const file = join(folder, "taken.conf");
      writeFileSync(
        file,
        `videobridge { http-servers { ${text(port)}, public.host = "127.0.0.1" }, ice.udp.port = 0 }
        videobridge.websockets { enabled = true, server-id = x, domain = "127.0.0.1:1" }`,
      );
      const program = new Program("--config", file);
      expect(await program.ended).to.equal(78);
      const key = `videobridge.http-servers.${name}: 127.0.0.1:${port}`;
      expect(program.stderr).to.contain(key);
      await new Promise((resolve) => blocker.close(resolve));
    });
  }
});

describe("a bridge without a socket for media", function () {
  this.timeout(15_000);
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "jvb-udp-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("R25: names the key when its UDP port is taken, and ends with 78 before XMPP hears of it", async () => {
    let logins = 0;
    const server = createServer((socket) => {
      logins++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const at = server.address();
    const xmppPort = typeof at === "object" && at ? at.port : 0;
    const blocker = createSocket("udp4");
    await new Promise<void>((resolve) => blocker.bind(0, "127.0.0.1", resolve));
    const { port } = blocker.address();
    const file = join(folder, "taken.conf");
    writeFileSync(
      file,
      `videobridge { http-servers.private.port = -1, ice.udp.port = ${port} }
      videobridge.apis.xmpp-client.configs.a {
        hostname = "127.0.0.1", port = ${xmppPort}, username = u, password = p, muc_jids = "a@b", muc_nickname = n
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
    );
    const program = new Program("--config", file);
    expect(await program.ended).to.equal(78);
    expect(program.stderr).to.contain(
      `jvb-ts: videobridge.ice.udp.port: UDP 127.0.0.1:${port} is taken; free the port`,
    );
    expect(logins).to.equal(0);
    await new Promise<void>((resolve) => blocker.close(() => resolve()));
    await new Promise((resolve) => server.close(resolve));
  });

  it("names the filter that leaves no address, and is unhealthy at once", async () => {
    const port = await freePort();
    const file = join(folder, "none.conf");
    writeFileSync(
      file,
      `videobridge { http-servers.private.port = ${port}, ice.udp.port = 0, apis.rest.enabled = true }
      ice4j.harvest.allowed-interfaces = [ "wlan9" ]`,
    );
    const program = new Program("--config", file);
    let health: Response | undefined;
    for (let tries = 0; tries < 200 && health === undefined; tries++) {
      await sleep(50);
      health = await fetch(`http://127.0.0.1:${port}/about/health`).catch(() => undefined);
    }
    expect(health?.status).to.equal(500);
    program.child.kill("SIGTERM");
    expect(await program.ended).to.equal(143);
    expect(program.stderr).to.match(
      /none\.conf:2: ice4j\.harvest\.allowed-interfaces: \[wlan9\] leaves no address for media; there are .*lo \(127\.0\.0\.1/,
    );
    expect(program.stderr).not.to.contain("Media worker ready");
  });
});

describe("a running bridge", function () {
  this.timeout(20_000);
  let folder = "";
  let base = "";
  let publicPort = 0;
  let program: Program;

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
    folder = mkdtempSync(join(tmpdir(), "jvb-live-"));
    const privatePort = await freePort();
    publicPort = await freePort();
    base = `http://127.0.0.1:${privatePort}`;
    const file = join(folder, "j.conf");
    writeFileSync(
      file,
      `videobridge {
        http-servers { private.port = ${privatePort}, public { port = ${publicPort}, host = "127.0.0.1" } }
        websockets { enabled = true, server-id = "jvb1", domains = [ "127.0.0.1:${publicPort}" ] }
        apis.rest.enabled = true
        rest.shutdown.enabled = true
        shutdown.shutting-down-delay = 500 ms
        health.require-valid-address = false
        ice.udp.port = 0
      }
      ice4j.harvest.allowed-addresses = [ "127.0.0.1" ]`,
    );
    program = new Program("--config", file);
    for (let tries = 0; tries < 200; tries++) {
      const healthy = await fetch(`${base}/about/health`).catch(() => undefined);
      if (healthy?.status === 200) return;
      await sleep(25);
    }
    throw new Error(`not healthy: ${program.stderr}`);
  });
  after(() => {
    program.child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

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
