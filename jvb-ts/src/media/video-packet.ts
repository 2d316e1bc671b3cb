/**
 * What the codec parsers found in one video packet. One object is reused for all packets; a
 * projection reads it and writes nothing.
 */
import type { DependencyDescriptor } from "./dependency-descriptor.ts";
import type { Vp9Structure } from "./vp9-structure.ts";

/** Codecs by how they are parsed. `other` is forwarded without knowing key frames. */
export const Codec = { other: 0, vp8: 1, vp9: 2, h264: 3, av1: 4 } as const;
export type CodecId = (typeof Codec)[keyof typeof Codec];
export const codecNames = ["other", "VP8", "VP9", "H264", "AV1"] as const;

/**
 * What a packet shows of its frames, which decides about the kind of projection (spec jvb-media
 * 7.1): nothing that can be followed, a VP8 or VP9 descriptor with a picture id, or a dependency
 * descriptor (AV1, also H.264).
 */
export const Form = { generic: 0, vp8: 1, vp9: 2, described: 3 } as const;
export type FormId = (typeof Form)[keyof typeof Form];

/** Most references to other pictures in one VP9 descriptor. */
export const MAX_VP9_REFERENCES = 3;

/** What is known about the frames of one stream, by frame index (see `FrameHistory`). */
export interface FrameFacts {
  /** Index of the newest frame. */
  readonly latest: number;
  has(index: number): boolean;
  previous(index: number): number;
  following(index: number): number;
  /** No frame can lie between the neighbours `older` and `newer`. */
  adjacent(older: number, newer: number): boolean;
  timestamp(index: number): number;
  earliest(index: number): number;
  latestSeq(index: number): number;
  seenStart(index: number): boolean;
  seenEnd(index: number): boolean;
  isKeyframe(index: number): boolean;
  tid(index: number): number;
  pictureId(index: number): number;
  /** Decode targets a described frame belongs to, bit by bit. */
  targets(index: number): number;
}

export class VideoPacket {
  codec: CodecId = Codec.other;
  form: FormId = Form.generic;
  /** Index of the encoding that owns the SSRC. */
  encoding = 0;
  /** Encodings of its source. */
  encodingCount = 1;
  /** After hiding what the bridge discarded. */
  seq = 0;
  /** Signed 32 bits. */
  timestamp = 0;
  marker = false;
  startOfFrame = false;
  endOfFrame = false;
  keyframe = false;
  /** Whether `keyframe` means anything for this codec. */
  knowsKeyframes = false;
  /** Spatial and temporal layer, -1 unknown. */
  sid = -1;
  tid = -1;
  /** Picture id of 15 or 7 bits, or frame number of 16 bits (described), -1 absent. */
  pictureId = -1;
  pictureIdBits = 15;
  /** TL0PICIDX, -1 absent. */
  tl0 = -1;
  /** Offset from the payload's first byte of a writable 15-bit picture id and TL0PICIDX, 0 none. */
  pictureIdAt = 0;
  tl0At = 0;
  /** Of a key frame, 0 unknown. */
  height = 0;
  /** VP9: the frame is predicted from other pictures; from the lower spatial layer of its own. */
  interPicture = false;
  interLayer = false;
  /** VP9: higher spatial layers of the same picture may refer to this frame. */
  upperLevelReference = false;
  /** VP9: spatial layers of the stream as far as it told, 0 unknown. */
  spatialLayers = 0;
  /** VP9 in flexible mode: how many pictures back its references lie. */
  flexible = false;
  referenceCount = 0;
  readonly references = new Uint8Array(MAX_VP9_REFERENCES);
  /** VP9: the scalability structure in this packet. */
  structure: Vp9Structure | undefined = undefined;
  /** Described: the dependency descriptor. */
  descriptor: DependencyDescriptor | undefined = undefined;
  /** VP8, VP9, described: the frames of this SSRC; `frame` is this packet's index there. */
  frames: FrameFacts | undefined = undefined;
  frame = -1;
  frameIsNew = false;
  frameIsReset = false;

  /** Takes what its dependency descriptor tells of the frame. */
  describe(descriptor: DependencyDescriptor): void {
    this.form = Form.described;
    this.descriptor = descriptor;
    this.knowsKeyframes = true;
    this.startOfFrame = descriptor.startOfFrame;
    this.endOfFrame = descriptor.endOfFrame;
    this.keyframe = descriptor.hasStructure;
    this.sid = descriptor.hasFrame ? descriptor.sid : -1;
    this.tid = descriptor.hasFrame ? descriptor.tid : -1;
    this.pictureId = descriptor.frameNumber;
    this.pictureIdBits = 16;
    // Ids of the payload stay as they are.
    this.pictureIdAt = 0;
    this.tl0 = -1;
    this.tl0At = 0;
    this.height = 0;
  }

  reset(): void {
    this.form = Form.generic;
    this.startOfFrame = false;
    this.endOfFrame = false;
    this.keyframe = false;
    this.knowsKeyframes = false;
    this.sid = -1;
    this.tid = -1;
    this.pictureId = -1;
    this.pictureIdBits = 15;
    this.tl0 = -1;
    this.pictureIdAt = 0;
    this.tl0At = 0;
    this.height = 0;
    this.interPicture = false;
    this.interLayer = false;
    this.upperLevelReference = false;
    this.spatialLayers = 0;
    this.flexible = false;
    this.referenceCount = 0;
    this.structure = undefined;
    this.descriptor = undefined;
    this.frames = undefined;
    this.frame = -1;
    this.frameIsNew = false;
    this.frameIsReset = false;
  }
}
