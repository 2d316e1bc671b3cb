/**
 * RTCP from endpoints: consumed here, except that sender reports and key frame requests have an
 * effect on others (spec jvb-media 8.1). A compound may hold any mixture of them.
 */

import { readRembBps, writeSenderReport } from "#shared/rtp/rtcp-build";
import { FeedbackType, isWellFormedRtcp, RtcpType } from "#shared/rtp/rtcp-walk";
import { readInt32, readUint16 } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import { setEstimatedBandwidth } from "./bandwidth-estimate.ts";
import { requestKeyframe } from "./keyframe-requests.ts";
import type { AudioSource, EndpointState, RxStream } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import { listPadding } from "./probing.ts";
import { retransmit } from "./retransmit.ts";

/**
 * Who lacks a layer is probed for this much more than it needs: a little more than before does not make
 * allocation look again (`bwe-change-threshold`), and it would stay without.
 */
const WANTED_MARGIN = 1.3;

/** Takes one decrypted SRTCP packet. */
export function receiveRtcp(
  ctx: PathContext,
  endpoint: EndpointState,
  offset: number,
  length: number,
  arrival: Millis,
  now: Millis,
): void {
  endpoint.packetsReceived++;
  endpoint.bytesReceived += length;
  if (!isWellFormedRtcp(ctx.rx, offset, length)) {
    endpoint.drops.malformedRtcp++;
    return;
  }
  endpoint.lastActivity = now;
  const { rtcp } = ctx;
  rtcp.start(ctx.rx, offset, length);
  while (rtcp.next()) {
    switch (rtcp.type) {
      case RtcpType.SR:
        if (rtcp.length >= 28) handleSenderReport(ctx, endpoint, arrival, now);
        break;
      case RtcpType.RR:
        handleReportBlocks(ctx, endpoint, now);
        break;
      case RtcpType.RTPFB:
        handleTransportFeedback(ctx, endpoint, now);
        break;
      case RtcpType.PSFB:
        handlePayloadFeedback(ctx, endpoint, now);
        break;
      default:
        // SDES, BYE, APP, XR: nothing to do, sources come and go by signaling.
        break;
    }
  }
}

function handleSenderReport(
  ctx: PathContext,
  endpoint: EndpointState,
  arrival: Millis,
  now: Millis,
): void {
  handleReportBlocks(ctx, endpoint, now);
  const { rtcp } = ctx;
  const stream = endpoint.streams.get(rtcp.senderSsrc());
  if (stream === undefined) return;
  const ntpMiddle = readInt32(rtcp.bytes, rtcp.offset + 10);
  stream.stats.handleSenderReport(ntpMiddle, arrival);
  if (stream.audio !== undefined) forwardAudioReport(ctx, endpoint, stream, ntpMiddle, now);
  else if (stream.encoding !== undefined && !stream.isRtx)
    forwardVideoReport(ctx, stream, ntpMiddle, now);
}

function forwardAudioReport(
  ctx: PathContext,
  owner: EndpointState,
  stream: RxStream,
  ntpMiddle: number,
  now: Millis,
): void {
  const audio = stream.audio!;
  for (const receiver of owner.conference.endpoints) {
    if (receiver === owner || !receiver.transportUp) continue;
    if (receiver.audioSlots !== undefined) {
      forwardMappedReport(ctx, receiver, audio, ntpMiddle, now);
      continue;
    }
    const packets = audio.packets[receiver.slot]!;
    if (packets === 0) continue;
    const octets = audio.octets[receiver.slot]!;
    sendReport(ctx, receiver, audio.ssrc, 0, packets, octets, ntpMiddle, now);
  }
}

/** A receiver that knows the source under another SSRC; one that has none for it gets no report. */
function forwardMappedReport(
  ctx: PathContext,
  receiver: EndpointState,
  audio: AudioSource,
  ntpMiddle: number,
  now: Millis,
): void {
  const slot = audio.slots[receiver.slot];
  if (slot?.sourceSsrc !== audio.ssrc || !slot.stream.started) return;
  const { timestampDelta, packets, octets } = slot.stream;
  sendReport(ctx, receiver, slot.ssrc, timestampDelta, packets, octets, ntpMiddle, now);
}

/** Legs that get this encoding now see its clock, mapped to their timeline (appendix A: fix). */
function forwardVideoReport(
  ctx: PathContext,
  stream: RxStream,
  ntpMiddle: number,
  now: Millis,
): void {
  const eid = stream.encoding!.eid;
  const source = stream.video!;
  for (const leg of source.legs) {
    if (leg.packets === 0 || leg.projection.currentEncoding !== eid) continue;
    if (!leg.receiver.transportUp) continue;
    const shift = leg.projection.timestampDelta;
    const packets = leg.packetsBefore + leg.packets;
    const octets = leg.octetsBefore + leg.octets;
    sendReport(ctx, leg.receiver, leg.sentSsrc, shift, packets, octets, ntpMiddle, now);
  }
}

