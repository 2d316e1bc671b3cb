/** Audio that an exporter's peer made (a translation), sent as a synthetic source of an endpoint. */
import { RTP_HEADER_BYTES, writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import type { Millis } from "#shared/runtime/runtime";
import type { Injected } from "./audio-tap.ts";
import { forwardAudio } from "./forward.ts";
import type { AudioSource, ConferenceState } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";

/** Far more than 120 ms of Opus at its best; with headers it fits a datagram. */
const MAX_PAYLOAD_BYTES = 1_275;

/**
 * Sends one Opus frame to those who subscribed to the source. The payload type is that of the first
 * endpoint with Opus. What is written goes out with the next `handleTimeout` or `endBatch`.
 */
export function injectOpus(
  ctx: PathContext,
  conference: ConferenceState,
  name: string,
  payload: Uint8Array,
  seq: number,
  timestamp: number,
  now: Millis,
): Injected {
  const source = syntheticSource(conference, name);
  if (source === undefined)
    return conference.removedSynthetic.includes(name) ? "removedSource" : "unknownSource";
  const payloadType = opusOf(conference);
  if (payloadType < 0) return "noOpus";
  if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES) return "refused";
  const { owner } = source;
  const stream = owner.stream(source.ssrc);
  const newSeq = stream.plainRewriter.accept(seq);
  if (stream.audio !== source || newSeq < 0) return "refused";
  const packet = Buffer.alloc(RTP_HEADER_BYTES + payload.length);
  packet[0] = 0x80;
  packet[1] = payloadType;
  writeUint16(packet, 2, seq);
  writeInt32(packet, 4, timestamp);
  writeInt32(packet, 8, source.ssrc);
  packet.set(payload, RTP_HEADER_BYTES);
  ctx.useBytes(packet);
  ctx.header.parse(packet, 0, packet.length);
  ctx.seq = newSeq;
  ctx.audioLevel = -1;
  ctx.audioVad = false;
  forwardAudio(ctx, owner, stream, now);
  return "sent";
}

function syntheticSource(conference: ConferenceState, name: string): AudioSource | undefined {
  for (const source of conference.audioBySsrc.values())
    if (source.synthetic && source.name === name) return source;
  return undefined;
}

function opusOf(conference: ConferenceState): number {
  for (const { payloadTypes } of conference.endpoints) {
    const found = payloadTypes.opus.indexOf(1);
    if (found >= 0) return found;
  }
  return -1;
}
