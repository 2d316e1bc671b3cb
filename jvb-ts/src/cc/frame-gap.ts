/** How far apart two neighbouring frames are in what a receiver gets (spec jvb-media 7.2). */
import { seqDelta } from "#shared/rtp/arithmetic";
import type { FrameFacts } from "../media/video-packet.ts";

/**
 * Sequence numbers from the last packet of `f1` to the first of `f2`, neighbours in what was seen,
 * `f1` the older one. What belongs to frames the receiver does not get counts as little as is known.
 */
export function frameGap(
  frames: FrameFacts,
  f1: number,
  accepted1: boolean,
  f2: number,
  accepted2: boolean,
): number {
  if (!accepted1 && !accepted2 && frames.adjacent(f1, f2)) return 0;
  let gap = seqDelta(frames.earliest(f2), frames.latestSeq(f1));
  if (!accepted1 && !frames.seenEnd(f1) && gap > 1) gap--;
  if (!accepted2 && !frames.seenStart(f2) && gap > 1) gap--;
  if (!accepted1 && gap > 0) gap--;
  return gap;
}
