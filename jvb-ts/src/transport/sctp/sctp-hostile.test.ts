/** SCTP from a peer that DTLS has authenticated and that means no good (spec G.3 X7, G.5 E6). */
import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { VirtualNet } from "../ice/virtual-net.test.ts";
import { buildDcepOpen } from "./dcep.ts";
import { SCTP_PORT } from "./sctp-association.ts";
import {
  buildChunk,
  buildPacket,
  type Chunk,
  ChunkType,
  concat,
  parsePacket,
  parseParameters,
  viewOf,
  words,
} from "./sctp-packet.ts";
import { A, B, Peer } from "./sctp-peer.test.ts";
import { SctpReceiver } from "./sctp-receiver.ts";
import { type ChannelEvent, SctpTransport } from "./sctp-transport.ts";

const PEER_TAG = 0x5eed;
const FIRST_TSN = 1000;

const initValue = (tag: number, window = 1 << 20): Uint8Array =>
  words(tag, window, (10 << 16) | 10, FIRST_TSN);

function data(
  tsn: number,
  stream: number,
  ssn: number,
  ppid: number,
  bytes: Uint8Array,
  flags = 3,
) {
  const value = concat([words(tsn, (stream << 16) | ssn, ppid), bytes]);
  return buildChunk(ChunkType.data, flags, value);
}

/** A bridge's side and a peer that puts its packets together by hand. */
class Attack {
  readonly log = recordingLogger();
  readonly bridge = new SctpTransport({
    role: "server",
    random: new SeededRandom(1),
    log: this.log,
  });
  readonly events: ChannelEvent[] = [];
  readonly sent: Chunk[] = [];
  now = 0;
  tag = 0;
  #cookie = new Uint8Array(0);
  #tsn = FIRST_TSN;
  #ssn = 0;

  constructor() {
    this.bridge.start(0);
  }

  packet(tag: number, ...chunks: Uint8Array[]): void {
    this.bridge.handlePacket(buildPacket(SCTP_PORT, SCTP_PORT, tag, chunks), this.now);
    this.drain();
  }

  drain(): void {
    for (let event = this.bridge.poll(); event; event = this.bridge.poll()) {
      this.events.push(event);
      if (event.kind === "packet") this.sent.push(...(parsePacket(event.bytes)?.chunks ?? []));
    }
  }

  init(tag: number, window?: number): void {
    this.packet(0, buildChunk(ChunkType.init, 0, initValue(tag, window)));
    const ack = this.sent.findLast(({ type }) => type === ChunkType.initAck);
    if (ack === undefined) return;
    this.tag = viewOf(ack.value).getUint32(0);
    const parameter = parseParameters(ack.value.subarray(16)).find(({ type }) => type === 7);
    this.#cookie = parameter?.value.slice() ?? this.#cookie;
  }

  echo(cookie: Uint8Array = this.#cookie): void {
    this.packet(this.tag, buildChunk(ChunkType.cookieEcho, 0, cookie));
  }

  connect(window?: number): void {
    this.init(PEER_TAG, window);
    this.echo();
    this.say(buildDcepOpen("JVB data channel", "x"), 50);
    expect(this.bridge.ready).to.equal(true);
  }

