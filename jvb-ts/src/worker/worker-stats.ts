/** The statistics snapshot that a worker sends each `videobridge.stats.interval`. */
import type { Millis } from "#shared/runtime/runtime";
import type { Conference } from "../conference/conference.ts";
import type { ConferenceCounter } from "../conference/counters.ts";
import { dropReasons, type EngineTotals, zeroDrops } from "../media/media-statistics.ts";
import type { PacketCounters } from "../media/packet-io.ts";
import {
  type ConferenceStats,
  type WorkerCounter,
  type WorkerStats,
  zeroSums,
} from "../worker-messages.ts";
import type { Standstill } from "./standstill.ts";

/** Share of lost packets above which an endpoint counts as suffering. */
const HIGH_LOSS = 0.1;

export interface StatsSources {
  readonly conferences: Iterable<Conference>;
  /** Does a step that may break; undefined when it did. */
  readonly look: <T>(conference: Conference, step: () => T) => T | undefined;
  readonly counters: Readonly<Record<ConferenceCounter, number>>;
  readonly totals: EngineTotals;
  readonly sockets: PacketCounters;
  readonly standstill: Standstill;
}

function allCounters({
  counters,
  totals,
  standstill,
}: StatsSources): Record<WorkerCounter, number> {
  return {
    ...counters,
    dominant_speaker_changes: totals.dominantSpeakerChanges,
    packets_received: totals.packetsReceived,
    packets_sent: totals.packetsSent,
    bytes_received: totals.bytesReceived,
    bytes_sent: totals.bytesSent,
    video_milliseconds_received: Math.round(totals.videoStreamMillisReceived),
    keyframes_received: totals.keyframesReceived,
    layering_changes_received: totals.layeringChangesReceived,
    preemptive_keyframe_requests_sent: totals.preemptiveKeyframesSent,
    preemptive_keyframe_requests_suppressed: totals.preemptiveKeyframesSuppressed,
    standstills: standstill.count,
    standstill_packets_dropped: standstill.skipped,
  };
}

export function snapshotStats(sources: StatsSources, now: Millis): WorkerStats {
  const sum = zeroSums();
  const drops = zeroDrops();
  const conferences: ConferenceStats[] = [];
  for (const conference of sources.conferences) {
    const counts = {
      localEndpoints: 0,
      visitors: 0,
      sendingAudio: 0,
      sendingVideo: 0,
      receiveOnly: 0,
      mostForwarded: 0,
    };
    const endpoints = [...conference.endpoints.values()];
    const snapshots = sources.look(conference, () =>
      endpoints.map(({ media, visitor }) => ({ visitor, ...media.snapshot(now) })),
    );
    if (snapshots === undefined) counts.localEndpoints = endpoints.length;
    for (const one of snapshots ?? []) {
      counts.localEndpoints++;
      for (const reason of dropReasons) drops[reason] += one.drops[reason];
      if (one.visitor) counts.visitors++;
      if (one.sendingAudio) counts.sendingAudio++;
      if (one.sendingVideo) counts.sendingVideo++;
      if (!one.sendingAudio && !one.sendingVideo) counts.receiveOnly++;
      const forwarded = one.sending.filter(({ targetIndex }) => targetIndex >= 0).length;
      counts.mostForwarded = Math.max(counts.mostForwarded, forwarded);
      sum.incomingBps += one.receiveBitrateBps;
      sum.outgoingBps += one.sendBitrateBps;
      sum.incomingPps += one.receivePacketRate;
      sum.outgoingPps += one.sendPacketRate;
      if (one.rttMs !== undefined) {
        sum.rttSumMs += one.rttMs;
        sum.rttCount++;
      }
      sum.incomingExpected += one.receivePacketRate;
      sum.incomingLost += one.receivePacketRate * one.incomingLoss;
      sum.outgoingExpected += one.sendPacketRate;
      sum.outgoingLost += one.sendPacketRate * one.outgoingLoss;
      if (one.outgoingLoss > HIGH_LOSS) sum.highOutgoingLoss++;
      if (one.oversending) sum.oversending++;
      if (one.hasSuspendedSources) sum.suspendedSources++;
    }
    conferences.push(counts);
  }
  sum.unmatchedTccFeedback = sources.totals.unmatchedFeedback;
  return {
    ...sum,
    counters: allCounters(sources),
    sockets: sources.sockets,
    conferences,
    drops,
    engine: sources.totals,
  };
}
