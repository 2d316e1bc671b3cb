/** STUN that no honest client sends (spec G.3 X3): what is answered, what is dropped, what it costs. */
import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import { expect } from "chai";
import { recordingLogger } from "#shared/testing/recording-logger";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { Attribute, parseStun, transactionKey } from "../stun/stun-message.ts";
import { IceAgent, type IceOutput } from "./ice-agent.ts";
import { defaultIceSettings } from "./ice-settings.ts";

const pwd = "bridge-password-of-enough-length";
const A = { ip: "10.0.0.1", port: 10_000 };
const B = { ip: "10.0.0.2", port: 40_000 };

function attribute(type: number, value: Uint8Array = new Uint8Array(0)): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  bytes.set(value, 4);
  return bytes;
}

/** A Binding request with any attributes, signed with `key` and fingerprinted when told so. */
function request(
  attributes: readonly Buffer[],
  { key = pwd, behind = [], fingerprint = true, id = 1 }: RequestOptions = {},
): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(1, 0);
  head.writeUInt32BE(0x2112_a442, 4);
  head.writeUInt32BE(id, 8);
  let body = Buffer.concat(attributes);
  const withLength = (more: number): Buffer => {
    head.writeUInt16BE(body.length + more, 2);
    return Buffer.concat([head, body]);
  };
  if (key !== null) {
    const hmac = createHmac("sha1", key).update(withLength(24)).digest();
    body = Buffer.concat([body, attribute(Attribute.messageIntegrity, hmac)]);
  }
  body = Buffer.concat([body, ...behind]);
  if (fingerprint) {
    const value = Buffer.alloc(4);
    value.writeUInt32BE((crc32(withLength(8)) ^ 0x5354554e) >>> 0, 0);
    body = Buffer.concat([body, attribute(Attribute.fingerprint, value)]);
  }
  return withLength(0);
}

interface RequestOptions {
  /** Null: unsigned. */
  readonly key?: string | null;
  /** Attributes behind MESSAGE-INTEGRITY. */
  readonly behind?: readonly Buffer[];
  readonly fingerprint?: boolean;
  readonly id?: number;
}

const username = attribute(Attribute.username, Buffer.from("bridge:client"));
const useCandidate = attribute(Attribute.useCandidate);
function role(type: number, tieBreaker: bigint): Buffer {
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(tieBreaker);
  return attribute(type, value);
}

class Bridge {
  readonly agent: IceAgent;
  now = 0;

  constructor(controlling = true) {
    this.agent = new IceAgent({
      settings: defaultIceSettings,
      controlling,
      credentials: { ufrag: "bridge", pwd },
      tag: 7,
      sockets: [A],
      random: new SeededRandom(1),
      log: recordingLogger(),
    });
    this.agent.setRemoteCredentials({ ufrag: "client", pwd: "client-password" }, 0);
  }

  /** What one datagram makes it do. */
  take(bytes: Uint8Array): IceOutput[] {
    const message = parseStun(bytes);
    if (message !== undefined) this.agent.handleStun(0, B, message, this.now);
    return this.drain();
  }
  drain(): IceOutput[] {
    const outputs: IceOutput[] = [];
    for (let out = this.agent.poll(); out !== undefined; out = this.agent.poll()) outputs.push(out);
    return outputs;
  }
  run(ms: number): IceOutput[] {
    const end = this.now + ms;
    const outputs: IceOutput[] = [];
    for (let due = this.agent.pollTimeout(); due !== undefined && due <= end; ) {
      this.now = Math.max(this.now, due);
      this.agent.handleTimeout(this.now);
      outputs.push(...this.drain());
      due = this.agent.pollTimeout();
    }
    this.now = end;
    return outputs;
  }
}

/** Error code of the one answer, 200 for a success, undefined for none. */
function answer(outputs: readonly IceOutput[]): number | undefined {
  const sent = outputs.flatMap((output) => (output.kind === "send" ? [output.bytes] : []));
  if (sent.length === 0) return undefined;
  expect(sent.length, "answers").to.equal(1);
  const message = parseStun(sent[0] ?? new Uint8Array(0));
  return message?.messageClass === "success" ? 200 : message?.errorCode;
}

const optional = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, at) => attribute(0x8000 + 0x1000 + (at % 0x0fff)));
const mandatory = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, at) => attribute(0x0100 + at));

