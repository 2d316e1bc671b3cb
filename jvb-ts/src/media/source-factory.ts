/** From signaled media sources to audio SSRCs and video encodings (spec jvb-media 5.2, jvb-control 2.6). */
import type { ColibriMediaSource } from "#shared/stanza/colibri2";

/** One encoding as signaled; SSRCs are signed 32-bit integers. */
export interface EncodingPlan {
  readonly ssrc: number;
  readonly rtx: number | undefined;
}

/** A video source to be built. */
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
 * One signaled video source is one source: the SIM group gives its encodings in quality order, else
 * there is one, the first of a FID or FEC-FR group or the first SSRC in no group (jvb-control 2.6).
 * FID groups give the RTX SSRCs. Groups of fewer than two SSRCs are ignored.
 */
export function planSources(sources: readonly ColibriMediaSource[]): SourcePlan {
  const audio: AudioPlan[] = [];
  const video: VideoPlan[] = [];
  for (const source of sources) {
    if (source.type === "audio") {
      for (const one of source.sources)
        audio.push({ name: source.id, ssrc: one.ssrc | 0, synthetic: source.synthetic });
    } else if (source.type === "video") {
      const plan = planVideo(source);
      if (plan !== undefined) video.push(plan);
    }
  }
  return { audio, video };
}

function planVideo(source: ColibriMediaSource): VideoPlan | undefined {
  const groups = source.groups.filter((group) => group.ssrcs.length >= 2);
  const named = (name: string) =>
    groups.filter((group) => group.semantics.toUpperCase() === name).map((group) => group.ssrcs);
  const rtx = new Map(named("FID").map((ssrcs) => [ssrcs[0], ssrcs[1]]));
  const grouped = new Set(groups.flatMap((group) => group.ssrcs));
  const alone = source.sources.map((one) => one.ssrc).filter((ssrc) => !grouped.has(ssrc));
  const first = named("FID")[0]?.[0] ?? named("FEC-FR")[0]?.[0] ?? alone[0];
  const primaries = named("SIM")[0] ?? (first === undefined ? [] : [first]);
  if (primaries.length === 0) return undefined;
  const videoType = source.sources.find((one) => one.videoType !== undefined)?.videoType;
  return {
    name: source.id,
    videoType: videoType === "desktop" ? "DESKTOP" : "CAMERA",
    encodings: primaries.map((ssrc) => {
      const repair = rtx.get(ssrc);
      return { ssrc: ssrc | 0, rtx: repair === undefined ? undefined : repair | 0 };
    }),
  };
}
