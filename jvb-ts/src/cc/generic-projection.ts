/**
 * Codecs whose frames the bridge does not follow (spec jvb-media 7.6), one encoding at a time: the
 * encoding switches at a key frame where the codec shows them, numbers and timestamps continue.
 * A single encoding without key frame knowledge is forwarded as it is.
 */

import { isNewerTimestamp } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";
import { encodingOf } from "../media/projection.ts";
import type { VideoPacket } from "../media/video-packet.ts";
import { Codec } from "../media/video-packet.ts";
import type { RtpState } from "./rtp-state.ts";
import { TICKS_PER_FRAME, ticksOf } from "./rtp-state.ts";

export class GenericProjection {
  outSeq = 0;
  timestampDelta = 0;
  readonly outPictureId = -1;
  readonly outTl0 = -1;
  readonly setsMarker = false;
  readonly templateShift = 0;
  readonly writesTargets = false;
  readonly activeTargets = 0;
  needsKeyframe = true;
  currentEncoding = -1;
  readonly #state: RtpState;
  #targetEncoding = -1;
  #seqDelta = 0;
  #lastEncoding = -1;
  #lastAcceptedAt: Millis = -1;
  /** First number of the current encoding: what precedes it belongs to before the switch. */
  #startSeq = 0;
  #startFresh = false;
  /** By encoding: time of its newest frame that was passed over. */
  readonly #passedOver: (number | undefined)[] = [];

  constructor(state: RtpState) {
    this.#state = state;
  }

  setTarget(index: number): void {
    this.#targetEncoding = encodingOf(index);
    if (index >= 0) return;
    this.currentEncoding = -1;
    this.needsKeyframe = true;
  }

  project(packet: VideoPacket, now: Millis): boolean {
    if (this.#targetEncoding < 0) return false;
    if (packet.encoding !== this.currentEncoding) {
      if (!this.#mayStart(packet)) {
        this.#passOver(packet);
        return false;
      }
      this.#start(packet, now);
    }
    if (packet.keyframe && packet.startOfFrame)
      this.needsKeyframe = this.currentEncoding < this.#wanted(packet);
    if (this.#startFresh && this.#precedesStart(packet)) return false;
    this.outSeq = (packet.seq + this.#seqDelta) & 0xffff;
    this.#state.sent(this.outSeq, (packet.timestamp + this.timestampDelta) | 0);
    this.#lastAcceptedAt = now;
    return true;
  }

  #passOver(packet: VideoPacket): void {
    const { encoding, timestamp } = packet;
    const before = this.#passedOver[encoding];
    if (before === undefined || isNewerTimestamp(timestamp, before))
      this.#passedOver[encoding] = timestamp;
  }

  /** A newer frame of the same encoding, which needs this key frame, was passed over. */
  #isOvertaken(packet: VideoPacket): boolean {
    const newest = this.#passedOver[packet.encoding];
    return newest !== undefined && isNewerTimestamp(newest, packet.timestamp);
  }

  #wanted(packet: VideoPacket): number {
    return Math.min(this.#targetEncoding, packet.encodingCount - 1);
  }

  /** Whether the stream may go over to this packet's encoding with this packet. */
  #mayStart(packet: VideoPacket): boolean {
    const wanted = this.#wanted(packet);
    const { currentEncoding } = this;
    const eid = packet.encoding;
    if (eid > wanted) return false;
    const better =
      currentEncoding < 0 || currentEncoding > wanted || (eid > currentEncoding && eid <= wanted);
    if (!better) return false;
    const isKeyframe = packet.keyframe && packet.startOfFrame && !this.#isOvertaken(packet);
    if (eid !== wanted && !isKeyframe) return false;
    if (this.#startsAnywhere(packet)) return true;
    if (!isKeyframe) this.needsKeyframe = true;
    return isKeyframe;
  }

  /** COMPAT(jvb): H.264 and unknown codecs of one encoding start without waiting (M-078). */
  #startsAnywhere(packet: VideoPacket): boolean {
    if (packet.encodingCount > 1) return !packet.knowsKeyframes;
    // Behind another source under the same SSRC the decoder has other pictures to refer to.
    const goesOn = this.#lastEncoding >= 0 || this.#state.fresh;
    return !packet.knowsKeyframes || (packet.codec === Codec.h264 && goesOn);
  }

  #start(packet: VideoPacket, now: Millis): void {
    const state = this.#state;
    const unchanged = packet.encoding === this.#lastEncoding || state.fresh;
    if (unchanged && this.#startsAnywhere(packet)) {
      // Numbers go on as the source counts them; a pause is a gap.
      this.#startFresh = false;
    } else {
      this.#seqDelta = state.maxSeq + 1 - packet.seq;
      this.#startSeq = packet.seq;
      this.#startFresh = true;
    }
    if (!unchanged) {
      const last = this.#lastAcceptedAt < 0 ? state.endedAt : this.#lastAcceptedAt;
      const elapsed = last < 0 ? 0 : now - last;
      const wanted = (state.maxTimestamp + ticksOf(elapsed)) | 0;
      this.timestampDelta = (wanted - packet.timestamp) | 0;
    } else if (
      !state.fresh &&
      isNewerTimestamp(state.maxTimestamp, (packet.timestamp + this.timestampDelta) | 0)
    ) {
      this.timestampDelta = (state.maxTimestamp + TICKS_PER_FRAME - packet.timestamp) | 0;
    }
    this.currentEncoding = packet.encoding;
    this.#lastEncoding = packet.encoding;
    if (packet.knowsKeyframes && !packet.keyframe) this.needsKeyframe = true;
    else if (!packet.knowsKeyframes) this.needsKeyframe = false;
  }

  /** A packet from before the switch would take a number that was used already. */
  #precedesStart(packet: VideoPacket): boolean {
    const behind = (this.#startSeq - packet.seq) & 0xffff;
    if (behind > 0 && behind < 0x8000) return true;
    // Far enough from the start, half the number space becomes old again.
    if (((packet.seq - this.#startSeq) & 0xffff) > 0x4000) this.#startFresh = false;
    return false;
  }
}
