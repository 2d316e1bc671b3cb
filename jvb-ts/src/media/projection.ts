/**
 * How one receiver sees one video source: the interface that `cc/` implements, one file per codec
 * family. Two packets with the same source number are never given to one projection.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { DescriptorChange } from "./descriptor-edit.ts";
import type { VideoPacket } from "./video-packet.ts";

/** What one packet is changed in on its way, beyond its SSRC and number. */
export interface PacketEdit extends DescriptorChange {
  /** Outgoing minus incoming timestamp, signed 32 bits. */
  readonly timestampDelta: number;
  /** Of the payload; -1: leave as it is. */
  readonly outPictureId: number;
  readonly outTl0: number;
  /** The packet ends what the receiver gets of its picture: it carries the marker. */
  readonly setsMarker: boolean;
}

export interface Projection extends PacketEdit {
  /** Name for statistics. */
  readonly name: string;
  /** Encoding that flows now, -1 none. */
  readonly currentEncoding: number;
  /** The stream cannot go on (as wanted) without a key frame. */
  readonly needsKeyframe: boolean;
  /** Results of the last accepted packet: its number, and the fields of `PacketEdit`. */
  readonly outSeq: number;

  /** Where the outgoing stream stands, undefined before its first packet. */
  streamEnd(): StreamEnd | undefined;
  /**
   * Layer index wanted from the next frame on, -1 nothing: `eid << 6 | sid << 3 | tid`, of described
   * streams `eid << 6 | decode target`.
   */
  setTarget(index: number): void;
  /** Decides about one packet; when true the result fields are set. */
  project(packet: VideoPacket, now: Millis): boolean;
}

/** The highest number and time of an outgoing stream. */
export interface StreamEnd {
  readonly seq: number;
  /** Signed 32 bits. */
  readonly timestamp: number;
  /** Of the last VP8 or VP9 frame, -1 or absent when there was none. */
  readonly pictureId?: number;
  readonly tl0?: number;
  /** Of the last described frame, and the template id behind its structure's; the same. */
  readonly frameNumber?: number;
  readonly nextTemplateId?: number;
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

/** Spatial layer of a layer index, -1 for suspended. */
export function spatialOf(index: number): number {
  return index < 0 ? -1 : (index >> 3) & 7;
}

/** Decode target of a layer index of a described stream, -1 for suspended. */
export function targetOf(index: number): number {
  return index < 0 ? -1 : index & 0x3f;
}

/** Temporal layer of a layer index, -1 for suspended. */
export function temporalOf(index: number): number {
  return index < 0 ? -1 : index & 7;
}
