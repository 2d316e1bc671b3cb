/** Candidate layers of one source for one receiver and how it climbs them (spec 10.3, 10.4). */
import type { LayerValue } from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import type { Prioritized } from "./prioritize.ts";

/** Constraints up to this height are thumbnails. */
const THUMBNAIL_HEIGHT = 180;

export interface Candidates {
  readonly layers: readonly LayerValue[];
  /** Indices into `layers`, -1 none. */
  readonly preferred: number;
  readonly oversend: number;
}

const NONE: Candidates = { layers: [], preferred: -1, oversend: -1 };

export function candidates(one: Prioritized, options: MediaEngineOptions): Candidates {
  const { source, maxHeight } = one;
  if (maxHeight === 0 || source.layers.length === 0) return NONE;
  const active = source.layers.filter((layer) => layer.bitrateBps > 0);
  return source.videoType === "CAMERA"
    ? cameraCandidates(source.layers, active.length === 0, maxHeight, options)
    : desktopCandidates(active.length === 0 ? source.layers : active, one, options);
}

function cameraCandidates(
  layers: readonly LayerValue[],
  noneActive: boolean,
  maxHeight: number,
  options: MediaEngineOptions,
): Candidates {
  const unlimited = maxHeight < 0;
  const isStage = unlimited || maxHeight > THUMBNAIL_HEIGHT;
  const preferredHeight = isStage ? options.onstagePreferredHeightPx : -1;
  const preferredFps = isStage ? options.onstagePreferredFramerate : -1;
  const usable = layers.filter((layer) => noneActive || layer.bitrateBps > 0);
  const minHeight = Math.min(...usable.map((layer) => layer.height));
  const maxFps = Math.max(...usable.map((layer) => layer.frameRate));
  const fps = maxFps > 0 ? Math.min(maxFps, preferredFps) : preferredFps;
  const kept = usable.filter(
    (layer) =>
      layer.height < preferredHeight ||
      ((unlimited || layer.height <= maxHeight) &&
        (layer.frameRate < 0 || layer.frameRate >= fps)) ||
      layer.height === minHeight,
  );
  const limit = Math.max(preferredHeight, minHeight);
  let preferred = -1;
  for (let i = 0; i < kept.length; i++) if (kept[i]!.height <= limit) preferred = i;
  return { layers: kept, preferred, oversend: -1 };
}

function desktopCandidates(
  active: readonly LayerValue[],
  one: Prioritized,
  options: MediaEngineOptions,
): Candidates {
  const { maxHeight, onStage } = one;
  let selected = active.filter((layer) => maxHeight < 0 || layer.height <= maxHeight);
  if (selected.length === 0) {
    const lowest = Math.min(...active.map((layer) => layer.height));
    selected = active.filter((layer) => layer.height === lowest);
    if (!onStage && selected[0]!.frameRate < 0) selected = [selected[0]!];
  }
  const oversends = onStage && options.allowOversendOnstage;
  const oversend = oversends ? cheapestOfHighest(selected) : -1;
  return { layers: selected, preferred: selected.length - 1, oversend };
}

function cheapestOfHighest(layers: readonly LayerValue[]): number {
  const highest = Math.max(...layers.map((layer) => layer.height));
  let best = -1;
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i]!;
    if (layer.height !== highest) continue;
    if (best < 0 || layer.bitrateBps < layers[best]!.bitrateBps) best = i;
  }
  return best;
}

/** One source while bandwidth is handed out. */
export class SourceClimb {
  readonly one: Prioritized;
  readonly candidates: Candidates;
  /** Index into the candidates, -1 none. */
  target = -1;

  constructor(one: Prioritized, options: MediaEngineOptions) {
    this.one = one;
    this.candidates = candidates(one, options);
  }

  bitrate(): number {
    return this.target < 0 ? 0 : this.candidates.layers[this.target]!.bitrateBps;
  }

  /** Climbs as far as `remaining` allows in this round; returns the additional bits per second. */
  improve(remaining: number, maxOversendBps: number): number {
    const { layers, preferred, oversend } = this.candidates;
    if (layers.length === 0) return 0;
    const before = this.bitrate();
    const limit = remaining + before;
    const next = layers[this.target + 1];
    if (this.target < 0 && this.one.onStage && preferred > -1) {
      for (let i = 0; i <= preferred && limit >= layers[i]!.bitrateBps; i++) this.target = i;
    } else if (next !== undefined && next.bitrateBps < limit) {
      this.target++;
    }
    this.#takeFreeUpgrades();
    if (maxOversendBps >= 0 && oversend >= 0 && this.target < oversend) {
      const from = this.target;
      for (let i = oversend; i > from; i--)
        if (layers[i]!.bitrateBps <= limit + maxOversendBps) this.target = i;
    }
    return this.bitrate() - before;
  }

  /** A higher layer that costs no more. */
  #takeFreeUpgrades(): void {
    const { layers } = this.candidates;
    if (this.target < 0) return;
    for (let i = layers.length - 1; i > this.target; i--)
      if (layers[i]!.bitrateBps <= layers[this.target]!.bitrateBps) this.target = i;
  }
}
