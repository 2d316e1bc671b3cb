/** What clients say on the bridge channel, and what they and the others are told because of it. */
import { expect } from "chai";
import { videoSource } from "../../src/cc/engine-fixture.ts";
import { defaultLifeSettings } from "../../src/conference/settings.ts";
import { EndpointHandle } from "../../src/media/endpoint-handle.ts";
import { defaultIceSettings } from "../../src/transport/ice/ice-settings.ts";
import type { Client } from "./client.ts";
import { audioSource, creation, endpointRequest, modify } from "./requests.ts";
import { Stage } from "./stage.ts";

const video = {
  type: "video" as const,
  payloadTypes: [
    { id: 100, name: "VP8", clockrate: 90_000, channels: 1, parameters: [], rtcpFeedback: [] },
  ],
  headerExtensions: [],
  extmapAllowMixed: true,
};

/** Joins with a camera of its own. */
async function joinWithCamera(stage: Stage, id: string, ssrc: number): Promise<Client> {
  const media = [...creation(id).media, video];
  return stage.join(id, { media, sources: [videoSource(`${id}-v0`, [ssrc])] });
}

interface Message {
  readonly colibriClass: string;
  readonly [field: string]: unknown;
}

/** The messages of one class that the client got since the last `clear`. */
function heard(client: Client, colibriClass: string): Message[] {
  return client.messages
    .map((text) => JSON.parse(text) as Message)
    .filter((message) => message.colibriClass === colibriClass);
}

const none = {
  lastN: undefined,
  selectedSources: undefined,
  onStageSources: undefined,
  defaultConstraints: undefined,
  constraints: undefined,
  assumedBandwidthBps: undefined,
};
const wants = (client: Client, maxHeight: number): void =>
  client.say({
    ...none,
    kind: "ReceiverVideoConstraints",
    defaultConstraints: { maxHeight, maxFrameRate: -1 },
  });

/** The last ForwardedSources. */
const forwarded = (client: Client): unknown =>
  heard(client, "ForwardedSources").at(-1)?.["forwardedSources"];

