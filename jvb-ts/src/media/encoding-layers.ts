/**
 * The layers of one encoding (spec jvb-media 5): guessed from signaling until packets show them,
 * then as the codec tells. Each has an index, a height, a frame rate and a measured bitrate.
 *
 * VP8 and VP9 packets count in their own layer, whose bitrate includes those it depends on. Described
 * streams (AV1) have one layer for each decode target; a packet counts in all it belongs to.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { DependencyDescriptor } from "./dependency-descriptor.ts";
import type { LayersAllocation } from "./layers-allocation.ts";
import { layerIndex } from "./projection.ts";
import { RateTracker } from "./rate-tracker.ts";
import type { TemplateStructure } from "./template-structure.ts";
import type { VideoPacket } from "./video-packet.ts";
import type { Vp9Structure } from "./vp9-structure.ts";

const TEMPORAL_LAYERS = 3;
const FRAME_RATES = [7.5, 15, 30];
const LOWEST_HEIGHT = 180;
/**
 * A key frame comes now and then, because a receiver asked for it, and counts as if it took four seconds:
 * in full it makes the lowest layer too large for a second for just those who begin with it; they are
 * suspended again and need another one (decision 0025).
 */
const KEYFRAME_SHARE = 0.25;
/** Closer together they are what the sender's pictures are like. */
const KEYFRAME_MS = 1_000;
/**
 * For receivers a layer is as large as it was of late: an encoder that leaves out frames behind a large key
 * frame makes the top layer look as small as the lowest for a second; who is moved up then gets a megabit
 * through a narrow way, asks for the next key frame, and so on (decision 0025).
 */
const HALF_LIFE_MS = 3_000;
/** Parts of a layer index. */
const LAYER_MASK = 0x3f;
const MAX_SPATIAL = 8;

/** One layer of an encoding. */
export class Layer {
  /** See `layerIndex`; of a decode target `eid << 6 | dt`. */
  readonly index: number;
  readonly sid: number;
  readonly tid: number;
  /** Pixels. */
  height: number;
  /** Frames per second with the layers below, -1 unknown. */
  frameRate: number;
  /** As its sender says (VLA), 0 unknown. */
  targetBitrateBps = 0;
  /** Bits of its own packets. */
  readonly tracker: RateTracker;
  /** Largest bitrate with the layers below, of late, and when it was looked at. */
  #heldBps = 0;
  #heldAt: Millis = 0;

  constructor(
    index: number,
    sid: number,
    tid: number,
    height: number,
    frameRate: number,
    tracker = new RateTracker(),
  ) {
    this.index = index;
    this.sid = sid;
    this.tid = tid;
    this.height = height;
    this.frameRate = frameRate;
    this.tracker = tracker;
  }

  /** `bps` now, or what is left of more before; 0 is at once 0: it has stopped. */
  hold(bps: number, now: Millis): number {
    const left = this.#heldBps * 2 ** ((this.#heldAt - now) / HALF_LIFE_MS);
    this.#heldAt = now;
    this.#heldBps = bps === 0 ? 0 : Math.max(bps, left);
    return this.#heldBps;
  }
}

export class EncodingLayers {
  /** By ascending index. */
  all: readonly Layer[] = [];
  readonly #eid: number;
  /** Each packet is counted in all layers that need it. */
  #cumulative = false;
  /** By spatial layer: whether its pictures depend on the layer below. */
  readonly #usesLower = new Uint8Array(MAX_SPATIAL).fill(1);
  /** Active decode targets and structure that the layers were made from. */
  #activeTargets = 0;
  /** The newest key frame, and how much of it counts. */
  #keyframeTimestamp = 0;
  #keyframeAt: Millis = Number.NEGATIVE_INFINITY;
  #keyframeShare = 1;
  #structure: TemplateStructure | undefined = undefined;

  constructor(eid: number) {
    this.#eid = eid;
    this.reset();
  }

  /** What the bridge assumes before a packet tells (spec 5.2). */
  get nominalHeight(): number {
    return LOWEST_HEIGHT << this.#eid;
  }

