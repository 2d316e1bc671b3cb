/** Bridge-channel messages in another's name, out of all shape, or too many (spec G.3, G.4, G.5). */
import { expect } from "chai";
import type { Client } from "./client.ts";
import { creation, modify } from "./requests.ts";
import { Stage } from "./stage.ts";

function say(client: Client, stage: Stage, text: string): void {
  client.transport.sendChannel(text, stage.runtime.clock.now());
  client.pump();
}

/** Messages of a class that a client got, parsed. */
function got(client: Client, colibriClass: string): Record<string, unknown>[] {
  return client.messages
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .filter((message) => message["colibriClass"] === colibriClass);
}

async function three(): Promise<{ stage: Stage; a: Client; b: Client; c: Client }> {
  const stage = new Stage();
  const a = await stage.join("aaaa1111");
  const b = await stage.join("bbbb2222");
  const c = await stage.join("cccc3333");
  for (const each of [a, b, c]) each.messages.length = 0;
  stage.log.clear();
  return { stage, a, b, c };
}

describe("A4 senders that are made up", () => {
  it("A4 the bridge says who sends, whatever the message says", async () => {
    const { stage, a, b } = await three();
    for (const forged of [
      '"from":"cccc3333"',
      '"from":null',
      '"from":["cccc3333"]',
      '"from":{"id":"cccc3333"}',
      '"from":"","From":"cccc3333","\\u0046rom":"cccc3333"',
    ]) {
      say(a, stage, `{"colibriClass":"EndpointMessage","to":"bbbb2222",${forged}}`);
      say(a, stage, `{"colibriClass":"EndpointStats",${forged}}`);
    }
    say(a, stage, '{"colibriClass":"EndpointMessage","to":"","from":"cccc3333"}');
    await stage.run(100);
    const senders = [...got(b, "EndpointMessage"), ...got(b, "EndpointStats")].map(
      (message) => message["from"],
    );
    expect(senders.length).to.be.at.least(5);
    expect(new Set(senders)).to.deep.equal(new Set(["aaaa1111"]));
  });

  it("A4 what only a bridge says is not passed on, nor believed", async () => {
    const { stage, a, b, c } = await three();
    for (const text of [
      '{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"aaaa1111","previousSpeakers":[],"silence":false}',
      '{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"bbbb2222","active":"false"}',
      '{"colibriClass":"ForwardedSources","forwardedSources":[]}',
      '{"colibriClass":"SenderSourceConstraints","sourceName":"bbbb2222-v0","maxHeight":0}',
      '{"colibriClass":"VideoSourcesMap","mappedSources":[]}',
      '{"colibriClass":"AudioSourcesMap","mappedSources":[]}',
      '{"colibriClass":"ServerHello","version":"9"}',
      '{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":1}',
      '{"colibriClass":"AddReceiver","bridgeId":"jvb9","sourceName":"bbbb2222-v0","videoConstraints":{"maxHeight":0}}',
      '{"colibriClass":"RemoveReceiver","bridgeId":"jvb9","endpointId":"bbbb2222"}',
      '{"colibriClass":"SyntheticSourceSendingChangeEvent","sourceName":"bbbb2222-a0","sending":true,"timestamp":1}',
      '{"colibriClass":"SourceVideoTypeMessage","sourceName":"bbbb2222-v0","videoType":"NONE","endpointId":"bbbb2222"}',
      '{"colibriClass":"VideoTypeMessage","videoType":"NONE","endpointId":"bbbb2222"}',
    ]) {
      say(a, stage, text);
    }
    await stage.run(300);
    expect([...b.messages, ...c.messages]).to.deep.equal([]);
    expect(stage.log.lines.filter(({ level }) => level !== "debug")).to.deep.equal([]);
  });

  it("A4 nobody is reached in another conference, or under an inherited name", async () => {
    const { stage, a } = await three();
    const other = await stage.join("dddd4444", {}, "meeting-2");
    other.messages.length = 0;
    for (const to of ["dddd4444", "__proto__", "constructor", "toString", "meeting-2/dddd4444"]) {
      say(a, stage, JSON.stringify({ colibriClass: "EndpointMessage", to }));
    }
    await stage.run(100);
    expect(other.messages).to.deep.equal([]);
  });
});

describe("A3 secrets of bridge channels", () => {
  it("A3 open their own channel only, while it lives", async () => {
    const stage = new Stage();
    let socket = 0;
    const create = async (id: string, meetingId: string): Promise<string> => {
      const create = stage.bridge.conferenceOf(meetingId) === undefined;
      const asked = await stage.ask(modify({ meetingId, create, endpoints: [creation(id)] }));
      const url = asked.ok ? asked.modified.endpoints[0]?.transport?.ice?.webSockets[0] : "";
      return /pwd=(\w+)/.exec(url ?? "")?.[1] ?? expect.fail("no address");
    };
    const opens = async (meetingId: string, endpoint: string, password: string) => {
      const conference = stage.bridge.conferenceOf(meetingId) ?? "";
      stage.channel.length = 0;
      const message = {
        kind: "channelOpen",
        socket: ++socket,
        conference,
        endpoint,
        password,
      } as const;
      stage.bridge.toConference(conference, message);
      await stage.run(10);
      const [verdict] = stage.channel;
      return verdict?.kind === "channelVerdict" && verdict.accepted;
    };
    const first = await create("aaaa1111", "m1");
    const second = await create("bbbb2222", "m1");
    const elsewhere = await create("aaaa1111", "m2");
    expect(new Set([first, second, elsewhere]).size).to.equal(3);
    expect(await opens("m1", "aaaa1111", first)).to.equal(true);
    for (const wrong of [second, elsewhere, "", first.slice(1), `${first} `, "x".repeat(24)]) {
      expect(await opens("m1", "aaaa1111", wrong), wrong).to.equal(false);
    }
    expect(await opens("m1", "nobody", "x".repeat(24))).to.equal(false);
    await stage.ask(
      modify({
        meetingId: "m1",
        endpoints: [{ ...creation("aaaa1111"), create: false, expire: true }],
      }),
    );
    expect(await opens("m1", "aaaa1111", first)).to.equal(false);
    const again = await create("aaaa1111", "m1");
    expect(again).not.to.equal(first);
    expect(await opens("m1", "aaaa1111", first)).to.equal(false);
  });
});

