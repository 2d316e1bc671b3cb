/** Plain snapshots of what the packet path counted: for `/debug`, statistics and the page. */

/** One received stream. */
export interface ReceivedStreamSnapshot {
  readonly ssrc: number;
  readonly kind: "audio" | "video" | "rtx" | "unknown";
  readonly sourceName: string | undefined;
  /** Encoding index within its source, or -1. */
  readonly encoding: number;
  readonly packets: number;
  readonly bytes: number;
  readonly bitrateBps: number;
  readonly packetsLost: number;
  readonly jitterMs: number;
  readonly duplicates: number;
  readonly discarded: number;
  readonly nackedPackets: number;
  readonly keyframes: number;
  /** Height of the last key frame in pixels, 0 when unknown. */
  readonly height: number;
  readonly codec: string;
}

/** One video source as one receiver gets it. */
export interface SentVideoSnapshot {
  readonly sourceName: string;
  readonly ownerId: string;
  readonly ssrc: number;
  readonly packets: number;
  readonly bytes: number;
  readonly bitrateBps: number;
  /** Layer index (`eid << 6 | sid << 3 | tid`), -1 suspended. */
  readonly targetIndex: number;
  readonly idealIndex: number;
  /** Encoding flowing now, -1 none. */
  readonly currentEncoding: number;
  /** Effective constraint: -1 unlimited, 0 nothing. */
  readonly maxHeight: number;
  readonly projection: string;
  readonly retransmissions: number;
}

/** Why received packets went no further. */
export const dropReasons = [
  "malformed",
  "unsignaledPayloadType",
  "unknownSsrc",
  "duplicate",
  /** Audio overtaken by a packet that was discarded: its number is taken. */
  "late",
  "paddingOnly",
  "muted",
  "silence",
  "notLoudest",
  "badRtx",
  "badCodec",
  "malformedRtcp",
] as const;
/** Counters, per endpoint. */
export type DropCounts = Readonly<Record<(typeof dropReasons)[number], number>>;

/** Zero for every reason. */
export function zeroDrops(): Record<(typeof dropReasons)[number], number> {
  const zeros = dropReasons.map((reason) => [reason, 0]);
  return Object.fromEntries(zeros) as Record<(typeof dropReasons)[number], number>;
}

export interface EndpointSnapshot {
  readonly id: string;
  readonly transportUp: boolean;
  readonly acceptAudio: boolean;
  readonly acceptVideo: boolean;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly receiveBitrateBps: number;
  readonly sendBitrateBps: number;
  readonly receivePacketRate: number;
  readonly sendPacketRate: number;
  /** Round trip in ms, or undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /** Mean jitter of its received streams in ms. */
  readonly jitterMs: number;
  /** Fractions 0..1 over the last minute at most. */
  readonly incomingLoss: number;
  readonly outgoingLoss: number;
  readonly sendingAudio: boolean;
  readonly sendingVideo: boolean;
  /** Some video is withheld for lack of bandwidth. */
  readonly hasSuspendedSources: boolean;
  readonly oversending: boolean;
  /** What the way to it was found to carry, or undefined while that is unknown. */
  readonly estimatedBandwidthBps: number | undefined;
  /** How long packets to it wait in the queue of a narrow way, ms. */
  readonly queueMs: number;
  /** Bit rates of the layers it was allocated, and of those it would get without a limit. */
  readonly targetBps: number;
  readonly idealBps: number;
  /** Sent to probe the way or to fill it. */
  readonly probePackets: number;
  readonly probeBytes: number;
  readonly keyframesReceived: number;
  readonly layeringChangesReceived: number;
  readonly nacksReceived: number;
  readonly nacksSent: number;
  readonly plisReceived: number;
  readonly plisSent: number;
  readonly retransmissionsSent: number;
  readonly lastN: number;
  readonly drops: DropCounts;
  readonly receiving: readonly ReceivedStreamSnapshot[];
  readonly sending: readonly SentVideoSnapshot[];
}

/** Counters since start; what endpoints that left had counted is included. */
export interface EngineTotals {
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  /** Packets `PacketIo.send` did not take. */
  readonly packetsNotSent: number;
  readonly unknownSessionPackets: number;
  readonly keyframesReceived: number;
  readonly layeringChangesReceived: number;
  readonly videoStreamMillisReceived: number;
  readonly dominantSpeakerChanges: number;
  readonly preemptiveKeyframesSent: number;
  readonly preemptiveKeyframesSuppressed: number;
  readonly retransmissionsSent: number;
  readonly plisSent: number;
  readonly nacksSent: number;
  /** Transport-cc statuses of packets that are forgotten or were never sent. */
  readonly unmatchedFeedback: number;
  readonly probePacketsSent: number;
  readonly probeBytesSent: number;
}
