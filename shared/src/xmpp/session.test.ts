import { expect } from "chai";
import { iqResult } from "../stanza/iq.ts";
import { FakeTransport } from "../testing/fake-xmpp-transport.ts";
import { recordingLogger } from "../testing/recording-logger.ts";
import { StoppableRuntime } from "../testing/stoppable-runtime.ts";
import { VirtualRuntime } from "../testing/virtual-runtime.ts";
import type { IqReply, StateChange } from "./connection.ts";
import { type BareJid, bareOf, parseJid } from "./jid.ts";
import { type SessionOptions, XmppSession } from "./session.ts";
import { attr, xml } from "./xml.ts";

function setUp(options: Partial<SessionOptions> = {}) {
  const runtime = new VirtualRuntime();
  const transport = new FakeTransport();
  const log = recordingLogger();
  const session = new XmppSession(transport, "auth.x", { name: "t", ...options }, runtime, log);
  const states: StateChange[] = [];
  session.onState((change) => states.push(change));
  return { runtime, transport, log, session, states };
}

function started(options: Partial<SessionOptions> = {}) {
  const all = setUp(options);
  all.session.start();
  all.transport.online();
  all.transport.take();
  return all;
}

const ping = (to?: string) =>
  xml("iq", { type: "get", to }, xml("ping", { xmlns: "urn:xmpp:ping" }));

