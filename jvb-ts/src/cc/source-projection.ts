/**
 * One receiver's view of one source across codecs (spec jvb-media 7.1): picks the context by what
 * the packet shows and hands the state of the outgoing stream over when that changes.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { Projection, StreamEnd } from "../media/projection.ts";
import type { VideoPacket } from "../media/video-packet.ts";
import { Codec, codecNames } from "../media/video-packet.ts";
import { GenericProjection } from "./generic-projection.ts";
import { RtpState } from "./rtp-state.ts";
import { Vp8Projection } from "./vp8-projection.ts";

export class SourceProjection implements Projection {
  outSeq = 0;
  timestampDelta = 0;
  outPictureId = -1;
  outTl0 = -1;
  readonly #state: RtpState;
  #context: Vp8Projection | GenericProjection | undefined = undefined;
  #codec = -1;
  #isVp8 = false;
  #target = -1;
  #lastAt: Millis = -1;

  constructor(after?: StreamEnd) {
    this.#state = new RtpState(after);
  }

  streamEnd(): StreamEnd | undefined {
    const { fresh, maxSeq, maxTimestamp, pictureId, tl0 } = this.#state;
    if (fresh) return undefined;
    return { seq: maxSeq, timestamp: maxTimestamp, pictureId, tl0, at: this.#lastAt };
  }

  get name(): string {
    if (this.#codec < 0) return "none";
    return this.#isVp8 ? "VP8" : `generic ${codecNames[this.#codec] ?? "other"}`;
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
    const isVp8 = packet.codec === Codec.vp8 && packet.frames !== undefined;
    if (this.#codec !== packet.codec || this.#isVp8 !== isVp8) this.#change(packet.codec, isVp8);
    const context = this.#context!;
    if (!context.project(packet, now)) return false;
    this.#lastAt = now;
    this.outSeq = context.outSeq;
    this.timestampDelta = context.timestampDelta;
    this.outPictureId = context.outPictureId;
    this.outTl0 = context.outTl0;
    return true;
  }

  #change(codec: number, isVp8: boolean): void {
    this.#codec = codec;
    this.#isVp8 = isVp8;
    this.#context = isVp8 ? new Vp8Projection(this.#state) : new GenericProjection(this.#state);
    this.#context.setTarget(this.#target);
  }
}
