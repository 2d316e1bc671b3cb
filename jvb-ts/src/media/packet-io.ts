/**
 * The port between a media worker and the outside: sockets, address table and SRTP keys. The
 * native addon implements it; `twin-packet-io.ts` is its TypeScript twin (node:dgram and
 * node:crypto) for the test tables, and scenarios use an in-memory network.
 */
import type { RxSlab, TxSlab } from "./slab.ts";

/** SRTP protection profiles by their DTLS-SRTP number (RFC 5764 4.1.2, RFC 7714 14.2). */
export const SrtpProfile = {
  AES128_CM_HMAC_SHA1_80: 0x0001,
  AEAD_AES_128_GCM: 0x0007,
} as const;
export type SrtpProfileId = (typeof SrtpProfile)[keyof typeof SrtpProfile];

/** Master keys and salts of one session as DTLS exported them. */
export interface SrtpKeys {
  readonly profile: SrtpProfileId;
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
  /** Header extensions and CSRCs of what is sent are encrypted (RFC 9335); received ones may always be. */
  readonly cryptex?: boolean;
}

/** A transport address: textual IP (IPv4 or IPv6 without zone) and port. */
export interface SocketAddress {
  readonly ip: string;
  readonly port: number;
}

/**
 * Totals since the sockets were opened. A datagram is a row of `receive` (whatever its status), or
 * it moves one of the drop counters; with several workers the first one reports the drops of the
 * receive thread.
 */
export interface PacketCounters {
  /** Datagrams received and handed to `receive`, and their bytes on the wire. */
  readonly received: number;
  readonly receivedBytes: number;
  /** Datagrams accepted by the kernel, and their bytes on the wire. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Dropped before the worker saw them: not STUN, from an address that no session has bound. */
  readonly unknownAddress: number;
  /** Dropped: STUN of an unbound address whose USERNAME names no registered ufrag. */
  readonly unknownUfrag: number;
  /** Dropped: longer than `MAX_DATAGRAM` or empty. Rows of status `malformed` count here too. */
  readonly malformed: number;
  /** Rows of these statuses; of `noKeys` also what waited for keys that never came. */
  readonly noKeys: number;
  readonly authFailed: number;
  readonly replayed: number;
  /** Dropped: the worker did not read its ring in time (several workers only). */
  readonly ringFull: number;
  /** Not sent: no address, no keys, or no RTP/RTCP that can be protected. */
  readonly sendUnready: number;
  /** Not sent: the kernel had no room (EAGAIN, ENOBUFS, ENOMEM). */
  readonly sendCongested: number;
  /** Not sent: refused for that destination (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPERM, …). */
  readonly sendRefused: number;
  /** Protected under an SRTP index used before (plain retransmission of identical bytes). */
  readonly repeatedIndex: number;
  /** Not sent (and in `sendUnready` too): other bytes under an SRTP index used before. */
  readonly refusedRepeat: number;
}

/** Nothing received and nothing sent. */
export function zeroPacketCounters(): PacketCounters {
  return {
    received: 0,
    receivedBytes: 0,
    sent: 0,
    sentBytes: 0,
    unknownAddress: 0,
    unknownUfrag: 0,
    malformed: 0,
    noKeys: 0,
    authFailed: 0,
    replayed: 0,
    ringFull: 0,
    sendUnready: 0,
    sendCongested: 0,
    sendRefused: 0,
    repeatedIndex: 0,
    refusedRepeat: 0,
  };
}

export interface PacketIo {
  /** Local addresses of the sockets; their index is the `socket` column. */
  readonly localAddresses: readonly SocketAddress[];
  /** Called when at least one datagram waits; call `receive` until it returns 0. */
  onReadable: (() => void) | undefined;
  /**
   * Fills `slab` with up to 64 datagrams (classified, SRTP and SRTCP decrypted in place) and
   * returns how many. With `again` the socket read last is asked even if it was empty then: what
   * comes microseconds later need not cost another wake-up.
   */
  receive(slab: RxSlab, again?: boolean): number;
  /** Protects and sends all `slab.count` rows, sets `count` to 0, returns how many were sent. */
  send(slab: TxSlab): number;
  /** Sends one datagram, outside the hot path, to an address that need not be bound. */
  sendTo(socket: number, remote: SocketAddress, bytes: Uint8Array): void;

  /** Makes a session; its number indexes the `session` columns until `closeSession`. */
  openSession(): number;
  closeSession(session: number): void;
  /**
   * Datagrams from `remote` on `socket` now belong to `session` (after validated STUN only); an
   * earlier session loses the address.
   */
  bindAddress(session: number, socket: number, remote: SocketAddress): void;
  unbindAddress(session: number, socket: number, remote: SocketAddress): void;
  /** Rows of `session` in a TxSlab go from `socket` to `remote`. The address must be bound. */
  selectAddress(session: number, socket: number, remote: SocketAddress): void;
  /**
   * Installs keys. Media that came before waits, up to 64 kB of a session for up to 2 s, and is
   * received next; what found no room had status `noKeys`. The same keys again change nothing, so that no
   * index is ever reused with them.
   */
  setKeys(session: number, keys: SrtpKeys): void;
  /**
   * STUN Binding Requests of unbound addresses reach this worker when the part of USERNAME before
   * the colon is `ufrag`; others are dropped and counted. At most 256 bytes of UTF-8.
   */
  registerUfrag(ufrag: string, session: number): void;
  unregisterUfrag(ufrag: string): void;
  counters(): PacketCounters;
  /** Closes the sockets (the last worker of several) and frees every session. Idempotent. */
  close(): void;
}
