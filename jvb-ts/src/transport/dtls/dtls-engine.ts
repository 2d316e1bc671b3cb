/**
 * The port to DTLS 1.2 with DTLS-SRTP (RFC 6347, RFC 5764): OpenSSL over memory BIOs in the native
 * addon, the only implementation. An engine owns no timer and no socket, and knows the time only
 * from the `now` it is given, so handshakes run on virtual time too.
 */
import type { Millis } from "#shared/runtime/runtime";
import type { SrtpKeys } from "../../media/packet-io.ts";

/** One self-signed certificate, shared by all sessions of a process for its validity. */
export interface DtlsCertificate {
  /** Upper-case hex pairs joined by colons, SHA-256 over the DER. */
  readonly fingerprintSha256: string;
}

/** What came out of one step. Everything may be empty. */
export interface DtlsOutput {
  /** Datagrams to send, in order. */
  readonly datagrams: readonly Uint8Array[];
  /** Application data (SCTP packets), in order. */
  readonly data: readonly Uint8Array[];
}

export type DtlsState = "handshaking" | "connected" | "closed" | "failed";

export interface DtlsSession {
  readonly state: DtlsState;
  /** Why it failed, in words, once `state` is `failed`. */
  readonly error: string | undefined;
  /** Starts the handshake of the client role; the server role returns nothing. */
  start(now: Millis): DtlsOutput;
  /** Feeds one datagram. Junk is ignored by DTLS' own rules. */
  handleDatagram(datagram: Uint8Array, now: Millis): DtlsOutput;
  /** Encrypts one application-data record (at most 1408 bytes); nothing unless connected. */
  send(data: Uint8Array): DtlsOutput;
  /** Retransmits the last flight once `pollTimeout` has been reached; earlier it does nothing. */
  handleTimeout(now: Millis): DtlsOutput;
  /** When `handleTimeout` wants to be called, or undefined when no retransmission is pending. */
  pollTimeout(): Millis | undefined;
  /** Fingerprint of the peer's certificate in `hash` (`sha-256`, …), once connected. */
  peerFingerprint(hash: string): string | undefined;
  /** Exported SRTP keys, or undefined when no profile was agreed. Valid once connected. */
  srtpKeys(): SrtpKeys | undefined;
  /** Sends close_notify and frees the session. */
  close(): DtlsOutput;
}

export interface DtlsEngine {
  createCertificate(): DtlsCertificate;
  /** `role` client sends the first flight; `mtu` bounds handshake datagrams. */
  createSession(certificate: DtlsCertificate, role: "client" | "server", mtu: number): DtlsSession;
}
