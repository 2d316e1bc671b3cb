/**
 * Replayed SRTP and SRTCP (spec G.4 A9): a packet that was taken once is never taken again, however
 * much came between, also behind a wrap of the sequence number, where its index is guessed anew.
 */
import { expect } from "chai";
import { type SrtpKeys, SrtpProfile } from "../media/packet-io.ts";
import { Status } from "../media/slab.ts";
import { createNativeSrtp, SRTP_TRAILER, type SrtpTransform } from "./srtp-transform.ts";
import { TwinSrtp } from "./twin-srtp.ts";

const distances = [1, 63, 64, 127, 128, 1000, 70_000, 140_000];

const profiles = [
  ["GCM", SrtpProfile.AEAD_AES_128_GCM, 12],
  ["CM", SrtpProfile.AES128_CM_HMAC_SHA1_80, 14],
] as const;

const implementations: readonly (readonly [string, (keys: SrtpKeys) => SrtpTransform])[] = [
  ["native", createNativeSrtp],
  ["twin", (keys) => new TwinSrtp(keys)],
];

function keysOf(profile: SrtpKeys["profile"], salt: number): SrtpKeys {
  const of = (length: number, value: number) => new Uint8Array(length).fill(value);
  return {
    profile,
    localKey: of(16, 1),
    localSalt: of(salt, 2),
    remoteKey: of(16, 1),
    remoteSalt: of(salt, 2),
  };
}

const LENGTH = 24;

/** The same packet again and again, with its number. */
class Link {
  readonly #sender: SrtpTransform;
  readonly #receiver: SrtpTransform;
  readonly #rtcp: boolean;
  readonly #room = new Uint8Array(LENGTH + 2 * SRTP_TRAILER);

  constructor(keys: SrtpKeys, create: (keys: SrtpKeys) => SrtpTransform, rtcp: boolean) {
    this.#sender = createNativeSrtp(keys);
    this.#receiver = create(keys);
    this.#rtcp = rtcp;
  }

  /** Protects one; SRTCP numbers itself. */
  sent(seq: number): Uint8Array {
    const room = this.#room;
    room.fill(0);
    if (this.#rtcp) room.set([0x80, 200, 0, 5, 0, 0, 0, 7]);
    else room.set([0x80, 96, (seq >> 8) & 255, seq & 255, 0, 0, 0, 0, 0, 0, 0, 7]);
    const length = this.#rtcp
      ? this.#sender.protectRtcp(room, 0, LENGTH)
      : this.#sender.protectRtp(room, 0, LENGTH);
    return room.slice(0, length);
  }

  /** Status of one that arrives. */
  arrive(packet: Uint8Array): number {
    const room = this.#room;
    room.fill(0);
    room.set(packet);
    const length = this.#rtcp
      ? this.#receiver.unprotectRtcp(room, 0, packet.length)
      : this.#receiver.unprotectRtp(room, 0, packet.length);
    return length > 0 ? Status.ok : -length;
  }
}

for (const [profileName, profile, salt] of profiles) {
  for (const [name, create] of implementations) {
    for (const [kind, rtcp] of [
      ["SRTP", false],
      ["SRTCP", true],
    ] as const) {
      it(`A9 replayed ${kind}, ${profileName}, ${name}: taken 0 times`, function () {
        this.timeout(60_000);
        for (const first of rtcp ? [0] : [0, 0xffc0]) {
          const link = new Link(keysOf(profile, salt), create, rtcp);
          const kept = link.sent(first);
          expect(link.arrive(kept)).to.equal(Status.ok);
          let between = 0;
          for (const distance of name === "twin" && rtcp ? distances.slice(0, 6) : distances) {
            // The twin is slow: past the window it skips, which moves the index all the same.
            const step = name === "twin" && !rtcp && between >= 1000 ? 1000 : 1;
            for (; between < distance; between += step) {
              const status = link.arrive(link.sent(first + 1 + between));
              if (status !== Status.ok) expect.fail(`packet ${between} has status ${status}`);
            }
            expect(link.arrive(kept), `after ${distance} from ${first}`).to.be.oneOf([
              Status.replayed,
              Status.authFailed,
            ]);
          }
          // And what follows is still taken.
          expect(link.arrive(link.sent(first + 1 + between))).to.equal(Status.ok);
        }
      });
    }
  }
}

it("A9 a packet under another endpoint's keys, or back at its sender, is taken 0 times", () => {
  const keys = keysOf(SrtpProfile.AEAD_AES_128_GCM, 12);
  const other: SrtpKeys = { ...keys, remoteKey: new Uint8Array(16).fill(9) };
  const link = new Link(keys, createNativeSrtp, false);
  const packet = link.sent(1);
  const stranger = createNativeSrtp(other);
  const room = new Uint8Array(packet.length + SRTP_TRAILER);
  room.set(packet);
  expect(-stranger.unprotectRtp(room, 0, packet.length)).to.equal(Status.authFailed);
});
