// The program on a real Prosody, asked by an occupant of its brewery. Needs the native addon.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { Prosody } from "#shared/testing/prosody";
import { recordingLogger } from "#shared/testing/recording-logger";
import { createXmppClient } from "#shared/xmpp/client";
import type { IqReply, XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, type Element, elementsOf, xml } from "#shared/xmpp/xml";
import { RunningBridge } from "./running-bridge.ts";

/** Who asks the bridge, in place of a focus. */
class Observer {
  readonly connection: XmppConnection;
  /** Statistics of the bridge's presences, newest last; `undefined` when it left. */
  readonly presences: (ReadonlyMap<string, string> | undefined)[] = [];
  readonly #room: string;

  constructor(prosody: Prosody) {
    this.#room = `jvbbrewery@internal.${prosody.authDomain}`;
    this.connection = createXmppClient(prosody.login(), realRuntime, recordingLogger());
    this.connection.onState(({ state, resumed }) => {
      if (state === "online" && !resumed) this.#join();
    });
    this.connection.onStanza((el) => this.#presence(el));
    this.connection.start();
  }

  #join(): void {
    const x = xml("x", { xmlns: "http://jabber.org/protocol/muc" });
    this.connection.send(xml("presence", { to: `${this.#room}/observer` }, x));
  }

  #presence(el: Element): void {
    if (el.name !== "presence" || attr(el, "from") !== `${this.#room}/jvb1`) return;
    if (attr(el, "type") === "unavailable") {
      this.presences.push(undefined);
      return;
    }
    const stats = childOf(el, "stats", NS.colibri);
    if (stats === undefined) return;
    this.presences.push(
      new Map(elementsOf(stats).map((one) => [attr(one, "name") ?? "", attr(one, "value") ?? ""])),
    );
  }

  ask(payload: Element): Promise<IqReply> {
    return this.connection.request(
      xml("iq", { type: "get", to: `${this.#room}/jvb1` }, payload),
      5000,
    );
  }

  modify(meeting: string, attributes: Record<string, string>, ...children: Element[]) {
    const root = { xmlns: "jitsi:colibri2", "meeting-id": meeting, ...attributes };
    return this.ask(xml("conference-modify", root, ...children));
  }
}

const endpoint = (id: string): Element =>
  xml(
    "endpoint",
    { id, create: "true" },
    xml("transport", { "ice-controlling": "true" }),
    xml("capability", { name: "source-names" }),
  );

const kinds = async (replies: readonly Promise<IqReply>[]): Promise<string[]> =>
  (await Promise.all(replies)).map((reply) =>
    reply.kind === "error" ? reply.error.condition : reply.kind,
  );

function xmpp(prosody: Prosody, password: string): string {
  return `videobridge.apis.xmpp-client.configs.shard {
    hostname = "127.0.0.1", port = ${prosody.c2sPort}, domain = "${prosody.authDomain}"
    username = jvb, password = "${password}"
    muc_jids = "jvbbrewery@internal.${prosody.authDomain}", muc_nickname = jvb1
  }
  videobridge.apis.xmpp-client.presence-interval = 500 ms`;
}

