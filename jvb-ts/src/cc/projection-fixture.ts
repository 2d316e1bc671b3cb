/**
 * For tests of projections: encoders of every codec that say what their frames refer to, and a
 * viewer that gives their packets to a projection as the packet path does.
 */
import type { Millis } from "#shared/runtime/runtime";
import { parseH264, parseVp8 } from "../media/codec-parsers.ts";
import { DependencyDescriptor } from "../media/dependency-descriptor.ts";
import { DescribedEncoder, temporalPattern } from "../media/descriptor-fixture.ts";
import { FrameHistory } from "../media/frame-history.ts";
import { StructureHistory } from "../media/structure-history.ts";
import { Codec, Form, VideoPacket } from "../media/video-packet.ts";
import { parseVp9 } from "../media/vp9-descriptor.ts";
import { Vp9Structure } from "../media/vp9-structure.ts";
import { vp8Payload } from "./engine-fixture.ts";
import { SourceProjection } from "./source-projection.ts";

/** One packet as it was sent. */
export interface TestPacket {
  readonly eid: number;
  readonly seq: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: readonly number[];
  /** Dependency descriptor. */
  readonly descriptor: readonly number[] | undefined;
  readonly frame: TestFrame;
}

export interface TestFrame {
  /** Unique among all encodings. */
  readonly id: string;
  readonly eid: number;
  readonly picture: number;
  readonly sid: number;
  readonly tid: number;
  readonly keyPicture: boolean;
  /** Ids of the frames it refers to. */
  readonly references: readonly string[];
}

export type TestCodec = "VP8" | "VP9" | "AV1" | "H264";

export interface EncoderOptions {
  readonly codec: TestCodec;
  readonly eid?: number;
  readonly spatial?: number;
  readonly temporal?: number;
  /** Spatial layers refer to each other in key pictures only (k-SVC). */
  readonly keyOnly?: boolean;
  /** VP9: references are in the descriptor. */
  readonly flexible?: boolean;
  readonly seq?: number;
  readonly pictureId?: number;
  readonly tl0?: number;
  readonly timestamp?: number;
  readonly perFrame?: number;
  /** Of described streams. */
  readonly idOffset?: number;
}

/** How many pictures back a picture of each slot refers, by temporal layers. */
const pictureReference: Readonly<Record<number, readonly number[]>> = {
  1: [1],
  2: [2, 1],
  3: [4, 1, 2, 1],
};

export class TestEncoder {
  readonly options: Required<EncoderOptions>;
  #picture = 0;
  #slot = 0;
  #seq: number;
  #tl0: number;
  readonly #described: DescribedEncoder;

  constructor(options: EncoderOptions) {
    const defaults = { eid: 0, spatial: 1, temporal: 3, keyOnly: false, flexible: false };
    const numbers = {
      seq: 1000,
      pictureId: 100,
      tl0: 7,
      timestamp: 90_000,
      perFrame: 1,
      idOffset: 0,
    };
    this.options = { ...defaults, ...numbers, ...options };
    this.#seq = this.options.seq;
    this.#tl0 = this.options.tl0;
    const { spatial, temporal, keyOnly, pictureId, idOffset } = this.options;
    const described = { keyOnly, frameNumber: pictureId, idOffset };
    this.#described = new DescribedEncoder(spatial, temporal, described);
  }

  /** Skips packets that nobody sees. */
  skip(packets: number): void {
    this.#seq += packets;
  }

  /** The packets of the next picture. */
  picture(keyPicture = false): TestPacket[] {
    const { spatial, temporal, perFrame } = this.options;
    if (keyPicture) this.#slot = 0;
    const slot = this.#slot;
    const tid = temporalPattern[temporal]![slot]!;
    if (tid === 0) this.#tl0++;
    const described = this.#described.picture(keyPicture);
    const packets: TestPacket[] = [];
    for (let sid = 0; sid < spatial; sid++) {
      const frame = this.#frame(sid, tid, slot, keyPicture);
      for (let i = 0; i < perFrame; i++) {
        const start = i === 0;
        const end = i === perFrame - 1;
        packets.push({
          eid: frame.eid,
          seq: this.#seq++ & 0xffff,
          timestamp: (this.options.timestamp + 3000 * this.#picture) | 0,
          marker: end && sid === spatial - 1,
          payload: this.#payload(frame, slot, start, end),
          descriptor:
            this.options.codec === "AV1" ? described[sid]!.describe(start, end) : undefined,
          frame,
        });
      }
    }
    this.#picture++;
    this.#slot = (slot + 1) % temporalPattern[temporal]!.length;
    return packets;
  }

  #frame(sid: number, tid: number, slot: number, keyPicture: boolean): TestFrame {
    const { eid, temporal, keyOnly } = this.options;
    const picture = this.#picture;
    const id = (pictureAt: number, sidAt: number) => `${eid}:${pictureAt}:${sidAt}`;
    const references: string[] = [];
    if (!keyPicture) references.push(id(picture - pictureReference[temporal]![slot]!, sid));
    if (sid > 0 && (keyPicture || !keyOnly)) references.push(id(picture, sid - 1));
    return { id: id(picture, sid), eid, picture, sid, tid, keyPicture, references };
  }

