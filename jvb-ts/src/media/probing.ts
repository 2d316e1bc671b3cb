/**
 * Packets that nobody asked for: probes, which show what the way to a receiver carries, and padding
 * towards what it would get if the way were wider (spec jvb-media 9.4, 9.5). Repeats of recent packets
 * in RTX form where the receiver knows RTX, else packets of nothing but padding.
 */
import type { Millis } from "#shared/runtime/runtime";
import { repeatsAsRtx } from "./forward.ts";
import type { EndpointState, VideoLeg } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import { repeat } from "./retransmit.ts";

const NEVER = Number.POSITIVE_INFINITY;
const RTP_HEADER_BYTES = 12;
const MAX_PADDING_BYTES = 255;
/** Padding toward the ideal is not worth a packet before. */
const MIN_PADDING_BYTES = 100;
/** Recent packets of a stream that are looked at for one that fits; a bit of a mask each. */
const RECENT = 16;
/** Original number of RFC 4588, and the transport-wide number's extension. */
const RTX_BYTES = 2;
const EXTENSION_BYTES = 8;
/** Between packets of padding only (COMPAT(jvb): spec 9.5). */
const TIMESTAMP_STEP = 3_000;

/** When `sendProbes` is due next. */
export function nextProbeAt({ egress }: PathContext): Millis {
  const { probing } = egress;
  let next = NEVER;
  for (let i = 0; i < probing.count; i++)
    next = Math.min(next, probing.at(i).bandwidth.pollTimeout());
  return next;
}

/** Sends what is due of the probes on their way and forgets those that are over. */
export function sendProbes(ctx: PathContext, now: Millis): void {
  const { probing } = ctx.egress;
  let kept = 0;
  for (let i = 0; i < probing.count; i++) {
    const receiver = probing.at(i);
    ctx.writing = receiver;
    const { bandwidth } = receiver;
    bandwidth.handleTimeout(now);
    const bytes = bandwidth.probeBytes(now);
    if (bytes > 0 && receiver.transportUp) {
      const goal = bandwidth.history.bytes + bytes;
      repeatAny(ctx, receiver, goal, now);
      writePaddingTo(ctx, receiver, goal, now);
    }
    if (bandwidth.isProbing && receiver.transportUp) probing.set(kept++, receiver);
    else receiver.probeListed = false;
  }
  probing.truncate(kept);
}

/**
 * Has `sendPadding` look after a receiver that lacks bandwidth. Not only feedback may call it: without a
 * source none comes, and what comes later may cost more than was found then.
 */
export function listPadding(ctx: PathContext, receiver: EndpointState, now: Millis): void {
  if (receiver.paddingListed || !needsPadding(receiver)) return;
  receiver.paddingListed = true;
  receiver.padding.begin(receiver.bandwidth.history.bytes);
  ctx.padded.add(receiver);
  const { paddingPeriodMs } = ctx.options;
  if (ctx.nextPaddingAt === NEVER) ctx.nextPaddingAt = now + paddingPeriodMs;
}

/** One period went by: padding for those who are listed. */
export function sendPadding(ctx: PathContext, now: Millis): void {
  const { padded, options } = ctx;
  const elapsed =
    options.paddingPeriodMs + Math.min(options.paddingPeriodMs, now - ctx.nextPaddingAt);
  let kept = 0;
  for (let i = 0; i < padded.count; i++) {
    const receiver = padded.at(i);
    ctx.writing = receiver;
    if (!needsPadding(receiver)) {
      receiver.paddingListed = false;
      continue;
    }
    pad(ctx, receiver, elapsed, now);
    padded.set(kept++, receiver);
  }
  padded.truncate(kept);
  ctx.nextPaddingAt = kept > 0 ? now + options.paddingPeriodMs : NEVER;
}

function needsPadding(receiver: EndpointState): boolean {
  const bandwidth = receiver.existingBandwidth;
  return (
    bandwidth !== undefined &&
    receiver.transportUp &&
    receiver.sendsTransportCc &&
    bandwidth.hasFeedback &&
    receiver.idealBps > bandwidth.estimateBps
  );
}

