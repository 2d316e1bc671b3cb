/** SCTP packets and chunks as bytes (RFC 9260 3). Peer input never throws. */
import { crc32c } from "./crc32c.ts";

export const ChunkType = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  reconfig: 130,
  forwardTsn: 192,
} as const;

export const COMMON_HEADER = 12;
export const DATA_HEADER = 16;
/** Longest packet sent: below 1200 with DTLS, UDP and IPv6 around it. A multiple of four. */
export const MAX_PACKET = 1188;

export interface Chunk {
  readonly type: number;
  readonly flags: number;
  /** Without the four bytes of chunk header and without padding. A view into the packet. */
  readonly value: Uint8Array;
}

export interface SctpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag: number;
  readonly chunks: readonly Chunk[];
}

/**
 * Parses one packet; undefined when it is too short, its checksum is wrong or a chunk's length does
 * not fit. Chunks behind an unknown one that forbids it (RFC 9260 3.2) are left out.
 */
export function parsePacket(bytes: Uint8Array): SctpPacket | undefined {
  if (bytes.length < COMMON_HEADER + 4) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(8, true) !== crc32c(bytes, 8)) return undefined;
  const chunks: Chunk[] = [];
  let at = COMMON_HEADER;
  while (at + 4 <= bytes.length) {
    const type = view.getUint8(at);
    const length = view.getUint16(at + 2);
    if (length < 4 || at + length > bytes.length) return undefined;
    chunks.push({ type, flags: view.getUint8(at + 1), value: bytes.subarray(at + 4, at + length) });
    if (!known.has(type) && (type & 0x80) === 0) break;
    at += (length + 3) & ~3;
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    verificationTag: view.getUint32(4),
    chunks,
  };
}

const known = new Set<number>(Object.values(ChunkType));

/** Builds one packet of finished chunks. */
export function buildPacket(
  sourcePort: number,
  destinationPort: number,
  verificationTag: number,
  chunks: readonly Uint8Array[],
): Uint8Array {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, COMMON_HEADER);
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint32(4, verificationTag);
  let at = COMMON_HEADER;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  view.setUint32(8, crc32c(bytes, 8), true);
  return bytes;
}

/** One chunk with header and padding. */
export function buildChunk(type: number, flags: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + value.length + 3) & ~3);
  bytes[0] = type;
  bytes[1] = flags;
  viewOf(bytes).setUint16(2, 4 + value.length);
  bytes.set(value, 4);
  return bytes;
}

export interface Parameter {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Type-length-value parameters; what does not fit ends the list. */
export function parseParameters(bytes: Uint8Array): Parameter[] {
  const view = viewOf(bytes);
  const parameters: Parameter[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = view.getUint16(at + 2);
    if (length < 4 || at + length > bytes.length) break;
    parameters.push({ type: view.getUint16(at), value: bytes.subarray(at + 4, at + length) });
    at += (length + 3) & ~3;
  }
  return parameters;
}

export function buildParameter(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + value.length + 3) & ~3);
  const view = viewOf(bytes);
  view.setUint16(0, type);
  view.setUint16(2, 4 + value.length);
  bytes.set(value, 4);
  return bytes;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Words of 32 bits, big-endian. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = viewOf(bytes);
  values.forEach((value, i) => {
    view.setUint32(4 * i, value);
  });
  return bytes;
}

/** `a − b` of serial numbers of 32 bits: negative when `a` is older (RFC 1982). */
export function serialDiff(a: number, b: number): number {
  return (a - b) | 0;
}
