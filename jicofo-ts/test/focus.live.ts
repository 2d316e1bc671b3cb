// Against a real Prosody and the real program: run with `mocha … 'jicofo-ts/test/*.live.ts'`.
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { Prosody } from "#shared/testing/prosody";
import { until } from "#shared/testing/until";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { LiveFocus } from "./live/live-focus.ts";

describe("the focus on a real Prosody", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  let focus: LiveFocus;
  let bridge: LiveBridge;
  const clients: LiveClient[] = [];

  const get = (path: string) => focus.get(path);
  const client = async (nick: string, room: string) => {
    const made = new LiveClient(prosody, room, nick);
    clients.push(made);
    await made.login();
    return made;
  };

  before(async () => {
    prosody = await Prosody.start();
    focus = await LiveFocus.start(
      prosody,
      `jicofo {
  xmpp.client.client-proxy = ${prosody.componentDomain}
  bridge.brewery-jid = "JvbBrewery@internal.${prosody.authDomain}"
  conference.single-participant-timeout = 1 second
  health { enabled = true, interval = 1 second }
}`,
    );
    bridge = new LiveBridge(prosody, "jvb1");
    await bridge.start();
    await until(async () => (await focus.bridges()).includes("jvb1"));
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(focus.output);
    await Promise.all(clients.splice(0).map((one) => one.stop()));
  });
  after(async () => {
    if (process.env["LIVE_OUTPUT"]) console.error(focus.output);
    await bridge?.stop();
    await focus?.stop();
    await prosody?.stop();
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
    const response = await fetch(`http://127.0.0.1:${focus.httpPort}/conference-request/v1`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        origin: "https://page.example",
        connection: "close",
      },
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

  it("opens no conference in the brewery, however it is written, and stays in it", async () => {
    const brewery = `jvbbrewery@internal.${prosody.authDomain}`;
    for (const room of [brewery, `${brewery}.`, brewery.replace("jvb", "jvb\u00ad")]) {
      const a = await client("aaaaaaaa", room);
      const payload = xml("conference", { xmlns: NS.focus, room, "machine-uid": "m" });
      expect(await a.answerTo("set", payload), room).to.equal("not-allowed");
      const response = await fetch(`http://127.0.0.1:${focus.httpPort}/conference-request/v1`, {
        method: "POST",
        headers: { "content-type": "application/json", connection: "close" },
        body: JSON.stringify({ room }),
      });
      expect(response.status, room).to.equal(400);
      expect(await response.text()).to.contain("not-allowed");
    }
    expect(await focus.bridges()).not.to.deep.equal([]);
    expect(focus.output).to.match(/why=the room is a brewery\] [^\n]*Refused a conference request/);
  });

  it("refuses a room on a server it cannot reach", async () => {
    const response = await fetch(`http://127.0.0.1:${focus.httpPort}/conference-request/v1`, {
      method: "POST",
      headers: { "content-type": "application/json", connection: "close" },
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
    await until(async () => (await focus.bridges()).toString().includes("jvb2"));
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
    const before = focus.output.length;
    await prosody.down("SIGKILL");
    await prosody.up();
    const started = realRuntime.clock.now();
    const again = /jvbbrewery@[^\n]*Joined the room again/;
    await until(() => again.test(focus.output.slice(before)));
    await until(async () => (await focus.bridges()).toString().includes("jvb1"));
    const room = `again@${prosody.mucDomain}`;
    const a = await client("aaaaaaaa", room);
    expect(await a.askForConference()).to.deep.include({ ready: true });
    expect(realRuntime.clock.now() - started).to.be.lessThan(8000);
  });

  it("checks its own health, with a test conference that nobody counts", async () => {
    const health = async () => {
      const response = await fetch(`http://127.0.0.1:${focus.httpPort}/about/health`, {
        headers: { connection: "close" },
      });
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
    const rooms: unknown[] = Object.values(await get("/debug/conferences"));
    expect(rooms).to.not.be.empty;
    const real = rooms.filter((one) => !String(one).startsWith("__jicofo-health-check-"));
    expect(stats["conferences"]).to.equal(real.length);
    await bridge.stop();
    await until(async () => (await health()).startsWith("500 No operational bridges"));
  });

  it("has kept nothing, and ends on SIGTERM with 143", async () => {
    expect(await focus.kept()).to.deep.equal([]);
    expect(await focus.kill("SIGTERM")).to.equal(143);
  });
});
