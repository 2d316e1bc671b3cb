/**
 * Test kit: a DTLS engine without cryptography. One round trip (hello, hello, done), then data in
 * the clear; certificates are their fingerprints. Not a test itself.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { SrtpKeys } from "../../media/packet-io.ts";
import type {
  DtlsCertificate,
  DtlsEngine,
  DtlsOutput,
  DtlsSession,
  DtlsState,
} from "./dtls-engine.ts";

const HELLO = 22;
const DATA = 23;
const CLOSE = 21;
const RETRANSMIT_MS = 1000;

export interface FakeDtlsOptions {
  readonly fingerprint: string;
  /** No common SRTP profile. */
  readonly noProfile?: boolean;
}

export function fakeDtls({ fingerprint, noProfile = false }: FakeDtlsOptions): DtlsEngine {
  return {
    createCertificate: () => ({ fingerprintSha256: fingerprint }),
    createSession: (certificate, role) => new FakeSession(certificate, role, noProfile),
  };
}

const nothing: DtlsOutput = { datagrams: [], data: [] };

class FakeSession implements DtlsSession {
  state: DtlsState = "handshaking";
  error: string | undefined;
  readonly #certificate: DtlsCertificate;
  readonly #role: "client" | "server";
  readonly #noProfile: boolean;
  #peer: string | undefined;
  #due: Millis | undefined;

  constructor(certificate: DtlsCertificate, role: "client" | "server", noProfile: boolean) {
    this.#certificate = certificate;
    this.#role = role;
    this.#noProfile = noProfile;
  }
  #hello(): DtlsOutput {
    const text = Buffer.from(this.#certificate.fingerprintSha256);
    return { datagrams: [Uint8Array.of(HELLO, ...text)], data: [] };
  }
  start(now: Millis): DtlsOutput {
    if (this.#role === "server") return nothing;
    this.#due = now + RETRANSMIT_MS;
    return this.#hello();
  }
  handleDatagram(datagram: Uint8Array): DtlsOutput {
    if (datagram[0] === CLOSE) this.state = "closed";
    if (datagram[0] === DATA && this.state === "connected") {
      return { datagrams: [], data: [datagram.slice(1)] };
    }
    if (datagram[0] !== HELLO) return nothing;
    this.#peer = Buffer.from(datagram.subarray(1)).toString();
    this.state = "connected";
    this.#due = undefined;
    return this.#role === "server" ? this.#hello() : nothing;
  }
  send(data: Uint8Array): DtlsOutput {
    return { datagrams: [Uint8Array.of(DATA, ...data)], data: [] };
  }
  handleTimeout(now: Millis): DtlsOutput {
    this.#due = now + RETRANSMIT_MS;
    return this.#hello();
  }
  pollTimeout(): Millis | undefined {
    return this.#due;
  }
  peerFingerprint(hash: string): string | undefined {
    return hash === "sha-256" ? this.#peer : undefined;
  }
  srtpKeys(): SrtpKeys | undefined {
    if (this.#noProfile) return undefined;
    const [key, salt] = [new Uint8Array(16), new Uint8Array(12)];
    return { profile: 7, localKey: key, localSalt: salt, remoteKey: key, remoteSalt: salt };
  }
  close(): DtlsOutput {
    this.state = "closed";
    return { datagrams: [Uint8Array.of(CLOSE)], data: [] };
  }
}
