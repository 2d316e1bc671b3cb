/**
 * SSRC rewriting for one receiver (spec jvb-media 7.7): which source it gets under which of its
 * SSRCs, and what its client is told about that before packets come.
 */
import type { AudioSourceMapping, VideoSourceMapping } from "#shared/bridge-channel/messages";
import type { AudioSource, EndpointState, VideoLeg } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import type { AudioSlotStream, VideoSlotStream } from "./slot-streams.ts";
import type { SsrcSlot } from "./ssrc-slots.ts";

/**
 * Gives slots to what a receiver wants, by priority, then to other enabled sources while there is
 * room: they switch on faster. A source that loses its slot is not sent any more.
 */
export function mapVideo(ctx: PathContext, receiver: EndpointState): void {
  const slots = receiver.videoSlots;
  if (slots === undefined) return;
  const { allocated } = receiver;
  let room = slots.limit;
  for (let i = 0; i < allocated.length; i++) {
    const leg = allocated[i]!;
    leg.wantsSlot = room > 0 && leg.maxHeight !== 0;
    if (leg.wantsSlot) room--;
  }
  for (let i = 0; i < allocated.length && room > 0; i++) {
    const leg = allocated[i]!;
    if (leg.wantsSlot || !leg.source.isEnabled()) continue;
    leg.wantsSlot = true;
    room--;
  }
  let missing = 0;
  // Those that have one first, so that they do not lose it to the others.
  for (let i = 0; i < allocated.length; i++) {
    const leg = allocated[i]!;
    if (!leg.wantsSlot) continue;
    if (leg.slot === undefined) reclaim(ctx, leg);
    if (leg.slot === undefined) missing++;
    else slots.touch(leg.slot);
  }
  if (missing > 0) mapMissing(ctx, receiver);
}

/** A source that went away and came back has its slot still: nothing to tell. */
function reclaim(ctx: PathContext, leg: VideoLeg): void {
  const slot = leg.receiver.videoSlots?.find(slotSource(leg));
  if (slot !== undefined) enter(ctx, leg, slot);
}

function mapMissing(ctx: PathContext, receiver: EndpointState): void {
  const mappings: VideoSourceMapping[] = [];
  for (const leg of receiver.allocated) {
    if (!leg.wantsSlot || leg.slot !== undefined) continue;
    const slot = receiver.videoSlots?.take(slotSource(leg), (taken) => {
      const before = receiver.legBySsrc.get(taken.ssrc);
      if (before !== undefined) leaveSlot(before);
    });
    if (slot === undefined) return;
    slot.videoType = leg.source.videoType;
    enter(ctx, leg, slot);
    mappings.push(videoMapping(slot));
  }
  ctx.events.push({
    kind: "videoSourcesMapped",
    conference: receiver.conference.id,
    endpoint: receiver.id,
    mappings,
  });
}

function slotSource({ source }: VideoLeg): { ssrc: number; name: string; ownerId: string } {
  return { ssrc: source.primarySsrc, name: source.name, ownerId: source.owner.id };
}

/** Starts a projection that goes on where the slot's stream ended; it waits for a key frame. */
function enter(ctx: PathContext, leg: VideoLeg, slot: SsrcSlot<VideoSlotStream>): void {
  const { stream } = slot;
  leg.slot = slot;
  leg.sentSsrc = slot.ssrc;
  leg.sentRtxSsrc = slot.rtxSsrc;
  leg.rtxSeq = stream.rtxSeq;
  leg.packetsBefore = stream.packets - leg.packets;
  leg.octetsBefore = stream.octets - leg.octets;
  leg.restart(ctx.cc.createProjection(stream.end));
  leg.receiver.legBySsrc.set(slot.ssrc, leg);
}

/** The source's slot is for another one now, or its leg ends: notes where the stream stands. */
export function leaveSlot(leg: VideoLeg): void {
  const { slot, receiver } = leg;
  if (slot === undefined) return;
  const { stream } = slot;
  stream.end = leg.projection.streamEnd() ?? stream.end;
  stream.rtxSeq = leg.rtxSeq;
  stream.packets = leg.packetsBefore + leg.packets;
  stream.octets = leg.octetsBefore + leg.octets;
  leg.setTarget(-1);
  leg.slot = undefined;
  if (receiver.legBySsrc.get(slot.ssrc) === leg) receiver.legBySsrc.delete(slot.ssrc);
}

/** The slot of an audio source, mapped with its first packet; undefined when none are allowed. */
export function audioSlot(
  ctx: PathContext,
  receiver: EndpointState,
  source: AudioSource,
): SsrcSlot<AudioSlotStream> | undefined {
  const slots = receiver.audioSlots!;
  const known = source.slots[receiver.slot];
  const slot = known?.sourceSsrc === source.ssrc ? known : mapAudio(ctx, receiver, source);
  if (slot !== undefined) slots.touch(slot);
  return slot;
}

function mapAudio(
  ctx: PathContext,
  receiver: EndpointState,
  source: AudioSource,
): SsrcSlot<AudioSlotStream> | undefined {
  const wanted = { ssrc: source.ssrc, name: source.name, ownerId: source.owner.id };
  let slot = receiver.audioSlots?.find(wanted);
  if (slot === undefined) {
    slot = receiver.audioSlots?.take(wanted, ({ stream }) => stream.change());
    if (slot !== undefined)
      ctx.events.push({
        kind: "audioSourcesMapped",
        conference: receiver.conference.id,
        endpoint: receiver.id,
        mappings: [audioMapping(slot)],
      });
  }
  source.slots[receiver.slot] = slot;
  return slot;
}

/** Everything that is mapped, for a client whose channel opened. */
export function allMappings(receiver: EndpointState): {
  readonly video: readonly VideoSourceMapping[];
  readonly audio: readonly AudioSourceMapping[];
} {
  return {
    video: (receiver.videoSlots?.all ?? []).map(videoMapping),
    audio: (receiver.audioSlots?.all ?? []).map(audioMapping),
  };
}

function videoMapping(slot: SsrcSlot<VideoSlotStream>): VideoSourceMapping {
  return { ...audioMapping(slot), rtx: slot.rtxSsrc >>> 0, videoType: slot.videoType };
}

function audioMapping(slot: SsrcSlot<VideoSlotStream | AudioSlotStream>): AudioSourceMapping {
  return { source: slot.sourceName, owner: slot.ownerId, ssrc: slot.ssrc >>> 0, mid: slot.mid };
}
