/** Packets that were not asked for: from nowhere, in another's name, out of all shape (spec G.3, G.4). */
import { expect } from "chai";
import { pii } from "#shared/logging/pii";
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import { Attribute, BINDING, StunWriter } from "../../src/transport/stun/stun-message.ts";
import type { Client } from "./client.ts";
import { audioSource, endpointRequest, modify } from "./requests.ts";
import { Stage } from "./stage.ts";
import { opus } from "./talk.ts";

const stranger = { ip: "203.0.113.9", port: 5000 };

function rtcp(type: number, count: number, ...words: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * words.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x80 | count, type]);
  view.setUint16(2, words.length);
  words.forEach((word, at) => {
    view.setUint32(4 + 4 * at, word);
  });
  return bytes;
}
const bye = (ssrc: number): Uint8Array => rtcp(203, 1, ssrc);

const isRtp = (bytes: Uint8Array): boolean => (bytes[1] ?? 0) < 192 || (bytes[1] ?? 0) > 223;
const ssrcOf = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);

class Call {
  readonly stage = new Stage();
  next = 1;

  async join(id: string, sources: ColibriMediaSource[]): Promise<Client> {
    const client = await this.stage.join(id);
    await this.claim(id, sources);
    return client;
  }

  async claim(id: string, sources: ColibriMediaSource[]): Promise<void> {
    await this.stage.ask(modify({ endpoints: [endpointRequest(id, { sources })] }));
  }

  /** Ten packets of `from`; how many of that SSRC `to` got. */
  async heard(from: Client, to: Client, ssrc: number): Promise<number> {
    to.media.length = 0;
    for (let n = 0; n < 10; n++) {
      from.sendMedia(opus(ssrc, this.next++));
      await this.stage.run(20);
    }
    await this.stage.run(20);
    return to.media.filter((bytes) => isRtp(bytes) && ssrcOf(bytes) === ssrc).length;
  }
}

async function call(): Promise<[Call, Client, Client]> {
  const call = new Call();
  const a = await call.join("aaaa1111", [audioSource("aaaa1111", 1001)]);
  const b = await call.join("bbbb2222", [audioSource("bbbb2222", 2002)]);
  return [call, a, b];
}

function many(endpoint: string, count: number, first: number): ColibriMediaSource[] {
  return Array.from({ length: count }, (_, at) => ({
    ...audioSource(endpoint, first + at),
    id: `${endpoint}-a${at}`,
  }));
}

describe("A8 media from addresses that ICE has not validated", () => {
  it("A8 RTP and RTCP BYE from nowhere reach nobody and end nothing", async () => {
    const [it, a, b] = await call();
    const { stage } = it;
    b.media.length = 0;
    for (let seq = 0; seq < 200; seq++) {
      stage.toBridge(stranger, opus(1001, seq));
      stage.toBridge(stranger, bye(1001));
      stage.toBridge({ ...stranger, port: 1 + seq }, rtcp(200, 0, 1001, 1, 2, 3, 4, 5));
    }
    await stage.run(100);
    expect(b.media.filter(isRtp)).to.deep.equal([]);
    expect(await it.heard(a, b, 1001)).to.equal(10);
  });

  it("A8 a request that is not signed with the password validates no address", async () => {
    const [it, a, b] = await call();
    const conference = it.stage.bridge.conferenceOf("meeting-1") ?? "";
    const asked = it.stage.bridge.debug(conference, "aaaa1111", "full");
    await it.stage.run(10);
    const ufrag = /"localUfrag":"([^"]+)"/.exec(JSON.stringify(await asked))?.[1] ?? "none";
    for (const key of [undefined, "guess", ufrag]) {
      const request = new StunWriter("request", BINDING, new Uint8Array(12))
        .string(Attribute.username, `${ufrag}:x`)
        .attribute(Attribute.useCandidate, new Uint8Array(0))
        .finish(key);
      it.stage.toBridge(stranger, request);
    }
    await it.stage.run(50);
    b.media.length = 0;
    it.stage.toBridge(stranger, opus(1001, 1));
    await it.stage.run(50);
    expect(b.media.filter(isRtp)).to.deep.equal([]);
    expect(await it.heard(a, b, 1001)).to.equal(10);
    expect(await it.heard(b, a, 2002)).to.equal(10);
  });
});

