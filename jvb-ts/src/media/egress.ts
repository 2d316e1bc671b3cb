/**
 * Writes outgoing packets into the `TxSlab` and hands it over when it is full. Everything that
 * differs per receiver but not per codec happens here: header extensions, RTX form, counters.
 */

import { ONE_BYTE_PROFILE, TWO_BYTE_PROFILE } from "#shared/rtp/header-extensions";
import { writeUint16 } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import type { DescriptorChange } from "./descriptor-edit.ts";
import { descriptorLength, writeDescriptor } from "./descriptor-edit.ts";
import { Kept } from "./header-extension-ids.ts";
import type { EndpointState } from "./media-state.ts";
import type { PacketIo } from "./packet-io.ts";
import type { TxSlab } from "./slab.ts";
import { HEADROOM, Kind, REPEATABLE, SLOT_BYTES } from "./slab.ts";
import type { Stage } from "./stage.ts";
import { USABLE_SLOTS } from "./stage.ts";
import { Worklist } from "./worklist.ts";

/** Largest RTCP packet the bridge makes. */
export const MAX_RTCP_BYTES = 1400;

export class Egress {
  readonly tx: TxSlab;
  readonly stage: Stage;
  /** Rows that the sender did not take. */
  notSent = 0;
  /** What the sender threw since this was last looked at: no fault of whose packet filled the slab. */
  senderFault: unknown = undefined;
  /** What the packet written last told about its sending: transport-wide number or time, -1. */
  sendMark = -1;
  /**
   * To repeat a packet under its number with identical bytes (other bytes would reuse the IV, RFC
   * 3711 9.1): its `sendMark`. Holds for the next packet only.
   */
  repeatedMark = -1;
  /** Mid to stamp where the receiver negotiated the extension. Holds for the next packet only. */
  mid: Uint8Array | undefined = undefined;
  /** How the staged dependency descriptor is changed. Holds for the next packet only. */
  descriptorChange: DescriptorChange | undefined = undefined;
  /** Receivers to which a probe is on its way. */
  readonly probing = new Worklist<EndpointState>();
  readonly #sender: Pick<PacketIo, "send">;

  constructor(tx: TxSlab, stage: Stage, sender: Pick<PacketIo, "send">) {
    this.tx = tx;
    this.stage = stage;
    this.#sender = sender;
  }

  flush(): void {
    const count = this.tx.count;
    if (count === 0) return;
    try {
      this.notSent += count - this.#sender.send(this.tx);
    } catch (cause) {
      this.notSent += count;
      this.senderFault = cause;
    }
    this.tx.count = 0;
  }

  /**
   * Sends what is staged to one receiver. `rtxPayloadType` 0 sends it as it is, else in the form of
   * RFC 4588 with `osn` before the payload. Returns where its payload lies in the slab (behind an
   * OSN) so that the caller can rewrite codec fields, valid until the next call.
   */
  writeRtp(
    receiver: EndpointState,
    ssrc: number,
    seq: number,
    timestamp: number,
    isVideo: boolean,
    rtxPayloadType: number,
    osn: number,
    now: Millis,
  ): number {
    if (this.tx.count >= USABLE_SLOTS) this.flush();
    const { tx, stage } = this;
    const bytes = stage.bytes;
    const slot = tx.count;
    const start = slot * SLOT_BYTES + HEADROOM;
    stage.writeHeader(start, ssrc, seq, timestamp);
    let at = start + stage.headerLength;
    this.sendMark = -1;
    const ids = receiver.extensions;
    const sendsTcc = receiver.sendsTransportCc;
    const tcc = sendsTcc && isVideo ? ids.transportCc : 0;
    const absSendTime = sendsTcc ? 0 : ids.absSendTime;
    const mid = this.mid === undefined ? 0 : ids.mid;
    const keeps = (stage.extensionKinds & ids.keptKinds) !== 0;
    if (tcc !== 0 || absSendTime !== 0 || mid !== 0 || keeps) {
      bytes[start] = bytes[start]! | 0x10;
      at = this.#writeExtensions(at, receiver, tcc, absSendTime, mid, now);
    }
    this.mid = undefined;
    if (rtxPayloadType !== 0) {
      bytes[start + 1] = (stage.marker ? 0x80 : 0) | rtxPayloadType;
      writeUint16(bytes, at, osn);
      at += 2;
    }
    this.descriptorChange = undefined;
    const payload = stage.payloadAt;
    bytes.copyWithin(at, payload, payload + stage.payloadLength);
    const length = at + stage.payloadLength - start;
    if (tcc !== 0) this.#noteSent(receiver, length, now);
    this.repeatedMark = -1;
    tx.offset[slot] = start;
    tx.length[slot] = length;
    tx.session[slot] = receiver.session;
    tx.kind[slot] = Kind.rtp;
    tx.count = slot + 1;
    receiver.packetsSent++;
    receiver.bytesSent += length;
    return at;
  }

  /** Length of the packet written last. */
  lastLength(): number {
    return this.tx.length[this.tx.count - 1]!;
  }

  /** The packet written last ends a picture. */
  setMarker(): void {
    const { bytes, offset, count } = this.tx;
    const at = offset[count - 1]! + 1;
    bytes[at] = bytes[at]! | 0x80;
  }

  /** The packet written last may be sent again, or is sent again, under its number. */
  markRepeatable(): void {
    this.tx.kind[this.tx.count - 1] = Kind.rtp | REPEATABLE;
  }

