/**
 * Whether one encoding of a simulcast source still comes. A sender that stops one (less bandwidth,
 * a smaller constraint, a hot machine) says nothing; that frames of its siblings go on is what
 * tells. Silence of all of them, slow as a shared screen may be, tells nothing.
 *
 * It is left soon and taken back slowly: a pause taken for a stop costs receivers some sharpness for
 * a while, a stop taken for a pause costs them the picture (decision 0021).
 */
import { isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";

/** No packet for this long is more than a jam: a receiver should see the next picture by 500 ms. */
export const QUIET_MS = 300;
/** So many of its own usual intervals must have passed, too: it may have fewer frames than they. */
const QUIET_INTERVALS = 2.5;
/** Taken for the time between frames where none was seen yet. */
const UNKNOWN_INTERVAL_MS = 250;
/** Longer spans between frames are pauses, not frame rates. */
const MAX_INTERVAL_MS = 1000;
/** Weight of a new interval in their mean, as a divisor: one long pause is no new frame rate. */
const SMOOTHING_LONGER = 8;
const SMOOTHING_SHORTER = 2;
/** An encoding that comes back sooner was not switched off by somebody: it falters. */
const SHORT_STOP_MS = 2000;
/** One that faltered must come for so long before it is taken back; each time longer. */
const MIN_PROOF_MS = 1000;
const MAX_PROOF_MS = 8000;
/** After so long without faltering it is as good as any other. */
const STEADY_MS = 20_000;

/**
 * Inputs: `handlePacket` for each packet of the encoding, `handleSiblingFrame` for each new frame
 * of another encoding of the same source. `running` says what they showed.
 */
export class EncodingPulse {
  /**
   * It comes, however slowly. False before its first packet, once siblings showed a stop, and while
   * one that faltered has not yet come for long enough.
   */
  running = false;
  #lastPacketAt: Millis = -1;
  /** When the last three frames began, newest first. */
  #frameAt: Millis = -1;
  #secondFrameAt: Millis = -1;
  #thirdFrameAt: Millis = -1;
  #timestamp = 0;
  #intervalMs = UNKNOWN_INTERVAL_MS;
  /** It came back after a stop and is not trusted yet. */
  #onProof = false;
  #proofMs = 0;
  /** When it becomes `running` again, or last did. */
  #trustedAt: Millis = 0;

  /** One packet with its RTP `timestamp`. True when it is the first of a newer frame. */
  handlePacket(timestamp: number, now: Millis): boolean {
    const sinceMs = now - this.#lastPacketAt;
    const isNewFrame =
      this.#frameAt < 0 || isNewerTimestamp(timestamp, this.#timestamp) || sinceMs > SHORT_STOP_MS;
    if (!this.running) {
      // A retransmission of what came before the stop does not end it.
      if (!isNewFrame && !this.#onProof) return false;
      this.#comesAgain(sinceMs, now);
    } else if (isNewFrame) {
      this.#noteInterval(Math.min(now - this.#frameAt, MAX_INTERVAL_MS));
    }
    this.#lastPacketAt = now;
    if (!isNewFrame) return false;
    this.#thirdFrameAt = this.#secondFrameAt;
    this.#secondFrameAt = this.#frameAt;
    this.#frameAt = now;
    this.#timestamp = timestamp;
    return true;
  }

  /**
   * `sibling`, another encoding, began a frame. True when that shows that this one has stopped: the
   * sibling began three frames since the last packet of this one.
   */
  handleSiblingFrame(sibling: EncodingPulse, now: Millis): boolean {
    if (!this.running || sibling.#thirdFrameAt <= this.#lastPacketAt) return false;
    // What has sent a single frame is expected to go on as its sibling does: they show one camera.
    const hasInterval = this.#secondFrameAt >= 0;
    const intervalMs = hasInterval ? this.#intervalMs : sibling.#intervalMs;
    if (now - this.#lastPacketAt < quietMs(intervalMs)) return false;
    this.running = false;
    this.#onProof = false;
    if (now - this.#trustedAt > STEADY_MS) this.#proofMs = 0;
    return true;
  }

  /** There is no other encoding left to show instead: it need not prove itself. */
  trust(now: Millis): void {
    this.running = true;
    this.#onProof = false;
    this.#trustedAt = now;
  }

  /** A packet after a stop, `sinceMs` after the one before. */
  #comesAgain(sinceMs: number, now: Millis): void {
    if (!this.#onProof || sinceMs > quietMs(this.#intervalMs)) {
      const falters = this.#frameAt >= 0 && sinceMs < SHORT_STOP_MS;
      this.#proofMs = falters
        ? Math.min(Math.max(2 * this.#proofMs, MIN_PROOF_MS), MAX_PROOF_MS)
        : 0;
      this.#onProof = true;
      this.#trustedAt = now + this.#proofMs;
    }
    if (now >= this.#trustedAt) this.trust(now);
  }

  #noteInterval(intervalMs: number): void {
    if (this.#intervalMs === UNKNOWN_INTERVAL_MS) this.#intervalMs = intervalMs;
    const change = intervalMs - this.#intervalMs;
    this.#intervalMs += change / (change > 0 ? SMOOTHING_LONGER : SMOOTHING_SHORTER);
  }
}

function quietMs(intervalMs: number): number {
  return Math.max(QUIET_MS, QUIET_INTERVALS * intervalMs);
}