describe("X3 hostile STUN", () => {
  for (const [name, bytes, expected] of [
    ["is answered", request([username]), 200],
    ["with 300 optional attributes is answered", request([username, ...optional(300)]), 200],
    ["with 300 mandatory attributes gets 420", request([username, ...mandatory(300)]), 420],
    [
      "with its name last, behind 300 attributes, is answered",
      request([...optional(300), username]),
      200,
    ],
    ["with two names counts the first", request([username, attribute(6, Buffer.from("x:y"))]), 200],
    ["without integrity is dropped", request([username], { key: null }), undefined],
    ["signed with another password is dropped", request([username], { key: "guess" }), undefined],
    ["signed with an empty password is dropped", request([username], { key: "" }), undefined],
    [
      "of somebody else's name is dropped",
      request([attribute(6, Buffer.from("other:x"))]),
      undefined,
    ],
    ["without a name is dropped", request([]), undefined],
    [
      "with attributes behind integrity is answered without them",
      request([username], { behind: mandatory(50) }),
      200,
    ],
    ["without fingerprint is answered", request([username], { fingerprint: false }), 200],
    [
      "with a tie-breaker of three bytes is dropped",
      request([username, attribute(Attribute.iceControlling, Buffer.alloc(3))]),
      undefined,
    ],
  ] as const) {
    it(`X3 a request ${name}`, () => {
      const outputs = new Bridge().take(bytes);
      expect(answer(outputs)).to.equal(expected);
      const bound = outputs.some(({ kind }) => kind === "bind");
      expect(bound, "bound").to.equal(expected === 200);
    });
  }

  it("X3 answers are no longer than the longest request allows", () => {
    for (const count of [0, 8, 300]) {
      const bytes = request([username, ...mandatory(count)]);
      for (const output of new Bridge().take(bytes)) {
        if (output.kind === "send") expect(output.bytes.length).to.be.below(bytes.length + 80);
      }
    }
  });

  it("X3 a wrong fingerprint, or one that is not last, is no STUN at all", () => {
    const good = request([username]);
    for (let bit = 0; bit < 32; bit++) {
      const bytes = Buffer.from(good);
      const at = bytes.length - 4 + (bit >> 3);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      expect(new Bridge().take(bytes)).to.deep.equal([]);
    }
    const early = request([attribute(Attribute.fingerprint, Buffer.alloc(4)), username]);
    expect(new Bridge().take(early)).to.deep.equal([]);
  });

  it("X3 USE-CANDIDATE behind the integrity attribute nominates nothing", () => {
    const bridge = new Bridge(false);
    bridge.take(request([username], { behind: [useCandidate] }));
    const [check] = bridge.run(100).flatMap((out) => (out.kind === "send" ? [out.bytes] : []));
    expect(check && transactionKey(check)).to.be.a("string");
    expect(bridge.agent.selected).to.equal(undefined);
  });

  it("X3 a thousand attributes cost less than a millisecond, and so do lengths that lie", () => {
    const wide = request([username, ...optional(1000)]);
    const lying = Array.from({ length: 1000 }, (_, at) => {
      const bytes = Buffer.from(wide.subarray(0, 1400));
      bytes.writeUInt16BE(1380, 2);
      bytes.writeUInt16BE((at * 67) & 0xffff, 20 + 4 * (at % 300) + 2);
      return bytes;
    });
    const bridge = new Bridge();
    const { user } = process.cpuUsage();
    for (let n = 0; n < 1000; n++) {
      bridge.take(wide);
      bridge.take(lying[n] ?? wide);
    }
    expect((process.cpuUsage().user - user) / 1000 / 2000, "ms a datagram").to.be.below(1);
  });

  for (const controlling of [true, false]) {
    it(`X3 a storm of role conflicts is answered one by one and settles, controlling ${controlling}`, () => {
      const bridge = new Bridge(controlling);
      const kinds = [Attribute.iceControlling, Attribute.iceControlled];
      let sent = 0;
      for (let n = 0; n < 10_000; n++) {
        const tieBreaker = n % 3 === 0 ? 0n : 0xffff_ffff_ffff_ffffn;
        const bytes = request([username, role(kinds[n & 1] ?? 0, tieBreaker)], { id: n });
        const outputs = bridge.take(bytes);
        expect(answer(outputs)).to.be.oneOf([200, 487]);
        if (n % 100 === 0) sent += bridge.run(20).filter(({ kind }) => kind === "send").length;
      }
      // A check each 20 ms at most, however often the role changes.
      expect(sent).to.be.at.most(250);
      const last = bridge.agent.controlling;
      const agreeing = kinds[last ? 1 : 0] ?? 0;
      expect(answer(bridge.take(request([username, role(agreeing, 1n)])))).to.equal(200);
      expect(bridge.agent.controlling).to.equal(last);
    });
  }
});
