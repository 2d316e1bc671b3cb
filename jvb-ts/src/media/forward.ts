/**
 * The fan-out: one received packet to all who want it (spec jvb-media 1.4, 1.5). Reads top to
 * bottom; per receiver it decides, copies and rewrites, and allocates nothing.
 */
import { writeUint16 } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import { fallFromStopped, layersChanged } from "./allocate.ts";
import { requestKeyframe } from "./keyframe-requests.ts";
import type { EndpointState, RxStream, VideoLeg } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import { PtKind } from "./payload-types.ts";
import type { PacketEdit } from "./projection.ts";
import { forwardProtected, forwardStrippedRed } from "./red.ts";
import { sendAudio, wantsAudio } from "./send-audio.ts";
import { Form } from "./video-packet.ts";

/** Sends one audio packet to every other endpoint whose subscription wants it. */
export function forwardAudio(
  ctx: PathContext,
  owner: EndpointState,
  stream: RxStream,
  now: Millis,
): void {
  const { stage, header } = ctx;
  const source = stream.audio!;
  const { tap } = owner.conference;
  if (tap !== undefined && !source.synthetic && owner.payloadTypes.opus[header.payloadType] === 1) {
    const { audioLevel, audioVad } = ctx;
    tap.handleOpus(source.name, owner.id, header, ctx.seq, audioLevel, audioVad, now);
  }
  stage.load(header, ctx.rx, owner.extensions.kept, ctx.seq);
  const isRed = owner.payloadTypes.kind[header.payloadType] === PtKind.audioRed;
  const alwaysStrip = isRed && ctx.options.redPolicy === "STRIP";
  const protects =
    ctx.options.redPolicy === "PROTECT_ALL" && owner.payloadTypes.opus[header.payloadType] === 1;
  if (protects) stream.redHistory.put(stage, ctx.audioVad);
  let needStripped = false;
  let needProtected = false;
  const endpoints = owner.conference.endpoints;
  for (let i = 0; i < endpoints.length; i++) {
    const receiver = endpoints[i]!;
    if (!wantsAudio(receiver, source)) continue;
    if (isRed && (alwaysStrip || !receiver.payloadTypes.hasRed)) {
      needStripped = true;
      continue;
    }
    if (protects && receiver.payloadTypes.hasRed) {
      needProtected = true;
      continue;
    }
    sendAudio(ctx, source, receiver, now);
  }
  if (needStripped) forwardStrippedRed(ctx, owner, stream, alwaysStrip, now);
  if (needProtected) forwardProtected(ctx, owner, stream, now);
}

/** Sends one video packet along every leg whose projection accepts it. */
export function forwardVideo(
  ctx: PathContext,
  owner: EndpointState,
  stream: RxStream,
  now: Millis,
): void {
  const source = stream.video!;
  if (ctx.encodingStopped) fallFromStopped(ctx, source, now);
  if (ctx.layeringChanged) layersChanged(ctx, owner.conference, now);
  if (source.activeLegs === 0) return;
  const legs = source.legs;
  let loaded = false;
  for (let i = 0; i < legs.length; i++) {
    const leg = legs[i]!;
    const receiver = leg.receiver;
    if (leg.targetIndex < 0 || !receiver.transportUp || !receiver.payloadTypes.acceptVideo)
      continue;
    const accepted = leg.projection.project(ctx.video, now);
    if (leg.projection.needsKeyframe) requestKeyframe(ctx, leg, true, now);
    if (!accepted) continue;
    if (!loaded) {
      loaded = true;
      stageVideo(ctx, owner, stream, now);
    }
    sendVideo(ctx, leg, now);
  }
}

function stageVideo(ctx: PathContext, owner: EndpointState, stream: RxStream, now: Millis): void {
  const { stage, video, descriptor } = ctx;
  const isDescribed = video.form === Form.described;
  const kept = isDescribed ? owner.extensions.keptWithDescriptor : owner.extensions.kept;
  stage.load(ctx.header, ctx.rx, kept, ctx.seq);
  stage.pictureIdAt = video.pictureIdAt;
  stage.tl0At = video.tl0At;
  if (isDescribed) {
    stage.targetsAt = descriptor.targetsAt;
    stage.usedBits = descriptor.usedBits;
    stage.targetCount = descriptor.structure?.targetCount ?? 0;
  }
  stream.store.put(stage, now);
}

function sendVideo(ctx: PathContext, leg: VideoLeg, now: Millis): void {
  const { egress, stage } = ctx;
  const { projection, receiver } = leg;
  const timestamp = (stage.timestamp + projection.timestampDelta) | 0;
  const ssrc = leg.sentSsrc;
  if (leg.slot !== undefined) egress.mid = leg.slot.midBytes;
  if (stage.targetsAt > 0) egress.descriptorChange = projection;
  const at = egress.writeRtp(receiver, ssrc, projection.outSeq, timestamp, true, 0, 0, now);
  editPayload(ctx, at, projection);
  if (!repeatsAsRtx(leg, stage.payloadType)) egress.markRepeatable();
  leg.packets++;
  if (receiver.firstVideoAt < 0) receiver.firstVideoAt = now;
  leg.octets += egress.lastLength();
  leg.log.put(projection.outSeq, ctx.video.encoding, stage.seq, projection, egress.sendMark, now);
}

/** Whether what is lost of this payload type is repeated in RTX form, under a number of its own. */
export function repeatsAsRtx(leg: VideoLeg, payloadType: number): boolean {
  return leg.receiver.payloadTypes.rtxFor[payloadType] !== 0 && leg.hasRtx;
}

/** Puts picture id and TL0PICIDX into the payload at `at`, and the marker into the header. */
export function editPayload(ctx: PathContext, at: number, edit: PacketEdit): void {
  const { stage, egress } = ctx;
  const { outPictureId, outTl0 } = edit;
  if (outPictureId >= 0 && stage.pictureIdAt > 0)
    writeUint16(stage.bytes, at + stage.pictureIdAt, 0x8000 | outPictureId);
  if (outTl0 >= 0 && stage.tl0At > 0) stage.bytes[at + stage.tl0At] = outTl0;
  if (edit.setsMarker) egress.setMarker();
}