  say(bytes: Uint8Array, ppid = 51): void {
    this.packet(this.tag, data(this.#tsn++, 0, this.#ssn++, ppid, bytes));
  }

  /** Lets time pass in steps of the timers. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.bridge.pollTimeout() ?? Number.POSITIVE_INFINITY;
      if (due > end) break;
      this.now = Math.max(this.now, due);
      this.bridge.handleTimeout(this.now);
      this.drain();
    }
    this.now = end;
  }

  texts(): string[] {
    return this.events.flatMap((event) => (event.kind === "message" ? [event.text] : []));
  }
  count(kind: ChannelEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }
}

const text = (of: string): Uint8Array => Buffer.from(of);

describe("X7 hostile SCTP", () => {
  it("X7 a flood of INITs keeps the state of one and no timer, before and after", () => {
    const attack = new Attack();
    for (let tag = 1; tag <= 10_000; tag++) attack.init(tag);
    expect(attack.bridge.pollTimeout()).to.equal(undefined);
    expect(attack.sent.length).to.equal(10_000);
    attack.connect();
    for (let tag = 1; tag <= 1000; tag++) attack.init(tag);
    attack.say(text("still here"));
    expect(attack.texts()).to.deep.equal(["still here"]);
  });

  it("X7 a wrong, an old and no cookie establish nothing", () => {
    const attack = new Attack();
    attack.init(1);
    for (const cookie of [new Uint8Array(16), new Uint8Array(0), new Uint8Array(1400)]) {
      attack.echo(cookie);
    }
    attack.say(buildDcepOpen("x", "x"), 50);
    expect(attack.bridge.ready).to.equal(false);
    expect(attack.sent.some(({ type }) => type === ChunkType.cookieAck)).to.equal(false);
    expect(attack.bridge.counters.dropped).to.equal(3);
  });

  it("X7 forged verification tags end and say nothing", () => {
    const attack = new Attack();
    attack.connect();
    const nothing = new Uint8Array(0);
    const sent = attack.sent.length;
    for (const tag of [0, 1, attack.tag ^ 1, PEER_TAG, 0xffff_ffff]) {
      attack.packet(tag, buildChunk(ChunkType.abort, 0, nothing));
      attack.packet(tag, buildChunk(ChunkType.shutdownComplete, 0, nothing));
      attack.packet(tag, buildChunk(ChunkType.shutdown, 0, words(0)));
      attack.packet(tag, data(FIRST_TSN + 1, 0, 1, 51, text("forged")));
      attack.packet(tag, buildChunk(ChunkType.init, 0, initValue(9)), data(1, 0, 0, 51, text("x")));
    }
    expect(attack.sent.length).to.equal(sent);
    attack.say(text("genuine"));
    expect(attack.texts()).to.deep.equal(["genuine"]);
  });

  it("X7 fragments with gaps hold 256 kB at most and end nothing else", () => {
    const receiver = new SctpReceiver(1);
    // Every other one, so that none is ever complete; far ahead; at the wrap; empty-ish.
    for (let tsn = 2; tsn < 40_000; tsn += 2) {
      receiver.handleData(0, concat([words(tsn, 0, 51), new Uint8Array(1 + (tsn % 1100))]));
      if (receiver.window < 0) expect.fail("more held than the window");
    }
    expect(receiver.overflow).to.equal(false);
    expect(receiver.poll()).to.equal(undefined);
    expect(receiver.sack().length).to.be.below(600);
    // The next in line cannot be kept: the association ends instead of waiting for ever.
    let tsn = 1;
    while (!receiver.overflow && tsn < 2000) {
      receiver.handleData(0, concat([words(tsn, 0, 51), new Uint8Array(1100)]));
      tsn++;
    }
    expect(receiver.overflow).to.equal(true);
  });

  it("X7 stream numbers beyond ours are acknowledged and mean nothing", () => {
    const attack = new Attack();
    attack.connect();
    for (let i = 1; i <= 2000; i++) {
      attack.packet(attack.tag, data(FIRST_TSN + i, 1024 + i * 30, 7, 51, text("x")));
      attack.packet(attack.tag, data(FIRST_TSN + i, 65_535, 0, 50, buildDcepOpen("x", "x")));
    }
    expect(attack.texts()).to.deep.equal([]);
    expect(attack.count("rejected")).to.equal(0);
    const sack = attack.sent.findLast(({ type }) => type === ChunkType.sack);
    expect(sack && viewOf(sack.value).getUint32(0)).to.equal(FIRST_TSN + 2000);
    expect(sack && viewOf(sack.value).getUint32(4)).to.equal(262_144);
  });

  it("X7 a window of zero makes the bridge probe and its queue stay bounded", () => {
    const attack = new Attack();
    attack.connect(0);
    const before = attack.sent.length;
    let taken = 0;
    while (attack.bridge.sendText("x".repeat(1000), attack.now)) taken++;
    expect(taken).to.be.within(250, 263);
    attack.run(600_000);
    attack.drain();
    const probes = attack.sent.slice(before).filter(({ type }) => type === ChunkType.data);
    // The acknowledgement of its OPEN, repeated every 3 s at most.
    expect(probes.length).to.be.within(150, 260);
    expect(attack.bridge.ready).to.equal(true);
  });

  it("X7 answers are never more than twice what came", () => {
    const attack = new Attack();
    attack.connect();
    const heartbeats = Array.from({ length: 300 }, () =>
      buildChunk(ChunkType.heartbeat, 0, new Uint8Array(0)),
    );
    const resets = Array.from({ length: 100 }, () =>
      buildChunk(ChunkType.reconfig, 0, words((13 << 16) | 16, 5, 5, 5)),
    );
    for (const chunks of [heartbeats, resets]) {
      const bytes = (): number =>
        attack.events.reduce((sum, it) => sum + (it.kind === "packet" ? it.bytes.length : 0), 0);
      const before = bytes();
      attack.packet(attack.tag, ...chunks);
      const came = chunks.reduce((sum, chunk) => sum + chunk.length, 12);
      expect(bytes() - before).to.be.below(2 * came);
    }
  });
});

describe("E6 messages of a data channel", () => {
  it("E6 a burst over the budget is slowed, and comes whole and in order", () => {
    const attack = new Attack();
    attack.connect();
    const texts = Array.from({ length: 800 }, (_, n) => `message ${n}`);
    for (const each of texts) attack.say(text(each));
    // OPEN was one of the five hundred.
    expect(attack.texts().length).to.equal(499);
    attack.run(1000);
    expect(attack.texts().length).to.be.within(595, 601);
    attack.run(2500);
    expect(attack.texts()).to.deep.equal(texts);
    attack.run(3000);
    expect([attack.count("slowed"), attack.count("flooded")]).to.deep.equal([1, 0]);
    const said = attack.log.lines.filter(({ level }) => level === "info");
    expect(said.length, "one line a change of state").to.equal(2);
    attack.say(text("later"));
    expect(attack.texts().at(-1)).to.equal("later");
  });

  it("E6 a thousand messages a second are slowed to a hundred, and end the channel", () => {
    const net = new VirtualNet();
    const { random } = net.runtime;
    const log = recordingLogger();
    const bridge = new SctpTransport({ role: "server", random, log });
    const client = new SctpTransport({ role: "client", random, log });
    const there = new Peer<ChannelEvent>(net, bridge, A, B);
    const here = new Peer<ChannelEvent>(net, client, B, A);
    bridge.start(0);
    client.start(0);
    net.run(100);
    expect(client.ready).to.equal(true);
    for (let n = 0; client.ready && net.now < 15_000; n += 10) {
      for (let i = 0; i < 10; i++) client.sendText(`message ${n + i}`, net.now);
      net.run(net.now + 10);
    }
    expect(net.now).to.be.within(10_000, 12_000);
    const kinds = there.events.map(({ kind }) => kind).filter((kind) => kind !== "message");
    expect(kinds).to.deep.equal(["open", "slowed", "flooded", "closed"]);
    expect(there.events.length).to.be.within(1000, 504 + 120 * 10);
    expect(here.events.at(-1)?.kind).to.equal("closed");
    expect(bridge.pollTimeout()).to.equal(undefined);
    const said = log.lines.filter(({ level }) => level !== "debug");
    expect(said.length, "one line a change of state").to.equal(2);
  });

  it("E6 a peer that does not heed the window is dropped", () => {
    const attack = new Attack();
    attack.connect();
    for (let ms = 0; ms < 12_000; ms += 10) {
      for (let i = 0; i < 10; i++) attack.say(new Uint8Array(500).fill(0x78));
      attack.run(10);
    }
    expect(attack.texts().length).to.be.below(500 + 12 * 100);
  });

  it("E6 opens the window again by itself when half of it is free", () => {
    const attack = new Attack();
    attack.connect();
    for (let n = 0; n < 900; n++) attack.say(new Uint8Array(600).fill(0x78));
    const windows = (): number[] =>
      attack.sent
        .filter(({ type }) => type === ChunkType.sack)
        .map(({ value }) => viewOf(value).getUint32(4));
    expect(windows().at(-1)).to.be.below(2048);
    const before = windows().length;
    attack.run(2500);
    expect(windows().length).to.equal(before + 1);
    expect(windows().at(-1)).to.be.at.least(131_072);
  });
});