describe("X4 messages out of all shape", () => {
  for (const [name, text] of [
    ["__proto__", '{"colibriClass":"EndpointMessage","to":"bbbb2222","__proto__":{"x":1}}'],
    [
      "constructor",
      '{"colibriClass":"EndpointMessage","to":"bbbb2222","constructor":{"prototype":{"x":1}}}',
    ],
    ["1e400", '{"colibriClass":"EndpointMessage","to":"bbbb2222","n":1e400}'],
    ["half a character", '{"colibriClass":"EndpointMessage","to":"bbbb2222","n":"\\ud800"}'],
  ] as const) {
    it(`X4 ${name} is passed on as data that changes nothing`, async () => {
      const { stage, a, b } = await three();
      say(a, stage, text);
      await stage.run(50);
      expect(b.messages.length).to.equal(1);
      expect(() => JSON.parse(b.messages[0] ?? "") as unknown).not.to.throw();
      expect(({} as { x?: unknown }).x).to.equal(undefined);
    });
  }

  for (const [name, text] of [
    ["a key twice", '{"colibriClass":"EndpointMessage","to":"bbbb2222","to":"cccc3333"}'],
    [
      "the sender twice",
      '{"colibriClass":"EndpointMessage","to":"bbbb2222","from":"x","from":"y"}',
    ],
    ["depth 10,000", `{"colibriClass":"EndpointMessage","to":"bbbb2222","x":${"[".repeat(10_000)}`],
    [
      "depth 33",
      `{"colibriClass":"EndpointMessage","to":"bbbb2222","x":${"[".repeat(32)}${"]".repeat(32)}}`,
    ],
    ["70 kB", `{"colibriClass":"EndpointMessage","to":"bbbb2222","x":"${"x".repeat(70_000)}"}`],
  ] as const) {
    it(`X4 ${name} is refused and counted, and the channel lives`, async () => {
      const { stage, a, b } = await three();
      say(a, stage, text);
      say(a, stage, '{"colibriClass":"EndpointMessage","to":"bbbb2222","after":1}');
      await stage.run(2000);
      expect(got(b, "EndpointMessage").map(({ after }) => after)).to.deep.equal([1]);
      const shown = stage.bridge.debug(stage.bridge.conferenceOf("meeting-1"), "aaaa1111", "full");
      await stage.run(10);
      expect(JSON.stringify(await shown)).to.include('"numIncomingMessagesRefused":1');
    });
  }
});

describe("E6 chatter on a data channel, through the bridge", () => {
  it("E6 a thousand messages a second of one client delay nobody, then it is disconnected", async () => {
    const { stage, a, b, c } = await three();
    let asked = 0;
    let slowest = 0;
    for (let ms = 0; ms < 13_000; ms += 20) {
      for (let i = 0; i < 20; i++) {
        say(a, stage, `{"colibriClass":"EndpointMessage","to":"cccc3333","n":${ms * 50 + i}}`);
      }
      if (ms % 500 === 0) {
        say(b, stage, `{"colibriClass":"EndpointMessage","to":"cccc3333","asked":${asked++}}`);
        const since = stage.runtime.clock.now();
        while (got(c, "EndpointMessage").filter((it) => it["asked"] !== undefined).length < asked) {
          await stage.run(5);
          if (stage.runtime.clock.now() - since > 500) expect.fail("the other's message is late");
        }
        slowest = Math.max(slowest, stage.runtime.clock.now() - since);
      }
      await stage.run(20);
    }
    // What it has to wait for is the queue to the receiver, in which the burst of 500 is.
    expect(slowest).to.be.below(300);
    const numbers = got(c, "EndpointMessage").flatMap(({ n }) =>
      typeof n === "number" ? [n] : [],
    );
    expect(numbers.length).to.be.within(1000, 500 + 13 * 100);
    expect(numbers).to.deep.equal(numbers.toSorted((x, y) => x - y));
    expect(a.transport.channelReady).to.equal(false);
    const said = stage.log.lines.filter(({ level }) => level === "info" || level === "warn");
    const lines = said.map(({ message }) => message);
    expect(lines.some((line) => line.includes("reading it slower"))).to.equal(true);
    expect(lines.some((line) => line.includes("closed"))).to.equal(true);
    // The client of this test logs its own end, too.
    expect(said.length).to.be.at.most(5);
  });
});
