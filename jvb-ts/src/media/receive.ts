/**
 * The receive side of the packet path, node by node as spec jvb-media 1.3 orders them. Each step
 * works on the views of the context; what is to be forwarded comes back as its stream.
 */
import { readUint16 } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import type { EndpointState, RxStream } from "./media-state.ts";
import { parseVideo } from "./parse-video.ts";
import type { PathContext } from "./path-context.ts";
import { PtKind } from "./payload-types.ts";
import type { ReceiveEstimate } from "./receive-estimate.ts";
import type { CodecId } from "./video-packet.ts";

/** Audio level that means digital silence, in -dBov. */
const SILENCE = 127;

/**
 * Takes one decrypted RTP packet at `offset`. Returns its stream when it is to be forwarded
 * (`ctx.seq`, for video `ctx.video` and `ctx.layeringChanged` are set then), else undefined.
 */
export function receiveRtp(
  ctx: PathContext,
  endpoint: EndpointState,
  offset: number,
  length: number,
  arrival: Millis,
  now: Millis,
): RxStream | undefined {
  endpoint.packetsReceived++;
  endpoint.bytesReceived += length;
  const { header } = ctx;
  if (!header.parse(ctx.rx, offset, length)) {
    endpoint.drops.malformed++;
    return undefined;
  }
  const kind = endpoint.payloadTypes.kind[header.payloadType]!;
  if (kind === PtKind.unsignaled) {
    endpoint.drops.unsignaledPayloadType++;
    return undefined;
  }
  endpoint.lastActivity = now;
  scanExtensions(ctx, endpoint);
  if (ctx.transportCcSeq >= 0 && endpoint.sendsTransportCc)
    recordArrival(ctx, endpoint, arrival, now);
  if (endpoint.receiveEstimate !== undefined)
    estimateWay(ctx, endpoint.receiveEstimate, endpoint.extensions.absSendTime, length, arrival);
  const stream = endpoint.stream(header.ssrc);
  const clockRate = endpoint.payloadTypes.clockRate[header.payloadType]!;
  stream.stats.handlePacket(header.seq, header.timestamp, length, arrival, clockRate);
  return kind === PtKind.audio || kind === PtKind.audioRed
    ? receiveAudio(ctx, endpoint, stream, now)
    : receiveVideo(ctx, endpoint, stream, kind, now);
}

function scanExtensions(ctx: PathContext, endpoint: EndpointState): void {
  ctx.audioLevel = -1;
  ctx.audioVad = false;
  ctx.transportCcSeq = -1;
  ctx.descriptorLength = -1;
  ctx.allocationLength = -1;
  const { header, extensions } = ctx;
  if (header.extensionProfile === 0) return;
  const ids = endpoint.extensions;
  const profile = header.extensionProfile;
  extensions.start(ctx.rx, header.extensionOffset, header.extensionLength, profile);
  while (extensions.next()) {
    if (extensions.id === ids.audioLevel && extensions.dataLength >= 1) {
      const level = ctx.rx[extensions.dataOffset]!;
      ctx.audioLevel = level & 0x7f;
      ctx.audioVad = level >= 0x80;
    } else if (extensions.id === ids.transportCc && extensions.dataLength >= 2)
      ctx.transportCcSeq = readUint16(ctx.rx, extensions.dataOffset);
    else if (extensions.id === ids.dependencyDescriptor) {
      ctx.descriptorAt = extensions.dataOffset;
      ctx.descriptorLength = extensions.dataLength;
    } else if (extensions.id === ids.videoLayersAllocation) {
      ctx.allocationAt = extensions.dataOffset;
      ctx.allocationLength = extensions.dataLength;
    }
  }
}

function recordArrival(
  ctx: PathContext,
  endpoint: EndpointState,
  arrival: Millis,
  now: Millis,
): void {
  const { header } = ctx;
  const { transportCc } = endpoint;
  transportCc.handlePacket(ctx.transportCcSeq, header.marker, header.ssrc, arrival, now);
  if (!transportCc.due || endpoint.feedbackListed) return;
  endpoint.feedbackListed = true;
  ctx.feedbackDue.add(endpoint);
}

/** Only for endpoints that are told by REMB: others pay nothing for it. */
function estimateWay(
  ctx: PathContext,
  estimate: ReceiveEstimate,
  extensionId: number,
  length: number,
  arrival: Millis,
): void {
  const { header, extensions, rx } = ctx;
  const profile = header.extensionProfile;
  if (profile === 0) return;
  extensions.start(rx, header.extensionOffset, header.extensionLength, profile);
  while (extensions.next()) {
    if (extensions.id !== extensionId || extensions.dataLength < 3) continue;
    const at = extensions.dataOffset;
    const sendTime = (rx[at]! << 16) | readUint16(rx, at + 1);
    estimate.handlePacket(sendTime, length, arrival);
    return;
  }
}

