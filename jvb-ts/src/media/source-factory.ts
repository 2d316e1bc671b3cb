/** From signaled media sources to audio SSRCs and video encodings (spec jvb-media 5.2). */
import type { ColibriMediaSource } from "#shared/stanza/colibri2";

/** One encoding as signaled; SSRCs are signed 32-bit integers. */
export interface EncodingPlan {
  readonly ssrc: number;
  readonly rtx: number | undefined;
}

/** A video source to be built; several may come out of one signaled source without a SIM group. */
export interface VideoPlan {
  readonly name: string;
  readonly videoType: "CAMERA" | "DESKTOP";
  /** Low to high. */
  readonly encodings: readonly EncodingPlan[];
}

export interface AudioPlan {
  readonly name: string;
  readonly ssrc: number;
  readonly synthetic: boolean;
}

export interface SourcePlan {
  readonly audio: readonly AudioPlan[];
  readonly video: readonly VideoPlan[];
}

/**
 * SIM groups give encodings in quality order, FID groups their RTX; what remains and is not the
 * second of any group is a source of one encoding. Groups of fewer than two SSRCs are ignored.
 */
export function planSources(sources: readonly ColibriMediaSource[]): SourcePlan {
  const audio: AudioPlan[] = [];
  const video: VideoPlan[] = [];
  for (const source of sources) {
    if (source.type === "audio") {
      for (const one of source.sources)
        audio.push({ name: source.id, ssrc: one.ssrc | 0, synthetic: source.synthetic });
    } else if (source.type === "video") {
      video.push(...planVideo(source));
    }
  }
  return { audio, video };
}

function planVideo(source: ColibriMediaSource): VideoPlan[] {
  const rtx = new Map<number, number>();
  const secondary = new Set<number>();
  for (const group of source.groups) {
    if (group.semantics === "SIM" || group.ssrcs.length < 2) continue;
    for (const ssrc of group.ssrcs.slice(1)) secondary.add(ssrc);
    if (group.semantics === "FID") rtx.set(group.ssrcs[0]!, group.ssrcs[1]!);
  }
  const plan = (ssrc: number): EncodingPlan => {
    const repair = rtx.get(ssrc);
    return { ssrc: ssrc | 0, rtx: repair === undefined ? undefined : repair | 0 };
  };
  const isDesktop = source.sources.some((one) => one.videoType === "desktop");
  const videoType = isDesktop ? "DESKTOP" : "CAMERA";
  const used = new Set<number>(secondary);
  const plans: VideoPlan[] = [];
  for (const group of source.groups) {
    if (group.semantics !== "SIM" || group.ssrcs.length < 2) continue;
    plans.push({ name: source.id, videoType, encodings: group.ssrcs.map(plan) });
    for (const ssrc of group.ssrcs) used.add(ssrc);
  }
  for (const one of source.sources) {
    if (used.has(one.ssrc)) continue;
    used.add(one.ssrc);
    plans.push({ name: source.id, videoType, encodings: [plan(one.ssrc)] });
  }
  // A group may name SSRCs that have no <source> of their own.
  for (const [primary] of rtx) {
    if (used.has(primary)) continue;
    used.add(primary);
    plans.push({ name: source.id, videoType, encodings: [plan(primary)] });
  }
  return plans;
}
