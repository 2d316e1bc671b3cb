/** Sources of all codecs take turns in one SSRC of a receiver (spec jvb-media 7.7). */
import { expect } from "chai";
import type { HeaderExtension } from "#shared/stanza/media";
import { DependencyDescriptor } from "../media/dependency-descriptor.ts";
import type { MediaEndpoint } from "../media/media-engine.ts";
import { StructureHistory } from "../media/structure-history.ts";
import type { RtpFields } from "./engine-fixture.ts";
import { AV1, EngineFixture, VP8, VP9, videoExtensions, videoSource } from "./engine-fixture.ts";
import type { TestCodec, TestPacket } from "./projection-fixture.ts";
import { TestEncoder } from "./projection-fixture.ts";

const DESCRIPTOR = 11;
const RECEIVER = 9;
const payloadTypes = { VP8, VP9, AV1, H264: 107 } as const;
const descriptor: HeaderExtension = {
  id: DESCRIPTOR,
  uri: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
  senders: undefined,
};

/** Senders of the given codecs and a receiver with one SSRC for video. */
class Turns {
  readonly fixture = new EngineFixture({ videoSsrcLimit: 1 });
  readonly receiver: MediaEndpoint;
  readonly encoders: readonly TestEncoder[];
  readonly #codecs: readonly TestCodec[];

  constructor(codecs: readonly TestCodec[], spatial: number) {
    this.#codecs = codecs;
    this.receiver = this.fixture.join("r", RECEIVER, [], "c", { rewritesSsrcs: true });
    this.encoders = codecs.map((codec, i) => {
      this.fixture.join(`s${i}`, 1 + i, [videoSource(`s${i}-v0`, [100 * (i + 1)])]);
      const numbers = { seq: 5000 * i, pictureId: 300 + 1000 * i, tl0: 50 * i, idOffset: 7 * i };
      return new TestEncoder({ codec, spatial: codec === "VP8" ? 1 : spatial, ...numbers });
    });
    for (const id of ["r", ...codecs.map((_, i) => `s${i}`)])
      this.fixture.engine
        .endpoint("c", id)!
        .setHeaderExtensions("video", [...videoExtensions, descriptor]);
  }

  show(i: number): void {
    const constraints = { [`s${i}-v0`]: { maxHeight: 1080 } };
    this.receiver.setReceiverConstraints({ constraints, defaultConstraints: { maxHeight: 0 } });
    this.fixture.tick();
    this.fixture.take();
  }

  /** What the receiver gets of the next picture of a sender. */
  send(i: number, key = false): RtpFields[] {
    this.fixture.now += 33;
    for (const packet of this.encoders[i]!.picture(key)) this.#receive(i, packet);
    return this.fixture.takeRtp(RECEIVER);
  }

  #receive(i: number, { seq, timestamp, marker, payload, descriptor: element }: TestPacket): void {
    const extensions = element === undefined ? [] : [[DESCRIPTOR, element] as const];
    const pt = payloadTypes[this.#codecs[i]!];
    const ssrc = 100 * (i + 1);
    this.fixture.receive(1 + i, { pt, ssrc, seq, timestamp, marker, payload, extensions });
  }
}

const vp8Picture = ({ payload }: RtpFields) => ((payload[2]! & 0x7f) << 8) | payload[3]!;
const vp9Picture = ({ payload }: RtpFields) => ((payload[1]! & 0x7f) << 8) | payload[2]!;

describe("sources of all codecs take turns in one SSRC", () => {
  for (const codecs of [
    ["VP8", "VP8"],
    ["VP9", "VP9"],
    ["AV1", "AV1"],
    ["VP8", "VP9", "AV1"],
    ["AV1", "VP8", "AV1", "VP9", "VP9"],
  ] as const)
    it(`${codecs.join(", ")}: numbers and times go on, each begins with a key frame (M-100)`, () => {
      const turns = new Turns(codecs, 2);
      let last: RtpFields | undefined;
      for (let turn = 0; turn < 3 * codecs.length; turn++) {
        const i = turn % codecs.length;
        turns.show(i);
        expect(turns.send(i), "before the key frame").to.deep.equal([]);
        const out = [...turns.send(i, true), ...turns.send(i), ...turns.send(i)];
        expect(out.length).to.be.at.least(3);
        for (const packet of out) {
          if (last !== undefined) {
            expect(packet.ssrc).to.equal(last.ssrc);
            expect(packet.seq).to.equal((last.seq + 1) & 0xffff);
            const ahead = (packet.timestamp - last.timestamp) >>> 0;
            expect(ahead).to.be.at.most(4 * 3000);
          }
          last = packet;
        }
      }
    });

  it("VP8 and VP9 count pictures on", () => {
    const turns = new Turns(["VP8", "VP9", "VP8"], 1);
    const ids: number[] = [];
    for (const i of [0, 1, 2, 1]) {
      turns.show(i);
      const read = i === 1 ? vp9Picture : vp8Picture;
      for (const key of [true, false]) ids.push(...turns.send(i, key).map(read));
    }
    expect(ids.map((id) => id - ids[0]!)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("AV1 numbers frames on, in descriptors that one decoder can read", () => {
    const turns = new Turns(["AV1", "AV1"], 2);
    const history = new StructureHistory();
    const element = new DependencyDescriptor();
    let last = -1;
    for (const i of [0, 1, 0, 1]) {
      turns.show(i);
      for (const key of [true, false, false])
        for (const { seq, extensions } of turns.send(i, key)) {
          const bytes = Uint8Array.from(extensions.get(DESCRIPTOR)!);
          expect(element.parse(history, seq, bytes, 0, bytes.length)).to.equal(true);
          if (last >= 0) expect(element.frameNumber).to.equal((last + 1) & 0xffff);
          last = element.frameNumber;
        }
    }
    expect(last).to.be.greaterThan(0);
  });
});
