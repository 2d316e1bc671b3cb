/**
 * Whether one encoding of a simulcast source still comes. A sender that stops one (less bandwidth,
 * a smaller constraint, a hot machine) says nothing; that frames of its siblings go on is what
 * tells. Silence of all of them, slow as a shared screen may be, tells nothing.
 */
import { isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";

/** No packet for this long is more than a jam: a receiver should see the next picture by 500 ms. */
export const QUIET_MS = 300;
/** Frames of siblings that must have come meanwhile, and own frames that must be missing. */
export const MISSING_FRAMES = 4;
/** An encoding that comes back sooner had not stopped: frames were dropped or lost. */
const SHORT_STOP_MS = 2000;
/** So long, at most, is one waited for that had such pauses. */
const MAX_QUIET_MS = 1200;
/** Taken for the time between frames before it was seen: do not judge what has just begun. */
const UNKNOWN_INTERVAL_MS = 250;
/** Longer spans between frames are pauses, not frame rates. */
const MAX_INTERVAL_MS = 1000;
/** Weight of a new interval in their mean, as a divisor. */
const SMOOTHING = 8;

/**
 * Inputs: `handlePacket` for each packet of the encoding, `handleSiblingFrame` for each new frame
 * of another encoding of the same source. `running` says what they showed.
 */
export class EncodingPulse {
  /** It comes, however slowly. False before its first packet and once siblings showed a stop. */
  running = false;
  #lastPacketAt: Millis = -1;
  #lastFrameAt: Millis = -1;
  #timestamp = 0;
  #intervalMs = UNKNOWN_INTERVAL_MS;
  #siblingFrames = 0;
  #quietMs = QUIET_MS;

  /** One packet with its RTP `timestamp`. True when it is the first of a newer frame. */
  handlePacket(timestamp: number, now: Millis): boolean {
    const isNewFrame =
      this.#lastFrameAt < 0 ||
      isNewerTimestamp(timestamp, this.#timestamp) ||
      now - this.#lastPacketAt > SHORT_STOP_MS;
    if (!this.running) {
      // A retransmission of what came before the stop does not end it.
      if (!isNewFrame) return false;
      this.running = true;
      if (this.#lastFrameAt >= 0) this.#noteStop(now - this.#lastPacketAt);
    } else if (isNewFrame) {
      this.#noteInterval(Math.min(now - this.#lastFrameAt, MAX_INTERVAL_MS));
    }
    this.#lastPacketAt = now;
    this.#siblingFrames = 0;
    if (!isNewFrame) return false;
    this.#lastFrameAt = now;
    this.#timestamp = timestamp;
    return true;
  }

  /** A frame of another encoding. True when it shows that this one has stopped. */
  handleSiblingFrame(now: Millis): boolean {
    if (!this.running) return false;
    this.#siblingFrames++;
    if (this.#siblingFrames < MISSING_FRAMES) return false;
    const quietMs = Math.max(this.#quietMs, MISSING_FRAMES * this.#intervalMs);
    if (now - this.#lastPacketAt < quietMs) return false;
    this.running = false;
    return true;
  }

  #noteStop(tookMs: number): void {
    const wasShort = tookMs < SHORT_STOP_MS;
    this.#quietMs = wasShort ? Math.min(2 * this.#quietMs, MAX_QUIET_MS) : QUIET_MS;
  }

  #noteInterval(intervalMs: number): void {
    if (this.#intervalMs === UNKNOWN_INTERVAL_MS) this.#intervalMs = intervalMs;
    else this.#intervalMs += (intervalMs - this.#intervalMs) / SMOOTHING;
  }
}
