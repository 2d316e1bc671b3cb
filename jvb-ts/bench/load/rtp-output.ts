/** Packets on their way out: one slab, filled by senders and flushed by the loop. */
import { writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import type { PacketIo } from "../../src/media/packet-io.ts";
import { HEADROOM, Kind, SLOT_BYTES, TX_SLOTS, TxSlab } from "../../src/media/slab.ts";

/** Fixed header, and an extension block of two words. */
export const HEADER_BYTES = 24;
/** One-byte elements fill the block from here. */
export const EXTENSIONS_AT = 16;

export class RtpOutput {
  readonly #io: Pick<PacketIo, "send">;
  readonly #tx = new TxSlab();
  readonly bytes: Uint8Array;
  readonly buffer: Buffer;
  readonly view: DataView;

  constructor(io: Pick<PacketIo, "send">) {
    this.#io = io;
    this.bytes = this.#tx.bytes;
    this.buffer = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
  }

  /** Where the next packet is to be written. */
  begin(): number {
    if (this.#tx.count === TX_SLOTS) this.flush();
    return this.#tx.count * SLOT_BYTES + HEADROOM;
  }

  /** As `begin`, with an RTP header whose extension block is empty. */
  beginRtp(pt: number, marker: boolean, seq: number, timestamp: number, ssrc: number): number {
    const at = this.begin();
    const { bytes } = this;
    bytes[at] = 0x90;
    bytes[at + 1] = (marker ? 0x80 : 0) | pt;
    writeUint16(bytes, at + 2, seq);
    writeInt32(bytes, at + 4, timestamp);
    writeInt32(bytes, at + 8, ssrc);
    writeUint16(bytes, at + 12, 0xbede);
    writeUint16(bytes, at + 14, 2);
    bytes.fill(0, at + EXTENSIONS_AT, at + HEADER_BYTES);
    return at;
  }

  /** The packet begun is complete. */
  end(session: number, length: number, kind: number = Kind.rtp): void {
    const tx = this.#tx;
    const row = tx.count++;
    tx.offset[row] = row * SLOT_BYTES + HEADROOM;
    tx.length[row] = length;
    tx.session[row] = session;
    tx.kind[row] = kind;
  }

  get isEmpty(): boolean {
    return this.#tx.count === 0;
  }

  flush(): void {
    this.#io.send(this.#tx);
  }
}
