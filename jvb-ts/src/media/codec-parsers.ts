/**
 * Payload descriptors of VP8, H.264 and AV1, read in place into a `VideoPacket` (spec jvb-media 6).
 * Each returns false when the payload is malformed. VP9 has a file of its own.
 */
import { readUint16 } from "#shared/rtp/rtp-header";
import type { VideoPacket } from "./video-packet.ts";

/** VP8 payload descriptor (RFC 7741 4.2) and the start of a key frame's header (RFC 6386 9.1). */
export function parseVp8(
  packet: VideoPacket,
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  if (length < 1) return false;
  const end = at + length;
  const first = bytes[at]!;
  let p = at + 1;
  if ((first & 0x80) !== 0) {
    if (p >= end) return false;
    const flags = bytes[p++]!;
    if ((flags & 0x80) !== 0) {
      if (p >= end) return false;
      const high = bytes[p]!;
      if ((high & 0x80) !== 0) {
        if (p + 1 >= end) return false;
        packet.pictureId = ((high & 0x7f) << 8) | bytes[p + 1]!;
        packet.pictureIdBits = 15;
        packet.pictureIdAt = p - at;
        p += 2;
      } else {
        packet.pictureId = high;
        packet.pictureIdBits = 7;
        p += 1;
      }
    }
    if ((flags & 0x40) !== 0) {
      if (p >= end) return false;
      packet.tl0 = bytes[p]!;
      packet.tl0At = p - at;
      p += 1;
    }
    if ((flags & 0x30) !== 0) {
      if (p >= end) return false;
      if ((flags & 0x20) !== 0) packet.tid = bytes[p]! >> 6;
      p += 1;
    }
  }
  if (p >= end) return false;
  packet.knowsKeyframes = true;
  packet.startOfFrame = (first & 0x10) !== 0 && (first & 0x07) === 0;
  packet.endOfFrame = packet.marker;
  packet.keyframe = packet.startOfFrame && (bytes[p]! & 0x01) === 0;
  if (
    packet.keyframe &&
    p + 10 <= end &&
    bytes[p + 3] === 0x9d &&
    bytes[p + 4] === 0x01 &&
    bytes[p + 5] === 0x2a
  )
    packet.height = ((bytes[p + 9]! << 8) | bytes[p + 8]!) & 0x3fff;
  return true;
}

const NAL_STAP_A = 24;
const NAL_FU_A = 28;

function startsKeyframe(nalType: number): boolean {
  return nalType === 5 || nalType === 7;
}

/**
 * H.264 packetization (RFC 6184 5.2): a key frame starts with an SPS or an IDR slice, alone, first
 * of its kind in an aggregate (STAP-A), or as the first fragment (FU-A).
 */
export function parseH264(
  packet: VideoPacket,
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  if (length < 1) return false;
  packet.knowsKeyframes = true;
  packet.endOfFrame = packet.marker;
  const type = bytes[at]! & 0x1f;
  if (type === NAL_STAP_A) {
    if (!parseAggregate(packet, bytes, at + 1, at + length)) return false;
  } else if (type === NAL_FU_A) {
    if (length < 2) return false;
    packet.keyframe = (bytes[at + 1]! & 0x80) !== 0 && startsKeyframe(bytes[at + 1]! & 0x1f);
  } else {
    packet.keyframe = startsKeyframe(type);
  }
  packet.startOfFrame = packet.keyframe;
  return true;
}

/** Units behind their sizes; a delimiter or SEI may precede the one that counts. */
function parseAggregate(packet: VideoPacket, bytes: Uint8Array, at: number, end: number): boolean {
  let p = at;
  while (p < end) {
    if (p + 2 > end) return false;
    const size = readUint16(bytes, p);
    p += 2;
    if (size === 0 || p + size > end) return false;
    if (startsKeyframe(bytes[p]! & 0x1f)) packet.keyframe = true;
    p += size;
  }
  return p > at;
}

/** AV1 aggregation header (AV1 RTP specification 4.4): N marks a new coded video sequence. */
export function parseAv1(
  packet: VideoPacket,
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  if (length < 1) return false;
  const header = bytes[at]!;
  packet.knowsKeyframes = true;
  packet.keyframe = (header & 0x88) === 0x08;
  packet.startOfFrame = (header & 0x80) === 0;
  packet.endOfFrame = packet.marker;
  return true;
}
