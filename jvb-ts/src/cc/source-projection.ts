/**
 * One receiver's view of one source across codecs (spec jvb-media 7.1): picks the context by what
 * the packet shows and hands the state of the outgoing stream over when that changes.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { Projection, StreamEnd } from "../media/projection.ts";
import type { FormId, VideoPacket } from "../media/video-packet.ts";
import { codecNames, Form } from "../media/video-packet.ts";
import { DescribedProjection } from "./described-projection.ts";
import { GenericProjection } from "./generic-projection.ts";
import { RtpState } from "./rtp-state.ts";
import { Vp8Projection } from "./vp8-projection.ts";
import { Vp9Projection } from "./vp9-projection.ts";

type Context = Vp8Projection | Vp9Projection | DescribedProjection | GenericProjection;

export class SourceProjection implements Projection {
  outSeq = 0;
  timestampDelta = 0;
  outPictureId = -1;
  outTl0 = -1;
  setsMarker = false;
  templateShift = 0;
  writesTargets = false;
  activeTargets = 0;
  readonly #state: RtpState;
  #context: Context | undefined = undefined;
  #codec = -1;
  #form: FormId = Form.generic;
  #target = -1;
  #lastAt: Millis = -1;

  constructor(after?: StreamEnd) {
    this.#state = new RtpState(after);
  }

  get frameNumber(): number {
    return this.outPictureId;
  }

  streamEnd(): StreamEnd | undefined {
    const { fresh, maxSeq, maxTimestamp, pictureId, tl0 } = this.#state;
    const { frameNumber, nextTemplateId } = this.#state;
    if (fresh) return undefined;
    return {
      seq: maxSeq,
      timestamp: maxTimestamp,
      pictureId,
      tl0,
      frameNumber,
      nextTemplateId,
      at: this.#lastAt,
    };
  }

  get name(): string {
    if (this.#codec < 0) return "none";
    const codec = codecNames[this.#codec] ?? "other";
    return this.#form === Form.generic ? `generic ${codec}` : codec;
  }

  get currentEncoding(): number {
    return this.#context?.currentEncoding ?? -1;
  }

  get needsKeyframe(): boolean {
    return this.#context?.needsKeyframe ?? true;
  }

  setTarget(index: number): void {
    this.#target = index;
    this.#context?.setTarget(index);
  }

  project(packet: VideoPacket, now: Millis): boolean {
    if (this.#codec !== packet.codec || this.#form !== packet.form) this.#change(packet);
    const context = this.#context!;
    if (!context.project(packet, now)) return false;
    this.#lastAt = now;
    this.outSeq = context.outSeq;
    this.timestampDelta = context.timestampDelta;
    this.outPictureId = context.outPictureId;
    this.outTl0 = context.outTl0;
    this.#lastAt = now;
    if (this.#form === Form.vp9 || this.#form === Form.described) this.#takeMore(context);
    return true;
  }

  /** Fields that packets of other forms leave as they are. */
  #takeMore(context: Context): void {
    this.setsMarker = context.setsMarker;
    this.templateShift = context.templateShift;
    this.writesTargets = context.writesTargets;
    this.activeTargets = context.activeTargets;
  }

  #change(packet: VideoPacket): void {
    this.#codec = packet.codec;
    this.#form = packet.form;
    if (this.#lastAt >= 0) this.#state.endedAt = this.#lastAt;
    this.#context = createContext(packet.form, this.#state);
    this.#context.setTarget(this.#target);
    this.#takeMore(this.#context);
  }
}

function createContext(form: FormId, state: RtpState): Context {
  switch (form) {
    case Form.vp8:
      return new Vp8Projection(state);
    case Form.vp9:
      return new Vp9Projection(state);
    case Form.described:
      return new DescribedProjection(state);
    default:
      return new GenericProjection(state);
  }
}
