/**
 * What the codec parsers found in one video packet. One object is reused for all packets; a
 * projection reads it and writes nothing.
 */

/** Codecs by how they are parsed. `other` is forwarded without knowing key frames. */
export const Codec = { other: 0, vp8: 1, vp9: 2, h264: 3, av1: 4 } as const;
export type CodecId = (typeof Codec)[keyof typeof Codec];
export const codecNames = ["other", "VP8", "VP9", "H264", "AV1"] as const;

/** What is known about the frames of one stream, by frame index (see `Vp8Frames`). */
export interface FrameFacts {
  /** Index of the newest frame. */
  readonly latest: number;
  has(index: number): boolean;
  previous(index: number): number;
  following(index: number): number;
  timestamp(index: number): number;
  earliest(index: number): number;
  latestSeq(index: number): number;
  seenStart(index: number): boolean;
  seenEnd(index: number): boolean;
  isKeyframe(index: number): boolean;
  tid(index: number): number;
  pictureId(index: number): number;
}

export class VideoPacket {
  codec: CodecId = Codec.other;
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
  /** Temporal layer, -1 unknown. */
  tid = -1;
  /** 15 or 7 bits, -1 absent. */
  pictureId = -1;
  pictureIdBits = 15;
  /** TL0PICIDX, -1 absent. */
  tl0 = -1;
  /** Offset from the payload's first byte of a writable 15-bit picture id and TL0PICIDX, 0 none. */
  pictureIdAt = 0;
  tl0At = 0;
  /** Of a key frame, 0 unknown. */
  height = 0;
  /** VP8 with picture id and TID: the frames of this SSRC; `frame` is this packet's index there. */
  frames: FrameFacts | undefined = undefined;
  frame = -1;
  frameIsNew = false;
  frameIsReset = false;

  reset(): void {
    this.startOfFrame = false;
    this.endOfFrame = false;
    this.keyframe = false;
    this.knowsKeyframes = false;
    this.tid = -1;
    this.pictureId = -1;
    this.pictureIdBits = 15;
    this.tl0 = -1;
    this.pictureIdAt = 0;
    this.tl0At = 0;
    this.height = 0;
    this.frames = undefined;
    this.frame = -1;
    this.frameIsNew = false;
    this.frameIsReset = false;
  }
}
