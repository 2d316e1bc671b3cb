/** Key frame requests to senders, limited as spec jvb-media 8.5 says. */
import { writeFir, writePli } from "#shared/rtp/rtcp-build";
import type { Millis } from "#shared/runtime/runtime";
import type { VideoLeg, VideoSource } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";

/** Added to the sender's round trip for the shortest useful interval. */
const RTT_MARGIN_MS = 10;

/** A receiver that can show nothing without one is not left alone for longer than this. */
const NEEDED_INTERVAL_MS = 2_000;

/**
 * Asks the owner for a key frame on behalf of one receiver, unless a limit swallows it. `isNeeded`: not the
 * receiver asks, which may do so for ever, but its layer cannot be sent without one; how often in all is
 * limited by `NEEDED_INTERVAL_MS` then (decision 0025).
 */
export function requestKeyframe(
  ctx: PathContext,
  leg: VideoLeg,
  isNeeded: boolean,
  now: Millis,
): void {
  const { options } = ctx;
  const { source, keyframeRequests } = leg;
  const rtt = source.owner.rttMs;
  const shortest = rtt < 0 ? Number.POSITIVE_INFINITY : rtt + RTT_MARGIN_MS;
  if (now - source.lastKeyframeRequest < Math.min(options.keyframeSourceMinIntervalMs, shortest))
    return;
  const count = leg.keyframeRequestCount;
  const size = keyframeRequests.length;
  const last = keyframeRequests[(count + size - 1) % size]!;
  if (now - last < Math.min(options.keyframeMinIntervalMs, shortest)) return;
  const oldest = keyframeRequests[count % size]!;
  const isTooMany = now - oldest < options.keyframeMaxRequestIntervalMs;
  if (isTooMany && !(isNeeded && now - last >= NEEDED_INTERVAL_MS)) return;
  keyframeRequests[count % size] = now;
  leg.keyframeRequestCount = count + 1;
  collectKeyframe(ctx, source, now);
}

/** Asks without a limit per receiver: the bridge itself wants one. */
export function collectKeyframe(ctx: PathContext, source: VideoSource, now: Millis): void {
  source.lastKeyframeRequest = now;
  if (source.keyframeRequested) return;
  source.keyframeRequested = true;
  ctx.keyframeSources.add(source);
}

/** Writes what was collected: PLI where the sender supports it, else FIR. */
export function writeKeyframeRequests(ctx: PathContext): void {
  const { keyframeSources, egress } = ctx;
  for (let i = 0; i < keyframeSources.count; i++) {
    const source = keyframeSources.at(i);
    source.keyframeRequested = false;
    const owner = source.owner;
    ctx.writing = owner;
    if (!owner.transportUp || owner.removed) continue;
    const sender = owner.conference.videoSsrc;
    const ssrc = source.primarySsrc;
    const at = egress.beginRtcp();
    if (owner.payloadTypes.hasPli) {
      egress.commitRtcp(owner, writePli(ctx.tx.bytes, at, sender, ssrc));
    } else if (owner.payloadTypes.hasFir) {
      owner.firCommandSeq = (owner.firCommandSeq + 1) & 0xff;
      const length = writeFir(ctx.tx.bytes, at, sender, ssrc, owner.firCommandSeq);
      egress.commitRtcp(owner, length);
    } else continue;
    owner.plisSent++;
  }
  keyframeSources.truncate(0);
}
