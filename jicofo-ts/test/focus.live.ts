// Against a real Prosody and the real program: run with `mocha … 'jicofo-ts/test/*.live.ts'`.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { Prosody } from "#shared/testing/prosody";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { until } from "./live/until.ts";

const main = new URL("../src/main.ts", import.meta.url).pathname;

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

/** Runs the program to its end. */
async function run(...args: string[]): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, ["--conditions=source", main, ...args]);
  let stderr = "";
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const status = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { status, stderr };
}

describe("a focus that cannot start", function () {
  this.timeout(10_000);
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "jicofo-start-"));
  });
  after(() => rmSync(folder, { recursive: true }));
  const account = "jicofo.xmpp.client { domain = auth.x, xmpp-domain = x }";
  const cases: [name: string, text: string, line: RegExp, more?: string[]][] = [
    ["without an account", "jicofo { }", /jicofo\.xmpp\.client\.domain/],
    ["with a wrong type", `${account}\njicofo.rest.port = many`, /j\.conf:2: jicofo\.rest\.port/],
    ["with broken HOCON", `${account}\njicofo {`, /j\.conf:\d/],
    [
      "with an unknown strategy",
      `${account}\njicofo.bridge.selection-strategy = X`,
      /j\.conf:2.*SplitBridgeSelectionStrategy/,
    ],
    [
      "with a way of authentication that it does not have",
      `${account}\njicofo.authentication { enabled = true, type = SHIBBOLETH, login-url = x }`,
      /j\.conf:2: jicofo\.authentication\.type: .*; set /,
    ],
    [
      "with a warning, when told to be strict",
      `${account}\njicofo.rest.prot = 1`,
      /j\.conf:2: jicofo\.rest\.prot: unknown key; did you mean jicofo\.rest\.port\?/,
      ["--strict"],
    ],
  ];
  for (const [name, text, line, more = []] of cases)
    it(`${name} says so in one line and ends with 78`, async () => {
      const file = join(folder, "j.conf");
      writeFileSync(file, text);
      const { status, stderr } = await run("--config", file, ...more);
      expect(stderr).to.match(line);
      expect(stderr).not.to.match(/\n\s+at /);
      expect(status).to.equal(78);
    });

  it("names the key when its HTTP port is taken", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const address = blocker.address();
    const taken = typeof address === "object" && address ? address.port : 0;
    const file = join(folder, "taken.conf");
    writeFileSync(file, `${account}\njicofo.rest.port = ${taken}`);
    const { status, stderr } = await run("--config", file);
    await new Promise((resolve) => blocker.close(resolve));
    expect(stderr).to.match(/jicofo\.rest\.port: 127\.0\.0\.1:\d+ is taken/);
    expect(status).to.equal(78);
  });

  it("serves and keeps trying while there is no server, and says so once", async () => {
    const [port, nothing] = [await freePort(), await freePort()];
    const file = join(folder, "alone.conf");
    const text = `${account}\njicofo { xmpp.client { hostname = 127.0.0.1, port = ${nothing} }, rest.port = ${port} }`;
    writeFileSync(file, text);
    const child = spawn(process.execPath, ["--conditions=source", main, "--config", file]);
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    await until(() => stderr.includes("XMPP connection failed"));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(stderr.split("XMPP connection failed, still trying")).to.have.length(2);
    expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).to.equal(200);
    child.kill("SIGTERM");
    expect(await new Promise((resolve) => child.once("exit", resolve))).to.equal(143);
  });
});