  #payload(frame: TestFrame, slot: number, start: boolean, end: boolean): number[] {
    const { codec, pictureId } = this.options;
    const { tid, keyPicture } = frame;
    switch (codec) {
      case "VP8":
        return vp8Payload({
          pictureId: (pictureId + frame.picture) & 0x7fff,
          tl0: this.#tl0 & 0xff,
          tid,
          keyframe: keyPicture,
          start,
        });
      case "VP9":
        return this.#vp9Payload(frame, slot, start, end);
      case "H264":
        return keyPicture && start ? [0x67, 1, 2] : [0x41, 1, 2];
      case "AV1":
        return [0x10, 1, 2];
    }
  }

  #vp9Payload(frame: TestFrame, slot: number, start: boolean, end: boolean): number[] {
    const { flexible, temporal, spatial, keyOnly, pictureId } = this.options;
    const { sid, tid, keyPicture } = frame;
    const id = (pictureId + frame.picture) & 0x7fff;
    const hasStructure = keyPicture && sid === 0 && start;
    const usesLower = sid > 0 && (keyPicture || !keyOnly);
    const isReferred = sid < spatial - 1 && (keyPicture || !keyOnly);
    const first =
      0xa0 |
      (keyPicture ? 0 : 0x40) |
      (flexible ? 0x10 : 0) |
      (start ? 0x08 : 0) |
      (end ? 0x04 : 0) |
      (hasStructure ? 0x02 : 0) |
      (isReferred ? 0 : 0x01);
    const bytes = [first, 0x80 | (id >> 8), id & 0xff, (tid << 5) | (sid << 1) | +usesLower];
    if (!flexible) bytes.push(this.#tl0 & 0xff);
    else if (!keyPicture) bytes.push(pictureReference[temporal]![slot]! << 1);
    if (hasStructure) bytes.push(...vp9StructureBytes(spatial, temporal, flexible, frame.eid));
    return [...bytes, 1, 2, 3];
  }
}

/** Sizes of 320 x 180 and its doubles, by encoding and spatial layer; a picture group unless in flexible mode. */
export function vp9StructureBytes(
  spatial: number,
  temporal: number,
  flexible: boolean,
  eid = 0,
): number[] {
  const bytes = [((spatial - 1) << 5) | 0x10 | (flexible ? 0 : 0x08)];
  for (let sid = 0; sid < spatial; sid++) {
    const [width, height] = [320 << (eid + sid), 180 << (eid + sid)];
    bytes.push(width >> 8, width & 255, height >> 8, height & 255);
  }
  if (flexible) return bytes;
  const pattern = temporalPattern[temporal]!;
  bytes.push(pattern.length);
  for (const [slot, tid] of pattern.entries())
    bytes.push((tid << 5) | 0x04, pictureReference[temporal]![slot]!);
  return bytes;
}

/** One packet as it goes out. */
export interface TestOutput {
  readonly seq: number;
  readonly timestamp: number;
  /** Picture id or frame number. */
  readonly id: number;
  readonly tl0: number;
  readonly marker: boolean;
}

const codecs = { VP8: Codec.vp8, VP9: Codec.vp9, AV1: Codec.av1, H264: Codec.h264 } as const;

/** One receiver's projection, fed with packets. */
export class Viewer {
  readonly projection: SourceProjection;
  readonly packet = new VideoPacket();
  now: Millis = 0;
  readonly #codec: TestCodec;
  readonly #encodings: number;
  readonly #frames: FrameHistory[] = [];
  readonly #structures: StructureHistory[] = [];
  readonly #spatialLayers: number[] = [];
  readonly #structure = new Vp9Structure();
  readonly #descriptor = new DependencyDescriptor();

  constructor(
    codec: TestCodec,
    target: number,
    encodings = 3,
    projection = new SourceProjection(),
  ) {
    this.#codec = codec;
    this.#encodings = encodings;
    this.projection = projection;
    projection.setTarget(target);
  }

  give(input: TestPacket): TestOutput | undefined {
    const { packet, projection } = this;
    if (!this.#parse(input)) return undefined;
    if (!projection.project(packet, this.now)) return undefined;
    return {
      seq: projection.outSeq,
      timestamp: (input.timestamp + projection.timestampDelta) | 0,
      id: projection.outPictureId,
      tl0: projection.outTl0,
      marker: input.marker || projection.setsMarker,
    };
  }

  giveAll(inputs: readonly TestPacket[]): (TestOutput | undefined)[] {
    return inputs.map((input) => this.give(input));
  }

  /** What goes out of these, with the frame it belongs to. */
  passed(inputs: readonly TestPacket[]): { frame: TestFrame; out: TestOutput }[] {
    return inputs.flatMap((input) => {
      const out = this.give(input);
      return out === undefined ? [] : [{ frame: input.frame, out }];
    });
  }

  #parse(input: TestPacket): boolean {
    const { packet } = this;
    const { eid } = input;
    packet.reset();
    packet.codec = codecs[this.#codec];
    packet.encoding = eid;
    packet.encodingCount = this.#encodings;
    packet.seq = input.seq;
    packet.timestamp = input.timestamp;
    packet.marker = input.marker;
    const bytes = Uint8Array.from(input.payload);
    if (this.#codec === "H264") return parseH264(packet, bytes, 0, bytes.length);
    if (this.#codec === "VP8") {
      packet.form = Form.vp8;
      if (!parseVp8(packet, bytes, 0, bytes.length)) return false;
    } else if (this.#codec === "VP9") {
      packet.form = Form.vp9;
      if (!parseVp9(packet, this.#structure, bytes, 0, bytes.length)) return false;
      if (packet.structure !== undefined) this.#spatialLayers[eid] = packet.structure.spatialLayers;
      packet.spatialLayers = this.#spatialLayers[eid] ?? 0;
    } else {
      const element = Uint8Array.from(input.descriptor!);
      this.#structures[eid] ??= new StructureHistory();
      const history = this.#structures[eid];
      const { length } = element;
      if (!this.#descriptor.parse(history, input.seq, element, 0, length)) return false;
      packet.describe(this.#descriptor);
    }
    this.#frames[eid] ??= new FrameHistory(packet.form);
    return this.#frames[eid].observe(packet);
  }
}