describe("A10 sources of somebody else", () => {
  it("A10 packets with the SSRC of another endpoint are not forwarded", async () => {
    const [it, a, b] = await call();
    const c = await it.join("cccc3333", [audioSource("cccc3333", 3003)]);
    expect(await it.heard(c, b, 1001)).to.equal(0);
    expect(await it.heard(a, b, 1001)).to.equal(10);
  });

  it("A10 BYE, reports and requests about another's SSRC end and hide nothing", async () => {
    const [it, a, b] = await call();
    const c = await it.join("cccc3333", [audioSource("cccc3333", 3003)]);
    for (const packet of [
      bye(1001),
      rtcp(203, 2, 1001, 2002),
      rtcp(201, 1, 3003, 1001, 0xff00_0000, 0xffff_ffff, 0, 0, 0),
      rtcp(205, 1, 3003, 1001, 0x0001_ffff),
      rtcp(206, 1, 3003, 1001),
    ]) {
      for (let n = 0; n < 50; n++) c.sendMedia(packet);
    }
    await it.stage.run(100);
    expect(await it.heard(a, b, 1001)).to.equal(10);
    expect(await it.heard(c, b, 3003)).to.equal(10);
  });

  it("A10 an SSRC that was claimed stays with its owner until he goes", async () => {
    const [it, a, b] = await call();
    const c = await it.join("cccc3333", [audioSource("cccc3333", 1001)]);
    expect(await it.heard(c, b, 1001)).to.equal(0);
    expect(await it.heard(a, b, 1001)).to.equal(10);
    await it.claim("cccc3333", [audioSource("cccc3333", 1001), audioSource("cccc3333", 3003)]);
    expect(await it.heard(c, b, 3003), "the rest is taken").to.equal(10);
    expect(await it.heard(a, b, 1001)).to.equal(10);
    await it.stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { expire: true })] }));
    await it.claim("cccc3333", [audioSource("cccc3333", 1001)]);
    expect(await it.heard(c, b, 1001), "its owner is gone").to.equal(10);
  });

  it("A10 an SSRC that its owner gives up is free, and stays the next one's", async () => {
    const [it, a, b] = await call();
    await it.claim("aaaa1111", [audioSource("aaaa1111", 1002)]);
    const c = await it.join("cccc3333", [audioSource("cccc3333", 1001)]);
    expect(await it.heard(c, b, 1001)).to.equal(10);
    await it.claim("aaaa1111", [audioSource("aaaa1111", 1001), audioSource("aaaa1111", 1002)]);
    expect(await it.heard(a, b, 1001)).to.equal(0);
    await it.stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { expire: true })] }));
    await it.claim("bbbb2222", [audioSource("bbbb2222", 1001)]);
    expect(await it.heard(b, c, 1001)).to.equal(0);
    expect(await it.heard(c, b, 1001)).to.equal(10);
  });

  it("A10 A7 says once who claims what is another's, and counts each", async () => {
    const [it] = await call();
    const c = await it.join("cccc3333", []);
    for (let n = 0; n < 5; n++) await it.claim("cccc3333", many("cccc3333", 2, 1001));
    await it.claim("cccc3333", [audioSource("cccc3333", 2002), audioSource("cccc3333", 3003)]);
    const said = it.stage.log.lines.filter(({ message }) => message.includes("belongs to another"));
    expect(said.map(({ level, context }) => [level, context])).to.deep.equal([
      [
        "warn",
        {
          ...said[0]?.context,
          endpoint: "cccc3333",
          ssrc: 1001,
          address: pii(c.address.ip),
        },
      ],
    ]);
    expect(said[0]?.context["conf"]).to.not.equal(undefined);
    const asked = it.stage.bridge.metrics(undefined);
    await it.stage.run(10);
    expect((await asked)?.body).to.match(/^jitsi_jvb_taken_ssrcs_refused(_total)? 6(\.0)?$/m);
  });

  it("A10 fifty sources of a kind, and no more", async () => {
    const [it, , b] = await call();
    const c = await it.join("cccc3333", many("cccc3333", 2000, 5000));
    expect(await it.heard(c, b, 5049)).to.equal(10);
    expect(await it.heard(c, b, 5050)).to.equal(0);
  });
});

