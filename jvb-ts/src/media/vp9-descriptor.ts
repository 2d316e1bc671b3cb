/** VP9 payload descriptor (RFC 9628 4.2, spec jvb-media 6.2), read in place. */
import type { VideoPacket } from "./video-packet.ts";
import { MAX_VP9_REFERENCES } from "./video-packet.ts";
import type { Vp9Structure } from "./vp9-structure.ts";

/**
 * Fills `packet` from the payload of `length` bytes at `at`; `structure` is used when the packet
 * has one. False when the payload is malformed.
 */
export function parseVp9(
  packet: VideoPacket,
  structure: Vp9Structure,
  bytes: Uint8Array,
  at: number,
  length: number,
): boolean {
  const end = at + length;
  if (length < 1) return false;
  const first = bytes[at]!;
  let p = at + 1;
  if ((first & 0x80) !== 0) {
    p = parsePictureId(packet, bytes, at, end);
    if (p < 0) return false;
  }
  const predicted = (first & 0x40) !== 0;
  packet.flexible = (first & 0x10) !== 0;
  packet.interPicture = predicted;
  packet.upperLevelReference = (first & 0x01) === 0;
  if ((first & 0x20) !== 0) {
    if (p >= end) return false;
    const layer = bytes[p]!;
    packet.tid = layer >> 5;
    packet.sid = (layer >> 1) & 7;
    packet.interLayer = (layer & 1) !== 0;
    p++;
    if (!packet.flexible) {
      if (p >= end) return false;
      packet.tl0 = bytes[p]!;
      packet.tl0At = p - at;
      p++;
    }
  }
  if (predicted && packet.flexible) {
    p = parseReferences(packet, bytes, p, end);
    if (p < 0) return false;
  }
  if ((first & 0x02) !== 0) {
    p = structure.parse(bytes, p, end);
    if (p < 0) return false;
    packet.structure = structure;
    packet.height = structure.heights[structure.spatialLayers - 1]!;
  }
  if (p >= end) return false;
  packet.knowsKeyframes = true;
  packet.startOfFrame = (first & 0x08) !== 0;
  packet.endOfFrame = (first & 0x04) !== 0;
  packet.keyframe = !predicted && (packet.sid <= 0 || !packet.interLayer);
  return true;
}

function parsePictureId(packet: VideoPacket, bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1;
  const high = bytes[at + 1]!;
  if ((high & 0x80) === 0) {
    packet.pictureId = high;
    packet.pictureIdBits = 7;
    return at + 2;
  }
  if (at + 2 >= end) return -1;
  packet.pictureId = ((high & 0x7f) << 8) | bytes[at + 2]!;
  packet.pictureIdBits = 15;
  packet.pictureIdAt = 1;
  return at + 3;
}

/** At most three of them; the last bit says whether another one follows. */
function parseReferences(packet: VideoPacket, bytes: Uint8Array, at: number, end: number): number {
  for (let p = at; p < end; ) {
    if (packet.referenceCount === MAX_VP9_REFERENCES) return -1;
    const reference = bytes[p++]!;
    packet.references[packet.referenceCount++] = reference >> 1;
    if ((reference & 1) === 0) return p;
  }
  return -1;
}
