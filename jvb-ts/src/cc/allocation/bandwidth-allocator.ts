/**
 * Bandwidth allocation of one receiver (spec jvb-media 10.2 to 10.4): in goes what is there and what
 * is wanted, out comes a layer per source. The object keeps nothing between two allocations but its
 * memory: a decision for 100 sources is taken for each of 100 receivers.
 */
import type {
  Allocation,
  AllocationInput,
  AllocationSettings,
  SourceValue,
} from "../../media/allocation-port.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import { Candidates } from "./candidates.ts";
import { lastNForSize, lowerLastN } from "./last-n.ts";

/** What `#taken` says of a source of the input. */
const FREE = 0;
const TAKEN = 1;

export class BandwidthAllocator implements Allocation {
  count = 0;
  source = new Int32Array(0);
  targetIndex = new Int32Array(0);
  idealIndex = new Int32Array(0);
  maxHeight = new Int32Array(0);
  suspended = new Uint8Array(0);
  oversending = false;
  targetBps = 0;
  idealBps = 0;
  /** By source of the input. */
  #taken = new Uint8Array(0);
  /** By row: 1 when enabled, 1 when on stage; the rows of its candidates from `first` to `end`. */
  #enabled = new Uint8Array(0);
  #onStage = new Uint8Array(0);
  #first = new Int32Array(0);
  #end = new Int32Array(0);
  #preferred = new Int32Array(0);
  #oversend = new Int32Array(0);
  /** Candidate row that is the target, one before `first` for none. */
  #target = new Int32Array(0);
  readonly #candidates = new Candidates();

  allocate(input: AllocationInput, options: MediaEngineOptions): Allocation {
    const { settings, sources } = input;
    this.#reserve(sources.length);
    this.#prioritize(sources, input.receiverId, settings);
    let lastN = lowerLastN(settings.lastN, input.bridgeLastN);
    lastN = lowerLastN(lastN, lastNForSize(options.lastNLimits, this.count + 1));
    this.#constrain(sources, settings, lowerLastN(lastN, options.videoSsrcLimit));
    this.#collectCandidates(sources, options);
    const { availableBps } = input;
    this.oversending = false;
    if (Number.isFinite(availableBps)) this.#distribute(availableBps, options);
    else for (let row = 0; row < this.count; row++) this.#target[row] = this.#end[row]! - 1;
    this.#conclude();
    return this;
  }