describe("X5 packets out of all shape", () => {
  const shapes: readonly (readonly [string, (seq: number) => Uint8Array])[] = [
    ["padding longer than the packet", (seq) => withByte(opus(1001, seq), 0, 0xb0, 39, 0xff)],
    ["padding of zero bytes", (seq) => withByte(opus(1001, seq), 0, 0xb0, 39, 0)],
    ["an extension past the end", (seq) => withByte(opus(1001, seq), 14, 0xff)],
    ["CSRC 15 with 20 bytes", (seq) => withByte(opus(1001, seq), 0, 0x8f).subarray(0, 20)],
    ["an extension element past its block", (seq) => withByte(opus(1001, seq), 16, 0x1f)],
    ["a payload type that was not signaled", (seq) => opus(1001, seq, 77)],
    ["an SSRC that was not signaled", (seq) => opus(9000 + seq, seq)],
    ["version 0", (seq) => withByte(opus(1001, seq), 0, 0x10)],
    ["no payload", (seq) => opus(1001, seq).subarray(0, 20)],
    ["255 words of reports", (seq) => rtcp(201, 31, 1001, ...new Array<number>(255).fill(seq))],
    ["a length past the end", (seq) => withByte(rtcp(200, 0, 1001, seq), 2, 0xff)],
    ["feedback for unknown sources", (seq) => rtcp(205, 1, 1001, 7777 + seq, 0x0001_ffff)],
    ["key frames of unknown sources", (seq) => rtcp(206, 1, 1001, 7777 + seq)],
    ["an empty compound", () => rtcp(201, 0)],
  ];
  function withByte(bytes: Uint8Array, ...pairs: number[]): Uint8Array {
    for (let at = 0; at < pairs.length; at += 2) bytes[pairs[at] ?? 0] = pairs[at + 1] ?? 0;
    return bytes;
  }

  for (const [name, make] of shapes) {
    it(`X5 ${name}: two thousand of them keep no memory and harm nobody`, async () => {
      const [it, a, b] = await call();
      for (let seq = 0; seq < 2000; seq++) a.sendMedia(make(seq));
      await it.stage.run(100);
      expect(await it.heard(b, a, 2002)).to.equal(10);
      expect(it.stage.log.messages("error")).to.deep.equal([]);
      expect(it.stage.log.messages("warn")).to.deep.equal([]);
    });
  }

  for (const jump of [0x7fff, 0x8000, 0x8001, 0xffff]) {
    it(`X5 a jump of ${jump} sequence numbers and a wrap of the timestamp`, async () => {
      const [it, a, b] = await call();
      expect(await it.heard(a, b, 1001)).to.equal(10);
      it.next += jump;
      expect(await it.heard(a, b, 1001)).to.be.at.least(9);
      it.next = Math.floor(2 ** 32 / 960) - 5;
      expect(await it.heard(a, b, 1001)).to.be.at.least(9);
    });
  }

  it("X5 a payload type that changes within the stream", async () => {
    const [it, a, b] = await call();
    for (let seq = 1; seq <= 500; seq++) a.sendMedia(opus(1001, seq, seq % 2 === 0 ? 111 : 100));
    await it.stage.run(100);
    it.next = 501;
    expect(await it.heard(a, b, 1001)).to.equal(10);
  });
});
