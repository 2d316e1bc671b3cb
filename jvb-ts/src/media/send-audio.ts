/** Who gets an audio source, and what is staged of it on its way there: under its SSRC or a mapped one. */
import type { Millis } from "#shared/runtime/runtime";
import type { AudioSource, EndpointState } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import { audioSlot } from "./ssrc-rewriting.ts";

/**
 * Endpoint is up, takes audio, is not the sender (but of what the bridge injects in its name), and its
 * subscription does not exclude the source.
 */
export function wantsAudio(receiver: EndpointState, source: AudioSource): boolean {
  return (
    (receiver !== source.owner || source.synthetic) &&
    receiver.transportUp &&
    receiver.payloadTypes.acceptAudio &&
    source.unwanted[receiver.slot] === 0
  );
}

/** Sends what is staged to one receiver. */
export function sendAudio(
  ctx: PathContext,
  source: AudioSource,
  receiver: EndpointState,
  now: Millis,
): void {
  if (receiver.audioSlots !== undefined) {
    sendMapped(ctx, source, receiver, now);
    return;
  }
  const { egress, stage } = ctx;
  egress.writeRtp(receiver, stage.ssrc, stage.seq, stage.timestamp, false, 0, 0, now);
  const { slot } = receiver;
  source.packets[slot] = source.packets[slot]! + 1;
  source.octets[slot] = source.octets[slot]! + egress.lastLength();
}

function sendMapped(
  ctx: PathContext,
  source: AudioSource,
  receiver: EndpointState,
  now: Millis,
): void {
  const slot = audioSlot(ctx, receiver, source);
  if (slot === undefined) return;
  const { egress, stage } = ctx;
  const { stream } = slot;
  const ticksPerMs = receiver.payloadTypes.clockRate[stage.payloadType]! / 1000;
  const seq = stream.rewrite(stage.seq, stage.timestamp, ticksPerMs, now);
  if (seq < 0) return;
  const timestamp = (stage.timestamp + stream.timestampDelta) | 0;
  egress.mid = slot.midBytes;
  egress.writeRtp(receiver, slot.ssrc, seq, timestamp, false, 0, 0, now);
  stream.packets++;
  stream.octets += egress.lastLength();
}
