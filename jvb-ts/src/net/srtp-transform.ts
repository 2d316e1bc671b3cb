/** SRTP of one session without sockets: what the test tables and load generators call. */
import type { SrtpKeys } from "../media/packet-io.ts";
import { nativeAddon } from "./native-addon.ts";

/** Room that protection needs behind a packet: SRTCP's tag and index. */
export const SRTP_TRAILER = 20;

/**
 * Both directions of one session, in place. Each method takes a packet at `offset` and returns its
 * new length, or minus a `Status` (slab.ts): authentication, replay, malformed. `SRTP_TRAILER`
 * bytes must follow the packet in `bytes`. After a refusal the payload is undefined.
 *
 * Other bytes under a sequence number used before would use the same IV twice (RFC 3711 9.1) and are
 * refused with status replayed, as is everything 2048 or more behind the newest. Identical bytes
 * pass `protectRepeatable`, among the last 512 numbers, if they went through it the first time too.
 */
export interface SrtpTransform {
  protectRtp(bytes: Uint8Array, offset: number, length: number): number;
  protectRepeatable(bytes: Uint8Array, offset: number, length: number): number;
  protectRtcp(bytes: Uint8Array, offset: number, length: number): number;
  unprotectRtp(bytes: Uint8Array, offset: number, length: number): number;
  unprotectRtcp(bytes: Uint8Array, offset: number, length: number): number;
}

/**
 * The addon's SRTP.
 *
 * @throws NativeAddonError when the addon cannot be loaded.
 */
export function createNativeSrtp(keys: SrtpKeys): SrtpTransform {
  const addon = nativeAddon();
  const { profile, localKey, localSalt, remoteKey, remoteSalt, cryptex = false } = keys;
  const session = addon.srtpSession(profile, localKey, localSalt, remoteKey, remoteSalt, cryptex);
  return {
    protectRtp: (bytes, offset, length) => addon.srtpProtect(session, bytes, offset, length),
    protectRepeatable: (bytes, offset, length) =>
      addon.srtpProtectRepeatable(session, bytes, offset, length),
    protectRtcp: (bytes, offset, length) => addon.srtcpProtect(session, bytes, offset, length),
    unprotectRtp: (bytes, offset, length) => addon.srtpUnprotect(session, bytes, offset, length),
    unprotectRtcp: (bytes, offset, length) => addon.srtcpUnprotect(session, bytes, offset, length),
  };
}
