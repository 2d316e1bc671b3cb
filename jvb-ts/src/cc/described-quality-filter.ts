/**
 * Which frames of a stream with dependency descriptors (AV1) a receiver gets (spec jvb-media 7.5):
 * those of one decode target of one encoding. Called once per frame, with its first packet.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { DependencyDescriptor } from "../media/dependency-descriptor.ts";
import { encodingOf, targetOf } from "../media/projection.ts";
import { MAX_TARGETS } from "../media/template-structure.ts";
import type { VideoPacket } from "../media/video-packet.ts";
import { KeyframeGroup } from "./keyframe-group.ts";

export class DescribedQualityFilter {
  needsKeyframe = false;
  /** Encoding and decode target that flow, -1 none. */
  currentEncoding = -1;
  currentTarget = -1;
  /** The frame accepted last is the highest of its picture that the receiver gets. */
  mark = false;
  /** With the frame accepted last the receiver went over to `currentTarget`. */
  targetChanged = false;
  #internalTarget = -1;
  readonly #group = new KeyframeGroup();

  /** Nothing is wanted any more. */
  suspend(): void {
    this.currentEncoding = -1;
    this.currentTarget = -1;
    this.#internalTarget = -1;
    this.needsKeyframe = false;
  }

  /**
   * `decodable`: no frame that this one refers to is known to be missing at the receiver. `isLate`:
   * newer frames were decided already, so this one changes nothing for what follows. `missed`: decode
   * targets that a key frame is no use for any more.
   * `targetIndex` is a layer index, -1 nothing.
   */
  acceptFrame(
    packet: VideoPacket,
    isKeyframe: boolean,
    decodable: boolean,
    isLate: boolean,
    missed: number,
    targetIndex: number,
    now: Millis,
  ): boolean {
    const target = encodingOf(targetIndex);
    if (target < 0) return false;
    if (target !== this.#internalTarget) {
      this.#internalTarget = target;
      if (target !== this.currentEncoding) this.needsKeyframe = true;
    }
    const before = this.currentTarget;
    this.targetChanged = false;
    const accepted = isKeyframe
      ? this.#acceptKeyframe(packet, missed, targetIndex, now)
      : this.#acceptDelta(packet, decodable, isLate, targetIndex, now);
    if (!accepted) return false;
    const { structure, sid } = packet.descriptor!;
    this.mark = sid === structure!.targetSid[this.currentTarget]!;
    this.targetChanged = this.currentTarget !== before;
    return true;
  }

  #acceptKeyframe(packet: VideoPacket, missed: number, targetIndex: number, now: Millis): boolean {
    const descriptor = packet.descriptor!;
    if (!descriptor.hasFrame) return false;
    const eid = packet.encoding;
    const usable = descriptor.present & descriptor.activeTargets & ~missed;
    const isWanted = eid === encodingOf(targetIndex);
    const limit = isWanted ? wantedTarget(descriptor, targetIndex) : MAX_TARGETS - 1;
    // The highest usable one up to what is wanted: the wanted one, unless part of it was missed.
    const dt = highestBit(usable & (limit >= 31 ? -1 : (2 << limit) - 1));
    if (dt < 0) return false;
    this.needsKeyframe = false;
    if (!this.#group.takes(eid, this.currentEncoding, this.#internalTarget, now)) {
      // What follows of it refers to this one.
      if (eid === this.currentEncoding) this.needsKeyframe = true;
      return false;
    }
    this.currentEncoding = eid;
    this.currentTarget = dt;
    return true;
  }

  #acceptDelta(
    packet: VideoPacket,
    decodable: boolean,
    isLate: boolean,
    targetIndex: number,
    now: Millis,
  ): boolean {
    const current = this.currentEncoding;
    if (current < 0) return false;
    const eid = packet.encoding;
    const group = this.#group;
    if (group.isBetter(eid, current, this.#internalTarget) && group.isOver(now))
      this.needsKeyframe = true;
    if (eid !== current) return false;
    const descriptor = packet.descriptor!;
    if (!descriptor.hasFrame) {
      if (!isLate) this.needsKeyframe = true;
      return false;
    }
    const isWanted = current === encodingOf(targetIndex);
    const wanted = isWanted ? wantedTarget(descriptor, targetIndex) : this.currentTarget;
    const { activeTargets, hasTargets, present } = descriptor;
    if (hasTargets && ((activeTargets >> wanted) & 1) === 0) return false;
    if (wanted !== this.currentTarget && !isLate) this.#trySwitch(descriptor, wanted, decodable);
    const dt = this.currentTarget;
    if (((present >> dt) & 1) === 0) return false;
    if (!decodable) {
      // What follows in the lowest temporal layer could not be decoded either.
      if (descriptor.tid === 0 && !isLate) this.needsKeyframe = true;
      return false;
    }
    if (current <= encodingOf(targetIndex)) return true;
    return (((descriptor.switches | descriptor.required) >> dt) & 1) === 1;
  }

  #trySwitch(descriptor: DependencyDescriptor, wanted: number, decodable: boolean): void {
    if (((descriptor.switches >> wanted) & 1) === 1 && decodable) this.currentTarget = wanted;
    else if (!descriptor.structure!.canSwitch(this.currentTarget, wanted))
      this.needsKeyframe = true;
  }
}

/** The decode target of a layer index, as far as the structure has it. */
export function wantedTarget(descriptor: DependencyDescriptor, targetIndex: number): number {
  const { structure } = descriptor;
  return structure === undefined ? -1 : Math.min(targetOf(targetIndex), structure.targetCount - 1);
}

function highestBit(mask: number): number {
  return 31 - Math.clz32(mask);
}
