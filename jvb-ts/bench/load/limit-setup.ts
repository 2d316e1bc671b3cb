/** What the limit program is told of a plan, and keys for both sides. */
import { type SrtpKeys, SrtpProfile, type SrtpProfileId } from "../../src/media/packet-io.ts";
import type { LimitOptions } from "../limit/limit-program.ts";
import { seeded } from "./seeded.ts";
import { isWanted, type Plan } from "./workload.ts";

/** Keys of one participant, as its side sees them. */
export function sessionKeys(profile: SrtpProfileId, seed: number): SrtpKeys {
  const random = seeded(seed ^ 0x7e57);
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const salt = profile === SrtpProfile.AEAD_AES_128_GCM ? 12 : 14;
  return {
    profile,
    localKey: bytes(16),
    localSalt: bytes(salt),
    remoteKey: bytes(16),
    remoteSalt: bytes(salt),
  };
}

/**
 * Peers and streams for participants whose sockets have these ports on 127.0.0.1. A video stream
 * goes out under the SSRC of the sender's first encoding, as a bridge sends simulcast; other
 * encodings than the one wanted are received and dropped.
 */
export function limitOptions(
  plan: Plan,
  ports: readonly number[],
  keys: readonly SrtpKeys[],
): LimitOptions {
  const peers = keys.map(({ profile, localKey, localSalt, remoteKey, remoteSalt }, at) => ({
    address: { ip: "127.0.0.1", port: ports[at] ?? 0 },
    keys: {
      profile,
      localKey: remoteKey,
      localSalt: remoteSalt,
      remoteKey: localKey,
      remoteSalt: localSalt,
    },
  }));
  const streams = plan.streams.map((stream) => {
    const { participant, kind, ssrc } = stream;
    const first = plan.participants[participant]?.encodings[0]?.ssrc ?? ssrc;
    const as = kind === "audio" ? ssrc : first;
    const receivers = plan.participants.flatMap((_, peer) =>
      isWanted(plan, stream, peer) ? [{ peer, ssrc: as }] : [],
    );
    return { from: participant, ssrc, receivers };
  });
  return { peers, streams };
}
