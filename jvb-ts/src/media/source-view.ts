/** A video source as allocation sees it: the same objects each time, because it runs often. */
import type { Millis } from "#shared/runtime/runtime";
import type { LayerValue, SourceValue } from "./allocation-port.ts";
import type { VideoType } from "./media-engine.ts";

/** What is read of a source. */
interface ViewedSource {
  readonly name: string;
  readonly owner: { readonly id: string };
  readonly videoType: VideoType;
  /** From low to high. */
  readonly encodings: readonly {
    readonly layers: readonly {
      readonly index: number;
      readonly tid: number;
      readonly height: number;
      readonly frameRate: number;
    }[];
    /** Bits per second of a layer with those it depends on. */
    bitrate(tid: number, now: Millis): number;
  }[];
}

class LayerView implements LayerValue {
  index = 0;
  height = -1;
  frameRate = -1;
  bitrateBps = 0;
}

export class SourceView implements SourceValue {
  readonly layers: LayerView[] = [];
  readonly #source: ViewedSource;
  #filledAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(source: ViewedSource) {
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

  /** Reads layers and rates, once for all receivers that are allocated at `now`. */
  fill(now: Millis): void {
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
        view.bitrateBps = encoding.bitrate(layer.tid, now);
      }
    }
    this.layers.length = count;
  }

  /** Layers changed since: they are read again. */
  forget(): void {
    this.#filledAt = Number.NEGATIVE_INFINITY;
  }
}
