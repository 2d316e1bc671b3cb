/** Hostile datagrams against SRTP of the addon and of its twin: same answers, nothing else. */
import { type SrtpKeys, SrtpProfile } from "../media/packet-io.ts";
import { createNativeSrtp, SRTP_TRAILER, type SrtpTransform } from "./srtp-transform.ts";
import { TwinSrtp } from "./twin-srtp.ts";

const keys: readonly SrtpKeys[] = [
  [SrtpProfile.AEAD_AES_128_GCM, 12] as const,
  [SrtpProfile.AES128_CM_HMAC_SHA1_80, 14] as const,
].map(([profile, salt]) => ({
  profile,
  localKey: new Uint8Array(16).fill(1),
  localSalt: new Uint8Array(salt).fill(2),
  remoteKey: new Uint8Array(16).fill(1),
  remoteSalt: new Uint8Array(salt).fill(2),
}));

/** A packet of ours, as the peer with the same keys would send it. */
function sealed(key: SrtpKeys, packet: Uint8Array, rtcp: boolean): Uint8Array {
  const room = new Uint8Array(packet.length + SRTP_TRAILER);
  room.set(packet);
  const srtp = new TwinSrtp(key);
  const length = rtcp
    ? srtp.protectRtcp(room, 0, packet.length)
    : srtp.protectRtp(room, 0, packet.length);
  return room.slice(0, length);
}

const rtp = Uint8Array.of(
  ...[0x91, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0],
  ...[1, 2, 3, 4, 5],
);
const rtcp = Uint8Array.of(0x80, 201, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4);

function same(input: Uint8Array, method: keyof SrtpTransform): void {
  for (const key of keys) {
    const results = [createNativeSrtp(key), new TwinSrtp(key)].map((srtp) => {
      const room = new Uint8Array(input.length + SRTP_TRAILER);
      room.set(input);
      const length = srtp[method](room, 0, input.length);
      return length > 0 ? Buffer.from(room.subarray(0, length)).toString("hex") : length;
    });
    if (results[0] !== results[1]) throw new Error(`${method}: ${results.join(" against ")}`);
  }
}

const bounded = (input: Uint8Array): Uint8Array => input.subarray(0, 1500);

export const targets: Record<string, (input: Uint8Array) => void> = {
  "srtp-unprotect": (input) => same(bounded(input), "unprotectRtp"),
  "srtcp-unprotect": (input) => same(bounded(input), "unprotectRtcp"),
  "srtp-protect": (input) => same(bounded(input), "protectRtp"),
  "srtcp-protect": (input) => same(bounded(input), "protectRtcp"),
};

export const seeds: Record<string, Uint8Array[]> = {
  "srtp-unprotect": keys.map((key) => sealed(key, rtp, false)),
  "srtcp-unprotect": keys.map((key) => sealed(key, rtcp, true)),
  "srtp-protect": [rtp],
  "srtcp-protect": [rtcp],
};
