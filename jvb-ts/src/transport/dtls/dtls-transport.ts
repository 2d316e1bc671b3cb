/**
 * DTLS of one endpoint over an engine: role from signalling, start when ICE is writable, fingerprint
 * check, retransmission and handshake deadlines (spec jvb-control 3.8, jvb-media 2.1).
 *
 * Inputs: `setRemote`, `setWritable`, `handleDatagram`, `send`, `handleTimeout`. Outputs: drain
 * `poll`, then wait until `pollTimeout`.
 */
import type { Logger } from "#shared/logging/logger";
import type { Millis } from "#shared/runtime/runtime";
import type { Fingerprint } from "#shared/stanza/media";
import type { SrtpKeys } from "../../media/packet-io.ts";
import type { DtlsCertificate, DtlsEngine, DtlsOutput, DtlsSession } from "./dtls-engine.ts";
import { certificateMatches, knownHashes } from "./fingerprints.ts";
import type { HandshakeSlots } from "./handshake-slots.ts";

export type DtlsEvent =
  | { readonly kind: "datagram"; readonly bytes: Uint8Array }
  /** The peer is who signalling said, and these are the media keys. Once. */
  | { readonly kind: "connected"; readonly keys: SrtpKeys }
  /** Decrypted application data: one SCTP packet. Only after `connected`. */
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** No more will come. Once. */
  | { readonly kind: "failed"; readonly reason: string };

export type DtlsRole = "undecided" | "client" | "server";

/** The whole handshake has this long. */
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** Datagrams kept until ICE is writable and the role is known; the first ClientHello is repeated. */
const MAX_EARLY = 32;
/** Handshake datagrams stay below every usual path MTU. */
const MTU = 1200;
/** How often a handshake that waits for its slot asks again. */
const SLOT_RETRY_MS = 50;

/** What is asked of every peer. */
export interface DtlsRules {
  /** Hash functions of fingerprints, lower case (`jmt.dtls.accepted-fingerprint-hash-functions`). */
  readonly acceptedHashes: readonly string[];
  /** Header extensions are encrypted to peers that offer it, too (`videobridge.cryptex.endpoint`, RFC 9335). */
  readonly cryptex: boolean;
}

/** Upstream's. */
export const defaultDtlsRules: DtlsRules = { acceptedHashes: knownHashes, cryptex: false };

export interface DtlsTransportOptions {
  readonly engine: DtlsEngine;
  readonly certificate: DtlsCertificate;
  readonly log: Logger;
  /** Upstream's without them. */
  readonly rules?: DtlsRules | undefined;
  /** Shared by all associations; without it nothing limits them. */
  readonly slots?: HandshakeSlots | undefined;
}

export class DtlsTransport {
  readonly #engine: DtlsEngine;
  readonly #certificate: DtlsCertificate;
  readonly #log: Logger;
  readonly #rules: DtlsRules;
  readonly #slots: HandshakeSlots | undefined;
  readonly #events: DtlsEvent[] = [];
  #early: Uint8Array[] = [];
  #role: DtlsRole = "undecided";
  #fingerprints: readonly Fingerprint[] = [];
  #writable = false;
  #session: DtlsSession | undefined;
  #state: "new" | "handshaking" | "connected" | "failed" | "closed" = "new";
  #giveUpAt: Millis | undefined;
  #holdsSlot = false;
  /** While all slots are taken. */
  #askAgainAt: Millis | undefined;

  packetsReceived = 0;
  packetsSent = 0;
  /** Dropped: too many too early, or after the end. */
  dropped = 0;

  constructor(options: DtlsTransportOptions) {
    this.#engine = options.engine;
    this.#certificate = options.certificate;
    this.#log = options.log;
    this.#rules = options.rules ?? defaultDtlsRules;
    this.#slots = options.slots;
  }

  get role(): DtlsRole {
    return this.#role;
  }
  get connected(): boolean {
    return this.#state === "connected";
  }
  get failed(): boolean {
    return this.#state === "failed";
  }
  get running(): boolean {
    return this.#state === "handshaking" || this.#state === "connected";
  }

  /** Offered by both sides (RFC 9335 4): by the peer with each of its fingerprints. */
  get cryptex(): boolean {
    const fingerprints = this.#fingerprints;
    return (
      this.#rules.cryptex &&
      fingerprints.length > 0 &&
      fingerprints.every(({ cryptex }) => cryptex === true)
    );
  }

