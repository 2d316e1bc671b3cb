/**
 * Writers of RTCP packets into given memory. Each writes one packet at `at` and returns its
 * length; the caller guarantees the room. SSRCs may be signed or unsigned 32-bit integers.
 */
import { FeedbackType, RtcpType } from "./rtcp-walk.ts";
import { writeInt32, writeUint16 } from "./rtp-header.ts";

/** Writes the four header bytes; `length` in bytes, a multiple of 4. */
export function writeRtcpHeader(
  bytes: Uint8Array,
  at: number,
  type: number,
  count: number,
  length: number,
): void {
  bytes[at] = 0x80 | count;
  bytes[at + 1] = type;
  writeUint16(bytes, at + 2, (length >> 2) - 1);
}

/** Bytes of an RR without blocks and of one block. */
export const RR_HEADER_BYTES = 8;
export const REPORT_BLOCK_BYTES = 24;

/** RR header for `count` blocks (0..31) that the caller writes behind it. */
export function writeReceiverReportHeader(
  bytes: Uint8Array,
  at: number,
  senderSsrc: number,
  count: number,
): number {
  writeRtcpHeader(bytes, at, RtcpType.RR, count, RR_HEADER_BYTES + count * REPORT_BLOCK_BYTES);
  writeInt32(bytes, at + 4, senderSsrc);
  return RR_HEADER_BYTES;
}

/** One report block (RFC 3550 6.4.1). `fractionLost` 0..255, `cumulativeLost` signed 24 bits. */
export function writeReportBlock(
  bytes: Uint8Array,
  at: number,
  ssrc: number,
  fractionLost: number,
  cumulativeLost: number,
  extendedHighestSeq: number,
  jitter: number,
  lastSr: number,
  delaySinceLastSr: number,
): number {
  const lost = Math.max(-0x800000, Math.min(0x7fffff, cumulativeLost));
  writeInt32(bytes, at, ssrc);
  bytes[at + 4] = fractionLost;
  bytes[at + 5] = lost >> 16;
  bytes[at + 6] = lost >> 8;
  bytes[at + 7] = lost;
  writeInt32(bytes, at + 8, extendedHighestSeq);
  writeInt32(bytes, at + 12, jitter);
  writeInt32(bytes, at + 16, lastSr);
  writeInt32(bytes, at + 20, delaySinceLastSr);
  return REPORT_BLOCK_BYTES;
}

/** SR without report blocks, 28 bytes. */
export function writeSenderReport(
  bytes: Uint8Array,
  at: number,
  ssrc: number,
  ntpHigh: number,
  ntpLow: number,
  rtpTimestamp: number,
  packets: number,
  octets: number,
): number {
  writeRtcpHeader(bytes, at, RtcpType.SR, 0, 28);
  writeInt32(bytes, at + 4, ssrc);
  writeInt32(bytes, at + 8, ntpHigh);
  writeInt32(bytes, at + 12, ntpLow);
  writeInt32(bytes, at + 16, rtpTimestamp);
  writeInt32(bytes, at + 20, packets);
  writeInt32(bytes, at + 24, octets);
  return 28;
}

/** SDES with one CNAME chunk (RFC 3550 6.5); `cname` ASCII, at most 255 bytes. */
export function writeSdesCname(bytes: Uint8Array, at: number, ssrc: number, cname: string): number {
  const text = Math.min(255, cname.length);
  const length = (4 + 4 + 2 + text + 1 + 3) & ~3;
  bytes.fill(0, at, at + length);
  writeRtcpHeader(bytes, at, RtcpType.SDES, 1, length);
  writeInt32(bytes, at + 4, ssrc);
  bytes[at + 8] = 1;
  bytes[at + 9] = text;
  for (let i = 0; i < text; i++) bytes[at + 10 + i] = cname.charCodeAt(i) & 0x7f;
  return length;
}

/**
 * Generic NACK (RFC 4585 6.2.1) for `count` sequence numbers in ascending (wrapping) order, packed
 * greedily into PID and BLP. Numbers that do not fit into `maxBytes` are left out.
 */
