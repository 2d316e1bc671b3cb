/** The media engine (jvb-control 8.4). */
import {
  bool,
  duration,
  int,
  keys,
  list,
  noEffect,
  notBuilt,
  oneOf,
  optional,
  str,
  where,
} from "#shared/config/keys";
import { SrtpProfile, type SrtpProfileId } from "../media/packet-io.ts";
import { openSslCipherSuite } from "../net/native-dtls.ts";
import { knownHashes } from "../transport/dtls/fingerprints.ts";

/** Configured names of the SRTP profiles. */
export const srtpProfileNames: Readonly<Record<string, SrtpProfileId>> = {
  SRTP_AEAD_AES_128_GCM: SrtpProfile.AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80: SrtpProfile.AES128_CM_HMAC_SHA1_80,
};

const isKnownHash = (name: string): boolean =>
  knownHashes.some((known) => known === name.toLowerCase());

const defaultCipherSuites = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
] as const;

export const jmtKeys = keys("jmt", {
  "dtls.cipher-suites": {
    type: where(list(str), "a list of TLS 1.2 cipher suites", (names) => {
      return names.length > 0 && names.every((name) => openSslCipherSuite(name) !== undefined);
    }),
    default: defaultCipherSuites,
    doc: "Cipher suites of DTLS, best first.",
  },
  "dtls.accepted-fingerprint-hash-functions": {
    type: where(list(str), `a list of ${knownHashes.join(", ")}`, (names) =>
      names.some(isKnownHash),
    ),
    default: knownHashes,
    state: notBuilt(`only ${knownHashes.join(", ")} are known`, {
      values: (names: readonly string[]) => !names.every(isKnownHash),
    }),
    doc: "Hash functions of certificate fingerprints that endpoints may signal.",
  },
  "dtls.local-fingerprint-hash-function": {
    type: str,
    default: "sha-256",
    state: notBuilt("our fingerprint is signalled with sha-256", {
      values: (name: string) => name.toLowerCase() !== "sha-256",
    }),
    doc: "Hash function of our own fingerprint.",
  },
  "dtls.handshake-timeout": {
    type: duration,
    default: 30_000,
    state: notBuilt("a handshake is given up after 30 seconds"),
    doc: "Longest DTLS handshake.",
  },
  "srtp.max-consecutive-packets-discarded-early": {
    type: int,
    default: -1,
    state: noEffect("every packet is authenticated"),
    doc: "Silent packets dropped without authentication.",
  },
  "srtp.factory-class": {
    type: optional(str),
    default: "OpenSSL",
    state: noEffect("OpenSSL is always used"),
    doc: "Implementation of the ciphers.",
  },
  "srtp.protection-profiles": {
    type: where(list(str), "a list of SRTP profiles we have", (names) => {
      return names.some((name) => Object.hasOwn(srtpProfileNames, name));
    }),
    default: Object.keys(srtpProfileNames),
    doc: "SRTP protection profiles, best first.",
  },
  "audio.level.forwarded-silence-packets-limit": {
    type: int,
    default: 3,
    doc: "Silent audio packets forwarded before silence is dropped.",
  },
  "audio.level.discard-silence": { type: bool, default: true, doc: "Drop silent audio." },
  "audio.red.policy": {
    type: oneOf("NOOP", "STRIP", "PROTECT_ALL"),
    default: "NOOP",
    doc: "What happens to RED audio.",
  },
  "audio.red.distance": {
    type: oneOf("ONE", "TWO"),
    default: "TWO",
    doc: "Earlier packets repeated in one, with PROTECT_ALL.",
  },
  "audio.red.vad-only": {
    type: bool,
    default: true,
    doc: "Repeat only packets with speech.",
  },
  "keyframe.min-interval": {
    type: duration,
    default: 200,
    doc: "Between key frame requests of one receiver for one source.",
  },
  "keyframe.max-requests": {
    type: int,
    default: 3,
    doc: "Requests within max-request-interval.",
  },
  "keyframe.max-request-interval": {
    type: duration,
    default: 10_000,
    doc: "Window of max-requests.",
  },
  "keyframe.source-wide-min-interval": {
    type: duration,
    default: 200,
    doc: "Between key frame requests for one source.",
  },
  // These two warn only: they spare a sender some key frames, and let nobody in or see anything.
  "keyframe.source-wide-max-requests": {
    type: int,
    default: 1,
    state: notBuilt("source-wide-min-interval alone is the limit"),
    doc: "Key frame requests for one source within source-wide-max-request-interval.",
  },
  "keyframe.source-wide-max-request-interval": {
    type: duration,
    default: 200,
    state: notBuilt("source-wide-min-interval alone is the limit"),
    doc: "Window of source-wide-max-requests.",
  },
});
