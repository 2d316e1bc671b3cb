/** More conference requests than anybody needs, over XMPP and HTTP. */
import { expect } from "chai";
import type { HttpHandler, HttpReply } from "#shared/http/message";
import type { HttpServer } from "#shared/http/server";
import { parseStanzaError } from "#shared/stanza/stanza-error";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, xml } from "#shared/xmpp/xml";
import { handleConferenceIq } from "../../src/entry/conference-iq.ts";
import { conferenceRequests } from "../../src/entry/conference-requests.ts";
import { addConferenceRoute } from "../../src/entry/http-routes.ts";
import { createMetrics } from "../../src/entry/metrics.ts";
import type { FakeRoom } from "./fake-xmpp.ts";
import { roomJid, World } from "./world.ts";

/** Seconds that a flood of one sender lasts; `npm run test:full` makes it longer. */
const seconds = 20 * Number(process.env["ABUSE_SCALE"] ?? "1");
/** What one sender is granted in that time, of 200 requests a second. */
const granted = 1_000 + 100 * seconds;

/** A world with both entries. */
class Entries {
  readonly world = new World();
  /** Most rooms that were being joined at the same time. */
  mostJoining = 0;
  joinMs = 50;
  #joining = 0;
  readonly #routes = new Map<string, HttpHandler>();

  constructor() {
    const { world } = this;
    const metrics = createMetrics(world.runtime.clock, "test");
    const ask = conferenceRequests({
      focus: world.focus,
      metrics,
      log: world.log.child({}, "Requests"),
      clock: world.runtime.clock,
    });
    handleConferenceIq(world.connection, ask, undefined);
    const routes = {
      route: (method: string, path: string, handler: HttpHandler) =>
        this.#routes.set(`${method} ${path}`, handler),
    };
    addConferenceRoute(routes as Pick<HttpServer, "route"> as HttpServer, ask);
    world.prepareRoom = (room) => this.#slowly(room);
  }

  /** Joining takes a while, as with a busy server. */
  #slowly(room: FakeRoom): void {
    const join = room.join.bind(room);
    room.join = async () => {
      this.mostJoining = Math.max(this.mostJoining, ++this.#joining);
      await new Promise<void>(
        (resolve) => void this.world.runtime.timers.after(this.joinMs, resolve),
      );
      this.#joining--;
      return join();
    };
  }

  /** `ready`, `wait`, or the condition of the error. */
  async iq(from: string, room = roomJid): Promise<string> {
    const answer = await this.world.connection.deliver(
      from,
      xml("conference", { xmlns: NS.focus, room, "machine-uid": "m" }),
    );
    if (answer === undefined) return "no answer";
    if (attr(answer, "type") === "error") {
      const { type, condition } = parseStanzaError(answer);
      return `${type} ${condition}`;
    }
    const conference = childOf(answer, "conference", NS.focus);
    return conference && attr(conference, "ready") === "true" ? "ready" : "wait";
  }

  /** `forwarded`: the header that proxies write. */
  async http(remoteAddress: string, room = roomJid, forwarded?: string): Promise<HttpReply> {
    const post = this.#routes.get("POST /conference-request/v1");
    if (post === undefined) throw new Error("no route");
    return post({
      method: "POST",
      path: "/conference-request/v1",
      params: {},
      query: new URLSearchParams(),
      headers: { "content-type": "application/json", "x-forwarded-for": forwarded },
      remoteAddress,
      body: new Uint8Array(),
      json: () => ({ ok: true, value: { room } }),
    });
  }

  /** `ready`, `wait`, or the status. */
  async post(remoteAddress: string, room = roomJid, forwarded?: string): Promise<string> {
    const { status, body } = await this.http(remoteAddress, room, forwarded);
    if (status !== 200) return `${status}`;
    const { ready } = JSON.parse(String(body)) as { readonly ready: boolean };
    return ready ? "ready" : "wait";
  }

  /** What is answered within a second. */
  async soon<T>(asked: Promise<T>): Promise<T> {
    await this.world.pass(1_000);
    return asked;
  }

