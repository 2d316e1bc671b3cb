/** Opus put into RED for receivers that know it (policy PROTECT_ALL, spec jvb-media 11.5). */
import { expect } from "chai";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import {
  AUDIO_LEVEL,
  audioSource,
  audioTypes,
  EngineFixture,
  OPUS,
  RED,
  type RtpFields,
  redType,
} from "./engine-fixture.ts";

const SPEECH = 0x80 | 30;
const NOISE = 70;

function call(options: Partial<MediaEngineOptions>): EngineFixture {
  const fixture = new EngineFixture({ redPolicy: "PROTECT_ALL", ...options });
  fixture.join("a", 1, [audioSource("a-a0", 11)]);
  fixture.join("plain", 2);
  fixture.join("red", 3).setPayloadTypes("audio", [...audioTypes, redType]);
  return fixture;
}

function say(fixture: EngineFixture, seq: number, level: number, size = 3, step = 960): void {
  const payload = new Array<number>(size).fill(seq & 0xff);
  const timestamp = (step * seq) | 0;
  const extensions = [[AUDIO_LEVEL, [level]]] as const;
  const at = { pt: OPUS, ssrc: 11, seq: seq & 0xffff, timestamp };
  fixture.receive(1, { ...at, payload, extensions });
}

/** Blocks of a RED payload: payload type, timestamp offset and data of each. */
function blocks({ payload }: RtpFields): [number, number, number[]][] {
  const headers: [number, number, number][] = [];
  let at = 0;
  while (payload[at]! >= 0x80) {
    const offset = (payload[at + 1]! << 6) | (payload[at + 2]! >> 2);
    headers.push([payload[at]! & 0x7f, offset, ((payload[at + 2]! & 3) << 8) | payload[at + 3]!]);
    at += 4;
  }
  const primary = payload[at++]!;
  const all = headers.map(([pt, offset, length]): [number, number, number[]] => {
    at += length;
    return [pt, offset, [...payload.slice(at - length, at)]];
  });
  return [...all, [primary, 0, [...payload.slice(at)]]];
}

/** Which packets each one repeats, by its number. */
function repeats(packets: readonly RtpFields[]): number[][] {
  return packets.map((packet) =>
    blocks(packet)
      .slice(0, -1)
      .map(([, , data]) => data[0]!),
  );
}

describe("RED protection", () => {
  it("repeats up to two packets, none behind a gap (M-168)", () => {
    const fixture = call({});
    for (const seq of [0, 1, 2, 3, 5, 6]) say(fixture, seq, SPEECH);
    const out = fixture.takeRtp();
    const red = out.filter(({ session }) => session === 3);
    expect(red.map(({ pt, seq }) => [pt, seq])).to.deep.equal(
      [0, 1, 2, 3, 5, 6].map((seq) => [RED, seq]),
    );
    expect(repeats(red)).to.deep.equal([[], [0], [0, 1], [1, 2], [], [5]]);
    expect(blocks(red[2]!)).to.deep.equal([
      [OPUS, 1920, [0, 0, 0]],
      [OPUS, 960, [1, 1, 1]],
      [OPUS, 0, [2, 2, 2]],
    ]);
    expect(red[2]!.timestamp).to.equal(1920);
    expect(red[2]!.extensions.get(AUDIO_LEVEL)).to.deep.equal([SPEECH]);
    const plain = out.filter(({ session }) => session === 2);
    expect(plain.map(({ pt, payload }) => [pt, payload[0]])).to.deep.equal(
      [0, 1, 2, 3, 5, 6].map((seq) => [OPUS, seq]),
    );
  });

  it("repeats what was speech, unless told to repeat all", () => {
    const levels = [SPEECH, NOISE, NOISE, NOISE, SPEECH, NOISE];
    const run = (options: Partial<MediaEngineOptions>) => {
      const fixture = call(options);
      levels.forEach((level, seq) => {
        say(fixture, seq, level);
      });
      return repeats(fixture.takeRtp(3));
    };
    expect(run({})).to.deep.equal([[], [0], [0, 1], [], [], [4]]);
    expect(run({ redVadOnly: false })).to.deep.equal([[], [0], [0, 1], [1, 2], [2, 3], [3, 4]]);
    expect(run({ redDistance: 1 })).to.deep.equal([[], [0], [], [], [], [4]]);
    expect(run({ redDistance: 1, redVadOnly: false })).to.deep.equal([[], [0], [1], [2], [3], [4]]);
  });

  it("goes on across the wrap, and leaves out what a block cannot say", () => {
    const fixture = call({});
    for (const seq of [0xfffe, 0xffff, 0x1_0000, 0x1_0001]) say(fixture, seq, SPEECH);
    expect(repeats(fixture.takeRtp(3))).to.deep.equal([[], [0xfe], [0xfe, 0xff], [0xff, 0]]);
    // Further apart than 14 bits of time, longer than 10 bits, or too large in all.
    const far = call({});
    for (const seq of [1, 2]) say(far, seq, SPEECH, 3, 20_000);
    expect(repeats(far.takeRtp(3))).to.deep.equal([[], []]);
    const long = call({});
    say(long, 1, SPEECH, 1100);
    say(long, 2, SPEECH, 700);
    say(long, 3, SPEECH, 700);
    const packets = long.takeRtp(3);
    expect(repeats(packets)).to.deep.equal([[], [], []]);
    expect(packets.map(({ payload }) => payload.length)).to.deep.equal([1101, 701, 701]);
  });

  it("leaves other policies' Opus as it is", () => {
    for (const redPolicy of ["NOOP", "STRIP"] as const) {
      const fixture = call({ redPolicy });
      say(fixture, 1, SPEECH);
      expect(fixture.takeRtp(3).map(({ pt }) => pt)).to.deep.equal([OPUS]);
    }
  });
});
