/**
 * Puts acknowledged packets into groups that left together and tells how much farther apart two
 * groups arrived than they were sent (draft-ietf-rmcat-gcc-02 5.2; spec jvb-media 9.2).
 */
import type { Millis } from "#shared/runtime/runtime";

/** Packets sent within this are one group. */
const GROUP_MS = 5;
/** What arrives this close, and faster than it was sent, was held up together. */
const BURST_ARRIVAL_MS = 5;
const MAX_BURST_MS = 100;
/** Arrivals that run ahead of our clock by this, or go back: the receiver's clock jumped. */
const CLOCK_JUMP_MS = 3_000;
const MAX_REORDERED = 3;

export class PacketGroups {
  /** Differences of the two groups completed last. */
  sendDeltaMs: Millis = 0;
  arrivalDeltaMs: Millis = 0;
  #hasCurrent = false;
  #hasPrevious = false;
  #firstSent: Millis = 0;
  #lastSent: Millis = 0;
  #firstArrival: Millis = 0;
  #lastArrival: Millis = 0;
  #reportedAt: Millis = 0;
  #previousSent: Millis = 0;
  #previousArrival: Millis = 0;
  #previousReportedAt: Millis = 0;
  #reordered = 0;

  /** Takes one packet in order of sending; true when the deltas are new. `now`: of the report. */
  add(sentAt: Millis, arrival: Millis, now: Millis): boolean {
    if (!this.#hasCurrent) {
      this.#begin(sentAt, arrival, now);
      return false;
    }
    if (sentAt < this.#firstSent) return false;
    if (sentAt - this.#firstSent <= GROUP_MS || this.#isBurst(sentAt, arrival)) {
      if (sentAt > this.#lastSent) this.#lastSent = sentAt;
      if (arrival > this.#lastArrival) this.#lastArrival = arrival;
      this.#reportedAt = now;
      return false;
    }
    const complete = this.#hasPrevious && this.#compare();
    if (!this.#hasCurrent) {
      this.#begin(sentAt, arrival, now);
      return false;
    }
    this.#previousSent = this.#lastSent;
    this.#previousArrival = this.#lastArrival;
    this.#previousReportedAt = this.#reportedAt;
    this.#hasPrevious = true;
    this.#begin(sentAt, arrival, now);
    return complete;
  }

  reset(): void {
    this.#hasCurrent = false;
    this.#hasPrevious = false;
    this.#reordered = 0;
  }

  #begin(sentAt: Millis, arrival: Millis, now: Millis): void {
    this.#hasCurrent = true;
    this.#firstSent = sentAt;
    this.#lastSent = sentAt;
    this.#firstArrival = arrival;
    this.#lastArrival = arrival;
    this.#reportedAt = now;
  }

  #isBurst(sentAt: Millis, arrival: Millis): boolean {
    const sent = sentAt - this.#lastSent;
    if (sent === 0) return true;
    const arrived = arrival - this.#lastArrival;
    // Not held up together: its clock was set back.
    if (arrived < -CLOCK_JUMP_MS) return false;
    return (
      arrived < sent && arrived <= BURST_ARRIVAL_MS && arrival - this.#firstArrival < MAX_BURST_MS
    );
  }

  /** Differences of the current group and the one before; false when they say nothing. */
  #compare(): boolean {
    const arrived = this.#lastArrival - this.#previousArrival;
    if (arrived - (this.#reportedAt - this.#previousReportedAt) >= CLOCK_JUMP_MS) {
      this.reset();
      return false;
    }
    if (arrived < 0) {
      this.#reordered++;
      if (this.#reordered >= MAX_REORDERED) this.reset();
      return false;
    }
    this.#reordered = 0;
    this.sendDeltaMs = this.#lastSent - this.#previousSent;
    this.arrivalDeltaMs = arrived;
    return true;
  }
}
