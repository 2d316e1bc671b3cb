/** RTCP the bridge makes itself: transport-cc feedback, NACK, receiver reports, REMB (spec 8.3-8.9). */
import {
  REPORT_BLOCK_BYTES,
  RR_HEADER_BYTES,
  writeNack,
  writeReceiverReportHeader,
  writeRemb,
  writeReportBlock,
} from "#shared/rtp/rtcp-build";
import type { Millis } from "#shared/runtime/runtime";
import { MAX_RTCP_BYTES } from "./egress.ts";
import { writeKeyframeRequests } from "./keyframe-requests.ts";
import type { ConferenceState, EndpointState, RxStream } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";

/** Period of receiver reports. */
export const REPORT_INTERVAL_MS = 500;
const MAX_BLOCKS = 31;
const MAX_REMB_SSRCS = 8;

/** Writes everything collected since the last batch. */
export function writeCollected(ctx: PathContext, now: Millis): void {
  ctx.writing = undefined;
  if (ctx.feedbackDue.count > 0) writeTransportCc(ctx, now);
  if (now >= ctx.nextNackAt) writeNacks(ctx, now);
  if (ctx.keyframeSources.count > 0) writeKeyframeRequests(ctx);
}

/** After a bug: forgets what is collected for a conference, or for all when it is nobody's. */
export function dropCollected(ctx: PathContext, conference: ConferenceState | undefined): void {
  const isDropped = (owner: EndpointState): boolean =>
    conference === undefined || owner.conference === conference;
  ctx.feedbackDue.drop((endpoint) => {
    if (isDropped(endpoint)) endpoint.feedbackListed = false;
    return !endpoint.feedbackListed;
  });
  ctx.nackStreams.drop((stream) => {
    if (isDropped(stream.owner)) stream.inNackList = false;
    return !stream.inNackList;
  });
  ctx.egress.probing.drop((receiver) => {
    if (isDropped(receiver)) receiver.probeListed = false;
    return !receiver.probeListed;
  });
  ctx.padded.drop((receiver) => {
    if (isDropped(receiver)) receiver.paddingListed = false;
    return !receiver.paddingListed;
  });
  ctx.keyframeSources.drop((source) => {
    if (isDropped(source.owner)) source.keyframeRequested = false;
    return !source.keyframeRequested;
  });
}

function writeTransportCc(ctx: PathContext, now: Millis): void {
  const { feedbackDue, egress } = ctx;
  for (let i = 0; i < feedbackDue.count; i++) {
    const endpoint = feedbackDue.at(i);
    ctx.writing = endpoint;
    endpoint.feedbackListed = false;
    const { transportCc } = endpoint;
    const { received, lost } = transportCc;
    for (;;) {
      const at = egress.beginRtcp();
      const length = transportCc.write(ctx.tx.bytes, at, endpoint.conference.videoSsrc, now);
      if (length === 0) break;
      if (endpoint.transportUp && !endpoint.removed) egress.commitRtcp(endpoint, length);
    }
    const reported = transportCc.received - received + (transportCc.lost - lost);
    endpoint.incomingLoss.add(reported, transportCc.lost - lost);
  }
  feedbackDue.truncate(0);
}

function writeNacks(ctx: PathContext, now: Millis): void {
  const { nackStreams } = ctx;
  let kept = 0;
  let next = Number.POSITIVE_INFINITY;
  for (let i = 0; i < nackStreams.count; i++) {
    const stream = nackStreams.at(i);
    const { nack } = stream;
    ctx.writing = stream.owner;
    if (now >= nack.dueAt) writeNackFor(ctx, stream, now);
    if (nack.dueAt === Number.POSITIVE_INFINITY || stream.owner.removed) {
      stream.inNackList = false;
      continue;
    }
    if (nack.dueAt < next) next = nack.dueAt;
    nackStreams.set(kept++, stream);
  }
  nackStreams.truncate(kept);
  ctx.nextNackAt = next;
}

function writeNackFor(ctx: PathContext, stream: RxStream, now: Millis): void {
  const { owner, nack } = stream;
  const { seqs, egress } = ctx;
  const count = nack.collect(seqs, now, owner.rttMs);
  if (count === 0 || !owner.transportUp || owner.removed) return;
  const at = egress.beginRtcp();
  const sender = owner.conference.videoSsrc;
  const length = writeNack(ctx.tx.bytes, at, sender, stream.ssrc, seqs, count, MAX_RTCP_BYTES);
  egress.commitRtcp(owner, length);
  owner.nacksSent++;
  stream.nackedPackets += count;
}

/**
 * One RR with a block for each SSRC that had packets since the last one; none when idle. The last one
 * takes REMB along where that is negotiated.
 */
export function writeReports(ctx: PathContext, endpoint: EndpointState, now: Millis): void {
  if (!endpoint.transportUp) return;
  const { egress } = ctx;
  const bytes = ctx.tx.bytes;
  let blocks = 0;
  let at = 0;
  const { rembSsrcs } = ctx;
  rembSsrcs.length = 0;
  for (const stream of endpoint.streams.values()) {
    if (!stream.stats.hasNews()) continue;
    // A full one waits for another block: so the last one is known.
    if (blocks === MAX_BLOCKS) {
      egress.commitRtcp(endpoint, writeReportHeader(ctx, endpoint, at, blocks));
      blocks = 0;
    }
    if (blocks === 0) at = egress.beginRtcp();
    writeBlock(ctx, stream, bytes, at + RR_HEADER_BYTES + blocks * REPORT_BLOCK_BYTES, now);
    blocks++;
    if (rembSsrcs.length < MAX_REMB_SSRCS) rembSsrcs.push(stream.ssrc);
  }
  if (blocks === 0) return;
  const length = writeReportHeader(ctx, endpoint, at, blocks);
  const bps = endpoint.receiveEstimate?.bps ?? 0;
  const sender = endpoint.conference.videoSsrc;
  const remb = bps > 0 ? writeRemb(bytes, at + length, sender, bps, rembSsrcs) : 0;
  egress.commitRtcp(endpoint, length + remb);
}

/** Returns the length of the report. */
function writeReportHeader(
  ctx: PathContext,
  endpoint: EndpointState,
  at: number,
  blocks: number,
): number {
  writeReceiverReportHeader(ctx.tx.bytes, at, endpoint.conference.videoSsrc, blocks);
  return RR_HEADER_BYTES + blocks * REPORT_BLOCK_BYTES;
}

function writeBlock(
  ctx: PathContext,
  stream: RxStream,
  bytes: Uint8Array,
  at: number,
  now: Millis,
): void {
  const { stats } = stream;
  stats.closeInterval();
  // COMPAT(jvb): upstream reports jitter in ms; `rfcJitter` gives the unit of RFC 3550.
  const ticksPerMs = stream.audio !== undefined ? 48 : 90;
  const jitter = ctx.options.rfcJitter ? stats.jitterMs * ticksPerMs : stats.jitterMs;
  writeReportBlock(
    bytes,
    at,
    stream.ssrc,
    stats.fractionLost,
    stats.cumulativeLost,
    stats.extendedHighest,
    Math.round(jitter),
    stats.lastSrMiddle,
    stats.delaySinceLastSr(now),
  );
}
