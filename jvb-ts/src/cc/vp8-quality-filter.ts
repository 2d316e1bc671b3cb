/**
 * Which VP8 frames of which encoding a receiver gets (spec jvb-media 7.3). Called once per frame,
 * with its first packet.
 */
import type { Millis } from "#shared/runtime/runtime";
import { KeyframeGroup } from "./keyframe-group.ts";

export class Vp8QualityFilter {
  needsKeyframe = false;
  /** Encoding that flows, -1 none. */
  currentEncoding = -1;
  #internalTarget = -1;
  /** A key frame of the current encoding was passed over. */
  #isBroken = false;
  readonly #group = new KeyframeGroup();

  /** Frames of the current encoding go out. */
  get flows(): boolean {
    return this.currentEncoding >= 0 && !this.#isBroken;
  }

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

  #acceptKeyframe(eid: number, now: Millis): boolean {
    if (eid < 0) return false;
    this.needsKeyframe = false;
    if (!this.#group.takes(eid, this.currentEncoding, this.#internalTarget, now)) {
      // What follows of it refers to this one.
      if (eid === this.currentEncoding) this.#isBroken = this.needsKeyframe = true;
      return false;
    }
    this.currentEncoding = eid;
    this.#isBroken = false;
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
    const group = this.#group;
    if (group.isBetter(eid, current, this.#internalTarget) && group.isOver(now))
      this.needsKeyframe = true;
    if (this.#isBroken) {
      // None of the group was any use.
      if (group.isOver(now)) this.needsKeyframe = true;
      return false;
    }
    if (eid !== current) return false;
    const tid = Math.max(frameTid, 0);
    if (current > targetEncoding) return tid === 0;
    if (current < targetEncoding) return true;
    return tid <= targetTid;
  }
}