function receiveAudio(
  ctx: PathContext,
  endpoint: EndpointState,
  stream: RxStream,
  now: Millis,
): RxStream | undefined {
  const { header } = ctx;
  const { drops } = endpoint;
  if (stream.audio === undefined) {
    drops.unknownSsrc++;
    return undefined;
  }
  if (isAudioDiscarded(ctx, endpoint, stream, now)) {
    stream.discarded++;
    stream.plainRewriter.reject(header.seq);
    return undefined;
  }
  ctx.seq = stream.plainRewriter.accept(header.seq);
  if (ctx.seq >= 0) return stream;
  stream.discarded++;
  drops.late++;
  return undefined;
}

/** Marks of spec 11.2; force-mute also holds without the level extension (appendix A: fix). */
function isAudioDiscarded(
  ctx: PathContext,
  endpoint: EndpointState,
  stream: RxStream,
  now: Millis,
): boolean {
  const { drops } = endpoint;
  if (ctx.header.payloadLength === 0) {
    drops.paddingOnly++;
    return true;
  }
  const silent = ctx.audioLevel === SILENCE;
  const { discardSilence, forwardedSilencePacketsLimit } = ctx.options;
  if (silent && discardSilence && endpoint.silentPackets > forwardedSilencePacketsLimit) {
    drops.silence++;
    return true;
  }
  if (endpoint.muteAudio) {
    drops.muted++;
    return true;
  }
  if (ctx.audioLevel < 0) return false;
  endpoint.silentPackets = silent ? endpoint.silentPackets + 1 : 0;
  if (endpoint.visitor || stream.audio?.synthetic === true) return false;
  const level = SILENCE - ctx.audioLevel;
  const tooQuiet = endpoint.conference.speech.addLevel(endpoint.id, level, now);
  if (!tooQuiet || stream.audio?.explicitlyWanted === true) return false;
  drops.notLoudest++;
  return true;
}

function receiveVideo(
  ctx: PathContext,
  endpoint: EndpointState,
  received: RxStream,
  receivedKind: number,
  now: Millis,
): RxStream | undefined {
  const { header } = ctx;
  const { drops } = endpoint;
  if (received.encoding === undefined) {
    drops.unknownSsrc++;
    return undefined;
  }
  let stream = received;
  let kind = receivedKind;
  if (kind === PtKind.rtx || received.isRtx) {
    if (kind !== PtKind.rtx || !received.isRtx || !restoreRtx(ctx, endpoint, received)) {
      drops.badRtx++;
      return undefined;
    }
    stream = endpoint.stream(header.ssrc);
    kind = endpoint.payloadTypes.kind[header.payloadType]!;
    if (kind < PtKind.video || stream.duplicateWindow.isTooOld(header.seq)) {
      drops.badRtx++;
      return undefined;
    }
  }
  if (stream.duplicateWindow.isDuplicate(header.seq)) {
    stream.duplicates++;
    drops.duplicate++;
    return undefined;
  }
  noteForNack(ctx, stream, now);
  if (endpoint.muteVideo || header.payloadLength === 0) {
    if (endpoint.muteVideo) drops.muted++;
    else drops.paddingOnly++;
    stream.discarded++;
    stream.renumber(header.seq, false);
    return undefined;
  }
  ctx.seq = stream.renumber(header.seq, true);
  if (!parseVideo(ctx, endpoint, stream, (kind - PtKind.video) as CodecId, now)) {
    drops.badCodec++;
    return undefined;
  }
  return stream;
}

/** Undoes RFC 4588: original number, payload type and SSRC. False for probes without payload. */
function restoreRtx(ctx: PathContext, endpoint: EndpointState, rtx: RxStream): boolean {
  const { header } = ctx;
  if (header.payloadLength < 2 || rtx.encoding === undefined) return false;
  header.seq = readUint16(ctx.rx, header.payloadOffset);
  header.payloadOffset += 2;
  header.payloadLength -= 2;
  header.payloadType = endpoint.payloadTypes.apt[header.payloadType]!;
  header.ssrc = rtx.encoding.ssrc;
  return true;
}

function noteForNack(ctx: PathContext, stream: RxStream, now: Millis): void {
  const { nack } = stream;
  nack.handlePacket(ctx.header.seq, now);
  if (nack.dueAt === Number.POSITIVE_INFINITY) return;
  if (nack.dueAt < ctx.nextNackAt) ctx.nextNackAt = nack.dueAt;
  if (stream.inNackList) return;
  stream.inNackList = true;
  ctx.nackStreams.add(stream);
}
