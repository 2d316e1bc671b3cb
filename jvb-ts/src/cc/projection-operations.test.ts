/**
 * Random operations on every kind of projection: loss, late packets, reordering, layer switches,
 * suspensions, key frames that come when asked for or a while later. What must hold whatever happens
 * is checked after each run.
 */
import { expect } from "chai";
import { layerIndex } from "../media/projection.ts";
import type { EncoderOptions, TestFrame, TestOutput, TestPacket } from "./projection-fixture.ts";
import { TestEncoder, Viewer } from "./projection-fixture.ts";

interface Kind {
  readonly name: string;
  readonly encodings: number;
  readonly encoder: EncoderOptions;
  /** Bits of the ids that go out, 0 none. */
  readonly idBits: number;
}

const simulcast: Kind[] = (["VP8", "VP9", "AV1", "H264"] as const).map((codec) => ({
  name: `${codec} simulcast`,
  encodings: 3,
  encoder: { codec, temporal: codec === "H264" ? 1 : 3 },
  idBits: { VP8: 15, VP9: 15, AV1: 16, H264: 0 }[codec],
}));

const scalable: Kind[] = [
  { codec: "VP9" as const, spatial: 3 },
  { codec: "VP9" as const, spatial: 3, flexible: true },
  { codec: "VP9" as const, spatial: 3, keyOnly: true, flexible: true },
  { codec: "VP9" as const, spatial: 2, keyOnly: true },
  { codec: "AV1" as const, spatial: 3 },
  { codec: "AV1" as const, spatial: 3, keyOnly: true },
].map((encoder) => ({
  name: `${encoder.codec} L${encoder.spatial}T3${encoder.keyOnly === true ? "_KEY" : ""}${
    encoder.flexible === true ? " flexible" : ""
  }`,
  encodings: 1,
  encoder,
  idBits: encoder.codec === "AV1" ? 16 : 15,
}));

/** Seeded, in 0..bound-1. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

interface Sent {
  readonly frame: TestFrame;
  readonly out: TestOutput;
  /** Unwrapped. */
  readonly seq: number;
}

interface Trouble {
  /** One packet in so many is lost, 0 none; of those half come late. */
  readonly loss: number;
  /** Packets are moved by so many places at most. */
  readonly reorder: number;
}

/** What happened in one run. */
class Run {
  readonly kind: Kind;
  readonly viewer: Viewer;
  readonly encoders: readonly TestEncoder[];
  readonly next: (bound: number) => number;
  readonly sent: Sent[] = [];
  readonly seen = new Set<string>();
  readonly forwarded = new Set<string>();
  readonly undecodable: string[] = [];
  target = -1;
  #newestSeq = 0;
  #keyframeIn = -1;
  #late: { readonly at: number; readonly packet: TestPacket }[] = [];

  constructor(kind: Kind, seed: number) {
    this.kind = kind;
    this.next = generator(seed);
    const { next } = this;
    this.encoders = Array.from(
      { length: kind.encodings },
      (_, eid) =>
        new TestEncoder({
          ...kind.encoder,
          eid,
          seq: next(0x10000),
          pictureId: next(0x8000),
          tl0: next(256),
          timestamp: next(2 ** 31),
          perFrame: 1 + next(3),
          idOffset: next(64),
        }),
    );
    this.viewer = new Viewer(kind.encoder.codec, -1, kind.encodings);
    this.setTarget(this.highest());
  }

  highest(): number {
    return this.index(this.kind.encodings - 1, (this.kind.encoder.spatial ?? 1) - 1, 2);
  }

  index(eid: number, sid: number, tid: number): number {
    return this.kind.encoder.codec === "AV1"
      ? layerIndex(eid, 0, 0) | (3 * sid + tid)
      : layerIndex(eid, sid, tid);
  }

  setTarget(index: number): void {
    this.target = index;
    this.viewer.projection.setTarget(index);
  }

  randomTarget(): void {
    const { next, kind } = this;
    const spatial = kind.encoder.spatial ?? 1;
    this.setTarget(next(6) === 0 ? -1 : this.index(next(kind.encodings), next(spatial), next(3)));
  }