describe("what clients ask for", () => {
  it("B-032 initial-last-n counts until the client says something", async () => {
    const stage = new Stage();
    await joinWithCamera(stage, "aaaa1111", 11);
    await joinWithCamera(stage, "bbbb2222", 22);
    const c = await joinWithCamera(stage, "cccc3333", 33);
    const initial = (initialLastN: number) =>
      stage.ask(modify({ endpoints: [endpointRequest("cccc3333", { initialLastN })] }));
    const lastN = async (): Promise<unknown> => {
      const state = stage.bridge.debug(stage.bridge.conferenceOf("meeting-1"), "cccc3333", "full");
      await stage.run(10);
      return /"last_n":(-?\d+)/.exec(JSON.stringify(await state))?.[1];
    };
    await initial(1);
    expect(await lastN()).to.equal("1");
    await initial(2);
    expect(await lastN()).to.equal("2");
    wants(c, 180);
    await stage.run(50);
    expect(forwarded(c)).to.have.length(2);
    await initial(1);
    expect(await lastN()).to.equal("2");
    expect(forwarded(c)).to.have.length(2);
    c.say({ kind: "LastNChangedEvent", lastN: 1 });
    await stage.run(50);
    expect(forwarded(c)).to.have.length(1);
  });

  it("B-106 B-107 nothing before the client speaks, 180 after, and what is left out stays", async () => {
    const stage = new Stage();
    const a = await joinWithCamera(stage, "aaaa1111", 11);
    const b = await joinWithCamera(stage, "bbbb2222", 22);
    expect(forwarded(b)).to.deep.equal([]);
    b.say({ ...none, kind: "ReceiverVideoConstraints", lastN: -1 });
    await stage.run(50);
    expect(forwarded(b)).to.deep.equal(["aaaa1111-v0"]);
    const told = (): unknown => heard(a, "SenderSourceConstraints").at(-1)?.["maxHeight"];
    expect(told()).to.equal(180);
    const constraints = new Map([["aaaa1111-v0", { maxHeight: 720, maxFrameRate: -1 }]]);
    b.say({ ...none, kind: "ReceiverVideoConstraints", constraints });
    await stage.run(50);
    expect(told()).to.equal(720);
    b.say({ ...none, kind: "ReceiverVideoConstraints", lastN: 5 });
    await stage.run(50);
    expect(told()).to.equal(720);
  });

  it("B-109 the owner is told the most that anybody wants, and when nobody does", async () => {
    const stage = new Stage();
    const a = await joinWithCamera(stage, "aaaa1111", 11);
    const [b, c] = [await stage.join("bbbb2222"), await stage.join("cccc3333")];
    const media = [video];
    for (const id of ["bbbb2222", "cccc3333"]) {
      await stage.ask(modify({ endpoints: [endpointRequest(id, { media })] }));
    }
    for (const [client, height] of [
      [b, 360],
      [c, 720],
      [c, 180],
      [b, 0],
      [c, 0],
    ] as const) {
      wants(client, height);
      await stage.run(50);
    }
    const told = heard(a, "SenderSourceConstraints").map((one) => one["maxHeight"]);
    expect(told).to.deep.equal([0, 360, 720, 360, 180, 0]);
  });

  it("B-109 two who may have talked directly are told again when the third has spoken, once", async () => {
    const stage = new Stage();
    const a = await joinWithCamera(stage, "aaaa1111", 11);
    const b = await joinWithCamera(stage, "bbbb2222", 22);
    wants(a, 360);
    wants(b, 720);
    await stage.run(50);
    const told = (of: Client): unknown[] =>
      heard(of, "SenderSourceConstraints").map((one) => one["maxHeight"]);
    const before = [told(a), told(b)];
    expect(before.map((heights) => heights.at(-1))).to.deep.equal([720, 360]);
    const c = await joinWithCamera(stage, "cccc3333", 33);
    await stage.run(50);
    expect([told(a), told(b)]).to.deep.equal(before);
    for (let again = 0; again < 2; again++) {
      wants(c, 180);
      await stage.run(50);
    }
    expect(told(a)).to.deep.equal([...before[0]!, 720]);
    expect(told(b)).to.deep.equal([...before[1]!, 360]);
  });

  for (const kind of ["VideoTypeMessage", "SourceVideoTypeMessage"] as const) {
    it(`B-111 ${kind} turns the first camera off and on`, async () => {
      const stage = new Stage();
      const a = await joinWithCamera(stage, "aaaa1111", 11);
      const b = await joinWithCamera(stage, "bbbb2222", 22);
      wants(b, 360);
      await stage.run(50);
      for (const [videoType, expected] of [
        ["NONE", []],
        ["CAMERA", ["aaaa1111-v0"]],
      ] as const) {
        if (kind === "VideoTypeMessage") a.say({ kind, videoType, endpointId: undefined });
        else a.say({ kind, videoType, sourceName: "aaaa1111-v0", endpointId: undefined });
        await stage.run(50);
        expect(forwarded(b)).to.deep.equal(expected);
      }
    });
  }

  it("B-104 above the threshold statistics go to those who look at the sender only", async () => {
    const life = { ...defaultLifeSettings, statsFilterThreshold: 2 };
    const stage = new Stage({ life });
    const a = await joinWithCamera(stage, "aaaa1111", 11);
    const b = await joinWithCamera(stage, "bbbb2222", 22);
    const say = async (): Promise<void> => {
      a.say({ kind: "EndpointStats", from: "forged", fields: { bitrate: 7 } });
      await stage.run(50);
    };
    await say();
    expect(heard(b, "EndpointStats")).to.deep.equal([
      { colibriClass: "EndpointStats", from: "aaaa1111", bitrate: 7 },
    ]);
    const c = await joinWithCamera(stage, "cccc3333", 33);
    b.messages.length = 0;
    c.say({ ...none, kind: "ReceiverVideoConstraints", onStageSources: ["aaaa1111-v0"] });
    await stage.run(50);
    await say();
    expect(heard(b, "EndpointStats")).to.have.length(0);
    expect(heard(c, "EndpointStats")).to.have.length(1);
  });

  it("B-103 statistics of visitors are dropped", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const visitor = await stage.join("bbbb2222", { mucRole: "visitor" });
    visitor.say({ kind: "EndpointStats", from: undefined, fields: {} });
    a.say({ kind: "EndpointStats", from: undefined, fields: {} });
    await stage.run(50);
    expect(heard(a, "EndpointStats")).to.have.length(0);
    expect(heard(visitor, "EndpointStats")).to.have.length(1);
  });
});

