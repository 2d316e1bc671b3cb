/** The last packets of one stream, for who asks for them again. */
import { MAX_PAYLOAD } from "./vp8-camera.ts";

/** About half a second of 720p. */
const SLOTS = 128;

export interface SentPacket {
  seq: number;
  timestamp: number;
  /** Payload, in the first `length` bytes. */
  readonly bytes: Buffer;
  length: number;
}

export class SentPackets {
  readonly #slots: readonly SentPacket[] = Array.from({ length: SLOTS }, () => ({
    seq: -1,
    timestamp: 0,
    bytes: Buffer.alloc(MAX_PAYLOAD),
    length: 0,
  }));

  /** Keeps the payload `from` to `to`. */
  keep(seq: number, timestamp: number, buffer: Buffer, from: number, to: number): void {
    const slot = this.#slots[seq % SLOTS]!;
    slot.seq = seq;
    slot.timestamp = timestamp;
    slot.length = buffer.copy(slot.bytes, 0, from, to);
  }

  /** Valid until the next `keep`. */
  find(seq: number): SentPacket | undefined {
    const slot = this.#slots[seq % SLOTS];
    return slot?.seq === seq ? slot : undefined;
  }
}
