/**
 * How one receiver sees one video source: the interface that `cc/` implements, one file per codec
 * family. Two packets with the same source number are never given to one projection.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { VideoPacket } from "./video-packet.ts";

export interface Projection {
  /** Name for statistics. */
  readonly name: string;
  /** Encoding that flows now, -1 none. */
  readonly currentEncoding: number;
  /** The stream cannot go on (as wanted) without a key frame. */
  readonly needsKeyframe: boolean;
  /** Results of the last accepted packet. */
  readonly outSeq: number;
  /** Outgoing minus incoming timestamp, signed 32 bits. */
  readonly timestampDelta: number;
  /** -1: leave as it is. */
  readonly outPictureId: number;
  readonly outTl0: number;

  /** Where the outgoing stream stands, undefined before its first packet. */
  streamEnd(): StreamEnd | undefined;
  /** Layer index wanted from the next frame on (`eid << 6 | sid << 3 | tid`), -1 nothing. */
  setTarget(index: number): void;
  /** Decides about one packet; when true the result fields are set. */
  project(packet: VideoPacket, now: Millis): boolean;
}

/** The highest number and time of an outgoing stream. */
export interface StreamEnd {
  readonly seq: number;
  /** Signed 32 bits. */
  readonly timestamp: number;
  /** Of the last VP8 frame, -1 or absent when there was none. */
  readonly pictureId?: number;
  readonly tl0?: number;
  /** When its last packet went out. */
  readonly at?: Millis;
}

/** A projection that starts a stream, or goes on behind what went out under its SSRC before. */
export type CreateProjection = (after: StreamEnd | undefined) => Projection;

/** Layer index of spec 5.1; negative parts count as 0. */
export function layerIndex(eid: number, sid: number, tid: number): number {
  return (Math.max(0, eid) << 6) | (Math.max(0, sid) << 3) | Math.max(0, tid);
}

/** Encoding of a layer index, -1 for suspended. */
export function encodingOf(index: number): number {
  return index < 0 ? -1 : index >> 6;
}

/** Temporal layer of a layer index, -1 for suspended. */
export function temporalOf(index: number): number {
  return index < 0 ? -1 : index & 7;
}
