/**
 * Audio RED (RFC 2198, spec jvb-media 11.5). For receivers that did not negotiate it the redundancy is
 * unpacked, what had been lost is restored, the primary goes out as plain Opus; for those that did,
 * Opus may be put into it.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { EndpointState, RxStream } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import { sendAudio, wantsAudio } from "./send-audio.ts";

const MAX_BLOCKS = 8;

/** Blocks of one RED payload, read into reused columns. */
export class RedBlocks {
  /** Redundant ones first, the primary last. */
  count = 0;
  readonly payloadType = new Uint8Array(MAX_BLOCKS);
  readonly timestampOffset = new Int32Array(MAX_BLOCKS);
  readonly at = new Int32Array(MAX_BLOCKS);
  readonly length = new Int32Array(MAX_BLOCKS);

  /** False when the headers or lengths do not fit. */
  parse(bytes: Uint8Array, offset: number, length: number): boolean {
    const end = offset + length;
    let p = offset;
    let count = 0;
    for (;;) {
      if (p >= end || count >= MAX_BLOCKS) return false;
      const first = bytes[p]!;
      this.payloadType[count] = first & 0x7f;
      if ((first & 0x80) === 0) {
        this.timestampOffset[count] = 0;
        p += 1;
        break;
      }
      if (p + 4 > end) return false;
      this.timestampOffset[count] = (bytes[p + 1]! << 6) | (bytes[p + 2]! >> 2);
      this.length[count] = ((bytes[p + 2]! & 3) << 8) | bytes[p + 3]!;
      p += 4;
      count++;
    }
    for (let i = 0; i < count; i++) {
      this.at[i] = p;
      p += this.length[i]!;
    }
    if (p > end) return false;
    this.at[count] = p;
    this.length[count] = end - p;
    this.count = count + 1;
    return true;
  }
}

const blocks = new RedBlocks();

/** Sends the staged RED packet unpacked to those receivers that need it so. */
export function forwardStrippedRed(
  ctx: PathContext,
  owner: EndpointState,
  stream: RxStream,
  toAll: boolean,
  now: Millis,
): void {
  const { stage } = ctx;
  const payloadAt = stage.payloadAt;
  if (!blocks.parse(stage.bytes, payloadAt, stage.payloadLength)) {
    owner.drops.malformed++;
    return;
  }
  const { seq, timestamp, marker, extensionLength } = stage;
  const last = blocks.count - 1;
  // The redundant block i stands for `last - i` packets before the primary.
  for (let i = Math.max(0, last - 2); i <= last; i++) {
    const number = (seq - (last - i)) & 0xffff;
    if (stream.duplicateWindow.isDuplicate(number)) continue;
    const isPrimary = i === last;
    const at = blocks.at[i]!;
    stage.payloadType = blocks.payloadType[i]!;
    stage.payloadLength = blocks.length[i]!;
    stage.marker = isPrimary && marker;
    // Payloads are cut out where they lie: the unused part counts as header extension room.
    stage.payloadShift = at - payloadAt;
    stage.extensionLength = isPrimary ? extensionLength : 0;
    if (!isPrimary) stage.payloadShift += extensionLength;
    stage.seq = number;
    stage.timestamp = (timestamp - blocks.timestampOffset[i]!) | 0;
    sendToPlainReceivers(ctx, owner, stream, toAll, now);
  }
  stage.payloadShift = 0;
}

/** Puts the staged Opus packet into RED and sends it to those receivers that know it. */
export function forwardProtected(
  ctx: PathContext,
  owner: EndpointState,
  stream: RxStream,
  now: Millis,
): void {
  const { stage, options } = ctx;
  const source = stream.audio!;
  stream.redHistory.wrap(stage, options.redDistance, options.redVadOnly);
  const { endpoints } = owner.conference;
  for (let i = 0; i < endpoints.length; i++) {
    const receiver = endpoints[i]!;
    const { payloadTypes } = receiver;
    if (!payloadTypes.hasRed || !wantsAudio(receiver, source)) continue;
    stage.payloadType = payloadTypes.redPayloadType;
    sendAudio(ctx, source, receiver, now);
  }
}

function sendToPlainReceivers(
  ctx: PathContext,
  owner: EndpointState,
  stream: RxStream,
  toAll: boolean,
  now: Millis,
): void {
  const source = stream.audio!;
  for (const receiver of owner.conference.endpoints) {
    if (!toAll && receiver.payloadTypes.hasRed) continue;
    if (!wantsAudio(receiver, source)) continue;
    sendAudio(ctx, source, receiver, now);
  }
}
