/**
 * What the packet path asks of bandwidth allocation (spec jvb-media 10): a pure function of values,
 * implemented in `cc/allocation/`.
 */
import type { MediaEngineOptions } from "./engine-options.ts";
import type { ReceiverConstraints, VideoType } from "./media-engine.ts";

/** One layer as allocation sees it. */
export interface LayerValue {
  readonly index: number;
  /** Pixels, -1 unknown. */
  readonly height: number;
  /** Frames per second, -1 unknown. */
  readonly frameRate: number;
  readonly bitrateBps: number;
}

/** One source, in speech order of the owners and signaled order within. */
export interface SourceValue {
  readonly name: string;
  readonly ownerId: string;
  readonly videoType: VideoType;
  /** By ascending index. */
  readonly layers: readonly LayerValue[];
}

/** What one receiver asked for, all fields known. */
export interface AllocationSettings {
  readonly lastN: number;
  readonly selectedSources: readonly string[];
  readonly onStageSources: readonly string[];
  readonly defaultMaxHeight: number;
  readonly constraints: ReadonlyMap<string, number>;
  readonly assumedBandwidthBps: number;
}

export interface AllocationInput {
  readonly settings: AllocationSettings;
  /** Without the receiver's own. */
  readonly sources: readonly SourceValue[];
  readonly bridgeLastN: number;
  /** Bits per second; infinite without an estimate. */
  readonly availableBps: number;
}

export interface SourceAllocation {
  readonly name: string;
  /** Layer index, -1 nothing. */
  readonly targetIndex: number;
  readonly idealIndex: number;
  /** Effective constraint: -1 unlimited, 0 nothing. */
  readonly maxHeight: number;
  /** No target although its lowest layer flows. */
  readonly suspended: boolean;
}

export interface Allocation {
  /** By priority. */
  readonly sources: readonly SourceAllocation[];
  readonly oversending: boolean;
}

export interface AllocationPolicy {
  initialSettings(options: MediaEngineOptions): AllocationSettings;
  /** Applies a message; returns the same object when nothing changed. */
  applyConstraints(
    settings: AllocationSettings,
    message: ReceiverConstraints,
    isFirst: boolean,
    options: MediaEngineOptions,
  ): AllocationSettings;
  allocate(input: AllocationInput, options: MediaEngineOptions): Allocation;
}
