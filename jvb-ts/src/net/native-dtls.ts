/** `DtlsEngine` over the native addon. */
import { Bug } from "#shared/runtime/bug";
import type { Millis } from "#shared/runtime/runtime";
import { type SrtpKeys, SrtpProfile, type SrtpProfileId } from "../media/packet-io.ts";
import type {
  DtlsCertificate,
  DtlsEngine,
  DtlsOutput,
  DtlsSession,
  DtlsState,
} from "../transport/dtls/dtls-engine.ts";
import {
  type NativeAddon,
  type NativeDtlsContext,
  type NativeDtlsSession,
  type NativeDtlsStep,
  type NativeIdentity,
  nativeAddon,
} from "./native-addon.ts";

/** `jmt.dtls.cipher-suites`: IANA names without `TLS_` and `WITH`, as upstream writes them. */
const cipherSuites: Readonly<Record<string, string>> = {
  ECDHE_ECDSA_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  ECDHE_RSA_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  ECDHE_ECDSA_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  ECDHE_RSA_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  DHE_RSA_AES_128_GCM_SHA256: "DHE-RSA-AES128-GCM-SHA256",
  DHE_RSA_CHACHA20_POLY1305_SHA256: "DHE-RSA-CHACHA20-POLY1305",
  ECDHE_ECDSA_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  ECDHE_RSA_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  DHE_RSA_AES_256_GCM_SHA384: "DHE-RSA-AES256-GCM-SHA384",
};

/** OpenSSL's names of the SRTP profiles we speak, by DTLS-SRTP number. */
const profileNames: Readonly<Record<SrtpProfileId, string>> = {
  [SrtpProfile.AEAD_AES_128_GCM]: "SRTP_AEAD_AES_128_GCM",
  [SrtpProfile.AES128_CM_HMAC_SHA1_80]: "SRTP_AES128_CM_SHA1_80",
};

/** Hash names of RFC 8122 to OpenSSL's digests; MD5 and MD2 are refused. */
const digests: Readonly<Record<string, string>> = {
  "sha-1": "SHA1",
  "sha-224": "SHA224",
  "sha-256": "SHA256",
  "sha-384": "SHA384",
  "sha-512": "SHA512",
};

/** Upstream's default order (spec jvb-media 2.1). */
export const defaultCipherSuites = [
  "ECDHE_ECDSA_AES_128_GCM_SHA256",
  "ECDHE_RSA_AES_128_GCM_SHA256",
  "ECDHE_ECDSA_CHACHA20_POLY1305_SHA256",
  "ECDHE_RSA_CHACHA20_POLY1305_SHA256",
  "DHE_RSA_AES_128_GCM_SHA256",
] as const;

export interface DtlsEngineOptions {
  /** Upstream's names, with or without `TLS_` and `_WITH`; order is preference. */
  readonly cipherSuites?: readonly string[];
  /** In order of preference. */
  readonly srtpProfiles?: readonly SrtpProfileId[];
  /** Common name of our certificates: at most 64 bytes. */
  readonly commonName?: string;
}

/** OpenSSL's name of a configured cipher suite, or undefined when there is none (status 78). */
export function openSslCipherSuite(name: string): string | undefined {
  return cipherSuites[name.toUpperCase().replace(/^TLS_/, "").replace("_WITH_", "_")];
}

/**
 * The engine of this thread.
 *
 * @throws NativeAddonError when the addon cannot be loaded; Bug for an empty or unknown cipher
 * suite, which the configuration has to refuse earlier (`openSslCipherSuite`).
 */
export function createDtlsEngine(options: DtlsEngineOptions = {}): DtlsEngine {
  const addon = nativeAddon();
  const ciphers = (options.cipherSuites ?? defaultCipherSuites).map((name) => {
    const known = openSslCipherSuite(name);
    if (known === undefined) throw new Bug(`unknown cipher suite ${name}`);
    return known;
  });
  if (ciphers.length === 0) throw new Bug("no cipher suite");
  const profiles = options.srtpProfiles ?? [
    SrtpProfile.AEAD_AES_128_GCM,
    SrtpProfile.AES128_CM_HMAC_SHA1_80,
  ];
  const profileList = profiles.map((profile) => profileNames[profile]).join(":");
  return {
    createCertificate: () => {
      const [identity, fingerprint] = addon.dtlsCertificate(options.commonName ?? "jvb");
      const context = addon.dtlsContext(identity, ciphers.join(":"), profileList);
      return new NativeCertificate(identity, context, fingerprint);
    },
    createSession: (certificate, role, mtu) => {
      if (!(certificate instanceof NativeCertificate)) throw new Bug("a foreign certificate");
      const handle = addon.dtlsSession(certificate.context, role === "client", mtu);
      return new NativeSession(addon, handle, role);
    },
  };
}