describe("the focus on a real Prosody", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  let focus: ChildProcess;
  let output = "";
  let port = 0;
  let folder = "";
  let bridge: LiveBridge;
  const clients: LiveClient[] = [];

  const get = async (path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return (await response.json()) as Record<string, unknown>;
  };
  const startFocus = () => {
    const arguments_ = ["--conditions=source", main, "--config", join(folder, "jicofo.conf")];
    focus = spawn(process.execPath, arguments_, { stdio: ["ignore", "pipe", "pipe"] });
    const keep = (data: Buffer) => {
      output += data.toString();
    };
    focus.stdout?.on("data", keep);
    focus.stderr?.on("data", keep);
  };
  const bridges = async () =>
    Object.keys((await get("/debug"))["bridge_selector"] as object).length &&
    Object.keys(
      ((await get("/debug"))["bridge_selector"] as { bridge: Record<string, unknown> }).bridge,
    );
  const client = async (nick: string, room: string) => {
    const made = new LiveClient(prosody, room, nick);
    clients.push(made);
    await made.login();
    return made;
  };

  before(async () => {
    prosody = await Prosody.start();
    port = await freePort();
    folder = mkdtempSync(join(tmpdir(), "jicofo-live-"));
    writeFileSync(
      join(folder, "jicofo.conf"),
      `jicofo {
  xmpp.client {
    hostname = 127.0.0.1, port = ${prosody.c2sPort}, domain = ${prosody.authDomain}
    xmpp-domain = ${prosody.domain}, username = focus, password = focus
    client-proxy = ${prosody.componentDomain}
  }
  bridge.brewery-jid = "JvbBrewery@internal.${prosody.authDomain}"
  conference.single-participant-timeout = 1 second
  rest.port = ${port}
  health { enabled = true, interval = 1 second }
}
`,
    );
    startFocus();
    bridge = new LiveBridge(prosody, "jvb1");
    await until(() => /jvbbrewery@[^\n]*Joined the room/.test(output));
    await bridge.start();
    await until(async () => (await bridges()).toString().includes("jvb1"));
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(output);
    await Promise.all(clients.splice(0).map((one) => one.stop()));
  });
  after(async () => {
    if (process.env["LIVE_OUTPUT"]) console.error(output);
    await bridge?.stop();
    focus?.kill("SIGKILL");
    await prosody?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("invites two users who asked by IQ, and tells them of each other", async () => {
    const room = `live@${prosody.mucDomain}`;
    const a = await client("aaaaaaaa", room);
    expect(await a.askForConference()).to.deep.include({
      ready: true,
      focusJid: `focus@${prosody.authDomain}`,
    });
    await a.join();
    const b = await client("bbbbbbbb", room);
    await b.askForConference();
    await b.join();
    await until(() => a.invited && b.invited);
    expect(a.bridgeSession).to.be.a("string");
    await until(() => a.othersKnown("bbbbbbbb") && b.othersKnown("aaaaaaaa"));
    expect(bridge.endpoints(room)).to.have.members(["aaaaaaaa", "bbbbbbbb"]);
    const debug = (await get(`/debug/conference/${room}`)) as { participants: object };
    expect(Object.keys(debug.participants)).to.have.members(["aaaaaaaa", "bbbbbbbb"]);
    const stats = await get("/stats");
    expect(stats).to.deep.include({ conferences: 1, participants: 2, total_participants: 2 });
    await b.leave();
    await until(() => bridge.endpoints(room).length < 2);
    await a.leave();
    await until(async () => (await get("/stats"))["conferences"] === 0);
  });

  it("answers what it does not know, and what it does, with upstream's conditions", async () => {
    const a = await client("aaaaaaaa", `unknown@${prosody.mucDomain}`);
    const conference = xml("conference", { xmlns: NS.focus });
    const jingle = xml("jingle", { xmlns: NS.jingle, action: "session-accept", sid: "x" });
    expect(await a.answerTo("get", xml("x", { xmlns: "some:thing" }))).to.equal(
      "feature-not-implemented",
    );
    expect(await a.answerTo("get", conference)).to.equal("feature-not-implemented");
    expect(await a.answerTo("set", conference)).to.equal("bad-request");
    expect(await a.answerTo("set", jingle)).to.equal("bad-request");
    expect(await a.answerTo("get", xml("ping", { xmlns: NS.ping }))).to.equal("result");
  });

  it("answers the same request over HTTP", async () => {
    const room = `http@${prosody.mucDomain}`;
    const response = await fetch(`http://127.0.0.1:${port}/conference-request/v1`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: "https://page.example" },
      body: JSON.stringify({ room, properties: { rtcstatsEnabled: false } }),
    });
    expect(response.status).to.equal(200);
    expect(response.headers.get("access-control-allow-origin")).to.equal("*");
    expect(await response.json()).to.deep.equal({
      room,
      ready: true,
      focusJid: `focus@${prosody.authDomain}`,
      properties: { authentication: "false", "visitors-supported": "false" },
    });
  });

  it("refuses a room on a server it cannot reach", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/conference-request/v1`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room: "x@other.example" }),
    });
    expect(response.status).to.equal(400);
    expect(await response.text()).to.match(/^Bad request: /);
  });

  it("moves a call when its bridge says it will go, and again when the other one vanishes", async () => {
    const other = new LiveBridge(prosody, "jvb2");
    const room = `move@${prosody.mucDomain}`;
    const a = await client("aaaaaaaa", room);
    await a.askForConference();
    await a.join();
    const b = await client("bbbbbbbb", room);
    await b.join();
    await until(() => a.othersKnown("bbbbbbbb") && b.othersKnown("aaaaaaaa"));
    expect(bridge.endpoints(room)).to.have.length(2);
    await other.start();
    await until(async () => (await bridges()).toString().includes("jvb2"));
    bridge.say({ drain: "true" });
    await until(() => other.endpoints(room).length === 2 && bridge.endpoints(room).length === 0);
    await until(() => a.invitations === 2 && b.invitations === 2);
    bridge.say({ drain: "false" });
    await other.stop();
    await until(() => bridge.endpoints(room).length === 2);
    await until(() => a.invitations === 3 && b.invitations === 3);
    expect(await get("/stats")).to.have.nested.property("bridge_failures.participants_moved", 4);
  });

  it("finds its bridges again after the server was restarted", async () => {
    const before = output.length;
    await prosody.down("SIGKILL");
    await prosody.up();
    const started = realRuntime.clock.now();
    const again = /jvbbrewery@[^\n]*Joined the room again/;
    await until(() => again.test(output.slice(before)));
    await until(async () => (await bridges()).toString().includes("jvb1"));
    const room = `again@${prosody.mucDomain}`;
    const a = await client("aaaaaaaa", room);
    expect(await a.askForConference()).to.deep.include({ ready: true });
    expect(realRuntime.clock.now() - started).to.be.lessThan(8000);
  });

  it("checks its own health, with a test conference that nobody counts", async () => {
    const health = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/about/health`);
      return `${response.status} ${await response.text()}`;
    };
    await until(async () => (await health()) === "200 OK");
    await until(async () =>
      (await get("/debug"))["focus_manager"]
        ? JSON.stringify(await get("/debug")).includes("__jicofo-health-check-")
        : false,
    );
    const stats = await get("/stats");
    expect(stats).to.have.nested.property("health.responseCode", 200);
    expect(stats["conferences"]).to.be.lessThan(3);
    await bridge.stop();
    await until(async () => (await health()).startsWith("500 No operational bridges"));
  });

  it("ends on SIGTERM with 143", async () => {
    const ended = new Promise((resolve) => focus.once("exit", resolve));
    focus.kill("SIGTERM");
    expect(await ended).to.equal(143);
  });
});