describe("the two ways of the bridge channel", () => {
  /** Opens a WebSocket for an endpoint that also has a data channel. */
  async function openSocket(stage: Stage, client: Client, socket: number): Promise<string> {
    const conference = stage.bridge.conferenceOf("meeting-1") ?? "";
    stage.bridge.toConference(conference, {
      kind: "channelOpen",
      socket,
      conference,
      endpoint: client.id,
      password: client.channelPassword,
    });
    stage.bridge.toConference(conference, { kind: "channelReady", socket });
    await stage.run(10);
    return conference;
  }

  it("B-097 messages go the way from which the client was heard last", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    const conference = await openSocket(stage, a, 7);
    /** Which way a message to the client takes. */
    const way = async (): Promise<string> => {
      a.messages.length = 0;
      stage.channel.length = 0;
      b.say({ kind: "EndpointMessage", to: "aaaa1111", from: undefined, fields: {} });
      await stage.run(50);
      const sent = stage.channel.filter(({ kind }) => kind === "channelSend").length;
      return `socket ${sent}, data channel ${a.messages.length}`;
    };
    expect(await way()).to.equal("socket 1, data channel 0");
    a.say({ kind: "ClientHello" });
    await stage.run(50);
    expect(await way()).to.equal("socket 0, data channel 1");
    const text = '{"colibriClass":"ClientHello"}';
    stage.bridge.toConference(conference, { kind: "channelText", socket: 7, text });
    await stage.run(10);
    expect(await way()).to.equal("socket 1, data channel 0");
    stage.bridge.toConference(conference, { kind: "channelClosed", socket: 7, code: 1001 });
    expect(await way()).to.equal("socket 0, data channel 1");
  });

  it("B-092 a WebSocket is greeted first, with the version where it is announced", async () => {
    const stage = new Stage({ announcedVersion: "2.3-9" });
    const a = await stage.join("aaaa1111");
    await openSocket(stage, a, 7);
    const [, first] = stage.channel;
    expect(first?.kind === "channelSend" && first.text).to.equal(
      '{"colibriClass":"ServerHello","version":"2.3-9"}',
    );
  });

  it("B-126 a new channel is told who is silent", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const b = await stage.join("bbbb2222");
    stage.vanish(b);
    await stage.run(15_000);
    a.messages.length = 0;
    const c = await stage.join("cccc3333");
    expect(heard(c, "EndpointConnectivityStatusChangeEvent")).to.deep.equal([
      {
        colibriClass: "EndpointConnectivityStatusChangeEvent",
        endpoint: "bbbb2222",
        active: "false",
      },
    ]);
    expect(heard(a, "EndpointConnectivityStatusChangeEvent")).to.deep.equal([]);
  });

  it("B-125 visitors are nobody's business, connected or not", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111");
    const visitor = await stage.join("bbbb2222", { mucRole: "visitor" });
    stage.vanish(visitor);
    await stage.run(20_000);
    expect(heard(a, "EndpointConnectivityStatusChangeEvent")).to.deep.equal([]);
  });

  it("who has no channel half a minute after DTLS is counted, once", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111", { transport: { ...withoutChannel } });
    expect(a.transport.dtlsConnected).to.equal(true);
    await stage.run(35_000);
    expect(await stage.stats()).to.include({ num_eps_no_msg_transport_after_delay: 1 });
    await stage.run(60_000);
    expect(await stage.stats()).to.include({ num_eps_no_msg_transport_after_delay: 1 });
  });
});

const withoutChannel = {
  iceControlling: true,
  useUniquePort: false,
  iceRestart: false,
  sctp: undefined,
  ice: undefined,
};

describe("addresses that are private", () => {
  const hiding = { ...defaultIceSettings, advertisePrivateCandidates: false };
  const inside = { ip: "10.0.0.5", port: 10_000 };
  for (const { name, capabilities, expected } of [
    { name: "are hidden", capabilities: [], expected: ["srflx 203.0.113.5"] },
    {
      name: "are told to whom can use them",
      capabilities: ["private-address-connectivity"],
      expected: ["host 10.0.0.5", "srflx 203.0.113.5"],
    },
  ]) {
    it(`B-076 ${name}`, async () => {
      const mapping = {
        localIp: inside.ip,
        publicIp: "203.0.113.5",
        localPort: undefined,
        publicPort: undefined,
      };
      const sockets = { addresses: [inside], mappings: [mapping], receiveBufferBytes: 1 };
      const stage = new Stage({ ice: hiding, sockets });
      const create = creation("aaaa1111", { capabilities: ["source-names", ...capabilities] });
      const created = await stage.ask(modify({ create: true, endpoints: [create] }));
      const ice = created.ok ? created.modified.endpoints[0]?.transport?.ice : undefined;
      const shown = ice?.candidates.map(({ type, ip }) => `${type} ${ip}`);
      expect(shown).to.deep.equal(expected);
    });
  }
});