function sendReport(
  ctx: PathContext,
  receiver: EndpointState,
  ssrc: number,
  timestampShift: number,
  packets: number,
  octets: number,
  ntpMiddle: number,
  now: Millis,
): void {
  const { rtcp, egress } = ctx;
  const from = rtcp.bytes;
  const at = egress.beginRtcp();
  const length = writeSenderReport(
    ctx.tx.bytes,
    at,
    ssrc,
    readInt32(from, rtcp.offset + 8),
    readInt32(from, rtcp.offset + 12),
    (readInt32(from, rtcp.offset + 16) + timestampShift) | 0,
    packets,
    octets,
  );
  egress.commitRtcp(receiver, length);
  receiver.senderReports.sent(ssrc, ntpMiddle, now);
}

function handleReportBlocks(ctx: PathContext, endpoint: EndpointState, now: Millis): void {
  const { rtcp } = ctx;
  const { bytes } = rtcp;
  const count = rtcp.reportBlockCount();
  for (let i = 0; i < count; i++) {
    const at = rtcp.reportBlocksOffset() + 24 * i;
    const ssrc = readInt32(bytes, at);
    if (!endpoint.sendsTransportCc) endpoint.outgoingLoss.add(256, bytes[at + 4]!);
    const lastSr = readInt32(bytes, at + 16);
    const delay = readInt32(bytes, at + 20) >>> 0;
    const rtt = endpoint.senderReports.roundTrip(ssrc, lastSr, delay, now);
    if (rtt < 0) continue;
    endpoint.rttMs = rtt;
    endpoint.existingBandwidth?.setRoundTrip(rtt);
  }
}

function handleTransportFeedback(ctx: PathContext, endpoint: EndpointState, now: Millis): void {
  const { rtcp } = ctx;
  if (rtcp.count === FeedbackType.NACK && rtcp.length >= 16) {
    endpoint.nacksReceived++;
    handleNack(ctx, endpoint, now);
  } else if (rtcp.count === FeedbackType.TWCC) {
    handleTransportCc(ctx, endpoint, now);
  }
}

/** What became of the video it was sent: a new estimate, and perhaps probes or padding to send. */
function handleTransportCc(ctx: PathContext, endpoint: EndpointState, now: Millis): void {
  const { rtcp, egress } = ctx;
  const bandwidth = endpoint.existingBandwidth;
  if (!endpoint.sendsTransportCc || bandwidth === undefined) return;
  const { targetBps, idealBps } = endpoint;
  bandwidth.setWanted(targetBps < idealBps ? WANTED_MARGIN * idealBps : idealBps);
  bandwidth.handleFeedback(rtcp.bytes, rtcp.offset, rtcp.length, now);
  endpoint.outgoingLoss.add(bandwidth.reported, bandwidth.reportedLost);
  if (!bandwidth.hasFeedback) return;
  setEstimatedBandwidth(endpoint, bandwidth.estimateBps, ctx.options);
  egress.listProbe(endpoint);
  listPadding(ctx, endpoint, now);
}

function handleNack(ctx: PathContext, endpoint: EndpointState, now: Millis): void {
  const { rtcp } = ctx;
  const leg = endpoint.legBySsrc.get(rtcp.mediaSsrc());
  if (leg === undefined) return;
  const end = rtcp.offset + rtcp.length;
  for (let at = rtcp.offset + 12; at + 4 <= end; at += 4) {
    const pid = readUint16(rtcp.bytes, at);
    const blp = readUint16(rtcp.bytes, at + 2);
    retransmit(ctx, leg, pid, now);
    for (let bit = 0; bit < 16; bit++)
      if ((blp & (1 << bit)) !== 0) retransmit(ctx, leg, (pid + bit + 1) & 0xffff, now);
  }
}

function handlePayloadFeedback(ctx: PathContext, endpoint: EndpointState, now: Millis): void {
  const { rtcp } = ctx;
  if (rtcp.count === FeedbackType.PLI && rtcp.length >= 12) {
    endpoint.plisReceived++;
    keyframeFor(ctx, endpoint, rtcp.mediaSsrc(), now);
  } else if (rtcp.count === FeedbackType.FIR) {
    // Each entry names its SSRC; the media source field means nothing (RFC 5104 4.3.1.2).
    const end = rtcp.offset + rtcp.length;
    for (let at = rtcp.offset + 12; at + 8 <= end; at += 8) {
      endpoint.plisReceived++;
      keyframeFor(ctx, endpoint, readInt32(rtcp.bytes, at), now);
    }
  } else if (rtcp.count === FeedbackType.REMB && !endpoint.sendsTransportCc) {
    const bps = readRembBps(rtcp.bytes, rtcp.offset, rtcp.length);
    if (bps !== undefined && bps > 0) setEstimatedBandwidth(endpoint, bps, ctx.options);
  }
}

function keyframeFor(ctx: PathContext, endpoint: EndpointState, ssrc: number, now: Millis): void {
  const leg = endpoint.legBySsrc.get(ssrc);
  if (leg !== undefined) {
    requestKeyframe(ctx, leg, false, now);
    return;
  }
  // Under rewriting it knows no others, and one that is not in use now means nothing.
  if (endpoint.videoSlots !== undefined) return;
  // A receiver may name an SSRC of a higher encoding.
  const source = endpoint.conference.videoBySsrc.get(ssrc);
  const other = source === undefined ? undefined : endpoint.legs.get(source);
  if (other !== undefined) requestKeyframe(ctx, other, false, now);
}
