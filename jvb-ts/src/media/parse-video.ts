/**
 * What a video packet shows, and what follows for its source (spec jvb-media 6): the codec's
 * descriptor, the frame it belongs to, layers that come, change or stop.
 */
import type { Millis } from "#shared/runtime/runtime";
import { parseAv1, parseH264, parseVp8 } from "./codec-parsers.ts";
import { EncodingPulse } from "./encoding-pulse.ts";
import type { Encoding, EndpointState, RxStream, VideoSource } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import type { CodecId, VideoPacket } from "./video-packet.ts";
import { Codec, codecNames, Form } from "./video-packet.ts";
import { parseVp9 } from "./vp9-descriptor.ts";

/** Fills `ctx.video` and counts the packet in its layers. False when it must be dropped. */
export function parseVideo(
  ctx: PathContext,
  endpoint: EndpointState,
  stream: RxStream,
  codec: CodecId,
  now: Millis,
): boolean {
  const { header, video } = ctx;
  const encoding = stream.encoding!;
  const source = stream.video!;
  video.reset();
  video.codec = codec;
  video.encoding = encoding.eid;
  video.encodingCount = source.encodings.length;
  video.seq = ctx.seq;
  video.timestamp = header.timestamp;
  video.marker = header.marker;
  ctx.layeringChanged = false;
  ctx.encodingStopped = false;
  if (!parsePayload(ctx, stream)) return false;
  if (source.codec !== codec || source.form !== video.form) changeCodec(ctx, source);
  stream.codecName = codecNames[codec];
  if (video.form !== Form.generic && !stream.frames(video.form).observe(video)) return false;
  if (learnLayers(ctx, source, stream)) ctx.layeringChanged = true;
  if (video.keyframe && video.startOfFrame) noteKeyframe(endpoint, stream, video, ctx);
  const before = encoding.pulse.running;
  notePulse(ctx, source, encoding, now);
  const wasSilent = encoding.model.count(video, 8 * header.length, isKeyframe(video), now);
  if (wasSilent || ctx.encodingStopped || before !== encoding.pulse.running)
    ctx.layeringChanged = true;
  if (ctx.layeringChanged) endpoint.layeringChanges++;
  return true;
}

function isKeyframe({ form, keyframe, frames, frame }: VideoPacket): boolean {
  return form === Form.generic ? keyframe : frames?.isKeyframe(frame) === true;
}

/** Reads the descriptor that fits; the form tells which. */
function parsePayload(ctx: PathContext, stream: RxStream): boolean {
  const { header, video, rx } = ctx;
  const at = header.payloadOffset;
  const length = header.payloadLength;
  switch (video.codec) {
    case Codec.vp8:
      if (!parseVp8(video, rx, at, length)) return false;
      if (video.pictureId >= 0 && video.tid >= 0) video.form = Form.vp8;
      break;
    case Codec.vp9:
      if (!parseVp9(video, ctx.structure, rx, at, length)) return false;
      if (video.pictureId >= 0) video.form = Form.vp9;
      break;
    default:
      break;
  }
  if (video.form !== Form.generic) return true;
  if (ctx.descriptorLength >= 0) return parseDescribed(ctx, stream);
  if (video.codec === Codec.h264) return parseH264(video, rx, at, length);
  return video.codec !== Codec.av1 || parseAv1(video, rx, at, length);
}

function parseDescribed(ctx: PathContext, stream: RxStream): boolean {
  const { header, descriptor, rx, descriptorAt, descriptorLength } = ctx;
  const { structures } = stream;
  if (!descriptor.parse(structures, header.seq, rx, descriptorAt, descriptorLength)) return false;
  ctx.video.describe(descriptor);
  return true;
}

/** Another codec, or another way to read it: what was learnt of frames and layers is void. */
function changeCodec(ctx: PathContext, source: VideoSource): void {
  const { video } = ctx;
  if (source.codec >= 0) {
    for (const encoding of source.encodings) {
      encoding.stream?.forgetFrames();
      encoding.forgetLayers();
    }
    ctx.layeringChanged = true;
  }
  source.codec = video.codec;
  source.form = video.form;
}