  /** Back to what signaling lets assume: another codec. */
  reset(): void {
    const layers: Layer[] = [];
    for (let tid = 0; tid < TEMPORAL_LAYERS; tid++)
      layers.push(
        new Layer(
          layerIndex(this.#eid, -1, tid),
          0,
          tid,
          this.nominalHeight,
          FRAME_RATES[tid] ?? 30,
        ),
      );
    this.all = layers;
    this.#cumulative = false;
    this.#structure = undefined;
  }

  /** Nothing comes under its SSRC: another encoding carries all layers. */
  clear(): void {
    this.all = [];
  }

  /**
   * Counts a packet of `bits` with its layers. True when a layer was silent before, which makes
   * receivers reallocate. A lone key frame counts in full only where nothing else
   * tells of the layer.
   */
  count(packet: VideoPacket, bits: number, isKeyframe: boolean, now: Millis): boolean {
    if (this.all.length === 0 && !this.#cumulative) this.reset();
    if (isKeyframe && packet.timestamp !== this.#keyframeTimestamp) {
      this.#keyframeTimestamp = packet.timestamp;
      this.#keyframeShare = now - this.#keyframeAt < KEYFRAME_MS ? 1 : KEYFRAME_SHARE;
      this.#keyframeAt = now;
    }
    const share = isKeyframe ? this.#keyframeShare : 1;
    if (this.#cumulative) return this.#countTargets(packet.descriptor, bits, share, now);
    if (packet.sid > 0 && packet.interPicture) this.#usesLower[packet.sid] = +packet.interLayer;
    const { tracker } = this.#layerOf(Math.max(0, packet.sid), Math.max(0, packet.tid));
    const wasSilent = tracker.rate(now) === 0;
    tracker.add(wasSilent ? bits : share * bits, now);
    return wasSilent;
  }

  /** Measured bits per second of a layer with all it depends on. */
  bitrate(layer: Layer, now: Millis): number {
    if (this.#cumulative) return layer.tracker.rate(now);
    const { all } = this;
    let sum = 0;
    let lowest = layer.sid;
    while (lowest > 0 && this.#usesLower[lowest] === 1) lowest--;
    for (let i = 0; i < all.length; i++) {
      const other = all[i]!;
      if (other.tid <= layer.tid && other.sid <= layer.sid && other.sid >= lowest)
        sum += other.tracker.rate(now);
    }
    return sum;
  }

  /** A key frame told the height of all layers (VP8). True when that is new. */
  setHeight(height: number): boolean {
    let changed = false;
    for (const layer of this.all) {
      if (layer.height === height) continue;
      layer.height = height;
      changed = true;
    }
    return changed;
  }

  /** Takes the layers of a VP9 scalability structure. True when they are others than before. */
  applyStructure(structure: Vp9Structure): boolean {
    const temporal = Math.max(1, structure.temporalLayers);
    if (this.#isAsIn(structure, temporal)) return false;
    const layers: Layer[] = [];
    for (let sid = 0; sid < structure.spatialLayers; sid++) {
      const height = this.#heightOf(structure.heights[sid]!, sid, structure.spatialLayers);
      for (let tid = 0; tid < temporal; tid++)
        layers.push(
          this.#layer(
            layerIndex(this.#eid, sid, tid),
            sid,
            tid,
            height,
            structure.frameRates[tid]!,
          ),
        );
    }
    this.#cumulative = false;
    this.all = layers;
    return true;
  }

  /**
   * VP9 without a picture group: a temporal layer that was not seen before. True when it is new;
   * then it has the height of its siblings.
   */
  addObserved(packet: VideoPacket): boolean {
    const sid = Math.max(0, packet.sid);
    const tid = packet.tid;
    if (this.#cumulative || tid <= 0) return false;
    let sibling: Layer | undefined;
    for (let i = 0; i < this.all.length; i++) {
      const layer = this.all[i]!;
      if (layer.sid !== sid) continue;
      if (layer.tid === tid) return false;
      sibling = layer;
    }
    if (sibling === undefined) return false;
    const index = layerIndex(this.#eid, sid, tid);
    const added = new Layer(index, sid, tid, sibling.height, -1);
    this.all = [...this.all, added].sort((a, b) => a.index - b.index);
    return true;
  }

  /**
   * Takes the active decode targets of a dependency descriptor. True when they, or the structure,
   * are others than before.
   */
  applyDescriptor(descriptor: DependencyDescriptor): boolean {
    const { structure, activeTargets } = descriptor;
    if (structure === undefined || (!descriptor.hasTargets && !descriptor.hasStructure))
      return false;
    const same = activeTargets === this.#activeTargets && structure === this.#structure;
    if (this.#cumulative && same) return false;
    const layers: Layer[] = [];
    for (let dt = 0; dt < structure.targetCount; dt++) {
      if (((activeTargets >> dt) & 1) === 0) continue;
      const sid = structure.targetSid[dt]!;
      const height = this.#heightOf(structure.heights[sid]!, sid, structure.spatialLayers);
      const index = layerIndex(this.#eid, 0, 0) | dt;
      layers.push(
        this.#layer(index, sid, structure.targetTid[dt]!, height, structure.frameRate[dt]!),
      );
    }
    this.all = layers;
    this.#cumulative = true;
    this.#activeTargets = activeTargets;
    this.#structure = structure;
    return true;
  }

  /** Takes what the sender says about `stream` of its layers (spec 6.5). */
  applyAllocation(allocation: LayersAllocation, stream: number): void {
    for (const layer of this.all) {
      const sid = layer.sid;
      layer.targetBitrateBps = 0;
      if (stream >= allocation.streams || !allocation.has(stream, sid)) continue;
      const place = stream * 4 + sid;
      const temporal = allocation.temporalLayers[place]!;
      if (layer.tid >= temporal) continue;
      layer.targetBitrateBps = allocation.bitrateBps[place * 4 + layer.tid]!;
      if (!allocation.hasResolutions) continue;
      layer.height = Math.min(allocation.width[place]!, allocation.height[place]!);
      layer.frameRate = allocation.frameRate[place]! / 2 ** (temporal - 1 - layer.tid);
    }
  }

  #isAsIn(structure: Vp9Structure, temporal: number): boolean {
    if (this.#cumulative) return false;
    const { all } = this;
    let spatial = 0;
    for (let i = 0; i < all.length; i++) {
      const { sid, tid, height, frameRate } = all[i]!;
      spatial = Math.max(spatial, sid + 1);
      if (height !== this.#heightOf(structure.heights[sid]!, sid, structure.spatialLayers))
        return false;
      // Without a picture group temporal layers are added as they show.
      if (structure.temporalLayers === 0 ? frameRate >= 0 : frameRate !== structure.frameRates[tid])
        return false;
    }
    if (spatial !== structure.spatialLayers) return false;
    return structure.temporalLayers === 0 || all.length === spatial * temporal;
  }

  /** What the bitstream does not tell is what signaling lets assume, for a single spatial layer. */
  #heightOf(told: number, sid: number, spatialLayers: number): number {
    if (told > 0) return told;
    return spatialLayers === 1 ? this.nominalHeight : LOWEST_HEIGHT << sid;
  }

  /** A layer that goes on with the bitrate measured under the same index. */
  #layer(index: number, sid: number, tid: number, height: number, frameRate: number): Layer {
    const before = this.all.find((layer) => layer.index === index);
    return new Layer(index, sid, tid, height, frameRate, before?.tracker);
  }

  /** The layer of a packet, or the nearest below, or the lowest. */
  #layerOf(sid: number, tid: number): Layer {
    const wanted = layerIndex(0, sid, tid);
    const { all } = this;
    for (let i = all.length - 1; i > 0; i--)
      if ((all[i]!.index & LAYER_MASK) <= wanted) return all[i]!;
    return all[0]!;
  }

  #countTargets(
    descriptor: DependencyDescriptor | undefined,
    bits: number,
    share: number,
    now: Millis,
  ): boolean {
    if (descriptor?.hasFrame !== true) return false;
    const { present } = descriptor;
    const { all } = this;
    let wasSilent = false;
    for (let i = 0; i < all.length; i++) {
      const { index, tracker } = all[i]!;
      if (((present >> (index & LAYER_MASK)) & 1) === 0) continue;
      const isSilent = tracker.rate(now) === 0;
      if (isSilent) wasSilent = true;
      tracker.add(isSilent ? bits : share * bits, now);
    }
    return wasSilent;
  }
}
