/** Who is in which conference, what everybody sends and what everybody asks for. */
import { seeded } from "./seeded.ts";
import type { Encoding } from "./vp8-camera.ts";

/** The rows of the benchmark (issue table): shapes only, the streams follow from the seed. */
export interface Workload {
  readonly name: string;
  readonly about: string;
  readonly conferences: number;
  /** In each conference. */
  readonly people: number;
  /** The first so many of each conference send audio. */
  readonly speakers: number;
  /** The first so many of each conference send video. */
  readonly cameras: number;
  /** What receivers ask for: one of the encodings' heights. */
  readonly wantedHeight: number;
}

export const AUDIO_INTERVAL_MS = 20;
export const AUDIO_PAYLOAD = 100;

const simulcast = [
  { height: 180, bps: 150_000 },
  { height: 360, bps: 450_000 },
  { height: 720, bps: 1_400_000 },
] as const;

export const workloads: readonly Workload[] = [
  {
    name: "audio",
    about: "two conferences of 10, all speak",
    conferences: 2,
    people: 10,
    speakers: 10,
    cameras: 0,
    wantedHeight: 0,
  },
  {
    name: "meeting",
    about: "one conference of 5, all send audio and video, all want 720p",
    conferences: 1,
    people: 5,
    speakers: 5,
    cameras: 5,
    wantedHeight: 720,
  },
  {
    name: "panel",
    about: "one conference of 10, 3 send audio and video, all want 360p",
    conferences: 1,
    people: 10,
    speakers: 3,
    cameras: 3,
    wantedHeight: 360,
  },
  {
    name: "small-calls",
    about: "10 conferences of 3, all send audio and video, all want 720p",
    conferences: 10,
    people: 3,
    speakers: 3,
    cameras: 3,
    wantedHeight: 720,
  },
  {
    name: "broadcast",
    about: "1 sends 720p video to 30",
    conferences: 1,
    people: 31,
    speakers: 0,
    cameras: 1,
    wantedHeight: 720,
  },
];

/** One SSRC that a participant sends; its place in the list of all is what stamps name. */
export interface StreamPlan {
  readonly participant: number;
  readonly kind: "audio" | "video";
  readonly ssrc: number;
  /** Of video. */
  readonly height: number;
}

export interface ParticipantPlan {
  readonly conference: number;
  /** Hexadecimal, as clients make it. */
  readonly id: string;
  readonly audioSsrc: number | undefined;
  /** In ascending height. */
  readonly encodings: readonly Encoding[];
  /** RTX SSRCs of the encodings. */
  readonly rtxSsrcs: readonly number[];
}

export interface Plan {
  readonly workload: Workload;
  readonly participants: readonly ParticipantPlan[];
  readonly streams: readonly StreamPlan[];
}

/** The same for everybody who asks with the same seed. */
export function planOf(workload: Workload, seed: number): Plan {
  const random = seeded(seed);
  const taken = new Set<number>();
  const newSsrc = (): number => {
    for (;;) {
      const ssrc = 1 + Math.floor(random() * 0x7fff_fffe);
      if (!taken.has(ssrc)) {
        taken.add(ssrc);
        return ssrc;
      }
    }
  };
  const participants: ParticipantPlan[] = [];
  const streams: StreamPlan[] = [];
  for (let conference = 0; conference < workload.conferences; conference++) {
    for (let person = 0; person < workload.people; person++) {
      const participant = participants.length;
      const audioSsrc = person < workload.speakers ? newSsrc() : undefined;
      const cameras = person < workload.cameras ? simulcast : [];
      const encodings = cameras.map((one) => ({ ...one, ssrc: newSsrc() }));
      const rtxSsrcs = encodings.map(newSsrc);
      const id = ((0x1000_0000 + participant * 0x0101_0101) >>> 0).toString(16);
      participants.push({ conference, id, audioSsrc, encodings, rtxSsrcs });
      if (audioSsrc !== undefined)
        streams.push({ participant, kind: "audio", ssrc: audioSsrc, height: 0 });
      for (const { ssrc, height } of encodings)
        streams.push({ participant, kind: "video", ssrc, height });
    }
  }
  return { workload, participants, streams };
}

/** Whether what `stream` carries is to reach `receiver`: the encoding of the height asked for. */
export function isWanted(plan: Plan, stream: StreamPlan, receiver: number): boolean {
  if (stream.participant === receiver) return false;
  const sender = plan.participants[stream.participant];
  if (sender?.conference !== plan.participants[receiver]?.conference) return false;
  return stream.kind === "audio" || stream.height === plan.workload.wantedHeight;
}