  /** One picture of each encoding, and what happens to its packets. */
  picture(at: number, trouble: Trouble): Sent[] {
    const { next, viewer } = this;
    viewer.now += 33;
    if (viewer.projection.needsKeyframe && this.target >= 0 && this.#keyframeIn < 0)
      this.#keyframeIn = 2 + next(4);
    const isKey = at === 0 || this.#keyframeIn === 0;
    if (this.#keyframeIn >= 0) this.#keyframeIn--;
    const packets = this.encoders.flatMap((encoder) => encoder.picture(isKey));
    if (trouble.reorder > 0) shuffle(packets, trouble.reorder, next);
    const due = this.#late.filter((one) => one.at <= at).map((one) => one.packet);
    this.#late = this.#late.filter((one) => one.at > at);
    const before = this.sent.length;
    for (const packet of [...packets, ...due]) {
      if (trouble.loss > 0 && !due.includes(packet) && next(trouble.loss) === 0) {
        if (next(2) === 0) this.#late.push({ at: at + 1 + next(6), packet });
        continue;
      }
      this.#give(packet);
    }
    return this.sent.slice(before);
  }

  #give(packet: TestPacket): void {
    const { frame } = packet;
    const isFirst = !this.seen.has(frame.id);
    this.seen.add(frame.id);
    const out = this.viewer.give(packet);
    if (out === undefined) return;
    if (isFirst) {
      const missing = frame.references.filter((id) => this.seen.has(id) && !this.forwarded.has(id));
      if (missing.length > 0) this.undecodable.push(`${frame.id} without ${missing}`);
    }
    this.forwarded.add(frame.id);
    const ahead = ((out.seq - this.#newestSeq + 0x8000) & 0xffff) - 0x8000;
    const seq = this.#newestSeq + ahead;
    if (ahead > 0) this.#newestSeq = seq;
    this.sent.push({ frame, out, seq });
  }
}

function shuffle(packets: TestPacket[], window: number, next: (bound: number) => number): void {
  for (let i = 0; i + window < packets.length; i++) {
    const other = i + next(window + 1);
    const swap = packets[i]!;
    packets[i] = packets[other]!;
    packets[other] = swap;
  }
}

/** Numbers are used once; frames, ids and times follow each other in their order. */
function checkOrder(run: Run): void {
  const sent = [...run.sent].sort((a, b) => a.seq - b.seq);
  const { idBits } = run.kind;
  for (let i = 1; i < sent.length; i++) {
    const a = sent[i - 1]!;
    const b = sent[i]!;
    expect(b.seq, "a number used twice").to.be.greaterThan(a.seq);
    const elapsed = (b.out.timestamp - a.out.timestamp) | 0;
    expect(elapsed, `time at ${b.frame.id}`).to.be.at.least(0);
    const samePicture = a.frame.eid === b.frame.eid && a.frame.picture === b.frame.picture;
    expect(elapsed === 0, `time of ${a.frame.id} and ${b.frame.id}`).to.equal(samePicture);
    if (idBits === 0) continue;
    const shift = 32 - idBits;
    const step = ((b.out.id - a.out.id) << shift) >> shift;
    const isSame = idBits === 16 ? a.frame.id === b.frame.id : samePicture;
    if (isSame) expect(step, `id of ${b.frame.id}`).to.equal(0);
    else expect(step, `id of ${b.frame.id} after ${a.frame.id}`).to.be.greaterThan(0);
  }
}

describe("projections under random operations", () => {
  for (const kind of [...simulcast, ...scalable]) {
    it(`${kind.name}: nothing lost, nothing missing: numbers without a gap but at switches`, () => {
      for (let seed = 1; seed <= 15; seed++) {
        const run = new Run(kind, seed);
        for (let at = 0; at < 300; at++) {
          if (run.next(25) === 0) run.randomTarget();
          run.picture(at, { loss: 0, reorder: 0 });
        }
        checkOrder(run);
        expect(run.undecodable, `seed ${seed}`).to.deep.equal([]);
        for (let i = 1; i < run.sent.length; i++) {
          const step = run.sent[i]!.seq - run.sent[i - 1]!.seq;
          const isSwitch = run.sent[i]!.frame.eid !== run.sent[i - 1]!.frame.eid;
          expect(step, `seed ${seed} at ${run.sent[i]!.frame.id}`).to.be.within(
            1,
            isSwitch ? 2 : 1,
          );
        }
      }
    });

    it(`${kind.name}: whatever is lost, late or out of order, numbers are used once and frames decodable`, () => {
      for (let seed = 1; seed <= 25; seed++) {
        const run = new Run(kind, 1000 + seed);
        const trouble = { loss: [0, 10, 30][seed % 3]!, reorder: seed % 5 };
        for (let at = 0; at < 400; at++) {
          if (run.next(25) === 0) run.randomTarget();
          run.picture(at, trouble);
        }
        expect(run.sent.length, `seed ${seed}`).to.be.greaterThan(50);
        const numbers = new Set(run.sent.map(({ seq }) => seq));
        expect(numbers.size, `seed ${seed}`).to.equal(run.sent.length);
        expect(run.undecodable, `seed ${seed}`).to.deep.equal([]);
      }
    });

    it(`${kind.name}: the picture never stands still, and the wanted layer comes`, () => {
      for (let seed = 1; seed <= 15; seed++) {
        const run = new Run(kind, 2000 + seed);
        let still = 0;
        for (let at = 0; at < 400; at++) {
          if (at % 40 === 0 && at > 0) {
            do run.randomTarget();
            while (run.target < 0);
          }
          // Every other packet out of place: key frames are lost on receivers, several in a row.
          const reorder = seed % 2;
          const sent = run.picture(at, { loss: 0, reorder });
          // Temporal layer 0 comes every fourth picture, a key frame up to seven later.
          still = sent.length > 0 ? 0 : still + 1;
          expect(still, `seed ${seed} at ${at}`).to.be.below(reorder === 0 ? 12 : 120);
          if (at % 40 !== 39 || reorder > 0) continue;
          const expected = run.target >> 6;
          expect(run.viewer.projection.currentEncoding, `seed ${seed} at ${at}`).to.equal(expected);
          expect(run.viewer.projection.needsKeyframe, `seed ${seed} at ${at}`).to.equal(false);
          const low = run.target & 63;
          const sid = kind.encoder.codec === "AV1" ? Math.floor(low / 3) : low >> 3;
          const recent = run.sent.filter(({ frame }) => frame.picture > at - 8);
          const top = recent.map(({ frame }) => frame.sid);
          expect(Math.max(...top), `seed ${seed} at ${at}`).to.equal(sid);
        }
      }
    });
  }
});
