/** Snapshots of endpoints for statistics and debugging. */
import type { Millis } from "#shared/runtime/runtime";
import type { EndpointState, RxStream, VideoLeg } from "./media-state.ts";
import type {
  EndpointSnapshot,
  ReceivedStreamSnapshot,
  SentVideoSnapshot,
} from "./media-statistics.ts";

/** Packets per second from which audio and video count as being sent (spec 1.3 A2, V7). */
const ACTIVE_AUDIO_PPS = 5;
const ACTIVE_VIDEO_PPS = 1;

export function snapshotOf(state: EndpointState, _now: Millis): EndpointSnapshot {
  const receiving = [...state.streams.values()].map(receivedStream);
  const sending = [...state.legs.values()].map(sentVideo);
  const jitters = receiving.filter((one) => one.packets > 0).map((one) => one.jitterMs);
  const { rates } = state;
  return {
    id: state.id,
    transportUp: state.transportUp,
    acceptAudio: state.payloadTypes.acceptAudio,
    acceptVideo: state.payloadTypes.acceptVideo,
    packetsReceived: state.packetsReceived,
    bytesReceived: state.bytesReceived,
    packetsSent: state.packetsSent,
    bytesSent: state.bytesSent,
    receiveBitrateBps: Math.round(rates.bytesReceived.perSecond * 8),
    sendBitrateBps: Math.round(rates.bytesSent.perSecond * 8),
    receivePacketRate: Math.round(rates.packetsReceived.perSecond),
    sendPacketRate: Math.round(rates.packetsSent.perSecond),
    rttMs: state.rttMs < 0 ? undefined : state.rttMs,
    jitterMs: jitters.length === 0 ? 0 : jitters.reduce((a, b) => a + b, 0) / jitters.length,
    incomingLoss: state.incomingLoss.fraction(),
    outgoingLoss: state.outgoingLoss.fraction(),
    sendingAudio: isSending(state, "audio", ACTIVE_AUDIO_PPS),
    sendingVideo: isSending(state, "video", ACTIVE_VIDEO_PPS),
    hasSuspendedSources: state.allocated.some((leg) => leg.suspended),
    oversending: state.oversending,
    estimatedBandwidthBps: Number.isFinite(state.estimatedBps)
      ? Math.round(state.estimatedBps)
      : undefined,
    queueMs: Math.round(state.existingBandwidth?.queueMs() ?? 0),
    targetBps: Math.round(state.targetBps),
    idealBps: Math.round(state.idealBps),
    probePackets: state.probePackets,
    probeBytes: state.probeBytes,
    keyframesReceived: state.keyframesReceived,
    layeringChangesReceived: state.layeringChanges,
    nacksReceived: state.nacksReceived,
    nacksSent: state.nacksSent,
    plisReceived: state.plisReceived,
    plisSent: state.plisSent,
    retransmissionsSent: state.retransmissionsSent,
    lastN: state.settings.lastN,
    drops: { ...state.drops },
    receiving,
    sending,
  };
}

function isSending(state: EndpointState, kind: "audio" | "video", packetRate: number): boolean {
  for (const stream of state.streams.values())
    if (kindOf(stream) === kind && stream.packetRate.perSecond >= packetRate) return true;
  return false;
}

function kindOf(stream: RxStream): ReceivedStreamSnapshot["kind"] {
  if (stream.audio !== undefined) return "audio";
  if (stream.isRtx) return "rtx";
  return stream.encoding === undefined ? "unknown" : "video";
}

function receivedStream(stream: RxStream): ReceivedStreamSnapshot {
  return {
    ssrc: stream.ssrc >>> 0,
    kind: kindOf(stream),
    sourceName: stream.audio?.name ?? stream.video?.name,
    encoding: stream.encoding?.eid ?? -1,
    packets: stream.stats.packets,
    bytes: stream.stats.bytes,
    bitrateBps: Math.round(stream.rate.perSecond * 8),
    packetsLost: Math.max(0, stream.stats.cumulativeLost),
    jitterMs: stream.stats.jitterMs,
    duplicates: stream.duplicates,
    discarded: stream.discarded,
    nackedPackets: stream.nackedPackets,
    keyframes: stream.keyframes,
    height: stream.height,
    codec: stream.codecName,
  };
}

function sentVideo(leg: VideoLeg): SentVideoSnapshot {
  return {
    sourceName: leg.source.name,
    ownerId: leg.source.owner.id,
    ssrc: leg.sentSsrc >>> 0,
    packets: leg.packets,
    bytes: leg.octets,
    bitrateBps: Math.round(leg.rate.perSecond * 8),
    targetIndex: leg.targetIndex,
    idealIndex: leg.idealIndex,
    currentEncoding: leg.projection.currentEncoding,
    maxHeight: leg.maxHeight,
    projection: leg.projection.name,
    retransmissions: leg.retransmissions,
  };
}
