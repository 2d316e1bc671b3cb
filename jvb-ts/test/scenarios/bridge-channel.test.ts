/** Messages between clients over the bridge channel, on data channel and WebSocket. */
import { expect } from "chai";
import { parseBridgeMessage } from "#shared/bridge-channel/parse";
import { writeRemb } from "#shared/rtp/rtcp-build";
import { videoSource } from "../../src/cc/engine-fixture.ts";
import { audioSource, creation, modify } from "./requests.ts";
import { Stage } from "./stage.ts";

const hello = (to: string) =>
  ({ kind: "EndpointMessage", to, from: "forged", fields: { msgPayload: { n: 1 } } }) as const;
const received = (from: string, to: string): string =>
  JSON.stringify({ colibriClass: "EndpointMessage", from, msgPayload: { n: 1 }, to });

/** Texts of a class, with sorted keys. */
function texts(messages: readonly string[], colibriClass: string): string[] {
  return messages
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .filter((message) => message["colibriClass"] === colibriClass)
    .map((message) => JSON.stringify(Object.fromEntries(Object.entries(message).sort())));
}

describe("bridge channel", () => {
  it("B-101 B-102 carries messages to one and to all, with the true sender", async () => {
    const stage = new Stage();
    const [a, b, c] = [
      await stage.join("aaaa1111"),
      await stage.join("bbbb2222"),
      await stage.join("cccc3333"),
    ];
    a.say(hello("bbbb2222"));
    await stage.run(50);
    expect(texts(b.messages, "EndpointMessage")).to.deep.equal([received("aaaa1111", "bbbb2222")]);
    expect(texts(c.messages, "EndpointMessage")).to.deep.equal([]);
    b.say(hello(""));
    await stage.run(50);
    expect(texts(a.messages, "EndpointMessage")).to.deep.equal([received("bbbb2222", "")]);
    expect(texts(c.messages, "EndpointMessage")).to.deep.equal([received("bbbb2222", "")]);
    expect(texts(b.messages, "EndpointMessage").length).to.equal(1);
  });

  it("B-121 tells what the downlink was found to carry, every ten seconds", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    const remb = new Uint8Array(24);
    writeRemb(remb, 0, 7, 500_000, [1]);
    a.sendMedia(remb);
    await stage.run(25_000);
    const told = texts(a.messages, "ConnectionStats");
    expect(told.length).to.be.within(2, 3);
    expect(told[0]).to.equal(
      '{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":500000}',
    );
    expect(texts(b.messages, "ConnectionStats"), "nothing is known of it").to.deep.equal([]);
  });

  it("B-103 drops what a visitor says, and tells it everything", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const visitor = await stage.join("bbbb2222", { mucRole: "visitor" });
    visitor.say(hello(""));
    a.say(hello(""));
    await stage.run(50);
    expect(texts(a.messages, "EndpointMessage")).to.deep.equal([]);
    expect(texts(visitor.messages, "EndpointMessage").length).to.equal(1);
  });

  it("B-100 survives junk and goes on, without a line in the operator's log", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    stage.log.clear();
    for (const junk of ["", "{", "[]", '{"colibriClass":"Nonsense"}', '{"colibriClass":5}']) {
      a.transport.sendChannel(junk, stage.runtime.clock.now());
      a.pump();
    }
    a.say(hello("nobody"));
    a.say(hello("bbbb2222"));
    await stage.run(50);
    expect(texts(b.messages, "EndpointMessage").length).to.equal(1);
    expect(stage.log.lines.filter(({ level }) => level !== "debug")).to.deep.equal([]);
    const conference = stage.bridge.conferenceOf("meeting-1") ?? "";
    const shown = stage.bridge.debug(conference, "aaaa1111", "full");
    await stage.run(10);
    expect(JSON.stringify(await shown)).to.include('"numIncomingMessagesRefused":6');
  });

  it("B-096 answers ClientHello on the same path", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    expect(a.classes()).to.not.include("ServerHello");
    a.say({ kind: "ClientHello" });
    await stage.run(50);
    expect(a.classes()).to.include("ServerHello");
  });

  it("a client whose SSRCs are rewritten is told the map when its channel opens (M-103)", async () => {
    const stage = new Stage();
    const sources = [audioSource("aaaa1111", 5), videoSource("aaaa1111-v0", [7, 8, 9])];
    await stage.join("aaaa1111", { sources });
    const names = ["source-names", "ssrc-rewriting", "rtp-mid-demux"];
    const mids = await stage.join("bbbb2222", { capabilities: names });
    const plain = await stage.join("cccc3333", { capabilities: names.slice(0, 2) });
    const old = await stage.join("dddd4444", { capabilities: names.slice(0, 1) });
    const map = (messages: readonly string[]) =>
      messages.flatMap((text) => {
        const parsed = parseBridgeMessage(text);
        if (!parsed.ok || parsed.value.kind !== "VideoSourcesMap") return [];
        return parsed.value.mappedSources.map((one) => [one.source, one.owner, one.mid]);
      });
    expect(map(mids.messages)).to.deep.equal([["aaaa1111-v0", "aaaa1111", "v0"]]);
    expect(map(plain.messages)).to.deep.equal([["aaaa1111-v0", "aaaa1111", undefined]]);
    expect(map(old.messages)).to.deep.equal([]);
    const classes = mids.messages.map((text) => /"colibriClass":"(\w+)"/.exec(text)?.[1]);
    expect(classes.indexOf("VideoSourcesMap")).to.equal(classes.indexOf("ForwardedSources") + 1);
  });

  it("B-090 B-092 B-093 B-094 opens a WebSocket for the right password only, replaces and closes it", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    const conference = stage.bridge.conferenceOf("meeting-1") ?? "";
    const open = (socket: number, endpoint: string, password: string): void => {
      stage.bridge.toConference(conference, {
        kind: "channelOpen",
        socket,
        conference,
        endpoint,
        password,
      });
    };
    open(1, "aaaa1111", "wrong");
    open(2, "nobody", "wrong");
    await stage.run(10);
    expect(stage.channel).to.deep.equal([
      { kind: "channelVerdict", socket: 1, accepted: false },
      { kind: "channelVerdict", socket: 2, accepted: false },
    ]);
    stage.channel.length = 0;
    const joined = await stage.ask(modify({ endpoints: [creation("bbbb2222")] }));
    const address = joined.ok ? joined.modified.endpoints[0]?.transport?.ice?.webSockets[0] : "";
    const password = /pwd=(\w+)/.exec(address ?? "")?.[1] ?? "";
    expect(password).to.match(/^[A-Za-z0-9]{24}$/);
    for (const socket of [3, 4]) {
      open(socket, "bbbb2222", password);
      stage.bridge.toConference(conference, { kind: "channelReady", socket });
    }
    await stage.run(10);
    const sent = stage.channel.filter(({ socket }) => socket === 3);
    expect(sent[0]).to.deep.equal({ kind: "channelVerdict", socket: 3, accepted: true });
    expect(sent[1]).to.deep.equal({
      kind: "channelSend",
      socket: 3,
      text: '{"colibriClass":"ServerHello"}',
    });
    expect(sent.at(-1)).to.deep.equal({
      kind: "channelClose",
      socket: 3,
      code: 1000,
      reason: "replaced",
    });
    stage.channel.length = 0;
    await stage.ask(modify({ expire: true }));
    await stage.run(10);
    expect(stage.channel).to.deep.equal([
      { kind: "channelClose", socket: 4, code: 1001, reason: "endpoint closed" },
    ]);
  });
});
