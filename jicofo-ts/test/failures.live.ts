// Bridges, server and focus fail: the real program on a real Prosody that hibernates sessions for 5 s.
import { expect } from "chai";
import { realRuntime } from "#shared/runtime/real-runtime";
import { Prosody } from "#shared/testing/prosody";
import { until } from "#shared/testing/until";
import { CuttableLink } from "./live/cuttable-link.ts";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveClient } from "./live/live-client.ts";
import { LiveFocus } from "./live/live-focus.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => realRuntime.clock.now();

describe("failures on a real Prosody", function () {
  this.timeout(60_000);
  let prosody: Prosody;
  let focus: LiveFocus;
  let rooms = 0;
  const clients: LiveClient[] = [];
  const bridges: LiveBridge[] = [];
  const links: CuttableLink[] = [];

  const client = async (nick: string, room: string): Promise<LiveClient> => {
    const made = new LiveClient(prosody, `${room}@${prosody.mucDomain}`, nick);
    clients.push(made);
    await made.login();
    return made;
  };
  const bridge = async (
    nick: string,
    c2sPort = prosody.c2sPort,
    resource?: string,
  ): Promise<LiveBridge> => {
    const { domain, authDomain } = prosody;
    const made = new LiveBridge({ c2sPort, domain, authDomain }, nick);
    bridges.push(made);
    await made.start(resource);
    await until(async () => (await focus.bridges()).includes(nick));
    return made;
  };
  /** A bridge whose wire can be cut. */
  const wired = async (nick: string): Promise<{ link: CuttableLink; bridge: LiveBridge }> => {
    const link = await CuttableLink.to(prosody.c2sPort);
    links.push(link);
    return { link, bridge: await bridge(nick, link.port) };
  };
  const call = async (...nicks: string[]): Promise<LiveClient[]> => {
    const room = `failure${++rooms}`;
    const joined: LiveClient[] = [];
    for (const nick of nicks) {
      const one = await client(nick, room);
      expect((await one.askForConference()).ready).to.equal(true);
      await one.join();
      joined.push(one);
    }
    await until(() =>
      joined.every((one) => nicks.every((nick) => nick === one.nick || one.othersKnown(nick))),
    );
    return joined;
  };
  const invitations = (of: readonly LiveClient[]) => of.map((one) => one.invitations);

  before(async () => {
    // Long enough to tell what waits for it from what does not.
    prosody = await Prosody.start({ hibernationSeconds: 5 });
    // While the only bridge is away there is none: that is an error to the operator.
    focus = await LiveFocus.start(prosody, "", /No bridge can take participants/);
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(focus.output);
    await Promise.all(clients.splice(0).map((one) => one.stop()));
    await Promise.all(links.splice(0).map((one) => one.close()));
    await Promise.all(bridges.splice(0).map((one) => one.stop()));
    await until(async () => (await focus.bridges()).length === 0, 40_000);
  });
  after(async () => {
    await focus?.stop();
    await prosody?.stop();
  });

  it("R1: a bridge that is gone without a word, while the server still announces it", async () => {
    const first = await wired("jvb1");
    const pair = await call("aaaaaaaa", "bbbbbbbb");
    const room = pair[0]?.room ?? "";
    const second = await bridge("jvb2");
    await wait(1500);
    const at = now();
    first.link.down();
    await until(() => pair.every((one) => one.invitations === 2));
    const took = now() - at;
    console.info(`        invited again after ${Math.round(took)} ms`);
    expect(took).to.be.within(2400, 3800);
    expect(second.endpoints(room)).to.have.length(2);
    expect(await focus.bridges()).to.include("jvb1");
    await until(async () => !(await focus.bridges()).includes("jvb1"), 30_000);
    expect(now() - at).to.be.above(4500);
    expect(invitations(pair)).to.deep.equal([2, 2]);
  });

  it("R1: a reset between bridge and server moves nobody", async () => {
    const first = await wired("jvb1");
    const pair = await call("aaaaaaaa", "bbbbbbbb");
    await bridge("jvb2");
    for (let i = 0; i < 3; i++) {
      first.link.reset();
      await wait(2500);
    }
    expect(invitations(pair)).to.deep.equal([1, 1]);
    expect(await focus.bridges()).to.have.members(["jvb1", "jvb2"]);
  });

  it("R2, R3: a bridge that cannot be reached for 2 s, and for 8 s", async () => {
    const first = await wired("jvb1");
    const pair = await call("aaaaaaaa", "bbbbbbbb");
    const room = pair[0]?.room ?? "";
    const second = await bridge("jvb2");
    await wait(1500);
    first.link.hold();
    await wait(2000);
    first.link.release();
    await wait(3000);
    expect(invitations(pair)).to.deep.equal([1, 1]);
    const at = now();
    first.link.hold();
    await until(() => pair.every((one) => one.invitations === 2));
    expect(now() - at).to.be.below(3800);
    expect(second.endpoints(room)).to.have.length(2);
    await wait(4500);
    first.link.release();
    await until(() => first.bridge.endpoints(room).length === 0);
    await wait(1000);
    expect(invitations(pair)).to.deep.equal([2, 2]);
    const others = await call("cccccccc", "dddddddd");
    expect(second.endpoints(others[0]?.room ?? "")).to.have.length(2);
  });

  it("R1: a bridge that is restarted before the server gives up its old session", async () => {
    const first = await wired("jvb1");
    const pair = await call("aaaaaaaa", "bbbbbbbb");
    const room = pair[0]?.room ?? "";
    const second = await bridge("jvb2");
    await wait(1500);
    first.link.down();
    await wait(700);
    const at = now();
    await bridge("jvb1");
    await until(() => pair.every((one) => one.invitations === 2));
    expect(now() - at, "as soon as the new one is there").to.be.below(1000);
    expect(second.endpoints(room)).to.have.length(2);
    await wait(7000);
    expect(invitations(pair)).to.deep.equal([2, 2]);
    expect(await focus.bridges()).to.have.members(["jvb1", "jvb2"]);
  });

  it("R1: the only bridge is restarted: invited again when the server gives up its old session", async () => {
    const first = await wired("jvb1");
    const pair = await call("aaaaaaaa", "bbbbbbbb");
    const room = pair[0]?.room ?? "";
    await wait(1500);
    const at = now();
    first.link.down();
    await wait(700);
    const again = await bridge("jvb1");
    await until(() => pair.every((one) => one.invitations >= 2), 25_000);
    console.info(`        invited again after ${Math.round(now() - at)} ms`);
    await until(() => again.endpoints(room).length === 2);
    await wait(3000);
    expect(invitations(pair)).to.deep.equal([2, 2]);
  });

  it("R1: the only bridge is restarted and takes the place of its old session: at once", async () => {
    const link = await CuttableLink.to(prosody.c2sPort);
    links.push(link);
    await bridge("jvb1", link.port, "jvb1");
    const pair = await call("aaaaaaaa", "bbbbbbbb");
    link.down();
    await wait(700);
    const at = now();
    const again = await bridge("jvb1", prosody.c2sPort, "jvb1");
    await until(() => pair.every((one) => one.invitations === 2));
    expect(now() - at).to.be.below(1000);
    expect(again.endpoints(pair[0]?.room ?? "")).to.have.length(2);
  });

  it("R4: the server is away for 4 s: all is back 3 s after its port opens", async () => {
    const one = await bridge("jvb1");
    const [a] = await call("aaaaaaaa", "bbbbbbbb");
    const room = a?.room ?? "";
    const from = focus.output.length;
    const kept = one.endpoints(room).length;
    await prosody.down("SIGTERM");
    await wait(4000);
    const opened = now();
    await prosody.up();
    const said = (what: RegExp) => until(() => what.test(focus.output.slice(from)));
    await said(/jvbbrewery@[^\n]*Joined the room/);
    await said(new RegExp(`${room}[^\n]*Conference started`));
    await until(async () => (await focus.bridges()).includes("jvb1"));
    const back = now() - opened;
    console.info(`        focus, brewery, bridge and room back after ${Math.round(back)} ms`);
    expect(back).to.be.below(3000);
    expect(one.endpoints(room).length, "of those who were in the call").to.equal(kept);
    // As reloaded pages.
    await Promise.all(clients.splice(0).map((each) => each.stop()));
    const reloaded = now();
    const again = [
      new LiveClient(prosody, room, "cccccccc"),
      new LiveClient(prosody, room, "dddddddd"),
    ];
    clients.push(...again);
    for (const each of again) {
      await each.login();
      expect((await each.askForConference()).ready).to.equal(true);
      await each.join();
    }
    await until(() => again.every((each) => each.invitations === 1));
    expect(now() - reloaded).to.be.below(3000);
    expect(one.endpoints(room)).to.have.members(["cccccccc", "dddddddd"]);
  });

  for (const [ended, signal] of [
    ["killed", "SIGKILL"],
    ["stopped", "SIGTERM"],
  ] as const)
    it(`R5: the focus is ${ended} and started again: nothing at the event, all invited when one asks`, async () => {
      const one = await bridge("jvb1");
      const pair = await call("aaaaaaaa", "bbbbbbbb");
      const room = pair[0]?.room ?? "";
      await focus.kill(signal);
      await wait(1000);
      expect(one.endpoints(room)).to.have.length(2);
      await focus.again();
      await until(async () => (await focus.bridges()).includes("jvb1"));
      expect(invitations(pair)).to.deep.equal([1, 1]);
      const ready = now();
      const third = new LiveClient(prosody, room, "cccccccc");
      clients.push(third);
      await third.login();
      expect((await third.askForConference()).ready).to.equal(true);
      await third.join();
      await until(() => third.invited && third.othersKnown("aaaaaaaa"));
      await until(() => pair.every((each) => each.othersKnown("cccccccc")));
      console.info(
        `        everybody invited ${Math.round(now() - ready)} ms after a third one came`,
      );
      expect(now() - ready).to.be.below(2000);
      expect(invitations(pair)).to.deep.equal([2, 2]);
      expect(one.endpoints(room)).to.have.members(["aaaaaaaa", "bbbbbbbb", "cccccccc"]);
    });

  it("R5: our own stream is lost for longer than the server keeps it: invited anew without asking", async () => {
    const link = await CuttableLink.to(prosody.c2sPort);
    links.push(link);
    const other = await LiveFocus.start(
      prosody,
      `jicofo.xmpp.client {
  port = ${link.port}, resource = other }`,
    );
    try {
      await bridge("jvb1");
      const room = `lost${++rooms}`;
      const pair = [await client("aaaaaaaa", room), await client("bbbbbbbb", room)];
      for (const each of pair) {
        const ready = await each.askForConference(`focus@${prosody.authDomain}/other`);
        expect(ready.ready).to.equal(true);
        await each.join();
      }
      await until(() => pair.every((each) => each.invitations === 1));
      link.down();
      await wait(8000);
      const up = now();
      link.up();
      await until(() => pair.every((each) => each.invitations === 2));
      console.info(`        invited anew ${Math.round(now() - up)} ms after the way was free`);
      expect(now() - up).to.be.below(3000);
    } finally {
      await Promise.all(clients.splice(0).map((each) => each.stop()));
      await other.stop();
    }
  });

  it("R23: SIGTERM twice in a call ends in order, and within 5 s", async () => {
    const one = await bridge("jvb1");
    const [a] = await call("aaaaaaaa", "bbbbbbbb");
    const at = now();
    const ended = focus.kill("SIGTERM");
    process.kill(focus.pid, "SIGTERM");
    expect(await ended).to.equal(143);
    expect(now() - at).to.be.below(5000);
    await wait(500);
    expect(one.endpoints(a?.room ?? ""), "of a call that goes on").to.have.length(2);
    await focus.again();
  });
});
