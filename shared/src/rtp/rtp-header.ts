/** Reading and writing RTP headers (RFC 3550 5.1) in place, without allocating. */

export const RTP_HEADER_BYTES = 12;

export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** 32 bits as a signed integer (see arithmetic.ts); `>>> 0` for the unsigned value. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** Writes the low 32 bits of an integer, signed or unsigned. */
export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

/**
 * A view of one RTP packet, made once and pointed at packet after packet. Fields are valid while
 * the last `parse` returned true and the bytes are untouched.
 */
export class RtpHeader {
  bytes: Uint8Array = new Uint8Array(0);
  /** Start of the packet in `bytes`. */
  offset = 0;
  /** Whole packet, padding included. */
  length = 0;
  payloadType = 0;
  marker = false;
  seq = 0;
  /** Signed 32 bits. */
  timestamp = 0;
  /** Signed 32 bits. */
  ssrc = 0;
  csrcCount = 0;
  /** Extension profile, 0 without an extension block. */
  extensionProfile = 0;
  /** First byte of the extension elements. */
  extensionOffset = 0;
  extensionLength = 0;
  payloadOffset = 0;
  /** Without padding. */
  payloadLength = 0;
  /** Padding bytes, their count byte included. */
  paddingLength = 0;

  /** False when this is no well-formed RTP packet of version 2. */
  parse(bytes: Uint8Array, offset: number, length: number): boolean {
    if (length < RTP_HEADER_BYTES || offset < 0 || offset + length > bytes.length) return false;
    const first = bytes[offset]!;
    if (first >> 6 !== 2) return false;
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    const second = bytes[offset + 1]!;
    this.marker = (second & 0x80) !== 0;
    this.payloadType = second & 0x7f;
    this.seq = readUint16(bytes, offset + 2);
    this.timestamp = readInt32(bytes, offset + 4);
    this.ssrc = readInt32(bytes, offset + 8);
    this.csrcCount = first & 0x0f;
    const end = offset + length;
    let at = offset + RTP_HEADER_BYTES + 4 * this.csrcCount;
    if (at > end) return false;
    this.extensionProfile = 0;
    this.extensionLength = 0;
    if ((first & 0x10) !== 0) {
      if (at + 4 > end) return false;
      this.extensionProfile = readUint16(bytes, at);
      this.extensionLength = 4 * readUint16(bytes, at + 2);
      at += 4;
      this.extensionOffset = at;
      at += this.extensionLength;
      if (at > end) return false;
    }
    this.payloadOffset = at;
    let padding = 0;
    if ((first & 0x20) !== 0) {
      if (at === end) return false;
      padding = bytes[end - 1]!;
      if (padding === 0 || padding > end - at) return false;
    }
    this.paddingLength = padding;
    this.payloadLength = end - at - padding;
    return true;
  }
}
