/** Walking a compound RTCP packet (RFC 3550 6.1) and reading its parts in place. */
import { readInt32, readUint16 } from "./rtp-header.ts";

/** RTCP packet types (RFC 3550, RFC 4585, RFC 3611). */
export const RtcpType = {
  SR: 200,
  RR: 201,
  SDES: 202,
  BYE: 203,
  APP: 204,
  RTPFB: 205,
  PSFB: 206,
  XR: 207,
} as const;

/** Feedback message types (the count field) of RTPFB and PSFB. */
export const FeedbackType = { NACK: 1, TWCC: 15, PLI: 1, FIR: 4, REMB: 15 } as const;

/**
 * Iterates the packets of a compound. A sub-packet that runs past the datagram ends the walk with
 * `malformed` set; callers check `isWellFormed` first to drop the whole compound (spec 8.1).
 */
export class RtcpWalker {
  type = 0;
  /** Report count or feedback message type. */
  count = 0;
  /** First byte of the current packet. */
  offset = 0;
  /** Length of the current packet, header included and padding excluded. */
  length = 0;
  malformed = false;
  bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  start(bytes: Uint8Array, offset: number, length: number): void {
    this.bytes = bytes;
    this.#at = offset;
    this.#end = Math.min(offset + length, bytes.length);
    this.malformed = false;
  }

  next(): boolean {
    const at = this.#at;
    if (at >= this.#end) return false;
    const bytes = this.bytes;
    if (at + 4 > this.#end || bytes[at]! >> 6 !== 2) {
      this.malformed = true;
      return false;
    }
    const total = 4 * (readUint16(bytes, at + 2) + 1);
    if (at + total > this.#end) {
      this.malformed = true;
      return false;
    }
    let length = total;
    if ((bytes[at]! & 0x20) !== 0) {
      const padding = bytes[at + total - 1]!;
      if (padding === 0 || padding > total - 4) {
        this.malformed = true;
        return false;
      }
      length -= padding;
    }
    this.offset = at;
    this.length = length;
    this.count = bytes[at]! & 0x1f;
    this.type = bytes[at + 1]!;
    this.#at = at + total;
    return true;
  }

  /** Sender SSRC (signed 32 bits) of SR, RR and feedback; 0 when the packet is too short. */
  senderSsrc(): number {
    return this.length >= 8 ? readInt32(this.bytes, this.offset + 4) : 0;
  }

  /** Media source SSRC (signed 32 bits) of feedback; 0 when the packet is too short. */
  mediaSsrc(): number {
    return this.length >= 12 ? readInt32(this.bytes, this.offset + 8) : 0;
  }

  /** First byte of the report blocks of an SR or RR. */
  reportBlocksOffset(): number {
    return this.offset + (this.type === RtcpType.SR ? 28 : 8);
  }

  /** Report blocks that really fit into the packet. */
  reportBlockCount(): number {
    const room = this.offset + this.length - this.reportBlocksOffset();
    return Math.max(0, Math.min(this.count, Math.floor(room / 24)));
  }
}

const checker = new RtcpWalker();

/** Whether every packet of the compound is well-formed and lies within the datagram. */
export function isWellFormedRtcp(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < 4) return false;
  checker.start(bytes, offset, length);
  while (checker.next());
  return !checker.malformed;
}
