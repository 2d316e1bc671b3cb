/** Sums over endpoints. */
import type { EndpointState } from "./media-state.ts";
import type { EngineTotals } from "./media-statistics.ts";

export type MutableTotals = { -readonly [K in keyof EngineTotals]: number };

export function emptyTotals(): MutableTotals {
  return {
    packetsReceived: 0,
    bytesReceived: 0,
    packetsSent: 0,
    bytesSent: 0,
    packetsNotSent: 0,
    unknownSessionPackets: 0,
    keyframesReceived: 0,
    layeringChangesReceived: 0,
    videoStreamMillisReceived: 0,
    dominantSpeakerChanges: 0,
    preemptiveKeyframesSent: 0,
    preemptiveKeyframesSuppressed: 0,
    retransmissionsSent: 0,
    plisSent: 0,
    nacksSent: 0,
    unmatchedFeedback: 0,
    probePacketsSent: 0,
    probeBytesSent: 0,
  };
}

export function addEndpointTotals(sum: MutableTotals, endpoint: EndpointState): void {
  sum.packetsReceived += endpoint.packetsReceived;
  sum.bytesReceived += endpoint.bytesReceived;
  sum.packetsSent += endpoint.packetsSent;
  sum.bytesSent += endpoint.bytesSent;
  sum.keyframesReceived += endpoint.keyframesReceived;
  sum.layeringChangesReceived += endpoint.layeringChanges;
  sum.videoStreamMillisReceived += endpoint.videoStreamMillis;
  sum.retransmissionsSent += endpoint.retransmissionsSent;
  sum.plisSent += endpoint.plisSent;
  sum.nacksSent += endpoint.nacksSent;
  sum.unmatchedFeedback += endpoint.existingBandwidth?.history.unmatched ?? 0;
  sum.probePacketsSent += endpoint.probePackets;
  sum.probeBytesSent += endpoint.probeBytes;
}