  /** The payload of the packet written last is padding, and its last byte counts it. */
  markPadded(): void {
    const start = this.tx.offset[this.tx.count - 1]!;
    this.tx.bytes[start] = this.tx.bytes[start]! | 0x20;
  }

  /** Where to write an RTCP packet of at most `MAX_RTCP_BYTES`; then `commitRtcp`. */
  beginRtcp(): number {
    if (this.tx.count >= USABLE_SLOTS) this.flush();
    return this.tx.count * SLOT_BYTES + HEADROOM;
  }

  commitRtcp(receiver: EndpointState, length: number): void {
    const { tx } = this;
    const slot = tx.count;
    tx.offset[slot] = slot * SLOT_BYTES + HEADROOM;
    tx.length[slot] = length;
    tx.session[slot] = receiver.session;
    tx.kind[slot] = Kind.rtcp;
    tx.count = slot + 1;
    receiver.packetsSent++;
    receiver.bytesSent += length;
  }

  /** Has `sendProbes` look after a probe that runs. */
  listProbe(receiver: EndpointState): void {
    if (receiver.probeListed || !receiver.bandwidth.isProbing) return;
    receiver.probeListed = true;
    this.probing.add(receiver);
  }

  /** A packet with a transport-wide number goes out, or goes out again. */
  #noteSent(receiver: EndpointState, length: number, now: Millis): void {
    const { bandwidth } = receiver;
    if (this.repeatedMark >= 0) {
      bandwidth.handleSentAgain(this.repeatedMark, now);
      return;
    }
    bandwidth.handleSent(length, now);
    if (bandwidth.isProbing) this.listProbe(receiver);
  }

  #writeExtensions(
    at: number,
    receiver: EndpointState,
    tcc: number,
    absSendTime: number,
    mid: number,
    now: Millis,
  ): number {
    const { stage } = this;
    const bytes = stage.bytes;
    const hasKept = stage.extensionKinds !== 0;
    const twoByte =
      tcc > 14 || absSendTime > 14 || mid > 14 || (hasKept && this.#isTwoByte(receiver));
    const start = at + 4;
    let p = start;
    const source = stage.at + stage.headerLength;
    for (let i = 0; i < stage.extensionLength; ) {
      const kind = bytes[source + i]!;
      const length = bytes[source + i + 1]!;
      const id = receiver.extensions.idOf[kind]!;
      if (id !== 0) p = this.#writeKept(p, id, kind, source + i + 2, length, twoByte);
      i += 2 + length;
    }
    if (tcc !== 0) {
      p = writeElementHeader(bytes, p, tcc, 2, twoByte);
      this.sendMark = this.repeatedMark;
      if (this.sendMark < 0) {
        this.sendMark = receiver.bandwidth.nextSeq;
      }
      writeUint16(bytes, p, this.sendMark);
      p += 2;
    }
    if (absSendTime !== 0) {
      p = writeElementHeader(bytes, p, absSendTime, 3, twoByte);
      const fresh = Math.floor(((now % 64_000) * 262_144) / 1000) & 0xffffff;
      const value = this.repeatedMark < 0 ? fresh : this.repeatedMark;
      this.sendMark = value;
      bytes[p] = value >> 16;
      bytes[p + 1] = value >> 8;
      bytes[p + 2] = value;
      p += 3;
    }
    if (mid !== 0) {
      const text = this.mid!;
      p = writeElementHeader(bytes, p, mid, text.length, twoByte);
      for (let k = 0; k < text.length; k++) bytes[p + k] = text[k]!;
      p += text.length;
    }
    while (((p - start) & 3) !== 0) bytes[p++] = 0;
    writeUint16(bytes, at, twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
    writeUint16(bytes, at + 2, (p - start) >> 2);
    return p;
  }

  /** Whether what is kept for this receiver takes the two-byte form. */
  #isTwoByte(receiver: EndpointState): boolean {
    const { stage, descriptorChange } = this;
    if (stage.needsTwoByte || (stage.extensionKinds & receiver.extensions.twoByteKinds) !== 0)
      return true;
    if (descriptorChange?.writesTargets !== true) return false;
    // The descriptor may grow by its active targets; no other element has such a length.
    const used = Math.max(stage.usedBits, stage.targetsAt);
    return (used + stage.targetCount + 7) >> 3 > 16;
  }

  #writeKept(
    at: number,
    id: number,
    kind: number,
    from: number,
    length: number,
    twoByte: boolean,
  ): number {
    const { stage, descriptorChange } = this;
    const { bytes } = stage;
    if (kind !== Kept.descriptor || descriptorChange === undefined) {
      const p = writeElementHeader(bytes, at, id, length, twoByte);
      for (let k = 0; k < length; k++) bytes[p + k] = bytes[from + k]!;
      return p + length;
    }
    const written = descriptorLength(bytes, from, length, stage, descriptorChange);
    const p = writeElementHeader(bytes, at, id, written, twoByte);
    return p + writeDescriptor(bytes, from, length, p, stage, descriptorChange);
  }
}

function writeElementHeader(
  bytes: Uint8Array,
  at: number,
  id: number,
  length: number,
  twoByte: boolean,
): number {
  if (twoByte) {
    bytes[at] = id;
    bytes[at + 1] = length;
    return at + 2;
  }
  bytes[at] = (id << 4) | (length - 1);
  return at + 1;
}