function pad(ctx: PathContext, receiver: EndpointState, elapsed: Millis, now: Millis): void {
  const { targetBps, idealBps, bandwidth, padding } = receiver;
  const { history, paddingBps } = bandwidth;
  const bytes = padding.advance(targetBps, idealBps, paddingBps, elapsed, history.bytes);
  if (bytes < 1) return;
  const before = history.bytes;
  const goal = before + bytes;
  // What is too little for a repeat waits until it is enough: a packet costs more than its bytes.
  const isRepeated = repeatAny(ctx, receiver, goal, now);
  if (!isRepeated && bytes >= MIN_PADDING_BYTES) writePaddingTo(ctx, receiver, goal, now);
  padding.handleSent(history.bytes - before);
}

/** Repeats packets until about `goal` bytes were ever sent; false when none can be repeated. */
function repeatAny(ctx: PathContext, receiver: EndpointState, goal: number, now: Millis): boolean {
  if (!receiver.payloadTypes.hasRtx) return false;
  const { allocated, bandwidth } = receiver;
  let hasAny = false;
  for (let i = 0; i < allocated.length && bandwidth.history.bytes < goal; i++) {
    const leg = allocated[i]!;
    if (leg.targetIndex >= 0 && repeatRecent(ctx, leg, goal, now)) hasAny = true;
  }
  return hasAny;
}

function writePaddingTo(
  ctx: PathContext,
  receiver: EndpointState,
  goal: number,
  now: Millis,
): void {
  const { history } = receiver.bandwidth;
  while (goal - history.bytes >= RTP_HEADER_BYTES) {
    const before = history.bytes;
    writePadding(ctx, receiver, goal - before, now);
    if (history.bytes === before) return;
    countProbe(receiver, before);
  }
}

function countProbe(receiver: EndpointState, before: number): void {
  receiver.probePackets++;
  receiver.probeBytes += receiver.bandwidth.history.bytes - before;
}

/**
 * Repeats the largest recent packets of a stream that fit, each once, until `goal` is reached. False
 * when there is none of whatever size.
 */
function repeatRecent(ctx: PathContext, leg: VideoLeg, goal: number, now: Millis): boolean {
  const { receiver, log } = leg;
  const { history } = receiver.bandwidth;
  const { newest } = log;
  let used = 0;
  while (newest >= 0 && history.bytes < goal) {
    const age = largestFitting(leg, used, goal - history.bytes);
    if (age < 0) break;
    used |= 1 << age;
    const seq = (newest - age) & 0xffff;
    const before = history.bytes;
    if (!log.find(seq) || !repeat(ctx, leg, seq, now)) break;
    countProbe(receiver, before);
  }
  return used !== 0 || largestFitting(leg, 0, Number.POSITIVE_INFINITY) >= 0;
}

/** Age of the largest packet in the log that fits into `bytes` and is not `used`, -1 none. */
function largestFitting(leg: VideoLeg, used: number, bytes: number): number {
  const { log, source } = leg;
  let best = -1;
  let bestLength = 0;
  for (let age = 0; age < RECENT; age++) {
    if ((used & (1 << age)) !== 0 || !log.find((log.newest - age) & 0xffff)) continue;
    const stream = source.encodings[log.encoding]?.stream;
    const length = stream?.existingStore?.lengthOf(log.sourceSeq) ?? -1;
    if (length <= bestLength || length + RTX_BYTES + EXTENSION_BYTES > bytes) continue;
    if (!repeatsAsRtx(leg, stream!.existingStore!.payloadTypeOf(log.sourceSeq))) continue;
    best = age;
    bestLength = length;
  }
  return best;
}

/** A packet of nothing but padding, of about `bytes` at most, on the bridge's own SSRC. */
function writePadding(ctx: PathContext, receiver: EndpointState, bytes: number, now: Millis): void {
  const { egress, stage } = ctx;
  const { firstVideo } = receiver.payloadTypes;
  if (firstVideo === 0) return;
  if (receiver.paddingSeq < 0) receiver.paddingSeq = ctx.drawSeq();
  const room = bytes - RTP_HEADER_BYTES - EXTENSION_BYTES;
  const length = Math.max(1, Math.min(MAX_PADDING_BYTES, room));
  stage.loadPadding(firstVideo, length);
  const { videoSsrc } = receiver.conference;
  const { paddingSeq, paddingTimestamp } = receiver;
  egress.writeRtp(receiver, videoSsrc, paddingSeq, paddingTimestamp, true, 0, 0, now);
  egress.markPadded();
  receiver.paddingSeq = (paddingSeq + 1) & 0xffff;
  receiver.paddingTimestamp = (paddingTimestamp + TIMESTAMP_STEP) | 0;
}