/** Takes what the packet tells about layers. True when they are others than before. */
function learnLayers(ctx: PathContext, source: VideoSource, stream: RxStream): boolean {
  const { video } = ctx;
  const encoding = stream.encoding!;
  let changed = false;
  if (video.form === Form.vp9) {
    if (video.structure !== undefined) {
      stream.spatialLayers = video.structure.spatialLayers;
      changed = encoding.model.applyStructure(video.structure);
      if (changed) clearUnseen(source);
    }
    video.spatialLayers = stream.spatialLayers;
    if (video.flexible && encoding.model.addObserved(video)) changed = true;
  } else if (video.form === Form.described) {
    changed = encoding.model.applyDescriptor(ctx.descriptor);
    if (changed) clearUnseen(source);
  }
  if (ctx.allocationLength >= 0) learnAllocation(ctx, source);
  return changed;
}

/** All layers under one SSRC: encodings that were signaled and never came have none. */
function clearUnseen(source: VideoSource): void {
  for (const encoding of source.encodings)
    if (encoding.stream === undefined) encoding.model.clear();
}

function learnAllocation(ctx: PathContext, source: VideoSource): void {
  const { allocation } = ctx;
  if (!allocation.parse(ctx.rx, ctx.allocationAt, ctx.allocationLength)) return;
  const { encodings } = source;
  for (let i = 0; i < encodings.length; i++) encodings[i]!.model.applyAllocation(allocation, i);
}

/** A new frame of one encoding or spatial layer is what shows that another one stopped. */
function notePulse(ctx: PathContext, source: VideoSource, encoding: Encoding, now: Millis): void {
  const { video } = ctx;
  if (video.sid > 0 || encoding.spatialPulses.length > 0)
    noteSpatialPulse(ctx, encoding, Math.max(0, video.sid), now);
  if (!encoding.pulse.handlePacket(video.timestamp, now)) return;
  const { encodings } = source;
  let anyRuns = false;
  for (let i = 0; i < encodings.length; i++) {
    const { pulse } = encodings[i]!;
    if (pulse !== encoding.pulse && pulse.handleSiblingFrame(encoding.pulse, now))
      ctx.encodingStopped = true;
    anyRuns ||= pulse.running;
  }
  // When none is left that runs, this one is it.
  if (!anyRuns) encoding.pulse.trust(now);
}

function noteSpatialPulse(ctx: PathContext, encoding: Encoding, sid: number, now: Millis): void {
  const pulses = encoding.spatialPulses;
  while (pulses.length <= sid) {
    const added = new EncodingPulse();
    // Those below came before, when there was no other.
    if (pulses.length < sid) added.trust(now);
    pulses.push(added);
  }
  const own = pulses[sid]!;
  const before = own.running;
  if (!own.handlePacket(ctx.video.timestamp, now)) return;
  let anyRuns = false;
  for (let i = 0; i < pulses.length; i++) {
    const pulse = pulses[i]!;
    if (pulse !== own && pulse.handleSiblingFrame(own, now)) ctx.encodingStopped = true;
    anyRuns ||= pulse.running;
  }
  if (!anyRuns) own.trust(now);
  if (before !== own.running) ctx.layeringChanged = true;
}

function noteKeyframe(
  endpoint: EndpointState,
  stream: RxStream,
  video: VideoPacket,
  ctx: PathContext,
): void {
  endpoint.keyframesReceived++;
  stream.keyframes++;
  const { layers, model } = stream.encoding!;
  if (video.form === Form.vp9 || video.form === Form.described) {
    stream.height = layers.at(-1)?.height ?? stream.height;
    return;
  }
  if (video.height === 0) return;
  stream.height = video.height;
  if (model.setHeight(video.height)) ctx.layeringChanged = true;
}
