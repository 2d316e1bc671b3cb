/**
 * Candidate layers of sources for one receiver (spec jvb-media 10.3), in columns that are filled
 * anew for each receiver: an allocation leaves no garbage.
 */
import type { LayerValue, SourceValue } from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";

/** Constraints up to this height are thumbnails. */
const THUMBNAIL_HEIGHT = 180;

/** Rows of one source lie one behind the other; `preferred` and `oversend` are rows, -1 none. */
export class Candidates {
  /** Rows in use. */
  length = 0;
  layerIndex = new Int32Array(256);
  bitrateBps = new Float64Array(256);
  /** Of the source added last. */
  preferred = -1;
  oversend = -1;

  clear(): void {
    this.length = 0;
  }

  /** Appends the candidates of one source, none when nothing is wanted of it. */
  add(source: SourceValue, maxHeight: number, onStage: boolean, options: MediaEngineOptions): void {
    this.preferred = -1;
    this.oversend = -1;
    const { layers } = source;
    if (maxHeight === 0 || layers.length === 0) return;
    if (this.length + layers.length > this.layerIndex.length) this.#grow(layers.length);
    const noneActive = isNoneActive(layers);
    if (source.videoType === "CAMERA") this.#addCamera(layers, noneActive, maxHeight, options);
    else this.#addDesktop(layers, noneActive, maxHeight, onStage, options);
  }

  #addCamera(
    layers: readonly LayerValue[],
    noneActive: boolean,
    maxHeight: number,
    options: MediaEngineOptions,
  ): void {
    const unlimited = maxHeight < 0;
    const isStage = unlimited || maxHeight > THUMBNAIL_HEIGHT;
    const preferredHeight = isStage ? options.onstagePreferredHeightPx : -1;
    const preferredFps = isStage ? options.onstagePreferredFramerate : -1;
    let minHeight = Number.MAX_SAFE_INTEGER;
    let maxFps = -1;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i]!;
      if (!noneActive && layer.bitrateBps <= 0) continue;
      if (layer.height < minHeight) minHeight = layer.height;
      if (layer.frameRate > maxFps) maxFps = layer.frameRate;
    }
    const fps = maxFps > 0 ? Math.min(maxFps, preferredFps) : preferredFps;
    const limit = Math.max(preferredHeight, minHeight);
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i]!;
      if (!noneActive && layer.bitrateBps <= 0) continue;
      const { height, frameRate } = layer;
      const fits = (unlimited || height <= maxHeight) && (frameRate < 0 || frameRate >= fps);
      if (height >= preferredHeight && !fits && height !== minHeight) continue;
      if (height <= limit) this.preferred = this.length;
      this.#push(layer);
    }
  }

  #addDesktop(
    layers: readonly LayerValue[],
    noneActive: boolean,
    maxHeight: number,
    onStage: boolean,
    options: MediaEngineOptions,
  ): void {
    const first = this.length;
    let lowest = Number.MAX_SAFE_INTEGER;
    let highest = -1;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i]!;
      if (!noneActive && layer.bitrateBps <= 0) continue;
      if (layer.height < lowest) lowest = layer.height;
      if (maxHeight >= 0 && layer.height > maxHeight) continue;
      if (layer.height > highest) highest = layer.height;
      this.#push(layer);
    }
    if (this.length === first) {
      highest = lowest;
      this.#addOfHeight(layers, noneActive, lowest, onStage);
    }
    this.preferred = this.length - 1;
    if (onStage && options.allowOversendOnstage)
      this.oversend = this.#cheapestOfHeight(layers, noneActive, first, highest);
  }

  /** All layers are too high: those of the lowest height, off stage and of unknown rate only one. */
  #addOfHeight(
    layers: readonly LayerValue[],
    noneActive: boolean,
    height: number,
    onStage: boolean,
  ): void {
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[i]!;
      if ((!noneActive && layer.bitrateBps <= 0) || layer.height !== height) continue;
      this.#push(layer);
      if (!onStage && layer.frameRate < 0) return;
    }
  }

  /** Row, from `first` on, of the layer of that height with the lowest bit rate. */
  #cheapestOfHeight(
    layers: readonly LayerValue[],
    noneActive: boolean,
    first: number,
    height: number,
  ): number {
    let row = first;
    let best = -1;
    for (let i = 0; i < layers.length && row < this.length; i++) {
      const layer = layers[i]!;
      if ((!noneActive && layer.bitrateBps <= 0) || layer.index !== this.layerIndex[row]) continue;
      if (layer.height === height && (best < 0 || layer.bitrateBps < this.bitrateBps[best]!))
        best = row;
      row++;
    }
    return best;
  }

  #push(layer: LayerValue): void {
    this.layerIndex[this.length] = layer.index;
    this.bitrateBps[this.length] = layer.bitrateBps;
    this.length++;
  }

  #grow(more: number): void {
    const size = 2 * (this.length + more);
    const layerIndex = new Int32Array(size);
    const bitrateBps = new Float64Array(size);
    layerIndex.set(this.layerIndex);
    bitrateBps.set(this.bitrateBps);
    this.layerIndex = layerIndex;
    this.bitrateBps = bitrateBps;
  }
}

function isNoneActive(layers: readonly LayerValue[]): boolean {
  for (let i = 0; i < layers.length; i++) if (layers[i]!.bitrateBps > 0) return false;
  return true;
}
