/**
 * Payload descriptors of the video codecs, read in place into a `VideoPacket` (spec jvb-media 6).
 * Each returns false when the payload is malformed.
 */
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

/** VP9 payload descriptor (RFC 9628 4.2), as far as key frames need it. */
export function parseVp9(
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
    p += (bytes[p]! & 0x80) !== 0 ? 2 : 1;
  }
  let sid = -1;
  if ((first & 0x20) !== 0) {
    if (p >= end) return false;
    const layer = bytes[p]!;
    packet.tid = layer >> 5;
    sid = (layer >> 1) & 7;
    p += (first & 0x10) !== 0 ? 1 : 2;
  }
  if (p > end) return false;
  packet.knowsKeyframes = true;
  packet.startOfFrame = (first & 0x08) !== 0;
  packet.endOfFrame = (first & 0x04) !== 0;
  packet.keyframe = packet.startOfFrame && (first & 0x40) === 0 && sid <= 0;
  return true;
}

const NAL_STAP_A = 24;
const NAL_FU_A = 28;

function startsKeyframe(nalType: number): boolean {
  return nalType === 5 || nalType === 7;
}

/** H.264 packetization (RFC 6184 5.2): a key frame starts with an SPS or an IDR slice. */
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
    if (length < 4) return false;
    packet.keyframe = startsKeyframe(bytes[at + 3]! & 0x1f);
  } else if (type === NAL_FU_A) {
    if (length < 2) return false;
    packet.keyframe = (bytes[at + 1]! & 0x80) !== 0 && startsKeyframe(bytes[at + 1]! & 0x1f);
  } else {
    packet.keyframe = startsKeyframe(type);
  }
  packet.startOfFrame = packet.keyframe;
  return true;
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
