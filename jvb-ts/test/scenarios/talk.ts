/** Somebody talks in a stage, and somebody listens. */
import type { Client } from "./client.ts";
import type { Stage } from "./stage.ts";

let next = 1;

/** One Opus packet with an audio level (RFC 6464, one-byte header extension 1). */
export function opus(ssrc: number, seq: number): Uint8Array {
  const bytes = new Uint8Array(12 + 8 + 20);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x90;
  bytes[1] = 111;
  view.setUint16(2, seq & 0xffff);
  view.setUint32(4, seq * 960);
  view.setUint32(8, ssrc);
  view.setUint16(12, 0xbede);
  view.setUint16(14, 1);
  bytes[16] = 0x10;
  bytes[17] = 0x80 | 20;
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
