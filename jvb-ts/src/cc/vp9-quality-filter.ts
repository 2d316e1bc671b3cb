/**
 * Which VP9 frames a receiver gets (spec jvb-media 7.4): of one encoding (simulcast), the spatial
 * layer wanted with all that it refers to (SVC, k-SVC), temporal layers up to the one wanted. Called
 * once per frame, with its first packet.
 */
import type { Millis } from "#shared/runtime/runtime";
import { encodingOf, spatialOf, temporalOf } from "../media/projection.ts";
import type { VideoPacket } from "../media/video-packet.ts";
import { KeyframeGroup } from "./keyframe-group.ts";

const SPATIAL_LAYERS = 8;

export class Vp9QualityFilter {
  needsKeyframe = false;
  /** Encoding and spatial layer that flow, -1 none. */
  currentEncoding = -1;
  currentSid = -1;
  /** The frame accepted last is the highest of its picture that the receiver gets. */
  mark = false;
  #internalTarget = -1;
  readonly #group = new KeyframeGroup();
  /** By spatial layer: its last frame of temporal layer 0 was forwarded. */
  readonly #layers = new Uint8Array(SPATIAL_LAYERS);

  /** Nothing is wanted any more. */
  suspend(): void {
    this.currentEncoding = -1;
    this.currentSid = -1;
    this.#internalTarget = -1;
    this.needsKeyframe = false;
  }

  /**
   * `decodable`: no frame that this one refers to is known to be missing at the receiver. `isLate`:
   * newer pictures were decided already, so this one changes nothing for what follows.
   * `targetIndex` is a layer index, -1 nothing.
   */
  acceptFrame(
    packet: VideoPacket,
    isKeyframe: boolean,
    decodable: boolean,
    isLate: boolean,
    targetIndex: number,
    now: Millis,
  ): boolean {
    const target = encodingOf(targetIndex);
    if (target < 0) return false;
    if (target !== this.#internalTarget) {
      this.#internalTarget = target;
      if (target !== this.currentEncoding) this.needsKeyframe = true;
    }
    // A higher spatial layer that needs no other is climbed to like one that does.
    const isHigher = packet.sid > 0 && packet.encoding === this.currentEncoding;
    if (isKeyframe && !isHigher) {
      this.mark = Math.max(0, packet.sid) === this.#wantedSid(packet, targetIndex);
      if (isLate && packet.encoding === this.currentEncoding) return true;
      return this.#acceptKeyframe(packet, targetIndex, now);
    }
    return this.#acceptDelta(packet, decodable, isLate, targetIndex, now);
  }

  #acceptKeyframe(packet: VideoPacket, targetIndex: number, now: Millis): boolean {
    const eid = packet.encoding;
    const sid = Math.max(0, packet.sid);
    if (sid > this.#wantedSid(packet, targetIndex)) return false;
    this.needsKeyframe = false;
    if (!this.#group.takes(eid, this.currentEncoding, this.#internalTarget, now)) {
      // What follows of it refers to this one.
      if (eid === this.currentEncoding) this.#breakOff();
      return false;
    }
    // Higher spatial layers follow within the picture, as far as they come.
    this.currentEncoding = eid;
    this.currentSid = sid;
    this.#layers.fill(0);
    this.#layers[sid] = 1;
    return true;
  }

  #breakOff(): void {
    this.#layers.fill(0);
    this.needsKeyframe = true;
  }

  #wantedSid(packet: VideoPacket, targetIndex: number): number {
    const sid = spatialOf(targetIndex);
    return packet.spatialLayers > 0 ? Math.min(sid, packet.spatialLayers - 1) : sid;
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
    const sid = Math.max(0, packet.sid);
    const tid = Math.max(0, packet.tid);
    const wanted = this.#wantedSid(packet, targetIndex);
    const canForward = decodable && this.#hasReferences(packet, sid);
    if (!isLate && this.#wantsSwitch(packet, sid, wanted)) {
      if (canForward) this.currentSid = sid;
      else if (tid === 0) this.needsKeyframe = true;
    }
    const currentSid = this.currentSid;
    const needed = sid === currentSid || (sid < currentSid && packet.upperLevelReference);
    const accepted = needed && canForward;
    if (tid === 0 && !isLate) {
      this.#layers[sid] = accepted ? 1 : 0;
      // Nothing that follows in this layer could be decoded either.
      if (sid === currentSid && !accepted) this.needsKeyframe = true;
    }
    if (!accepted) return false;
    this.mark = sid === (packet.interPicture ? currentSid : wanted);
    if (current > encodingOf(targetIndex) || currentSid > wanted) return tid === 0;
    if (current < encodingOf(targetIndex) || currentSid < wanted) return true;
    return tid <= temporalOf(targetIndex);
  }

  #hasReferences(packet: VideoPacket, sid: number): boolean {
    if (packet.interPicture && this.#layers[sid] === 0) return false;
    return !packet.interLayer || sid === 0 || this.#layers[sid - 1] === 1;
  }

  #wantsSwitch(packet: VideoPacket, sid: number, wanted: number): boolean {
    const { currentSid } = this;
    if (currentSid < sid && sid <= wanted) return true;
    if (wanted <= sid && sid < currentSid) return true;
    return packet.spatialLayers > 0 && currentSid >= packet.spatialLayers;
  }
}
