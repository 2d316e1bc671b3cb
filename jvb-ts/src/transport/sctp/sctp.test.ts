import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { VirtualNet } from "../ice/virtual-net.test.ts";
import { crc32c } from "./crc32c.ts";
import { buildDcepOpen, parseDcep } from "./dcep.ts";
import { seeds, targets } from "./sctp.fuzz.ts";
import { type AssociationEvent, SctpAssociation } from "./sctp-association.ts";
import { A, B, Peer } from "./sctp-peer.test.ts";
import { type ChannelEvent, SctpTransport } from "./sctp-transport.ts";

function pair(net: VirtualNet) {
  const { random } = net.runtime;
  const log = recordingLogger();
  const bridge = new SctpTransport({ role: "server", random, log });
  const client = new SctpTransport({ role: "client", random, log });
  const a = new Peer<ChannelEvent>(net, bridge, A, B);
  const b = new Peer<ChannelEvent>(net, client, B, A);
  bridge.start(0);
  client.start(0);
  const texts = (peer: Peer<ChannelEvent>) =>
    peer.events.flatMap((event) => (event.kind === "message" ? [event.text] : []));
  return { bridge, client, a, b, texts };
}

describe("SCTP", () => {
  it("computes CRC-32C", () => {
    expect(crc32c(Buffer.from("123456789"))).to.equal(0xe306_9283);
  });

  it("reads and writes DCEP", () => {
    const label = "JVB data channel";
    const protocol = "http://jitsi.org/protocols/colibri";
    expect(parseDcep(buildDcepOpen(label, protocol))).to.deep.equal({
      kind: "open",
      label,
      protocol,
    });
    expect(parseDcep(buildDcepOpen(label, protocol).subarray(0, 20))).to.equal(undefined);
  });

  it("opens a channel and carries texts both ways (M-026)", () => {
    const net = new VirtualNet();
    const { bridge, client, a, b, texts } = pair(net);
    net.run(1000, () => bridge.ready && client.ready);
    expect(net.now).to.be.below(100);
    expect(bridge.sendText("from the bridge", net.now)).to.equal(true);
    expect(client.sendText("", net.now)).to.equal(true);
    client.sendText("grüße", net.now);
    net.run(2000);
    expect(texts(a)).to.deep.equal(["", "grüße"]);
    expect(texts(b)).to.deep.equal(["from the bridge"]);
    expect(bridge.pollTimeout()).to.equal(undefined);
  });

  for (let seed = 1; seed <= 20; seed++) {
    it(`delivers everything once and in order over a bad network, seed ${seed}`, () => {
      const net = new VirtualNet({ seed, lossRate: 0.2, delayMs: 20, jitterMs: 60 });
      const { bridge, client, a, b, texts } = pair(net);
      net.run(30_000, () => bridge.ready && client.ready);
      expect(bridge.ready && client.ready).to.equal(true);
      const sent: string[] = [];
      const { random } = net.runtime;
      for (let i = 0; i < 60; i++) {
        const text = `${i}:${"x".repeat(random.int(i % 10 === 0 ? 12_000 : 300))}`;
        sent.push(text);
        expect(bridge.sendText(text, net.now)).to.equal(true);
        expect(client.sendText(text, net.now)).to.equal(true);
        net.run(net.now + random.int(100));
      }
      net.run(net.now + 120_000, () => texts(a).length === 60 && texts(b).length === 60);
      expect(texts(a)).to.deep.equal(sent);
      expect(texts(b)).to.deep.equal(sent);
    });
  }

  it("survives an outage of ten minutes and recovers within 3 s of its end", () => {
    const net = new VirtualNet();
    const { bridge, client, b, texts } = pair(net);
    net.run(1000, () => bridge.ready && client.ready);
    net.outward = () => undefined;
    bridge.sendText("late", net.now);
    net.run(600_000);
    expect(texts(b)).to.deep.equal([]);
    net.outward = (from) => from;
    net.run(603_100);
    expect(texts(b)).to.deep.equal(["late"]);
  });

  it("refuses more than the queue holds instead of growing", () => {
    const net = new VirtualNet();
    const { bridge, client } = pair(net);
    net.run(1000, () => bridge.ready && client.ready);
    net.outward = () => undefined;
    const text = "x".repeat(10_000);
    let taken = 0;
    while (bridge.sendText(text, net.now)) taken++;
    expect(taken).to.equal(26);
  });

  it("ignores a second channel (M-026, B-098), closes when the peer resets the stream, and resets its own side", () => {
    const net = new VirtualNet();
    const { random } = net.runtime;
    const bridge = new SctpTransport({ role: "server", random, log: recordingLogger() });
    const association = new SctpAssociation(random);
    const a = new Peer<ChannelEvent>(net, bridge, A, B);
    const b = new Peer<AssociationEvent>(net, association, B, A);
    bridge.start(0);
    association.connect(0);
    net.run(1000, () => association.state === "established");
    association.send(4, 50, buildDcepOpen("JVB data channel", "x"), net.now);
    net.run(2000);
    expect(bridge.ready).to.equal(true);
    association.send(6, 50, buildDcepOpen("second", "x"), net.now);
    net.run(3000);
    expect(a.events.map(({ kind }) => kind)).to.deep.equal(["open", "rejected"]);
    association.resetStream(4, net.now);
    net.run(4000);
    expect(bridge.ready).to.equal(false);
    const reset = b.events.find(({ kind }) => kind === "streamsReset");
    expect(reset).to.deep.equal({ kind: "streamsReset", streams: [4] });
    // The same stream can be used again, numbered from 0.
    association.send(4, 50, buildDcepOpen("JVB data channel", "x"), net.now);
    association.send(4, 51, Buffer.from("again"), net.now);
    net.run(5000);
    expect(a.events.slice(2)).to.deep.equal([
      { kind: "closed" },
      { kind: "open" },
      { kind: "message", text: "again" },
    ]);
  });

  it("tells the peer when the endpoint goes", () => {
    const net = new VirtualNet();
    const { bridge, client, a, b } = pair(net);
    net.run(1000, () => bridge.ready && client.ready);
    bridge.close(net.now);
    net.run(1100);
    expect(a.events.at(-1)).to.deep.equal({ kind: "closed" });
    expect(b.events.at(-1)).to.deep.equal({ kind: "closed" });
    expect(bridge.sendText("x", net.now)).to.equal(false);
    expect(bridge.pollTimeout()).to.equal(undefined);
  });

  it("keeps early packets until DTLS is connected", () => {
    const net = new VirtualNet();
    const { random } = net.runtime;
    const log = recordingLogger();
    const bridge = new SctpTransport({ role: "server", random, log });
    const client = new SctpTransport({ role: "client", random, log });
    new Peer<ChannelEvent>(net, bridge, A, B);
    new Peer<ChannelEvent>(net, client, B, A);
    client.start(0);
    net.run(300);
    bridge.start(net.now);
    net.run(500);
    expect(bridge.ready).to.equal(true);
  });

  it("stands mutated packets of a real association", () => {
    const random = new SeededRandom(7);
    for (const [name, target] of Object.entries(targets)) {
      for (const seed of seeds[name] ?? []) {
        for (let round = 0; round < 300; round++) {
          const bytes = seed.slice(0, 1 + random.int(seed.length));
          for (let flips = random.int(4); flips >= 0; flips--) {
            bytes[random.int(bytes.length)] = random.int(256);
          }
          target(bytes);
        }
      }
    }
  });
});