describe("who is heard", () => {
  const audio = (ssrc: number) => {
    let seq = 0;
    return (): Uint8Array => {
      const bytes = new Uint8Array(12 + 20);
      const view = new DataView(bytes.buffer);
      bytes[0] = 0x80;
      bytes[1] = 111;
      view.setUint16(2, seq++);
      view.setUint32(4, seq * 960);
      view.setUint32(8, ssrc);
      return bytes;
    };
  };

  it("B-116 B-117 B-119 a subscription may name who comes later, and outlives who goes", async () => {
    const stage = new Stage();
    const a = await stage.join("aaaa1111", { sources: [audioSource("aaaa1111", 11)] });
    const c = await stage.join("cccc3333");
    const packets = new Map([[11, audio(11)]]);
    const heardNow = async (): Promise<number[]> => {
      c.media.length = 0;
      for (const [ssrc, packet] of packets) {
        const from = ssrc === 11 ? a : b;
        from?.sendMedia(packet());
      }
      await stage.run(50);
      return c.media
        .filter((bytes) => (bytes[1] ?? 0) < 192)
        .map((bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(8))
        .sort();
    };
    let b: Client | undefined;
    const subscribe = (all: boolean, include: string[], exclude: string[]): void =>
      c.say({ kind: "ReceiverAudioSubscription", all, include, exclude });
    expect(await heardNow()).to.deep.equal([11]);
    subscribe(false, ["bbbb2222-a0"], []);
    await stage.run(50);
    expect(await heardNow()).to.deep.equal([]);
    b = await stage.join("bbbb2222", { sources: [audioSource("bbbb2222", 22)] });
    packets.set(22, audio(22));
    expect(await heardNow()).to.deep.equal([22]);
    subscribe(true, ["bbbb2222-a0"], ["bbbb2222-a0"]);
    await stage.run(50);
    expect(await heardNow()).to.deep.equal([11]);
    // It leaves, and comes again under the same name: what was said still counts.
    await stage.ask(modify({ endpoints: [endpointRequest("bbbb2222", { expire: true })] }));
    b = await stage.join("bbbb2222", { sources: [audioSource("bbbb2222", 22)] });
    expect(await heardNow()).to.deep.equal([11]);
    // Who had asked for something and goes leaves nothing behind.
    await stage.ask(modify({ endpoints: [endpointRequest("cccc3333", { expire: true })] }));
    expect(await stage.stats()).to.include({ endpoints: 2 });
  });

  it("B-121 an endpoint is told its estimate every 10 s, once there is one", async () => {
    const stage = new Stage();
    const a = await joinWithCamera(stage, "aaaa1111", 11);
    const told = () =>
      heard(a, "ConnectionStats").map((message) => message["estimatedDownlinkBandwidth"]);
    await stage.run(21_000);
    expect(told()).to.deep.equal([]);
    const { estimatedBandwidthBps } = EndpointHandle.prototype;
    try {
      EndpointHandle.prototype.estimatedBandwidthBps = () => 1_234_567.8;
      await stage.run(30_000);
    } finally {
      EndpointHandle.prototype.estimatedBandwidthBps = estimatedBandwidthBps;
    }
    expect(told()).to.deep.equal([1_234_568, 1_234_568, 1_234_568]);
  });

  it("a bridge under load forwards fewer sources to everybody (B-131)", async () => {
    const stage = new Stage();
    await joinWithCamera(stage, "aaaa1111", 11);
    await joinWithCamera(stage, "bbbb2222", 22);
    const c = await joinWithCamera(stage, "cccc3333", 33);
    wants(c, 180);
    await stage.run(100);
    expect(forwarded(c)).to.deep.equal(["aaaa1111-v0", "bbbb2222-v0"]);
    stage.worker.handle({ kind: "bridgeLastN", lastN: 1 });
    await stage.run(100);
    expect(forwarded(c)).to.deep.equal(["aaaa1111-v0"]);
    stage.worker.handle({ kind: "bridgeLastN", lastN: -1 });
    await stage.run(100);
    expect(forwarded(c)).to.deep.equal(["aaaa1111-v0", "bbbb2222-v0"]);
  });
});