  /** Asks `rate` times a second for so long. */
  async flood(
    rate: number,
    seconds: number,
    ask: (at: number) => Promise<string>,
  ): Promise<Record<string, number>> {
    const outcomes: Promise<string>[] = [];
    for (let at = 0; at < rate * seconds; at++) {
      outcomes.push(ask(at));
      await this.world.pass(1000 / rate);
    }
    await this.world.pass(17_000);
    const counts: Record<string, number> = {};
    for (const outcome of await Promise.all(outcomes)) {
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  }
}

const room = (name: string | number): string => `${name}@conference.example.com`;

describe("E3: floods of conference requests", () => {
  it("E3: a client that asks 200 times a second is told to wait, others are served", async () => {
    const entries = new Entries();
    const others: Promise<string>[] = [];
    const counts = await entries.flood(200, seconds, (at) => {
      if (at % 100 === 50) others.push(entries.iq(`real${at}@example.com/x`));
      return entries.iq("flood@example.com/x");
    });
    expect(counts["ready"]).to.be.within(granted - 20, granted + 20);
    const refused = 200 * seconds - granted;
    expect(counts["wait resource-constraint"]).to.be.within(refused - 20, refused + 20);
    expect(new Set(await Promise.all(others))).to.deep.equal(new Set(["ready"]));
    const warnings = entries.world.log.messages("warn");
    expect(warnings).to.have.length.within(1, seconds / 10);
    expect(warnings[0]).to.equal("Turning conference requests away");
  });

  it("E3: a client that opens a room with every request gets 50 a second, and no error", async () => {
    const entries = new Entries();
    const opens = (at: number) => entries.iq("opens@example.com/x", room(at));
    const counts = await entries.flood(80, 40, opens);
    expect(counts["ready"]).to.be.within(2_980, 3_020);
    expect(counts["wait"]).to.be.within(180, 220);
    expect(Object.keys(counts)).to.have.length(2);
    expect(entries.world.focus.rooms().length).to.be.at.most(80 * 16);
  });

  it("E3: an address that asks 200 times a second over HTTP gets 429 and when to come back", async () => {
    const entries = new Entries();
    const counts = await entries.flood(200, seconds, () => entries.post("203.0.113.7"));
    expect(counts["429"]).to.be.within(200 * seconds - granted - 50, 200 * seconds - granted + 150);
    expect(await entries.soon(entries.post("203.0.113.8")), "another address").to.equal("ready");
    for (let i = 0; i < 2_000; i++) await entries.post("203.0.113.7");
    const refused = await entries.http("203.0.113.7");
    expect(refused).to.deep.include({ status: 429, body: "Too many requests" });
    expect(refused.headers?.["Retry-After"]).to.equal("1");
  });

  it("E3: a thousand people behind one address all come in within 10 s", async () => {
    const entries = new Entries();
    const counts = await entries.flood(100, 10, (at) =>
      entries.post("203.0.113.7", room(at % 150)),
    );
    expect(counts["ready"]).to.be.at.least(840);
    expect((counts["ready"] ?? 0) + (counts["wait"] ?? 0)).to.equal(1_000);
  });

  for (const proxy of ["127.0.0.1", "::1", "172.18.0.5", "::ffff:10.1.2.3"]) {
    it(`E3: people behind the proxy ${proxy} never get an error, however many there are`, async () => {
      const entries = new Entries();
      const counts = await entries.flood(400, 10, () => entries.post(proxy));
      expect((counts["ready"] ?? 0) + (counts["wait"] ?? 0)).to.equal(4_000);
      expect(counts["ready"]).to.be.greaterThan(3_900);
    });
  }

  it("E3: one of many behind a proxy floods: it alone is refused, under the address that proxy names", async () => {
    const entries = new Entries();
    const others: Promise<string>[] = [];
    const counts = await entries.flood(200, seconds, (at) => {
      if (at % 100 === 50)
        others.push(entries.post("127.0.0.1", roomJid, `198.51.100.${at % 250}`));
      // What a client writes itself stands before what the proxy adds.
      return entries.post("127.0.0.1", roomJid, `192.0.2.${at % 250}, 203.0.113.7`);
    });
    expect(counts["429"]).to.be.within(200 * seconds - granted - 50, 200 * seconds - granted + 150);
    expect(new Set(await Promise.all(others))).to.deep.equal(new Set(["ready"]));
  });

  it("E3: one household with a /64 of its own is one sender", async () => {
    const entries = new Entries();
    const counts = await entries.flood(200, seconds, (at) =>
      entries.post(`2001:db8:0:7::${(at % 9_000).toString(16)}`),
    );
    expect(counts["429"]).to.be.within(200 * seconds - granted - 50, 200 * seconds - granted + 150);
    expect(await entries.soon(entries.post("2001:db8:0:8::1")), "another").to.equal("ready");
  });

  it("E3: who is not behind a proxy cannot say to be another", async () => {
    const entries = new Entries();
    const counts = await entries.flood(200, seconds, (at) =>
      entries.post("203.0.113.7", roomJid, `198.51.100.${at % 250}`),
    );
    expect(counts["429"]).to.be.within(200 * seconds - granted - 50, 200 * seconds - granted + 150);
  });

  for (const [name, forwarded] of [
    ["names nobody", () => undefined],
    ["repeats what clients make up", (at: number) => `198.51.${at % 250}.${at % 13}`],
  ] as const)
    it(`E3: 3000 a second through a proxy that ${name}: 1000 are looked at, the rest waits`, async () => {
      const entries = new Entries();
      const counts = await entries.flood(3_000, 5, (at) =>
        entries.post("127.0.0.1", roomJid, forwarded(at)),
      );
      expect(counts["ready"]).to.be.within(9_500, 10_500);
      expect((counts["ready"] ?? 0) + (counts["wait"] ?? 0)).to.equal(15_000);
      expect(await entries.soon(entries.iq("real@example.com/x")), "over XMPP").to.equal("ready");
    });

  it("E3: 10,000 new rooms through a proxy that names nobody: 200 a second are opened", async () => {
    const entries = new Entries();
    await entries.flood(1_000, 10, (at) => entries.post("127.0.0.1", room(at)));
    expect(entries.world.rooms.size).to.be.within(3_500, 4_100);
  });

  it("E3: 5,000 resources of one account are one sender", async () => {
    const entries = new Entries();
    const counts = await entries.flood(200, seconds, (at) =>
      entries.iq(`flood@example.com/x${at}`),
    );
    expect(counts["ready"]).to.be.within(granted - 20, granted + 20);
    const refused = 200 * seconds - granted;
    expect(counts["wait resource-constraint"]).to.be.within(refused - 20, refused + 20);
  });

  it("E3: an address without an account may stand for many: its resources are senders of their own", async () => {
    const entries = new Entries();
    const counts = await entries.flood(200, seconds, (at) =>
      entries.iq(`gateway.example.com/${at}`),
    );
    expect(counts["wait resource-constraint"]).to.equal(undefined);
    expect(counts["ready"]).to.be.greaterThan(200 * seconds - 100);
  });

  it("E3: 2000 new rooms a second from a hundred clients: a hundred are joined at a time", async () => {
    const entries = new Entries();
    const counts = await entries.flood(2_500, 0.4, (at) =>
      entries.iq(`bot${at % 100}@example.com/x`, room(at)),
    );
    // A hundred at a time, 50 ms each, are 2000 a second; the others wait a moment.
    expect(counts).to.deep.equal({ ready: 1_000 });
    expect(entries.mostJoining).to.equal(100);
    // Somebody real asks in the middle of it, and again when told to.
    let outcome = "";
    const flood = entries.flood(5_000, 0.2, (at) =>
      entries.iq(`bot${at % 100}@example.com/x`, room(at + 10_000)),
    );
    for (let tries = 0; tries < 4 && outcome !== "ready"; tries++) {
      const asked = entries.iq("real@example.com/x");
      await entries.world.pass(1_000);
      outcome = await asked;
    }
    await flood;
    expect(outcome).to.equal("ready");
  });

  it("E3: a server too slow to join rooms lets 2000 wait, the rest is told to ask again", async () => {
    const entries = new Entries();
    entries.joinMs = 5_000;
    const counts = await entries.flood(2_500, 1, (at) =>
      entries.iq(`bot${at}@example.com/x`, room(at)),
    );
    expect(counts["ready"]).to.be.within(200, 300);
    expect(counts["wait"]).to.be.within(2_200, 2_300);
    expect(entries.mostJoining).to.equal(100);
  });

  it("E3: nobody comes to harm by names that strangers make up", async () => {
    const entries = new Entries();
    await entries.flood(1_000, 3, (at) => entries.iq(`x${at}@example.com/x`));
    expect(await entries.soon(entries.iq("real@example.com/x"))).to.equal("ready");
  });
});
