/**
 * Projects the encodings of a source with dependency descriptors (AV1) onto one stream for one
 * receiver (spec jvb-media 7.5). Descriptors are written anew where frame numbers, template ids or
 * the active decode targets differ from the source's; the structure goes out with the key frame that
 * a run begins with.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { FrameFacts, VideoPacket } from "../media/video-packet.ts";
import { DescribedQualityFilter } from "./described-quality-filter.ts";
import { LinearProjection } from "./linear-projection.ts";
import type { RtpState } from "./rtp-state.ts";

const FRAME_NUMBER_MASK = 0xffff;
const TEMPLATE_MASK = 0x3f;
/** What is noted about a frame: it is the highest of its picture, its decode target is new. */
const MARK = 1;
const CHANGED = 2;
const TARGET_SHIFT = 2;

export class DescribedProjection {
  outSeq = 0;
  timestampDelta = 0;
  /** Frame number; nothing in the payload. */
  outPictureId = -1;
  readonly outTl0 = -1;
  setsMarker = false;
  templateShift = 0;
  writesTargets = false;
  activeTargets = 0;
  readonly #state: RtpState;
  readonly #filter = new DescribedQualityFilter();
  readonly #linear: LinearProjection;
  #targetIndex = -1;

  constructor(state: RtpState) {
    this.#state = state;
    this.#linear = new LinearProjection(state);
  }

  get currentEncoding(): number {
    return this.#filter.currentEncoding;
  }

  get needsKeyframe(): boolean {
    const { currentEncoding, needsKeyframe } = this.#filter;
    const { lastEncoding } = this.#linear;
    return (
      needsKeyframe ||
      lastEncoding < 0 ||
      (currentEncoding >= 0 && currentEncoding !== lastEncoding)
    );
  }

  setTarget(index: number): void {
    this.#targetIndex = index;
    if (index < 0) this.#filter.suspend();
  }

  /** `packet.frames` and `packet.descriptor` must be set. */
  project(packet: VideoPacket, now: Millis): boolean {
    if (packet.frameIsNew && !this.#decide(packet, packet.frames!, now)) return false;
    const linear = this.#linear;
    if (!linear.pass(packet)) return false;
    this.outSeq = linear.outSeq;
    this.timestampDelta = linear.timestampDelta;
    this.outPictureId = (packet.pictureId + linear.idShift) & FRAME_NUMBER_MASK;
    this.templateShift = linear.auxShift;
    const { note } = linear;
    this.setsMarker = packet.endOfFrame && (note & MARK) !== 0;
    this.#chooseTargets(packet, note);
    this.#noteIds(packet);
    return true;
  }

  /** The receiver is told what of the stream it gets: where that is new, and where it is told. */
  #chooseTargets(packet: VideoPacket, note: number): void {
    const { structure, hasTargets, hasStructure, activeTargets } = packet.descriptor!;
    this.writesTargets = false;
    if (structure === undefined || ((note & CHANGED) === 0 && !hasTargets)) return;
    const subset = structure.subset[note >> TARGET_SHIFT]!;
    // A new structure stands for all of its decode targets by itself.
    if (hasStructure && !hasTargets && subset === activeTargets) return;
    this.writesTargets = true;
    this.activeTargets = subset;
  }

  #noteIds(packet: VideoPacket): void {
    const state = this.#state;
    if (state.maxSeq !== this.outSeq) return;
    state.frameNumber = this.outPictureId;
    const { structure, hasStructure } = packet.descriptor!;
    if (!hasStructure) return;
    const { idOffset, templateCount } = structure!;
    state.nextTemplateId = (idOffset + this.templateShift + templateCount) & TEMPLATE_MASK;
  }

  #decide(packet: VideoPacket, frames: FrameFacts, now: Millis): boolean {
    const filter = this.#filter;
    const linear = this.#linear;
    const { encoding } = packet;
    const isOther = encoding !== linear.lastEncoding;
    const wasSuspended = filter.currentEncoding < 0;
    const isKeyframe = packet.keyframe && packet.startOfFrame;
    const missed = isKeyframe && (isOther || wasSuspended) ? missedTargets(packet, frames) : 0;
    if (!isOther && linear.precedesRun(packet)) return false;
    const decodable = isKeyframe || isOther || this.#isDecodable(packet, frames);
    const isLate = packet.frame < frames.latest;
    if (!filter.acceptFrame(packet, isKeyframe, decodable, isLate, missed, this.#targetIndex, now))
      return false;
    const note =
      (filter.mark ? MARK : 0) |
      (filter.targetChanged ? CHANGED : 0) |
      (filter.currentTarget << TARGET_SHIFT);
    if (!isOther && !(isKeyframe && wasSuspended)) {
      linear.goOn(packet, note, now);
      return true;
    }
    if (!isKeyframe) return false;
    this.#beginRun(packet, isOther, note, now);
    return true;
  }

  #beginRun(packet: VideoPacket, isOther: boolean, note: number, now: Millis): void {
    const { frameNumber, nextTemplateId } = this.#state;
    const { idOffset } = packet.descriptor!.structure!;
    const numberShift =
      frameNumber < 0 ? 0 : (frameNumber + 1 - packet.pictureId) & FRAME_NUMBER_MASK;
    const templateShift = nextTemplateId < 0 ? 0 : (nextTemplateId - idOffset) & TEMPLATE_MASK;
    if (isOther) this.#linear.begin(packet, numberShift, templateShift, note, now);
    else this.#linear.resume(packet, numberShift, templateShift, note, now);
  }

  /** No frame that this one refers to was seen and kept from the receiver. */
  #isDecodable(packet: VideoPacket, frames: FrameFacts): boolean {
    const descriptor = packet.descriptor!;
    if (!descriptor.hasFrame) return true;
    for (let i = 0; i < descriptor.referenceCount; i++) {
      const reference = packet.frame - descriptor.references[i]!;
      if (frames.has(reference) && !this.#linear.accepted(packet.encoding, reference)) return false;
    }
    return true;
  }
}

/** Decode targets that would break at a later frame, of the lowest temporal layer, passed over. */
function missedTargets(packet: VideoPacket, frames: FrameFacts): number {
  let missed = 0;
  let next = frames.following(packet.frame);
  while (next >= 0) {
    if (frames.tid(next) <= 0) missed |= frames.targets(next);
    next = frames.following(next);
  }
  return missed;
}
