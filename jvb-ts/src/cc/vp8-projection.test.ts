import { expect } from "chai";
import { isNewerSeq, seqDelta } from "#shared/rtp/arithmetic";
import { FrameHistory } from "../media/frame-history.ts";
import { layerIndex } from "../media/projection.ts";
import { Codec, Form, VideoPacket } from "../media/video-packet.ts";
import { RtpState } from "./rtp-state.ts";
import { Vp8Projection } from "./vp8-projection.ts";

const starts = [0, 1, 0x7fff, 0xfffe, 0xffff];

interface In {
  readonly eid: number;
  readonly seq: number;
  readonly timestamp: number;
  readonly pictureId: number;
  readonly tl0: number;
  readonly tid: number;
  readonly keyframe: boolean;
  readonly start: boolean;
  readonly end: boolean;
}

interface Out {
  readonly seq: number;
  readonly timestamp: number;
  readonly pictureId: number;
  readonly tl0: number;
}

/** Temporal layers of a three-layer stream. */
const T3 = [0, 2, 1, 2];

/** Packets of one encoding, `perFrame` packets a frame, frame by frame. */
class Encoder {
  #seq: number;
  #pictureId: number;
  #tl0: number;
  #timestamp: number;
  #frame = 0;
  readonly #eid: number;
  readonly #perFrame: number;
  readonly #tids: readonly number[];

  constructor(
    options: {
      readonly eid?: number;
      readonly seq?: number;
      readonly pictureId?: number;
      readonly tl0?: number;
      readonly perFrame?: number;
      readonly tids?: readonly number[];
      readonly timestamp?: number;
    } = {},
  ) {
    this.#eid = options.eid ?? 0;
    this.#seq = options.seq ?? 1;
    this.#pictureId = options.pictureId ?? 0;
    this.#tl0 = options.tl0 ?? 0;
    this.#timestamp = options.timestamp ?? 5000;
    this.#perFrame = options.perFrame ?? 1;
    this.#tids = options.tids ?? [0];
  }

  frame(keyframe = false): In[] {
    if (keyframe) this.#frame = 0;
    const tid = this.#tids[this.#frame % this.#tids.length]!;
    if (tid === 0) this.#tl0 = (this.#tl0 + 1) & 0xff;
    const packets: In[] = [];
    for (let i = 0; i < this.#perFrame; i++) {
      packets.push({
        eid: this.#eid,
        seq: this.#seq,
        timestamp: this.#timestamp | 0,
        pictureId: this.#pictureId,
        tl0: this.#tl0,
        tid,
        keyframe: keyframe && i === 0,
        start: i === 0,
        end: i === this.#perFrame - 1,
      });
      this.#seq = (this.#seq + 1) & 0xffff;
    }
    this.#frame++;
    this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    this.#timestamp += 3000;
    return packets;
  }

  /** Loses `count` packets (numbers only). */
  skip(count: number, pictures: number): void {
    this.#seq = (this.#seq + count) & 0xffff;
    this.#pictureId = (this.#pictureId + pictures) & 0x7fff;
    this.#timestamp += 3000 * pictures;
  }
}

class Receiver {
  readonly projection: Vp8Projection;
  readonly #frames = [
    new FrameHistory(Form.vp8),
    new FrameHistory(Form.vp8),
    new FrameHistory(Form.vp8),
  ];
  readonly #packet = new VideoPacket();
  now = 0;

  constructor(target: number, state = new RtpState()) {
    this.projection = new Vp8Projection(state);
    this.projection.setTarget(target);
  }

  give(input: In): Out | undefined {
    const packet = this.#packet;
    packet.reset();
    packet.codec = Codec.vp8;
    packet.encoding = input.eid;
    packet.encodingCount = 3;
    packet.seq = input.seq;
    packet.timestamp = input.timestamp;
    packet.marker = input.end;
    packet.startOfFrame = input.start;
    packet.endOfFrame = input.end;
    packet.keyframe = input.keyframe;
    packet.knowsKeyframes = true;
    packet.tid = input.tid;
    packet.pictureId = input.pictureId;
    packet.tl0 = input.tl0;
    if (!this.#frames[input.eid]!.observe(packet)) return undefined;
    if (!this.projection.project(packet, this.now)) return undefined;
    return {
      seq: this.projection.outSeq,
      timestamp: (input.timestamp + this.projection.timestampDelta) >>> 0,
      pictureId: this.projection.outPictureId,
      tl0: this.projection.outTl0,
    };
  }

  giveAll(inputs: readonly In[]): (Out | undefined)[] {
    return inputs.map((input) => this.give(input));
  }
}

