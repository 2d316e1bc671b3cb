/**
 * The packets one receiver was sent under transport-wide numbers: when, how large, in which probe.
 * Numbers are consecutive, so the slot alone tells which packet it holds, and a packet costs two
 * stores into typed arrays. The ring grows while it would forget what is younger than `KEEP_MS`
 * and not reported on.
 */
import type { Millis } from "#shared/runtime/runtime";

const INITIAL_ENTRIES = 256;
const MAX_ENTRIES = 16_384;
const KEEP_MS = 3_000;
/** Numbers begin here (spec jvb-media 1.5). */
const FIRST_SEQ = 1;

const SIZE_MASK = 0xffff;
const CLUSTER_SHIFT = 16;
const CLUSTER_MASK = 0xff;
const RECEIVED = 1 << 24;
const LOST = 1 << 25;

/** What a report says about one number that was found. */
export const Report = { unknown: 0, received: 1, lost: 2, late: 3, repeated: 4 } as const;

export class SentHistory {
  /** The entry found by `report`. */
  sentAt: Millis = 0;
  sizeBytes = 0;
  /** Number of the probe cluster, 0 none. */
  cluster = 0;
  /** Packets and bytes ever sent. */
  packets = 0;
  bytes = 0;
  lastSentAt: Millis = Number.NEGATIVE_INFINITY;
  /** Statuses of packets that are forgotten or were never sent. */
  unmatched = 0;
  /** Statuses of packets already known to have arrived. */
  repeated = 0;
  /** Arrivals of packets that had been reported as lost. */
  late = 0;
  #sentAt = new Float64Array(INITIAL_ENTRIES);
  /** Size, cluster and fate. */
  #facts = new Int32Array(INITIAL_ENTRIES);
  #mask = INITIAL_ENTRIES - 1;

  /** The number that the next packet gets, 16 bits. */
  get nextSeq(): number {
    return (FIRST_SEQ + this.packets) & 0xffff;
  }

  /** Notes the packet that went out as `nextSeq`. */
  put(sizeBytes: number, cluster: number, now: Millis): void {
    let slot = this.packets & this.#mask;
    if (this.packets > this.#mask && this.#wouldForget(slot, now)) slot = this.#grow();
    this.#sentAt[slot] = now;
    this.#facts[slot] = sizeBytes | (cluster << CLUSTER_SHIFT);
    this.packets++;
    this.bytes += sizeBytes;
    this.lastSentAt = now;
  }

  /** A packet went out again under its number `seq`: its delay counts from now. */
  putAgain(seq: number, now: Millis): void {
    const slot = this.#find(seq);
    if (slot >= 0 && (this.#facts[slot]! & RECEIVED) === 0) this.#sentAt[slot] = now;
  }

  /**
   * Takes one status of a report and sets the entry fields. `late` is an arrival that was reported
   * as a loss before.
   */
  report(seq: number, received: boolean): (typeof Report)[keyof typeof Report] {
    const slot = this.#find(seq);
    if (slot < 0) {
      this.unmatched++;
      return Report.unknown;
    }
    const facts = this.#facts[slot]!;
    this.sentAt = this.#sentAt[slot]!;
    this.sizeBytes = facts & SIZE_MASK;
    this.cluster = (facts >> CLUSTER_SHIFT) & CLUSTER_MASK;
    if ((facts & RECEIVED) !== 0) {
      this.repeated++;
      return Report.repeated;
    }
    if (!received) {
      this.#facts[slot] = facts | LOST;
      return (facts & LOST) !== 0 ? Report.repeated : Report.lost;
    }
    this.#facts[slot] = facts | RECEIVED;
    if ((facts & LOST) === 0) return Report.received;
    this.late++;
    return Report.late;
  }

  #find(seq: number): number {
    const age = (this.nextSeq - seq) & 0xffff;
    if (age === 0 || age > this.packets || age > this.#mask + 1) return -1;
    return (this.packets - age) & this.#mask;
  }

  #wouldForget(slot: number, now: Millis): boolean {
    const unreported = (this.#facts[slot]! & (RECEIVED | LOST)) === 0;
    return unreported && this.#mask + 1 < MAX_ENTRIES && now - this.#sentAt[slot]! < KEEP_MS;
  }

  /** Doubles the ring, oldest first; returns the slot of the next packet. */
  #grow(): number {
    const size = this.#mask + 1;
    const sentAt = new Float64Array(2 * size);
    const facts = new Int32Array(2 * size);
    const mask = 2 * size - 1;
    for (let age = size; age > 0; age--) {
      const from = (this.packets - age) & this.#mask;
      const to = (this.packets - age) & mask;
      sentAt[to] = this.#sentAt[from]!;
      facts[to] = this.#facts[from]!;
    }
    this.#sentAt = sentAt;
    this.#facts = facts;
    this.#mask = mask;
    return this.packets & mask;
  }
}
