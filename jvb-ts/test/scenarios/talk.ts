/** Somebody talks in a stage, and somebody listens. */
import type { Client } from "./client.ts";
import type { Stage } from "./stage.ts";

let next = 1;

/** One Opus packet with an audio level (RFC 6464, one-byte header extension 1). */
export function opus(ssrc: number, seq: number, payloadType = 111): Uint8Array {
  const bytes = new Uint8Array(12 + 8 + 20);
  const view = new DataView(bytes.buffer);
  bytes.set([0x90, payloadType]);
  view.setUint16(2, seq & 0xffff);
  view.setUint32(4, (seq * 960) >>> 0);
  view.setUint32(8, ssrc);
  view.setUint32(12, 0xbede0001);
  bytes.set([0x10, 0x80 | 20], 16);
  bytes.fill(seq & 0xff, 20);
  return bytes;
}

/** Neither STUN, DTLS nor RTCP. */
export const isRtp = (bytes: Uint8Array): boolean => (bytes[1] ?? 0) < 192 || (bytes[1] ?? 0) > 223;

/** Sends `count` packets, 20 ms apart; returns what `to` received meanwhile. */
export async function talk(stage: Stage, from: Client, to: Client, ssrc: number, count: number) {
  to.media.length = 0;
  for (let n = 0; n < count; n++) {
    from.sendMedia(opus(ssrc, next++));
    await stage.run(20);
  }
  await stage.run(20);
  return to.media.filter(isRtp);
}