function state(seq: number, timestamp: number): RtpState {
  const result = new RtpState();
  result.sent(seq, timestamp);
  return result;
}

describe("VP8 projection", () => {
  it("continues a given state, keeping ids of the first frame (M-060)", () => {
    const receiver = new Receiver(layerIndex(0, 0, 2), state(10_000, 1_000_000));
    const out = receiver.give(new Encoder({ pictureId: 77, tl0: 8 }).frame(true)[0]!);
    expect(out).to.deep.equal({ seq: 10_001, timestamp: 1_003_000, pictureId: 77, tl0: 9 });
  });

  it("starts a fresh stream with number 2 and time 3001 (M-061)", () => {
    const receiver = new Receiver(2);
    const out = receiver.give(new Encoder().frame(true)[0]!);
    expect([out?.seq, out?.timestamp]).to.deep.equal([2, 3001]);
  });

  it("waits for a key frame", () => {
    const receiver = new Receiver(2);
    const encoder = new Encoder();
    expect(receiver.give(encoder.frame()[0]!)).to.equal(undefined);
    expect(receiver.projection.needsKeyframe).to.equal(true);
    expect(receiver.give(encoder.frame(true)[0]!)).to.not.equal(undefined);
    expect(receiver.projection.needsKeyframe).to.equal(false);
  });

  for (const seq of starts) {
    const pictureId = (seq + 3) & 0x7fff;
    it(`filters temporal layers without a seam (M-062), from ${seq}`, () => {
      const receiver = new Receiver(layerIndex(0, 0, 0), state(10_000, 1_000_000));
      const encoder = new Encoder({ seq, pictureId, tids: T3, perFrame: 3 });
      let expectedSeq = 10_001;
      let expectedId = pictureId;
      for (let i = 0; i < 400; i++) {
        const out = receiver.giveAll(encoder.frame(i === 0));
        if (i % 4 !== 0) {
          expect(out).to.deep.equal([undefined, undefined, undefined]);
          continue;
        }
        for (const one of out) {
          expect(one).to.deep.equal({
            seq: expectedSeq & 0xffff,
            timestamp: 1_003_000 + 3000 * i,
            pictureId: expectedId & 0x7fff,
            tl0: (1 + i / 4) & 0xff,
          });
          expectedSeq++;
        }
        expectedId++;
      }
    });

    it(`projects long frames unchanged in order (M-063), from ${seq}`, () => {
      const receiver = new Receiver(2);
      const encoder = new Encoder({ seq, perFrame: 200 });
      let expected = 2;
      for (let i = 0; i < 20; i++)
        for (const one of receiver.giveAll(encoder.frame(i === 0)))
          expect(one?.seq).to.equal(expected++);
    });

    it(`keeps order under reordering and never repeats a number (M-064), from ${seq}`, () => {
      for (const target of [0, 1, 2]) {
        const receiver = new Receiver(layerIndex(0, 0, target));
        const encoder = new Encoder({ seq, tids: T3, perFrame: 3 });
        const first = encoder.frame(true);
        receiver.giveAll(first);
        const inputs: In[] = [];
        for (let i = 0; i < 400; i++) inputs.push(...encoder.frame());
        shuffleWithin(inputs, 64, seq + target);
        const pairs: [number, number][] = [];
        const used = new Set<number>();
        for (const input of inputs) {
          const out = receiver.give(input);
          if (out === undefined) continue;
          if (used.has(out.seq)) expect.fail(`${out.seq} sent twice`);
          used.add(out.seq);
          pairs.push([input.seq, out.seq]);
        }
        expect(pairs.length).to.be.greaterThan(200);
        pairs.sort((a, b) => seqDelta(a[0], b[0]));
        for (let i = 1; i < pairs.length; i++)
          if (!isNewerSeq(pairs[i]![1], pairs[i - 1]![1])) expect.fail(`order broken at ${i}`);
        const spanIn = seqDelta(pairs.at(-1)![0], pairs[0]![0]);
        expect(seqDelta(pairs.at(-1)![1], pairs[0]![1])).to.be.at.most(spanIn);
      }
    });

    it(`goes on after a gap of any size (M-071), from ${seq}`, () => {
      for (const gap of [64, 500, 600, 5000, 32_767]) {
        const receiver = new Receiver(2);
        const encoder = new Encoder({ seq, pictureId });
        for (let i = 0; i < 10; i++) receiver.giveAll(encoder.frame(i === 0));
        encoder.skip(gap, gap);
        let last: Out | undefined;
        for (let i = 0; i < 10; i++) {
          const [out] = receiver.giveAll(encoder.frame());
          expect(out, `gap ${gap}`).to.not.equal(undefined);
          if (last !== undefined) {
            expect(out?.seq).to.equal((last.seq + 1) & 0xffff);
            expect(out?.pictureId).to.equal((last.pictureId + 1) & 0x7fff);
          }
          last = out;
        }
      }
    });
  }

  /** A key frame that arrives after `later` frames of a three-layer stream. */
  function lateKeyframe(later: number): Receiver {
    const receiver = new Receiver(2);
    const encoder = new Encoder({ tids: T3 });
    const keyframe = encoder.frame(true)[0]!;
    for (let i = 0; i < later; i++) expect(receiver.give(encoder.frame()[0]!)).to.equal(undefined);
    const out = receiver.give(keyframe);
    expect(out !== undefined).to.equal(later < 4);
    return receiver;
  }
  it("uses a key frame late by three frames without a TL0 (M-065)", () => {
    lateKeyframe(3);
  });
  it("passes over a key frame late by four frames with a TL0 (M-065)", () => {
    expect(lateKeyframe(4).projection.needsKeyframe).to.equal(true);
  });

  it("rejects a key frame whose first packet comes after its siblings (M-066)", () => {
    const receiver = new Receiver(2);
    const [first, second, third] = new Encoder({ perFrame: 3 }).frame(true);
    expect(receiver.giveAll([second!, third!, first!])).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("keeps the old encoding until the higher one has a key frame (M-067)", () => {
    const receiver = new Receiver(layerIndex(0, 0, 0));
    const low = new Encoder({ tids: T3 });
    const high = new Encoder({ eid: 1, seq: 9000, tids: T3 });
    receiver.giveAll([...low.frame(true), ...high.frame(true)]);
    receiver.now = 1000;
    receiver.projection.setTarget(layerIndex(1, 0, 0));
    for (let i = 0; i < 8; i++) {
      const [fromLow] = receiver.giveAll(low.frame());
      const [fromHigh] = receiver.giveAll(high.frame());
      expect(fromLow, `${i}`).to.not.equal(undefined);
      expect(fromHigh).to.equal(undefined);
    }
    expect(receiver.projection.needsKeyframe).to.equal(true);
  });

  it("switches up in the middle of a low key frame (M-068)", () => {
    const receiver = new Receiver(layerIndex(0, 0, 2));
    const low = new Encoder({ perFrame: 3 });
    const high = new Encoder({ eid: 1, seq: 9000, perFrame: 3, pictureId: 500, tl0: 60 });
    receiver.giveAll(low.frame(true));
    receiver.projection.setTarget(layerIndex(1, 0, 2));
    receiver.now = 1000;
    receiver.giveAll(low.frame());
    const lowKey = low.frame(true);
    const highKey = high.frame(true);
    const leaked = receiver.give(lowKey[0]!)!;
    const first = receiver.give(highKey[0]!)!;
    expect(first.seq).to.equal(leaked.seq + 2);
    expect(first.timestamp).to.equal(leaked.timestamp + 3000);
    expect(first.pictureId).to.equal(leaked.pictureId + 1);
    expect(first.tl0).to.equal(leaked.tl0 + 1);
    // What follows of the old frame is newer than what was seen of it (M-074).
    expect(receiver.give(lowKey[1]!)).to.equal(undefined);
    expect(receiver.giveAll(highKey.slice(1)).map((one) => one?.seq)).to.deep.equal([
      first.seq + 1,
      first.seq + 2,
    ]);
    expect(receiver.giveAll(low.frame())).to.deep.equal([undefined, undefined, undefined]);
    expect(receiver.projection.currentEncoding).to.equal(1);
  });

  it("accepts an older packet of a frame closed by a switch (M-074)", () => {
    const receiver = new Receiver(layerIndex(0, 0, 2));
    const low = new Encoder({ perFrame: 3 });
    const high = new Encoder({ eid: 1, seq: 9000 });
    receiver.giveAll(low.frame(true));
    receiver.projection.setTarget(layerIndex(1, 0, 2));
    receiver.now = 1000;
    const frame = low.frame();
    expect(receiver.give(frame[1]!)).to.not.equal(undefined);
    expect(receiver.give(high.frame(true)[0]!)).to.not.equal(undefined);
    expect(receiver.give(frame[0]!)).to.not.equal(undefined);
    expect(receiver.give(frame[2]!)).to.equal(undefined);
  });

  it("sends only the base layer of a higher encoding while going down (M-072)", () => {
    const receiver = new Receiver(layerIndex(1, 0, 2));
    const low = new Encoder({ tids: T3 });
    const high = new Encoder({ eid: 1, seq: 9000, tids: T3 });
    receiver.giveAll(high.frame(true));
    receiver.projection.setTarget(layerIndex(0, 0, 2));
    receiver.now = 1000;
    const flowed: boolean[] = [];
    for (let i = 0; i < 7; i++) {
      flowed.push(receiver.give(high.frame()[0]!) !== undefined);
      expect(receiver.give(low.frame()[0]!)).to.equal(undefined);
    }
    expect(flowed).to.deep.equal([false, false, false, true, false, false, false]);
    expect(receiver.projection.needsKeyframe).to.equal(true);
    expect(receiver.give(low.frame(true)[0]!)).to.not.equal(undefined);
    expect(receiver.give(high.frame()[0]!)).to.equal(undefined);
  });

  it("upscales within a group of key frames, asks again after 300 ms (M-073)", () => {
    const receiver = new Receiver(layerIndex(2, 0, 2));
    const encoders = [0, 1, 2].map((eid) => new Encoder({ eid, seq: 3000 * eid }));
    receiver.give(encoders[0]!.frame(true)[0]!);
    receiver.now = 200;
    receiver.give(encoders[1]!.frame(true)[0]!);
    expect(receiver.projection.currentEncoding).to.equal(1);
    expect(receiver.projection.needsKeyframe).to.equal(false);
    receiver.give(encoders[2]!.frame()[0]!);
    expect(receiver.projection.needsKeyframe).to.equal(false);
    receiver.now = 301;
    receiver.give(encoders[2]!.frame()[0]!);
    expect(receiver.projection.needsKeyframe).to.equal(true);
  });

  it("raises the temporal layer only at decodable frames (M-070)", () => {
    const receiver = new Receiver(layerIndex(0, 0, 0));
    const encoder = new Encoder({ tids: T3 });
    const accepted: string[] = [];
    let last: Out | undefined;
    for (let i = 0; i < 16; i++) {
      if (i === 6) receiver.projection.setTarget(layerIndex(0, 0, 2));
      const input = encoder.frame(i === 0)[0]!;
      const out = receiver.give(input);
      if (out === undefined) continue;
      accepted.push(`${i}:${input.tid}`);
      if (last !== undefined) {
        expect(out.seq).to.equal(last.seq + 1);
        expect(out.pictureId).to.equal(last.pictureId + 1);
      }
      last = out;
    }
    // Frame 5 (tid 2) was passed over; 6 (tid 1) follows an accepted TL0; 7 follows 6.
    expect(accepted).to.deep.equal(
      [0, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15].map((i) => `${i}:${T3[i % 4]}`),
    );
  });

  it("rejects another frame under the same picture id (M-077)", () => {
    const receiver = new Receiver(2);
    const encoder = new Encoder();
    receiver.give(encoder.frame(true)[0]!);
    const frame = encoder.frame()[0]!;
    expect(receiver.give(frame)).to.not.equal(undefined);
    expect(
      receiver.give({ ...frame, seq: frame.seq + 1, timestamp: frame.timestamp + 1 }),
    ).to.equal(undefined);
  });

  it("resumes at a key frame after a suspension of any length, without a gap", () => {
    for (const pause of [3, 100, 499, 501, 2000]) {
      const receiver = new Receiver(2);
      const encoder = new Encoder({ perFrame: 2 });
      let last: Out | undefined;
      for (let i = 0; i < 10; i++) last = receiver.giveAll(encoder.frame(i === 0)).at(-1);
      receiver.projection.setTarget(-1);
      for (let i = 0; i < pause; i++)
        expect(receiver.giveAll(encoder.frame())).to.deep.equal([undefined, undefined]);
      receiver.projection.setTarget(2);
      receiver.now = 5000;
      expect(receiver.giveAll(encoder.frame())).to.deep.equal([undefined, undefined]);
      expect(receiver.projection.needsKeyframe).to.equal(true);
      const [first] = receiver.giveAll(encoder.frame(true));
      expect(first?.seq, `pause ${pause}`).to.equal(last!.seq + 1);
      expect(first?.pictureId).to.equal(last!.pictureId + 1);
    }
  });

  it("random losses, reordering and switches never repeat a number", () => {
    for (let seed = 1; seed <= 20; seed++) {
      let random = seed;
      const next = (bound: number): number => {
        random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (random >> 8) % bound;
      };
      const receiver = new Receiver(layerIndex(2, 0, 2));
      const encoders = [0, 1, 2].map(
        (eid) =>
          new Encoder({ eid, seq: next(0xffff), pictureId: next(0x7fff), tids: T3, perFrame: 2 }),
      );
      const used = new Map<number, number>();
      let count = 0;
      for (let i = 0; i < 1500; i++) {
        receiver.now += 33;
        const keyframe = receiver.projection.needsKeyframe && next(4) === 0;
        const inputs = encoders.flatMap((encoder) => encoder.frame(keyframe));
        shuffleWithin(inputs, 3, next(1000));
        if (next(40) === 0)
          receiver.projection.setTarget(next(5) === 0 ? -1 : layerIndex(next(3), 0, next(3)));
        for (const input of inputs) {
          if (next(20) === 0) continue;
          const out = receiver.give(input);
          if (out === undefined) continue;
          count++;
          const before = used.get(out.seq);
          if (before !== undefined && count - before < 5000)
            expect.fail(`seed ${seed}: ${out.seq} repeated after ${count - before}`);
          used.set(out.seq, count);
        }
      }
      expect(count).to.be.greaterThan(200);
    }
  });
});

/** Moves packets by at most `window` places, reproducibly. */
function shuffleWithin(inputs: In[], window: number, seed: number): void {
  let random = seed + 1;
  for (let i = 0; i + window < inputs.length; i++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
    const other = i + ((random >> 8) % window);
    if (other >= i + window) continue;
    const swap = inputs[i]!;
    inputs[i] = inputs[other]!;
    inputs[other] = swap;
  }
}
