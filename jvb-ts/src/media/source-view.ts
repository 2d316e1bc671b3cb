/** A video source as allocation sees it: the same objects each time, because it runs often. */
import type { Millis } from "#shared/runtime/runtime";
import type { LayerValue, SourceValue } from "./allocation-port.ts";
import type { VideoType } from "./media-engine.ts";

/** A layer as packets show it. */
interface ViewedLayer {
  readonly index: number;
  readonly height: number;
  readonly frameRate: number;
  /** As the sender told it, 0 when it did not. */
  readonly targetBitrateBps: number;
  /** Its bitrate for receivers, who are not to follow each pause of it. */
  hold(bps: number, now: Millis): number;
}

/** What is read of a source. */
interface ViewedSource<Layer extends ViewedLayer> {
  readonly name: string;
  readonly owner: { readonly id: string };
  readonly videoType: VideoType;
  /** From low to high. */
  readonly encodings: readonly {
    readonly layers: readonly Layer[];
    runs(layer: Layer): boolean;
    /** Bits per second of a layer with those it depends on. */
    bitrate(layer: Layer, now: Millis): number;
  }[];
}

class LayerView implements LayerValue {
  index = 0;
  height = -1;
  frameRate = -1;
  bitrateBps = 0;
}

export class SourceView<Layer extends ViewedLayer> implements SourceValue {
  readonly layers: LayerView[] = [];
  readonly #source: ViewedSource<Layer>;
  #filledAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(source: ViewedSource<Layer>) {
    this.#source = source;
  }

  get name(): string {
    return this.#source.name;
  }

  get ownerId(): string {
    return this.#source.owner.id;
  }

  get videoType(): VideoType {
    return this.#source.videoType;
  }

  /**
   * Reads layers and rates, once for all receivers that are allocated at `now`. `told`: rates as the
   * sender tells them, where it does.
   */
  fill(told: boolean, now: Millis): void {
    if (now === this.#filledAt) return;
    this.#filledAt = now;
    let count = 0;
    const { encodings } = this.#source;
    for (let e = 0; e < encodings.length; e++) {
      const encoding = encodings[e]!;
      for (let i = 0; i < encoding.layers.length; i++) {
        const layer = encoding.layers[i]!;
        if (count === this.layers.length) this.layers.push(new LayerView());
        const view = this.layers[count++]!;
        view.index = layer.index;
        view.height = layer.height;
        view.frameRate = layer.frameRate;
        const isTold = told && layer.targetBitrateBps > 0 && encoding.runs(layer);
        const bps = isTold ? layer.targetBitrateBps : encoding.bitrate(layer, now);
        // The lowest one is what there is instead of nothing.
        view.bitrateBps = isTold || count === 1 ? bps : layer.hold(bps, now);
      }
    }
    this.layers.length = count;
  }

  /** Layers changed since: they are read again. */
  forget(): void {
    this.#filledAt = Number.NEGATIVE_INFINITY;
  }
}