  /** What to advertise. */
  describe(): Fingerprint {
    const setup = { undecided: "actpass", server: "passive", client: "active" } as const;
    return {
      hash: "sha-256",
      setup: setup[this.#role],
      value: this.#certificate.fingerprintSha256,
      cryptex: this.#rules.cryptex ? true : undefined,
    };
  }

  /** Fingerprints of a description; an empty list changes nothing. The first one sets the role. */
  setRemote(fingerprints: readonly Fingerprint[], now: Millis): void {
    const first = fingerprints[0];
    if (first === undefined || this.#state === "failed" || this.#state === "closed") return;
    this.#fingerprints = fingerprints;
    if (this.#role === "undecided") {
      if (first.setup === "active") this.#role = "server";
      else if (first.setup === "passive") this.#role = "client";
      else this.#log.warn("no usable dtls setup in the description", { setup: first.setup });
    }
    this.#tryStart(now);
  }

  /** ICE has a validated pair. */
  setWritable(now: Millis): void {
    this.#writable = true;
    this.#tryStart(now);
  }

  /** One datagram with a first byte of 20 to 63 from a bound address. Copied when kept. */
  handleDatagram(bytes: Uint8Array, now: Millis): void {
    this.packetsReceived++;
    const session = this.#session;
    if (session === undefined) {
      if (this.#state === "new" && this.#early.length < MAX_EARLY)
        this.#early.push(new Uint8Array(bytes));
      else this.dropped++;
      return;
    }
    if (!this.running) {
      this.dropped++;
      return;
    }
    this.#step(session, session.handleDatagram(bytes, now));
  }

  /** Encrypts and sends one SCTP packet; dropped before `connected`. */
  send(data: Uint8Array): void {
    if (this.#session === undefined || this.#state !== "connected") {
      this.dropped++;
      return;
    }
    this.#step(this.#session, this.#session.send(data));
  }

  handleTimeout(now: Millis): void {
    if (this.#askAgainAt !== undefined && this.#askAgainAt <= now) this.#tryStart(now);
    const session = this.#session;
    if (session === undefined || !this.running) return;
    if (this.#giveUpAt !== undefined && this.#giveUpAt <= now) {
      this.#fail("no handshake within 30 s");
      return;
    }
    const due = session.pollTimeout();
    if (due !== undefined && due <= now) this.#step(session, session.handleTimeout(now));
  }

  pollTimeout(): Millis | undefined {
    if (!this.running) return this.#askAgainAt;
    const due = this.#session?.pollTimeout();
    if (this.#giveUpAt === undefined) return due;
    return Math.min(this.#giveUpAt, due ?? this.#giveUpAt);
  }

  poll(): DtlsEvent | undefined {
    return this.#events.shift();
  }

  /** Says goodbye when there is somebody to hear it. Final. */
  close(): void {
    if (this.#state === "closed") return;
    if (this.#state !== "failed" && this.#session !== undefined) {
      this.#sendAll(this.#session.close());
    }
    this.#state = "closed";
    this.#early = [];
    this.#askAgainAt = undefined;
    this.#releaseSlot();
  }

  #tryStart(now: Millis): void {
    if (this.#state !== "new" || !this.#writable || this.#role === "undecided") return;
    if (!this.#takeSlot(now)) return;
    this.#state = "handshaking";
    this.#giveUpAt = now + HANDSHAKE_TIMEOUT_MS;
    const session = this.#engine.createSession(this.#certificate, this.#role, MTU);
    this.#session = session;
    this.#step(session, session.start(now));
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) {
      if (this.running) this.#step(session, session.handleDatagram(bytes, now));
    }
  }

  #takeSlot(now: Millis): boolean {
    if (this.#slots === undefined) return true;
    const waiting = this.#askAgainAt !== undefined;
    if (!this.#slots.tryTake(waiting)) {
      if (!waiting) this.#log.warn("dtls waits: too many handshakes are half open");
      this.#askAgainAt = now + SLOT_RETRY_MS;
      return false;
    }
    this.#askAgainAt = undefined;
    this.#holdsSlot = true;
    return true;
  }

  #releaseSlot(): void {
    if (!this.#holdsSlot) return;
    this.#holdsSlot = false;
    this.#slots?.release();
  }

  #step(session: DtlsSession, output: DtlsOutput): void {
    this.#sendAll(output);
    if (this.#state === "handshaking") {
      if (session.state === "connected") this.#handshakeDone(session);
      else if (session.state === "failed") this.#fail(session.error ?? "handshake failed");
      else if (session.state === "closed") this.#fail("closed by the peer during the handshake");
    } else if (this.#state === "connected" && session.state !== "connected") {
      this.#log.info("dtls closed by the peer", { error: session.error });
      this.#state = "closed";
    }
    if (this.#state === "connected") {
      for (const bytes of output.data) this.#events.push({ kind: "data", bytes });
    }
  }

  #sendAll({ datagrams }: DtlsOutput): void {
    for (const bytes of datagrams) {
      this.packetsSent++;
      this.#events.push({ kind: "datagram", bytes });
    }
  }

  #handshakeDone(session: DtlsSession): void {
    const { acceptedHashes } = this.#rules;
    const fingerprintOf = (hash: string) => session.peerFingerprint(hash);
    if (!certificateMatches(this.#fingerprints, acceptedHashes, fingerprintOf)) {
      this.#fail("the certificate does not match the signalled fingerprints");
      return;
    }
    const keys = session.srtpKeys();
    if (keys === undefined) {
      this.#fail("no common SRTP protection profile");
      return;
    }
    this.#state = "connected";
    this.#giveUpAt = undefined;
    this.#releaseSlot();
    const { cryptex } = this;
    this.#log.info("DTLS connected", { role: this.#role, ...(cryptex ? { cryptex } : {}) });
    this.#events.push({ kind: "connected", keys: { ...keys, cryptex } });
  }

  #fail(reason: string): void {
    if (this.#session !== undefined) this.#sendAll(this.#session.close());
    this.#state = "failed";
    this.#giveUpAt = undefined;
    this.#releaseSlot();
    this.#log.warn("dtls failed", { reason });
    this.#events.push({ kind: "failed", reason });
  }
}
