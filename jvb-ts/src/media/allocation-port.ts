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
  /** Of the whole conference. */
  readonly sources: readonly SourceValue[];
  /** Endpoint whose own sources are left out. */
  readonly receiverId: string;
  readonly bridgeLastN: number;
  /** Bits per second; infinite without an estimate. */
  readonly availableBps: number;
}

/** Columns with a row per source, by priority; `count` rows are valid, until the next allocation. */
export interface Allocation {
  readonly count: number;
  /** Where the source is in the input. */
  readonly source: Int32Array;
  /** Layer index, -1 nothing. */
  readonly targetIndex: Int32Array;
  readonly idealIndex: Int32Array;
  /** Effective constraint: -1 unlimited, 0 nothing. */
  readonly maxHeight: Int32Array;
  /** 1: no target although its lowest layer flows. */
  readonly suspended: Uint8Array;
  readonly oversending: boolean;
  /** Bits per second of all targets, and of all that would be sent without a limit. */
  readonly targetBps: number;
  readonly idealBps: number;
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
  /** The same object each time, filled anew. */
  allocate(input: AllocationInput, options: MediaEngineOptions): Allocation;
}