describe("a bridge on a real Prosody", function () {
  this.timeout(60_000);
  let prosody: Prosody;
  let bridge: RunningBridge;
  let observer: Observer;

  /** Lines of the bridge's log about its XMPP connection since `from`. */
  const said = (from: number): string[] =>
    bridge.output
      .slice(from)
      .split("\n")
      .filter((line) => line.includes("XMPP"));
  /** The bridge's statistics come again. */
  async function presenceReturns(): Promise<void> {
    const seen = observer.presences.length;
    await bridge.until(
      () =>
        observer.presences.length > seen + 1 &&
        observer.presences.at(-1)?.get("stress_level") !== undefined,
      20_000,
    );
  }

  before(async () => {
    prosody = await Prosody.start();
    bridge = await RunningBridge.start(xmpp(prosody, "jvb"));
    observer = new Observer(prosody);
    await presenceReturns();
  });
  after(async () => {
    await observer.connection.stop();
    await bridge.stop();
    await prosody.stop();
  });

  it("R17: requests that come twice, late or out of order leave one state", async () => {
    const create = () => observer.modify("m1", { create: "true" }, endpoint("aaaa1111"));
    expect(await kinds([create(), create()])).to.deep.equal(["result", "conflict"]);
    const expire = () => observer.modify("m1", { expire: "true" });
    expect(await kinds([expire(), expire()])).to.deep.equal(["result", "item-not-found"]);
    // The update of an endpoint overtakes its creation.
    const update = observer.modify("m1", {}, xml("endpoint", { id: "bbbb2222" }));
    expect(await kinds([update, create()])).to.deep.equal(["item-not-found", "result"]);
    expect(await bridge.stats()).to.include({ conferences: 1, endpoints: 1 });
    // Expire and create again and again, as the focus does: in order, whatever waits.
    const burst = Array.from({ length: 20 }, () => [expire(), create()]).flat();
    expect(new Set(await kinds(burst))).to.deep.equal(new Set(["result"]));
    expect(await bridge.stats()).to.include({ conferences: 1, endpoints: 1 });
  });

  for (const seconds of [1, 5, 15]) {
    it(`R3: stopped for ${seconds} s and woken it goes on where it was`, async () => {
      const before = await bridge.stats();
      const from = bridge.output.length;
      bridge.program.kill("SIGSTOP");
      await sleep(seconds * 1000);
      bridge.program.kill("SIGCONT");
      await presenceReturns();
      const after = await bridge.stats();
      for (const name of ["conferences", "endpoints", "endpoints_disconnected", "healthy"]) {
        expect(after[name], name).to.equal(before[name]);
      }
      // A server may give up on the stream meanwhile; the bridge by itself does not.
      expect(said(from).join("\n")).to.not.match(/ping timed out|does not read/);
      const health = xml("healthcheck", { xmlns: NS.healthcheck });
      expect((await observer.ask(health)).kind).to.equal("result");
    });
  }

  it("R4 B-064: Prosody killed and back: conferences stay, statistics return, few lines", async () => {
    const from = bridge.output.length;
    await prosody.down("SIGKILL");
    await sleep(4000);
    expect(await bridge.stats()).to.include({ conferences: 1, muc_clients_connected: 0 });
    await prosody.up();
    const up = performance.now();
    await presenceReturns();
    expect(performance.now() - up).to.be.below(6000);
    expect(await bridge.stats()).to.include({
      conferences: 1,
      muc_clients_connected: 1,
      mucs_joined: 1,
    });
    expect(said(from), said(from).join("\n")).to.have.length.within(2, 4);
    expect(await kinds([observer.modify("m1", {})])).to.deep.equal(["result"]);
  });

  it("R4: Prosody stops in order and starts again: the same", async () => {
    const from = bridge.output.length;
    await prosody.down("SIGTERM");
    await sleep(2000);
    await prosody.up();
    await presenceReturns();
    expect(await bridge.stats()).to.include({ mucs_joined: 1 });
    expect(said(from), said(from).join("\n")).to.have.length.within(2, 4);
  });

  it("I4 I5 I7: after all that it holds no more than at its start, and nothing broke", async function () {
    this.timeout(150_000);
    await bridge.expectAtRest();
  });

  it("R23: drain and graceful shutdown are told at once; what exists goes on, to the end", async () => {
    await fetch(`${bridge.base}/colibri/drain/enable`, { method: "POST" });
    await bridge.until(() => observer.presences.at(-1)?.get("drain") === "true", 1000);
    expect(
      await kinds([observer.modify("m2", { create: "true" }, endpoint("cccc3333"))]),
    ).to.deep.equal(["result"]);
    await fetch(`${bridge.base}/colibri/drain/disable`, { method: "POST" });
    const asked = await fetch(`${bridge.base}/colibri/shutdown`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"graceful-shutdown":true}',
    });
    expect(asked.status).to.equal(200);
    await bridge.until(() => observer.presences.at(-1)?.get("graceful_shutdown") === "true", 1000);
    expect(
      await kinds([
        observer.modify("m3", { create: "true" }, endpoint("dddd4444")),
        observer.modify("m2", {}, endpoint("dddd4444")),
        observer.modify("m1", { expire: "true" }),
      ]),
    ).to.deep.equal(["service-unavailable", "result", "result"]);
    expect(observer.presences.at(-1)?.get("shutting_down")).to.equal("false");
  });

  it("R23: SIGTERM in the middle of joins answers or ends them, and ends in order", async () => {
    const joins = Array.from({ length: 50 }, (_, at) =>
      observer.modify("m2", {}, endpoint(`join${String(at).padStart(4, "0")}`)),
    );
    await sleep(10);
    const started = performance.now();
    bridge.program.kill("SIGTERM");
    expect(await bridge.program.ended).to.equal(143);
    expect(performance.now() - started).to.be.below(5000);
    const ends = new Set(await kinds(joins));
    for (const end of ends) {
      expect(["result", "timeout", "item-not-found", "recipient-unavailable"]).to.include(end);
    }
    await bridge.until(() => observer.presences.at(-1) === undefined, 2000);
    expect(bridge.output).to.not.match(/SEVERE|Bug|at file:/);
  });
});

describe("a bridge with a wrong password", function () {
  this.timeout(20_000);

  it("R25: says so once with the key, keeps trying, and serves HTTP meanwhile", async () => {
    const prosody = await Prosody.start();
    const bridge = await RunningBridge.start(xmpp(prosody, "wrong"));
    try {
      await bridge.until(() => bridge.output.includes("login refused"));
      await sleep(3000);
      const lines = bridge.output.split("\n").filter((line) => line.includes("XMPP"));
      expect(lines, lines.join("\n")).to.have.length(1);
      expect(lines[0]).to.contain("check videobridge.apis.xmpp-client.configs.shard.username");
      expect(lines[0]).to.contain("Still trying");
      const tried = prosody.output.match(/Client connected/gi)?.length ?? 0;
      expect(tried).to.be.greaterThan(1);
      expect(await bridge.stats()).to.include({ muc_clients_connected: 0, healthy: true });
    } finally {
      await bridge.stop();
      await prosody.stop();
    }
  });
});