  /** On stage, then selected (both in listed order), then other enabled ones, then the rest. */
  #prioritize(
    sources: readonly SourceValue[],
    receiverId: string,
    settings: AllocationSettings,
  ): void {
    this.count = 0;
    for (let i = 0; i < sources.length; i++)
      this.#taken[i] = sources[i]!.ownerId === receiverId ? TAKEN : FREE;
    this.#addListed(sources, settings.onStageSources, 1);
    this.#addListed(sources, settings.selectedSources, 0);
    for (let i = 0; i < sources.length; i++)
      if (this.#taken[i] === FREE && isEnabled(sources[i]!)) this.#addRow(i, 1, 0);
    for (let i = 0; i < sources.length; i++) if (this.#taken[i] === FREE) this.#addRow(i, 0, 0);
  }

  #addListed(sources: readonly SourceValue[], names: readonly string[], onStage: number): void {
    for (let n = 0; n < names.length; n++) {
      const name = names[n]!;
      for (let i = 0; i < sources.length; i++) {
        if (sources[i]!.name !== name) continue;
        if (this.#taken[i] === FREE && isEnabled(sources[i]!)) this.#addRow(i, 1, onStage);
        break;
      }
    }
  }

  #addRow(source: number, enabled: number, onStage: number): void {
    const row = this.count++;
    this.#taken[source] = TAKEN;
    this.source[row] = source;
    this.#enabled[row] = enabled;
    this.#onStage[row] = onStage;
  }

  /** Walks sources by priority: a nonzero constraint uses up one of `lastN`. */
  #constrain(sources: readonly SourceValue[], settings: AllocationSettings, lastN: number): void {
    let left = lastN < 0 ? this.count : lastN;
    const { constraints, defaultMaxHeight } = settings;
    for (let row = 0; row < this.count; row++) {
      let maxHeight = 0;
      if (this.#enabled[row] === 1 && left > 0) {
        maxHeight = constraints.get(sources[this.source[row]!]!.name) ?? defaultMaxHeight;
        if (maxHeight !== 0) left--;
      }
      this.maxHeight[row] = maxHeight;
    }
  }

  #collectCandidates(sources: readonly SourceValue[], options: MediaEngineOptions): void {
    const candidates = this.#candidates;
    candidates.clear();
    for (let row = 0; row < this.count; row++) {
      const first = candidates.length;
      const source = sources[this.source[row]!]!;
      candidates.add(source, this.maxHeight[row]!, this.#onStage[row] === 1, options);
      this.#first[row] = first;
      this.#end[row] = candidates.length;
      this.#preferred[row] = candidates.preferred;
      this.#oversend[row] = candidates.oversend;
      this.#target[row] = first - 1;
    }
  }

  /** Hands out `available` in rounds until nothing changes. */
  #distribute(available: number, options: MediaEngineOptions): void {
    let remaining = available;
    for (let moved = true; moved; ) {
      moved = false;
      for (let row = 0; row < this.count; row++) {
        // What is not enabled stands last and has no candidates.
        if (this.#enabled[row] === 0) break;
        const target = this.#target[row]!;
        remaining -= this.#improve(row, remaining, row === 0 ? options.maxOversendBitrateBps : -1);
        if (this.#target[row] !== target) moved = true;
        if (remaining < 0) this.oversending = true;
        // Nothing for others before the one on stage is satisfied.
        if (this.#onStage[row] === 1 && this.#target[row]! < this.#preferred[row]!) break;
      }
    }
  }

  /** Climbs as far as `remaining` allows in this round; returns the additional bits per second. */
  #improve(row: number, remaining: number, maxOversendBps: number): number {
    const first = this.#first[row]!;
    const end = this.#end[row]!;
    if (first === end) return 0;
    const rates = this.#candidates.bitrateBps;
    const preferred = this.#preferred[row]!;
    const oversend = this.#oversend[row]!;
    let target = this.#target[row]!;
    const before = target < first ? 0 : rates[target]!;
    const limit = remaining + before;
    if (target < first && this.#onStage[row] === 1 && preferred >= 0) {
      for (let i = first; i <= preferred && limit >= rates[i]!; i++) target = i;
    } else if (target + 1 < end && rates[target + 1]! < limit) {
      target++;
    }
    // A higher layer that costs no more.
    if (target >= first)
      for (let i = end - 1; i > target; i--) if (rates[i]! <= rates[target]!) target = i;
    if (maxOversendBps >= 0 && oversend >= 0 && target < oversend) {
      const from = target;
      for (let i = oversend; i > from; i--) if (rates[i]! <= limit + maxOversendBps) target = i;
    }
    this.#target[row] = target;
    return (target < first ? 0 : rates[target]!) - before;
  }

  #conclude(): void {
    const { layerIndex, bitrateBps } = this.#candidates;
    this.targetBps = 0;
    this.idealBps = 0;
    for (let row = 0; row < this.count; row++) {
      const first = this.#first[row]!;
      const last = this.#end[row]! - 1;
      const target = this.#target[row]!;
      const has = target >= first;
      this.targetIndex[row] = has ? layerIndex[target]! : -1;
      this.idealIndex[row] = last >= first ? layerIndex[last]! : -1;
      this.suspended[row] = !has && last >= first && bitrateBps[first]! > 0 ? 1 : 0;
      if (has) this.targetBps += bitrateBps[target]!;
      if (last >= first) this.idealBps += bitrateBps[last]!;
    }
  }

  #reserve(count: number): void {
    if (count <= this.source.length) return;
    const size = 2 * count;
    this.source = new Int32Array(size);
    this.targetIndex = new Int32Array(size);
    this.idealIndex = new Int32Array(size);
    this.maxHeight = new Int32Array(size);
    this.suspended = new Uint8Array(size);
    this.#taken = new Uint8Array(size);
    this.#enabled = new Uint8Array(size);
    this.#onStage = new Uint8Array(size);
    this.#first = new Int32Array(size);
    this.#end = new Int32Array(size);
    this.#preferred = new Int32Array(size);
    this.#oversend = new Int32Array(size);
    this.#target = new Int32Array(size);
  }
}

function isEnabled(source: SourceValue): boolean {
  return source.videoType !== "DISABLED" && source.videoType !== "NONE";
}
