/**
 * Which key frame to take when those of all encodings of a source arrive together (spec jvb-media
 * 7.3): low ones often come first, and a better one soon after is taken instead.
 */
import type { Millis } from "#shared/runtime/runtime";

/** Key frames of all encodings arrive within this span after one request. */
export const MIN_KEYFRAME_WAIT_MS = 300;

export class KeyframeGroup {
  #startedAt: Millis = Number.NEGATIVE_INFINITY;

  /** The last group is over. */
  isOver(now: Millis): boolean {
    return now - this.#startedAt > MIN_KEYFRAME_WAIT_MS;
  }

  /**
   * Whether a key frame of encoding `eid` is taken when `current` flows (-1 none) and `target` is
   * wanted. It may begin a group.
   */
  takes(eid: number, current: number, target: number, now: Millis): boolean {
    if (this.isOver(now)) {
      this.#startedAt = now;
      return eid <= target;
    }
    if (eid > target) return false;
    return current <= eid || target < current;
  }

  /** Whether a frame of `eid` shows that another encoding than `current` would be better. */
  isBetter(eid: number, current: number, target: number): boolean {
    return (eid > current && current < target) || (eid < current && current > target);
  }
}