describe("xmpp session", () => {
  it("reconnects at once after a loss, then after 0.5 to 2 s, for ever", () => {
    const { runtime, transport, session, states, log } = started();
    transport.end("reset");
    expect(session.state).to.equal("connecting");
    runtime.advance(0);
    expect(transport.opened).to.equal(2);
    for (let i = 0; i < 200; i++) {
      const before = transport.opened;
      transport.end("refused");
      runtime.advance(499);
      expect(transport.opened).to.equal(before);
      runtime.advance(1501);
      expect(transport.opened).to.equal(before + 1);
    }
    expect(log.messages("warn")).to.have.length(2);
    transport.online();
    expect(states.map(({ state }) => state)).to.deep.equal([
      "connecting",
      "online",
      "connecting",
      "online",
    ]);
  });

  it("answers for a stanza beyond the limits and stays online; who leaves, leaves (X1)", () => {
    const { transport, session, log } = started();
    const seen: string[] = [];
    session.onStanza((el) => seen.push(`${el.name} ${attr(el, "from")} ${attr(el, "type")}`));
    transport.receiveRefused("<iq type='set' id='1' from='r@c.x/bad'/>");
    transport.receiveRefused("<iq type='result' id='2' from='r@c.x/bad'/>");
    transport.receiveRefused("<message from='r@c.x/bad'/>");
    transport.receiveRefused("<presence from='r@c.x/bad'/>");
    transport.receiveRefused("<presence from='r@c.x/bad' type='unavailable'/>");
    expect(transport.take()).to.deep.equal([
      '<iq type="error" id="1" to="r@c.x/bad"><error type="modify"><policy-violation xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>',
    ]);
    expect(seen).to.deep.equal(["presence r@c.x/bad unavailable"]);
    expect(session.state).to.equal("online");
    expect(log.messages("warn")).to.deep.equal(Array(5).fill("Left out a stanza"));
  });

  it("says each reason once until it is online again", () => {
    const { runtime, transport, log } = started();
    transport.end("reset");
    for (let i = 0; i < 50; i++) {
      runtime.advance(2000);
      transport.end(i % 2 === 0 ? "refused" : "closed");
    }
    const said = log.messages("warn").map((line) => line.replace(/, for .*/, ""));
    expect(said).to.deep.equal([
      "XMPP connection lost, reconnecting: reset",
      "XMPP connection failed, still trying: refused",
      "XMPP connection failed, still trying: closed",
    ]);
    runtime.advance(2000);
    transport.online();
    transport.end("reset");
    runtime.advance(0);
    transport.end("refused");
    expect(log.messages("warn")).to.have.length(5);
  });

  it("gives way to another program with the same account, and says so once", () => {
    const { runtime, transport, log } = started();
    const openedAt: number[] = [];
    for (let round = 0; round < 8; round++) {
      const opened = transport.opened;
      transport.end("stream error conflict", "conflict");
      const from = runtime.clock.now();
      while (transport.opened === opened) runtime.advance(100);
      openedAt.push(runtime.clock.now() - from);
      transport.online();
    }
    expect(openedAt[0]).to.be.within(7_400, 12_600);
    expect(openedAt.at(-1)).to.be.within(224_000, 376_000);
    expect(log.messages("error")).to.have.length(1);
    expect(log.messages("error")[0]).to.contain("another program logged in as focus@auth.x/focus");
    // The other one is gone for long: a loss is an ordinary loss, a new conflict a new story.
    runtime.advance(3_600_000);
    transport.end("reset");
    runtime.advance(0);
    transport.online();
    runtime.advance(3_600_000);
    transport.end("stream error conflict", "conflict");
    expect(log.messages("error")).to.have.length(2);
  });

  /** Refuses every login for so long; returns the pauses between attempts. */
  function refuseLogins({ runtime, transport }: ReturnType<typeof setUp>, forMs: number): number[] {
    const pauses: number[] = [];
    const until = runtime.clock.now() + forMs;
    while (runtime.clock.now() < until) {
      const { opened } = transport;
      transport.end("login refused: not-authorized", "login");
      const from = runtime.clock.now();
      while (transport.opened === opened) runtime.advance(10);
      pauses.push(runtime.clock.now() - from);
    }
    return pauses;
  }

  it("tries a refused login ever more rarely, down to once a minute", () => {
    const all = setUp();
    all.session.start();
    const pauses = refuseLogins(all, 600_000);
    expect(pauses[0]).to.be.within(1_500, 2_010);
    for (const [at, pause] of pauses.entries()) {
      const bound = Math.min(60_000, 2_000 * 2 ** at);
      expect(pause).to.be.within(bound * 0.75, bound + 10);
    }
    expect(pauses.length).to.be.within(14, 20);
    // A password that was put right takes effect, and the next refusal is a new story.
    all.transport.online();
    all.transport.end("reset");
    all.runtime.advance(0);
    expect(refuseLogins(all, 1_000)[0]).to.be.below(2_010);
    expect(all.log.messages("error")).to.have.length(2);
  });

  it("retries a server that is away as ever after refused logins", () => {
    const all = setUp();
    all.session.start();
    refuseLogins(all, 120_000);
    const { opened } = all.transport;
    all.transport.end("refused");
    all.runtime.advance(2_000);
    expect(all.transport.opened).to.equal(opened + 1);
  });

  it("says of a refused login when it is tried next, and again every ten minutes", () => {
    const all = setUp();
    all.session.start();
    refuseLogins(all, 3_600_000);
    const said = all.log.lines.filter(({ level }) => level === "error");
    expect(said[0]?.message).to.match(/password\. Still trying, next in 2 s$/);
    expect(said.length).to.be.within(5, 7);
    expect(said.at(-1)?.message).to.match(/password\. Still trying, next in (4[5-9]|5\d|60) s$/);
    expect(said.at(-1)?.context["attempts"]).to.be.within(45, 90);
  });

  it("says every ten minutes that a server is still away", () => {
    const { runtime, transport, log } = started();
    transport.end("reset");
    runtime.advance(0);
    for (let i = 0; i < 1_800; i++) {
      transport.end("refused");
      runtime.advance(2_000);
    }
    const said = log.lines.filter(({ message }) => message.includes("still trying: refused"));
    expect(said.length).to.be.within(6, 7);
    expect(said[0]?.context["attempts"]).to.equal(undefined);
    expect(said.at(-1)?.context["attempts"]).to.be.greaterThan(1_400);
  });

  it("pairs answers with requests by id and address", async () => {
    const { transport, session } = started();
    const reply = session.request(ping("a@b/c"));
    const id = attr(transport.sent[0] ?? ping(), "id");
    transport.receive(`<iq type='result' id='${id}' from='evil@b/c'/>`);
    transport.receive(`<iq type='result' id='${id}x' from='a@b/c'/>`);
    transport.receive(
      `<iq type='error' id='${id}' from='A@B/c'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
    const done = await reply;
    expect(done.kind === "error" && done.error.condition).to.equal("resource-constraint");
  });

  for (const { to, from, counts } of [
    { to: undefined, from: undefined, counts: true },
    { to: undefined, from: "auth.x", counts: true },
    { to: undefined, from: "focus@auth.x", counts: true },
    { to: "auth.x", from: undefined, counts: true },
    { to: "auth.x", from: "other.x", counts: false },
    { to: "room@c", from: undefined, counts: false },
    { to: "room@c/n", from: "room@c", counts: false },
  ]) {
    it(`an answer from ${from} to a request to ${to} ${counts ? "counts" : "does not count"}`, async () => {
      const { runtime, transport, session } = started();
      const reply = session.request(ping(to), 100);
      const id = attr(transport.sent[0] ?? ping(), "id");
      transport.receive(`<iq type='result' id='${id}'${from ? ` from='${from}'` : ""}/>`);
      runtime.advance(100);
      expect((await reply).kind).to.equal(counts ? "result" : "timeout");
    });
  }

  it("ends requests in time, and with the session", async () => {
    const { runtime, transport, session } = started();
    const late = session.request(ping("a@b"), 1000);
    runtime.advance(1000);
    expect((await late).kind).to.equal("timeout");
    const lost = session.request(ping("a@b"));
    transport.end();
    expect((await lost).kind).to.equal("disconnected");
    expect((await session.request(ping("a@b"))).kind).to.equal("disconnected");
  });

  it("tells of answers that come after their time, each once and only from who was asked", async () => {
    const { runtime, transport, session } = started();
    let late = 0;
    const off = session.onLateReply(() => late++);
    const asked = session.request(ping("a@b"), 1000);
    const id = attr(transport.sent[0] ?? ping(), "id");
    const answer = (from: string) =>
      transport.receive(`<iq type='result' id='${id}' from='${from}'/>`);
    runtime.advance(1000);
    expect((await asked).kind).to.equal("timeout");
    answer("other@b");
    expect(late).to.equal(0);
    answer("a@b");
    answer("a@b");
    expect(late).to.equal(1);

    const inTime = session.request(ping("c@b"), 1000);
    transport.receive(
      `<iq type='error' id='${attr(transport.sent[1] ?? ping(), "id")}' from='c@b'/>`,
    );
    expect((await inTime).kind).to.equal("error");
    off();
    expect(late).to.equal(1);
  });

  it("forgets which requests it gave up, the oldest first and all with the session", () => {
    const { runtime, transport, session } = started();
    let late = 0;
    session.onLateReply(() => late++);
    const answer = (at: number) =>
      transport.receive(
        `<iq type='result' id='${attr(transport.sent[at] ?? ping(), "id")}' from='a@b'/>`,
      );
    for (let at = 0; at <= 1000; at++) void session.request(ping("a@b"), 1000);
    runtime.advance(1000);
    answer(0);
    expect(late).to.equal(0);
    answer(1);
    answer(1000);
    expect(late).to.equal(2);
    transport.end();
    runtime.advance(5000);
    transport.online();
    answer(2);
    expect(late).to.equal(2);
  });

  it("keeps requests over a resumption, not over a fresh session", async () => {
    const { runtime, transport, session, states } = started();
    transport.resumable = true;
    const kept = session.request(ping("a@b"));
    const id = attr(transport.sent[0] ?? ping(), "id");
    transport.end();
    expect(session.send(xml("message", { to: "a@b" }))).to.equal(true);
    runtime.advance(0);
    transport.online(true);
    transport.receive(`<iq type='result' id='${id}' from='a@b'/>`);
    expect((await kept).kind).to.equal("result");
    const lost = session.request(ping("a@b"));
    transport.end();
    runtime.advance(2000);
    transport.online(false);
    expect((await lost).kind).to.equal("disconnected");
    expect(
      states.filter(({ state }) => state === "online").map(({ resumed }) => resumed),
    ).to.deep.equal([false, true, false]);
  });

  it("answers every request: handled, unknown, malformed, failing", async () => {
    const { transport, session, log } = started({ unknownIq: "feature-not-implemented" });
    session.handleIq({ type: "any", name: "a", ns: "urn:a" }, ({ iq }) => iqResult(iq));
    session.handleIq({ type: "set", name: "b", ns: "urn:b" }, async ({ iq }) => iqResult(iq));
    session.handleIq({ type: "set", name: "c", ns: "urn:c" }, () => {
      throw new Error("oh");
    });
    session.handleIq({ type: "set", name: "d", ns: "urn:d" }, () =>
      Promise.reject(new Error("oh")),
    );
    const cases = [
      ["get", "<a xmlns='urn:a'/>", "result"],
      ["set", "<b xmlns='urn:b'/>", "result"],
      ["get", "<b xmlns='urn:b'/>", "feature-not-implemented"],
      ["get", "<a xmlns='urn:other'/>", "feature-not-implemented"],
      ["get", "", "bad-request"],
      ["get", "<a xmlns='urn:a'/><b/>", "bad-request"],
      ["dance", "<a xmlns='urn:a'/>", "bad-request"],
      ["set", "<c xmlns='urn:c'/>", "internal-server-error"],
      ["set", "<d xmlns='urn:d'/>", "internal-server-error"],
      ["get", "<ping xmlns='urn:xmpp:ping'/>", "result"],
    ];
    for (const [type, payload, expected] of cases) {
      transport.receive(
        `<iq type='${type}' id='a=/+' from='x@y/z' to='focus@auth.x/focus'>${payload}</iq>`,
      );
      await Promise.resolve();
      await Promise.resolve();
      const answer = transport.take();
      expect(answer, payload).to.have.length(1);
      expect(answer[0])
        .to.contain(`${expected}`)
        .and.contain('id="a=/+"')
        .and.contain('to="x@y/z"');
    }
    expect(log.messages("error")).to.have.length(2);
  });

  it("the last handler for a kind of IQ wins until it is taken away", () => {
    const { transport, session } = started();
    const match = { type: "get", name: "a", ns: "urn:a" } as const;
    session.handleIq(match, ({ iq }) => iqResult(iq, xml("one")));
    const stop = session.handleIq(match, ({ iq }) => iqResult(iq, xml("two")));
    const ask = () => {
      transport.receive("<iq type='get' id='1' from='x@y'><a xmlns='urn:a'/></iq>");
      return transport.take()[0];
    };
    expect(ask()).to.contain("<two");
    stop();
    stop();
    expect(ask()).to.contain("<one");
  });

  it("gives presence and messages to those who listen to that address, and survives their bugs", () => {
    const { transport, session, log } = started();
    const room = bareOf(parseJid("room@c") ?? transport.jid) as BareJid;
    const seen: string[] = [];
    const stop = session.onStanzaFrom(room, () => {
      throw new Error("oh");
    });
    session.onStanzaFrom(room, (el) => seen.push(`room ${el.name}`));
    session.onStanza((el) => seen.push(`all ${el.name}`));
    transport.receive("<presence from='Room@C/n'/>");
    transport.receive("<message from='other@c/n'/>");
    transport.receive("<presence/>");
    stop();
    expect(seen).to.deep.equal(["room presence", "all presence", "all message", "all presence"]);
    expect(log.messages("error")).to.have.length(1);
  });

  it("pings a silent server and gives the stream up when it does not answer", async () => {
    const { runtime, transport } = started({ pingIntervalMs: 30_000, pingTimeoutMs: 5000 });
    await runtime.advanceAsync(29_000);
    expect(transport.take()).to.deep.equal([]);
    expect(transport.whitespace).to.be.greaterThan(1);
    await runtime.advanceAsync(1000);
    const id = attr(transport.sent[0] ?? ping(), "id");
    expect(transport.take()[0]).to.contain("urn:xmpp:ping");
    transport.receive(`<iq type='error' id='${id}'><error type='cancel'/></iq>`);
    await runtime.advanceAsync(29_000);
    expect(transport.take()).to.deep.equal([]);
    await runtime.advanceAsync(1000);
    expect(transport.take()).to.have.length(1);
  });

  it("gives a dead stream up after the ping's time", async () => {
    const { runtime, transport, session } = started({
      pingIntervalMs: 30_000,
      pingTimeoutMs: 5000,
    });
    await runtime.advanceAsync(35_001);
    expect(transport.aborted).to.equal("ping timed out");
    expect(session.state).to.equal("connecting");
  });

  it("R16: gives up a server that takes nothing of what waits for it", () => {
    const { runtime, transport, session } = started();
    transport.backlog = { waiting: 2 ** 20, written: 3 * 2 ** 20 };
    runtime.advance(60_000);
    // A slow reader is none that does not read.
    for (let second = 0; second < 60; second++) {
      const { written } = transport.backlog;
      transport.backlog = { waiting: 8 * 2 ** 20, written: written + 1000 };
      runtime.advance(1000);
    }
    expect(transport.aborted).to.equal(undefined);
    runtime.advance(4000);
    expect(session.state).to.equal("online");
    runtime.advance(2000);
    expect(transport.aborted).to.equal("the server does not read what it is sent");
    expect(session.state).to.equal("connecting");
  });

  it("R16: gives up a server for which more waits than it will ever read", () => {
    const { runtime, transport } = started();
    let written = 0;
    for (let waiting = 0; transport.aborted === undefined; waiting += 2 ** 20) {
      written += 2 ** 21;
      transport.backlog = { waiting, written };
      runtime.advance(1000);
      expect(waiting).to.be.below(34 * 2 ** 20);
    }
  });

  it("R3: a process that stood still reads what waited before it gives anything up", async () => {
    const runtime = new VirtualRuntime();
    const process = new StoppableRuntime(runtime);
    const transport = new FakeTransport();
    const session = new XmppSession(
      transport,
      "auth.x",
      { name: "t", pingIntervalMs: 30_000, pingTimeoutMs: 5000 },
      process,
      recordingLogger(),
    );
    session.start();
    transport.online();
    transport.backlog = { waiting: 2 ** 21, written: 2 ** 21 };
    const reply = session.request(ping("a@b"));
    const id = attr(transport.sent[0] ?? ping(), "id");
    process.stop();
    runtime.advance(100_000);
    process.resume();
    // Timers come first, then what the sockets have.
    transport.receive(`<iq type='result' id='${id}' from='a@b'/>`);
    transport.backlog = { waiting: 0, written: 2 ** 21 };
    expect((await reply).kind).to.equal("result");
    await runtime.advanceAsync(10_000);
    expect(transport.aborted).to.equal(undefined);
    expect(session.state).to.equal("online");
  });

  it("R3: and gives up in the end", async () => {
    const runtime = new VirtualRuntime();
    const process = new StoppableRuntime(runtime);
    const transport = new FakeTransport();
    const session = new XmppSession(transport, "auth.x", { name: "t" }, process, recordingLogger());
    session.start();
    transport.online();
    const reply = session.request(ping("a@b"));
    process.stop();
    runtime.advance(100_000);
    process.resume();
    runtime.advance(2000);
    expect((await reply).kind).to.equal("timeout");
  });

  it("R17: an answer after its time, and a second one, change nothing", async () => {
    const { runtime, transport, session, log } = started();
    const reply = session.request(ping("a@b"), 1000);
    const id = attr(transport.sent[0] ?? ping(), "id");
    runtime.advance(1000);
    const answer = `<iq type='result' id='${id}' from='a@b'/>`;
    transport.receive(answer);
    transport.receive(answer);
    expect((await reply).kind).to.equal("timeout");
    const second = session.request(ping("a@b"), 1000);
    transport.receive(answer);
    runtime.advance(1000);
    expect((await second).kind).to.equal("timeout");
    expect(transport.take()).to.have.length(2);
    expect(log.messages("error")).to.deep.equal([]);
  });

  it("stops for good, whenever asked", async () => {
    for (const prepare of [
      () => setUp(),
      () => started(),
      () => {
        const all = started();
        all.transport.end();
        return all;
      },
    ]) {
      const { runtime, transport, session } = prepare();
      await session.stop();
      await session.stop();
      const { opened } = transport;
      session.start();
      runtime.advance(100_000);
      expect(transport.opened).to.equal(opened);
      expect(session.state).to.equal("offline");
      expect(session.send(ping("a@b"))).to.equal(false);
    }
  });

  it("every request ends exactly once, whatever happens", async () => {
    const { runtime, transport, session } = started();
    const { random } = runtime;
    const replies: IqReply[] = [];
    let asked = 0;
    let online = true;
    const ids: string[] = [];
    for (let step = 0; step < 3000; step++) {
      switch (random.int(6)) {
        case 0:
        case 1: {
          asked++;
          void session
            .request(ping("a@b"), 1 + random.int(3000))
            .then((reply) => replies.push(reply));
          const id = transport.sent.at(-1);
          if (id !== undefined) ids.push(attr(id, "id") ?? "");
          break;
        }
        case 2:
          if (ids.length > 0)
            transport.receive(`<iq type='result' id='${ids[random.int(ids.length)]}' from='a@b'/>`);
          break;
        case 3:
          runtime.advance(random.int(500));
          break;
        case 4:
          transport.resumable = random.int(2) === 0;
          transport.end();
          online = false;
          break;
        default:
          runtime.advance(2000);
          if (!online) {
            transport.online(transport.resumable);
            online = true;
          }
      }
    }
    transport.resumable = false;
    await session.stop();
    await runtime.advanceAsync(5000);
    expect(replies).to.have.length(asked);
  });
});
