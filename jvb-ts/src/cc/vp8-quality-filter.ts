/**
 * Which VP8 frames of which encoding a receiver gets (spec jvb-media 7.3). Called once per frame,
 * with its first packet.
 */
import type { Millis } from "#shared/runtime/runtime";

/** Key frames of all encodings arrive within this span after one request. */
export const MIN_KEYFRAME_WAIT_MS = 300;

export class Vp8QualityFilter {
  needsKeyframe = false;
  /** Encoding that flows, -1 none. */
  currentEncoding = -1;
  #internalTarget = -1;
  #groupStart: Millis = Number.NEGATIVE_INFINITY;

  /** Nothing is wanted any more. */
  suspend(): void {
    this.currentEncoding = -1;
    this.#internalTarget = -1;
    this.needsKeyframe = false;
  }

  /** `targetEncoding` and `targetTid` are -1 when nothing is wanted. */
  acceptFrame(
    isKeyframe: boolean,
    eid: number,
    frameTid: number,
    targetEncoding: number,
    targetTid: number,
    now: Millis,
  ): boolean {
    if (targetEncoding !== this.#internalTarget) {
      this.#internalTarget = targetEncoding;
      if (targetEncoding > -1) this.needsKeyframe = true;
    }
    if (targetEncoding < 0 || targetTid < 0) {
      this.currentEncoding = -1;
      return false;
    }
    if (isKeyframe) return this.#acceptKeyframe(eid, now);
    if (this.currentEncoding < 0) return false;
    return this.#acceptDelta(eid, frameTid, targetEncoding, targetTid, now);
  }

  #isOutOfSwitchingPhase(now: Millis): boolean {
    return now - this.#groupStart > MIN_KEYFRAME_WAIT_MS;
  }

  #acceptKeyframe(eid: number, now: Millis): boolean {
    if (eid < 0) return false;
    this.needsKeyframe = false;
    const target = this.#internalTarget;
    if (this.#isOutOfSwitchingPhase(now)) {
      this.#groupStart = now;
      if (eid > target) return false;
      this.currentEncoding = eid;
      return true;
    }
    const upscale = this.currentEncoding <= eid && eid <= target;
    const downscale = eid <= target && target < this.currentEncoding;
    if (!upscale && !downscale) return false;
    this.currentEncoding = eid;
    return true;
  }

  #acceptDelta(
    eid: number,
    frameTid: number,
    targetEncoding: number,
    targetTid: number,
    now: Millis,
  ): boolean {
    const current = this.currentEncoding;
    const target = this.#internalTarget;
    const better = (eid > current && current < target) || (eid < current && current > target);
    if (better && this.#isOutOfSwitchingPhase(now)) this.needsKeyframe = true;
    if (eid !== current) return false;
    const tid = Math.max(frameTid, 0);
    if (current > targetEncoding) return tid === 0;
    if (current < targetEncoding) return true;
    return tid <= targetTid;
  }
}
