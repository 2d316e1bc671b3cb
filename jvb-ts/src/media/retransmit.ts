/** Answers NACKs from the source's store by replaying the receiver's projection (spec 8.4). */
import type { Millis } from "#shared/runtime/runtime";
import { editPayload, repeatsAsRtx } from "./forward.ts";
import type { VideoLeg } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";

/** Sends what went out as `seq` again, in RTX form when negotiated, unless it just went out. */
export function retransmit(ctx: PathContext, leg: VideoLeg, seq: number, now: Millis): void {
  const { log, receiver } = leg;
  if (!receiver.transportUp || !log.find(seq)) return;
  const rtt = receiver.rttMs;
  if (rtt >= 0 && now - log.sentAt < Math.min(0.9 * rtt, rtt - 5)) return;
  if (!repeat(ctx, leg, seq, now)) return;
  log.markResent(now);
  leg.retransmissions++;
  receiver.retransmissionsSent++;
}

/** Sends the entry that `leg.log` found for `seq` again; false when its packet is gone. */
export function repeat(ctx: PathContext, leg: VideoLeg, seq: number, now: Millis): boolean {
  const { log, receiver, source } = leg;
  const store = source.encodings[log.encoding]?.stream?.existingStore;
  const { stage, egress } = ctx;
  if (store === undefined || !store.load(log.sourceSeq, stage)) return false;
  const timestamp = (stage.timestamp + log.timestampDelta) | 0;
  if (leg.slot !== undefined) egress.mid = leg.slot.midBytes;
  const rtxPt = receiver.payloadTypes.rtxFor[stage.payloadType]!;
  if (stage.targetsAt > 0) egress.descriptorChange = log;
  let at: number;
  if (repeatsAsRtx(leg, stage.payloadType)) {
    at = egress.writeRtp(receiver, leg.sentRtxSsrc, leg.rtxSeq, timestamp, true, rtxPt, seq, now);
    leg.rtxSeq = (leg.rtxSeq + 1) & 0xffff;
  } else {
    egress.repeatedMark = log.sendMark;
    at = egress.writeRtp(receiver, leg.sentSsrc, seq, timestamp, true, 0, 0, now);
    egress.markRepeatable();
    leg.packets++;
    leg.octets += egress.lastLength();
  }
  editPayload(ctx, at, log);
  return true;
}