class NativeCertificate implements DtlsCertificate {
  readonly fingerprintSha256: string;
  readonly identity: NativeIdentity;
  readonly context: NativeDtlsContext;

  constructor(identity: NativeIdentity, context: NativeDtlsContext, fingerprintSha256: string) {
    this.identity = identity;
    this.context = context;
    this.fingerprintSha256 = fingerprintSha256;
  }
}

const nothing: DtlsOutput = { datagrams: [], data: [] };
const states: readonly DtlsState[] = ["handshaking", "connected", "closed", "failed"];

function isProfile(id: number): id is SrtpProfileId {
  return id in profileNames;
}

class NativeSession implements DtlsSession {
  readonly #addon: NativeAddon;
  readonly #role: "client" | "server";
  /** Undefined once closed: the addon has freed it. */
  #handle: NativeDtlsSession | undefined;
  #state: DtlsState = "handshaking";
  #error: string | undefined;
  #deadline: Millis | undefined;

  constructor(addon: NativeAddon, handle: NativeDtlsSession, role: "client" | "server") {
    this.#addon = addon;
    this.#handle = handle;
    this.#role = role;
  }

  get state(): DtlsState {
    return this.#state;
  }

  get error(): string | undefined {
    return this.#error;
  }

  start(now: Millis): DtlsOutput {
    return this.#handle ? this.#after(this.#addon.dtlsStart(this.#handle, now)) : nothing;
  }

  handleDatagram(datagram: Uint8Array, now: Millis): DtlsOutput {
    if (this.#handle === undefined) return nothing;
    return this.#after(this.#addon.dtlsReceive(this.#handle, datagram, now));
  }

  send(data: Uint8Array): DtlsOutput {
    return this.#handle ? this.#after(this.#addon.dtlsSend(this.#handle, data)) : nothing;
  }

  handleTimeout(now: Millis): DtlsOutput {
    return this.#handle ? this.#after(this.#addon.dtlsTimeout(this.#handle, now)) : nothing;
  }

  pollTimeout(): Millis | undefined {
    return this.#deadline;
  }

  peerFingerprint(hash: string): string | undefined {
    const digest = digests[hash.toLowerCase()];
    if (digest === undefined || this.#handle === undefined) return undefined;
    return this.#addon.dtlsFingerprint(this.#handle, digest);
  }

  srtpKeys(): SrtpKeys | undefined {
    const exported = this.#handle && this.#addon.dtlsKeys(this.#handle);
    if (exported === undefined) return undefined;
    const [profile, material] = exported;
    return isProfile(profile) ? splitKeys(profile, material, this.#role) : undefined;
  }

  close(): DtlsOutput {
    if (this.#handle === undefined) return nothing;
    const output = this.#after(this.#addon.dtlsClose(this.#handle));
    this.#handle = undefined;
    return output;
  }

  #after([state, deadline, datagrams, data]: NativeDtlsStep): DtlsOutput {
    this.#state = states[state] ?? "failed";
    this.#deadline = Number.isNaN(deadline) ? undefined : deadline;
    if (this.#state === "failed" && this.#error === undefined && this.#handle !== undefined)
      this.#error = this.#addon.dtlsError(this.#handle);
    return { datagrams, data };
  }
}

/** clientKey ‖ serverKey ‖ clientSalt ‖ serverSalt (RFC 5764 4.2); each side encrypts with its own. */
function splitKeys(
  profile: SrtpProfileId,
  material: Uint8Array,
  role: "client" | "server",
): SrtpKeys {
  const saltLength = (material.length - 32) / 2;
  const client = { key: material.slice(0, 16), salt: material.slice(32, 32 + saltLength) };
  const server = { key: material.slice(16, 32), salt: material.slice(32 + saltLength) };
  const [local, remote] = role === "client" ? [client, server] : [server, client];
  return {
    profile,
    localKey: local.key,
    localSalt: local.salt,
    remoteKey: remote.key,
    remoteSalt: remote.salt,
  };
}
