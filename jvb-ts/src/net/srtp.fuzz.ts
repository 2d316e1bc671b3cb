/** Hostile datagrams against SRTP of the addon and of its twin: same answers, nothing else. */
import { createHmac } from "node:crypto";
import { type SrtpKeys, SrtpProfile } from "../media/packet-io.ts";
import { createNativeSrtp, SRTP_TRAILER, type SrtpTransform } from "./srtp-transform.ts";
import { deriveKey, TwinSrtp } from "./twin-srtp.ts";

const keys: readonly SrtpKeys[] = [
  [SrtpProfile.AEAD_AES_128_GCM, 12] as const,
  [SrtpProfile.AES128_CM_HMAC_SHA1_80, 14] as const,
].flatMap(([profile, salt]) =>
  [false, true].map((cryptex) => ({
    profile,
    cryptex,
    localKey: new Uint8Array(16).fill(1),
    localSalt: new Uint8Array(salt).fill(2),
    remoteKey: new Uint8Array(16).fill(1),
    remoteSalt: new Uint8Array(salt).fill(2),
  })),
);

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

/** RFC 9335: header extensions encrypted, with and without CSRCs, one byte and two. */
const cryptex = [
  "900f1235decafbadcafebabec0de0001eb92365251c3e036f8de27e9c27ee3e0b4651d9fbc4218a70244522f34a5",
  "920f1239decafbadcafebabef70e513eb90b9b25c2de0001bbed4848faa644665f3d7f34125914e9f4d0ae923c6f479b95a0f7b53133",
  "920f123adecafbadcafebabe7130b6abfe2ab0e3c0de0000e3d9f64b25c9e74cb4cf8e43fb92e3781c2c0ceab6b3a499a14c",
].map((text) => Uint8Array.from(Buffer.from(text, "hex")));

type Step = readonly [method: keyof SrtpTransform, packet: Uint8Array];

/** Runs the steps on one session of each implementation. */
function sameSteps(steps: readonly Step[], sessions: readonly SrtpKeys[] = keys): void {
  for (const key of sessions) {
    const results = [createNativeSrtp(key), new TwinSrtp(key)].map((srtp) =>
      steps.map(([method, packet]) => outcome(srtp, method, packet)).join(),
    );
    const [method] = steps[0] as Step;
    if (results[0] !== results[1]) throw new Error(`${method}: ${results.join(" against ")}`);
  }
}

function outcome(srtp: SrtpTransform, method: keyof SrtpTransform, packet: Uint8Array): string {
  const room = new Uint8Array(packet.length + SRTP_TRAILER);
  room.set(packet);
  const length = srtp[method](room, 0, packet.length);
  return length > 0 ? Buffer.from(room.subarray(0, length)).toString("hex") : `${length}`;
}

function same(input: Uint8Array, method: keyof SrtpTransform): void {
  sameSteps([[method, input]]);
}

/** The packet as it was, again, changed, and as one that may not come again. */
function repeated(packet: Uint8Array): void {
  const changed = Uint8Array.from(packet);
  if (changed.length > 0) changed[changed.length - 1] = ~(changed.at(-1) ?? 0);
  const again: Step = ["protectRepeatable", packet];
  sameSteps([again, again, ["protectRepeatable", changed], ["protectRtp", packet], again]);
}

/** The bytes with the tag of the one who has the key: what they say is believed. */
function authentic(input: Uint8Array): void {
  for (const key of keys.filter(({ remoteSalt }) => remoteSalt.length === 14)) {
    const mac = createHmac("sha1", deriveKey(key.remoteKey, key.remoteSalt, 1, 20));
    const tag = mac
      .update(input)
      .update(Uint8Array.of(0, 0, 0, 0))
      .digest()
      .subarray(0, 10);
    sameSteps([["unprotectRtp", Buffer.concat([input, tag])]], [key]);
  }
}

const bounded = (input: Uint8Array): Uint8Array => input.subarray(0, 1500);

export const targets: Record<string, (input: Uint8Array) => void> = {
  "srtp-unprotect": (input) => same(bounded(input), "unprotectRtp"),
  "srtp-unprotect-authentic": (input) => authentic(bounded(input)),
  "srtcp-unprotect": (input) => same(bounded(input), "unprotectRtcp"),
  "srtp-protect": (input) => same(bounded(input), "protectRtp"),
  "srtp-protect-repeatable": (input) => repeated(bounded(input)),
  "srtcp-protect": (input) => same(bounded(input), "protectRtcp"),
};

export const seeds: Record<string, Uint8Array[]> = {
  "srtp-unprotect": [...keys.map((key) => sealed(key, rtp, false)), ...cryptex],
  "srtp-unprotect-authentic": [rtp, ...cryptex.map((packet) => packet.subarray(0, -10))],
  "srtcp-unprotect": keys.map((key) => sealed(key, rtcp, true)),
  "srtp-protect": [rtp],
  "srtp-protect-repeatable": [rtp],
  "srtcp-protect": [rtcp],
};
