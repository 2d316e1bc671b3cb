/**
 * Batches of datagrams in preallocated memory: the whole vocabulary between the native addon (or
 * its TypeScript twin), the transport and the packet path. Columns instead of objects, so that no
 * step allocates per packet (spec jvb-media 13.4).
 */

/** Datagrams one call receives or sends at most. */
export const BATCH = 64;
/** Bytes per slot. */
export const SLOT_BYTES = 2048;
/**
 * Room before a packet in its slot: header extensions and the OSN of RFC 4588 may grow the
 * header towards the front. Behind the packet there is always room for the SRTP tag and index.
 */
export const HEADROOM = 64;
/** Longest datagram accepted; longer ones are cut by the kernel and counted as malformed. */
export const MAX_DATAGRAM = 1500;

/** What a datagram is, by RFC 7983's first byte and (RTCP) RFC 5761's second. */
export const Kind = { other: 0, stun: 1, dtls: 2, rtp: 3, rtcp: 4 } as const;

/**
 * Flag of outgoing RTP. A number that went out is refused from then on, because other bytes under it
 * would reuse an IV (RFC 3711 9.1); with the flag, the same bytes pass among the last 512.
 */
export const REPEATABLE = 0x80;

/** What the receive call found out about a row. Only rows with `ok` go further than a counter. */
export const Status = {
  ok: 0,
  /** Never in a row: datagrams of unbound addresses are dropped and counted, but for our STUN. */
  unknownAddress: 1,
  /** SRTP or SRTCP before the session has keys, and no room to keep it until then. */
  noKeys: 2,
  authFailed: 3,
  replayed: 4,
  malformed: 5,
} as const;

/** Session column of a row whose remote address is not bound. */
export const NO_SESSION = -1;

/** Up to `BATCH` received datagrams. Written by one receive call, read until the next. */
export class RxSlab {
  readonly bytes = new Uint8Array(BATCH * SLOT_BYTES);
  /** Start of the packet in `bytes`. */
  readonly offset = new Int32Array(BATCH);
  /** Length in bytes, after decryption for SRTP and SRTCP. */
  readonly length = new Int32Array(BATCH);
  /**
   * Session bound to the remote address, or `NO_SESSION`. STUN is not always the bound session's:
   * its USERNAME decides (jvb-control 3.4).
   */
  readonly session = new Int32Array(BATCH);
  /** One of `Kind`. */
  readonly kind = new Uint8Array(BATCH);
  /** One of `Status`. */
  readonly status = new Uint8Array(BATCH);
  /** Index of the local socket. */
  readonly socket = new Uint8Array(BATCH);
  /** 4 or 6. */
  readonly family = new Uint8Array(BATCH);
  /** Remote address, 16 bytes a row; IPv4 in the first four. */
  readonly address = new Uint8Array(BATCH * 16);
  readonly port = new Uint16Array(BATCH);
  /** Arrival on the monotonic clock of `Clock.now()`, in ms. */
  readonly arrival = new Float64Array(BATCH);
}

/** Slots of one outgoing slab; it is flushed when full and at the end of each batch. */
export const TX_SLOTS = 256;

/**
 * Outgoing packets. The writer puts plaintext at `offset[i]` (at least `HEADROOM` bytes before it
 * belong to the slot, and 64 behind), fills the columns and raises `count`; one send call protects
 * RTP and RTCP rows with the session's keys, sends the rows of each session to its selected address in
 * order and sets `count` to 0.
 */
export class TxSlab {
  count = 0;
  readonly bytes = new Uint8Array(TX_SLOTS * SLOT_BYTES);
  readonly offset = new Int32Array(TX_SLOTS);
  readonly length = new Int32Array(TX_SLOTS);
  readonly session = new Int32Array(TX_SLOTS);
  /**
   * `Kind.rtp` and `Kind.rtcp` are encrypted; other kinds go out as they are. RTP that may be sent
   * again under its number, with the same bytes, is `Kind.rtp | REPEATABLE`, each time.
   */
  readonly kind = new Uint8Array(TX_SLOTS);
  /** After the call: 0 sent, 1 no address, no keys or not protectable, 2 refused by the kernel. */
  readonly result = new Uint8Array(TX_SLOTS);
}