export function writeNack(
  bytes: Uint8Array,
  at: number,
  senderSsrc: number,
  mediaSsrc: number,
  seqs: Uint16Array,
  count: number,
  maxBytes: number,
): number {
  let length = 12;
  let i = 0;
  while (i < count && length + 4 <= maxBytes) {
    const pid = seqs[i]!;
    let blp = 0;
    i++;
    while (i < count) {
      const distance = (seqs[i]! - pid) & 0xffff;
      if (distance === 0 || distance > 16) break;
      blp |= 1 << (distance - 1);
      i++;
    }
    writeUint16(bytes, at + length, pid);
    writeUint16(bytes, at + length + 2, blp);
    length += 4;
  }
  writeRtcpHeader(bytes, at, RtcpType.RTPFB, FeedbackType.NACK, length);
  writeInt32(bytes, at + 4, senderSsrc);
  writeInt32(bytes, at + 8, mediaSsrc);
  return length;
}

/** PLI (RFC 4585 6.3.1), 12 bytes. */
export function writePli(
  bytes: Uint8Array,
  at: number,
  senderSsrc: number,
  mediaSsrc: number,
): number {
  writeRtcpHeader(bytes, at, RtcpType.PSFB, FeedbackType.PLI, 12);
  writeInt32(bytes, at + 4, senderSsrc);
  writeInt32(bytes, at + 8, mediaSsrc);
  return 12;
}

/** FIR (RFC 5104 4.3.1) with one entry, 20 bytes; the media source field is 0 by the RFC. */
export function writeFir(
  bytes: Uint8Array,
  at: number,
  senderSsrc: number,
  mediaSsrc: number,
  commandSeq: number,
): number {
  writeRtcpHeader(bytes, at, RtcpType.PSFB, FeedbackType.FIR, 20);
  writeInt32(bytes, at + 4, senderSsrc);
  writeInt32(bytes, at + 8, 0);
  writeInt32(bytes, at + 12, mediaSsrc);
  writeInt32(bytes, at + 16, 0);
  bytes[at + 16] = commandSeq;
  return 20;
}

/** REMB for `ssrcs`; the rate is rounded down to an 18-bit mantissa. */
export function writeRemb(
  bytes: Uint8Array,
  at: number,
  senderSsrc: number,
  bitrateBps: number,
  ssrcs: readonly number[],
): number {
  const length = 20 + 4 * ssrcs.length;
  let exponent = 0;
  let mantissa = Math.floor(Math.max(0, bitrateBps));
  while (mantissa > 0x3ffff && exponent < 63) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  mantissa = Math.min(mantissa, 0x3ffff);
  writeRtcpHeader(bytes, at, RtcpType.PSFB, FeedbackType.REMB, length);
  writeInt32(bytes, at + 4, senderSsrc);
  writeInt32(bytes, at + 8, 0);
  writeInt32(bytes, at + 12, 0x52454d42);
  bytes[at + 16] = ssrcs.length;
  bytes[at + 17] = (exponent << 2) | (mantissa >> 16);
  writeUint16(bytes, at + 18, mantissa & 0xffff);
  for (let i = 0; i < ssrcs.length; i++) writeInt32(bytes, at + 20 + 4 * i, ssrcs[i]!);
  return length;
}

/**
 * Rate of a REMB packet at `at` of `length` bytes: `undefined` when it is none, `Infinity` when it
 * means "unlimited" (all bits set).
 */
export function readRembBps(bytes: Uint8Array, at: number, length: number): number | undefined {
  if (length < 20) return undefined;
  if (
    bytes[at + 12] !== 0x52 ||
    bytes[at + 13] !== 0x45 ||
    bytes[at + 14] !== 0x4d ||
    bytes[at + 15] !== 0x42
  )
    return undefined;
  const exponent = bytes[at + 17]! >> 2;
  const mantissa = ((bytes[at + 17]! & 3) << 16) | (bytes[at + 18]! << 8) | bytes[at + 19]!;
  if (exponent === 63 && mantissa === 0x3ffff) return Number.POSITIVE_INFINITY;
  return mantissa * 2 ** exponent;
}
