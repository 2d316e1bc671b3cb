/**
 * The packet being forwarded, stripped of everything receivers do not get: fixed header and CSRCs,
 * kept header extension elements, payload without padding. It lives in the last slot of the
 * `TxSlab`, because copying inside one buffer costs less than half of copying between two.
 */
import { ExtensionIterator } from "#shared/rtp/header-extensions";
import type { RtpHeader } from "#shared/rtp/rtp-header";
import { writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import type { DescriptorLayout } from "./descriptor-edit.ts";
import type { TxSlab } from "./slab.ts";
import { SLOT_BYTES, TX_SLOTS } from "./slab.ts";

/** Slots a sender of packets may fill; the last one is the stage. */
export const USABLE_SLOTS = TX_SLOTS - 1;
const STAGE_AT = USABLE_SLOTS * SLOT_BYTES;
/** Room for all kept elements, one of them of any length; more than that is cut off. */
const MAX_EXTENSIONS = 320;

export class Stage implements DescriptorLayout {
  readonly bytes: Buffer;
  /** First byte of the fixed header. */
  readonly at = STAGE_AT;
  /** Fixed header and CSRCs. */
  headerLength = 12;
  /** Kept elements as (kind, length, data) each, behind the header. */
  extensionLength = 0;
  /** Their kinds (`Kept`), bit by bit. */
  extensionKinds = 0;
  /** Some kept element is too long, or too short, for the one-byte form. */
  needsTwoByte = false;
  payloadLength = 0;
  /** Bytes between the extensions and the payload: a cut-out part of it is sent (audio RED). */
  payloadShift = 0;
  payloadType = 0;
  marker = false;
  /** Signed 32 bits. */
  timestamp = 0;
  seq = 0;
  /** Signed 32 bits. */
  ssrc = 0;
  /** See `VideoPacket`. */
  pictureIdAt = 0;
  tl0At = 0;
  /** Of the dependency descriptor among the elements, see `DescriptorLayout`; 0 without one. */
  targetsAt = 0;
  usedBits = 0;
  targetCount = 0;
  readonly #iterator = new ExtensionIterator();

  constructor(tx: TxSlab) {
    this.bytes = Buffer.from(tx.bytes.buffer, tx.bytes.byteOffset, tx.bytes.length);
  }

  get payloadAt(): number {
    return this.at + this.headerLength + this.extensionLength + this.payloadShift;
  }

  get length(): number {
    return this.headerLength + this.extensionLength + this.payloadLength;
  }

  /**
   * Loads a received packet. `kept` gives the kinds of the extension ids that survive; `source`
   * holds the packet's slab as a Buffer.
   */
  load(header: RtpHeader, source: Buffer, kept: Uint8Array, seq: number): void {
    const bytes = this.bytes;
    this.headerLength = 12 + 4 * header.csrcCount;
    this.payloadType = header.payloadType;
    this.marker = header.marker;
    this.timestamp = header.timestamp;
    this.seq = seq;
    this.ssrc = header.ssrc;
    this.pictureIdAt = 0;
    this.tl0At = 0;
    this.targetsAt = 0;
    this.usedBits = 0;
    this.targetCount = 0;
    this.extensionLength = 0;
    this.extensionKinds = 0;
    this.needsTwoByte = false;
    const csrcs = header.offset + 12;
    for (let i = 0; i < 4 * header.csrcCount; i++) bytes[STAGE_AT + 12 + i] = source[csrcs + i]!;
    if (header.extensionProfile !== 0) this.#keepExtensions(header, source, kept);
    this.payloadLength = header.payloadLength;
    source.copy(
      bytes,
      this.payloadAt,
      header.payloadOffset,
      header.payloadOffset + header.payloadLength,
    );
  }

  /** Loads a packet of nothing: `length` zero bytes, the last of which counts them (RFC 3550 5.1). */
  loadPadding(payloadType: number, length: number): void {
    this.headerLength = 12;
    this.extensionLength = 0;
    this.extensionKinds = 0;
    this.targetsAt = 0;
    this.needsTwoByte = false;
    this.payloadShift = 0;
    this.payloadLength = length;
    this.payloadType = payloadType;
    this.marker = false;
    this.pictureIdAt = 0;
    this.tl0At = 0;
    const at = this.payloadAt;
    this.bytes.fill(0, at, at + length - 1);
    this.bytes[at + length - 1] = length;
  }

  /** Writes the fixed header of what is staged, with another SSRC, number and time. */
  writeHeader(at: number, ssrc: number, seq: number, timestamp: number): void {
    const bytes = this.bytes;
    const csrcBytes = this.headerLength - 12;
    bytes[at] = 0x80 | (csrcBytes >> 2);
    bytes[at + 1] = (this.marker ? 0x80 : 0) | this.payloadType;
    writeUint16(bytes, at + 2, seq);
    writeInt32(bytes, at + 4, timestamp);
    writeInt32(bytes, at + 8, ssrc);
    for (let i = 0; i < csrcBytes; i++) bytes[at + 12 + i] = bytes[STAGE_AT + 12 + i]!;
  }

  #keepExtensions(header: RtpHeader, source: Buffer, kept: Uint8Array): void {
    const iterator = this.#iterator;
    const bytes = this.bytes;
    const start = STAGE_AT + this.headerLength;
    let at = start;
    iterator.start(source, header.extensionOffset, header.extensionLength, header.extensionProfile);
    while (iterator.next()) {
      const length = iterator.dataLength;
      const kind = kept[iterator.id]!;
      if (kind === 0) continue;
      if (at + 2 + length - start > MAX_EXTENSIONS) break;
      bytes[at] = kind;
      bytes[at + 1] = length;
      for (let i = 0; i < length; i++) bytes[at + 2 + i] = source[iterator.dataOffset + i]!;
      at += 2 + length;
      this.extensionKinds |= 1 << kind;
      if (length === 0 || length > 16) this.needsTwoByte = true;
    }
    this.extensionLength = at - start;
  }
}
