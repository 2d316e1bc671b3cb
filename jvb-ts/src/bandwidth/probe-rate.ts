/**
 * The rate that a probe cluster shows: how fast its packets left and how fast they arrived (spec
 * jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";

/** Clusters that are remembered; numbers are 1..255. */
const CLUSTERS = 8;
const MIN_SHARE = 0.8;
const MAX_INTERVAL_MS = 1_000;
/** More than this faster than sent: delivered after a pause. */
const MAX_RATIO = 2;
/** Below this share of what was sent, the way is full at what arrived. */
const FULL_RATIO = 0.9;
const KEPT_OF_FULL = 0.95;

export class ProbeRate {
  /** The cluster found last arrived more slowly than it was sent: its rate is the capacity. */
  isFull = false;
  readonly #cluster = new Uint8Array(CLUSTERS);
  readonly #minPackets = new Float64Array(CLUSTERS);
  readonly #minBytes = new Float64Array(CLUSTERS);
  readonly #packets = new Float64Array(CLUSTERS);
  readonly #bytes = new Float64Array(CLUSTERS);
  readonly #firstSent = new Float64Array(CLUSTERS);
  readonly #lastSent = new Float64Array(CLUSTERS);
  readonly #firstArrival = new Float64Array(CLUSTERS);
  readonly #lastArrival = new Float64Array(CLUSTERS);
  readonly #lastSentBytes = new Float64Array(CLUSTERS);
  readonly #firstArrivedBytes = new Float64Array(CLUSTERS);

  /** A cluster of at least so much begins. */
  begin(cluster: number, packets: number, bytes: number): void {
    const slot = cluster & (CLUSTERS - 1);
    this.#cluster[slot] = cluster;
    this.#minPackets[slot] = MIN_SHARE * packets;
    this.#minBytes[slot] = MIN_SHARE * bytes;
    this.#packets[slot] = 0;
    this.#bytes[slot] = 0;
    this.#firstSent[slot] = Number.POSITIVE_INFINITY;
    this.#lastSent[slot] = Number.NEGATIVE_INFINITY;
    this.#firstArrival[slot] = Number.POSITIVE_INFINITY;
    this.#lastArrival[slot] = Number.NEGATIVE_INFINITY;
  }

  /** One packet of a cluster arrived. Returns bits per second once enough did, else -1. */
  add(cluster: number, sentAt: Millis, arrival: Millis, sizeBytes: number): number {
    const slot = cluster & (CLUSTERS - 1);
    if (this.#cluster[slot] !== cluster) return -1;
    this.#packets[slot] = this.#packets[slot]! + 1;
    this.#bytes[slot] = this.#bytes[slot]! + sizeBytes;
    if (sentAt < this.#firstSent[slot]!) this.#firstSent[slot] = sentAt;
    if (sentAt >= this.#lastSent[slot]!) {
      this.#lastSent[slot] = sentAt;
      this.#lastSentBytes[slot] = sizeBytes;
    }
    if (arrival < this.#firstArrival[slot]!) {
      this.#firstArrival[slot] = arrival;
      this.#firstArrivedBytes[slot] = sizeBytes;
    }
    if (arrival > this.#lastArrival[slot]!) this.#lastArrival[slot] = arrival;
    return this.#evaluate(slot);
  }

  #evaluate(slot: number): number {
    const bytes = this.#bytes[slot]!;
    if (this.#packets[slot]! < this.#minPackets[slot]! || bytes < this.#minBytes[slot]!) return -1;
    const sendMs = this.#lastSent[slot]! - this.#firstSent[slot]!;
    const arrivalMs = this.#lastArrival[slot]! - this.#firstArrival[slot]!;
    if (!(sendMs > 0 && sendMs <= MAX_INTERVAL_MS)) return -1;
    if (!(arrivalMs > 0 && arrivalMs <= MAX_INTERVAL_MS)) return -1;
    const sent = (8000 * (bytes - this.#lastSentBytes[slot]!)) / sendMs;
    const arrived = (8000 * (bytes - this.#firstArrivedBytes[slot]!)) / arrivalMs;
    if (arrived > MAX_RATIO * sent) return -1;
    this.isFull = arrived < FULL_RATIO * sent;
    return this.isFull ? KEPT_OF_FULL * arrived : Math.min(sent, arrived);
  }
}
