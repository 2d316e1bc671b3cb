/**
 * An SCTP association inside DTLS (RFC 9260, RFC 8261) with stream reset (RFC 6525), for the few
 * small messages of a bridge channel. I/O-free: `handlePacket`, `send`, `handleTimeout` in; drain
 * `takeMessage` and `poll` out; wait until `pollTimeout`.
 *
 * Own implementation: werift's owns its timers, gives up after 10 retransmissions with a time-out of
 * up to 60 s, and throws out of promises on hostile chunks; a channel here must survive what ICE
 * survives, and be stepped on virtual time.
 */
import type { Millis, Random } from "#shared/runtime/runtime";
import {
  buildChunk,
  buildPacket,
  buildParameter,
  type Chunk,
  ChunkType,
  COMMON_HEADER,
  concat,
  MAX_PACKET,
  parsePacket,
  parseParameters,
  type SctpPacket,
  viewOf,
  words,
} from "./sctp-packet.ts";
import { MAX_STREAMS, type SctpMessage, SctpReceiver } from "./sctp-receiver.ts";
import { SctpReset } from "./sctp-reset.ts";
import { RetransmissionTimeout, SctpSender } from "./sctp-sender.ts";

/** Port on both sides (spec jvb-control 4.2). */
export const SCTP_PORT = 5000;
/** Outgoing bytes not yet acknowledged; more is refused. */
const MAX_QUEUED_BYTES = 262_144;
const COOKIE_BYTES = 16;

const Parameters = { stateCookie: 7, forwardTsn: 0xc000, extensions: 0x8008 } as const;

export type AssociationState =
  | "closed"
  | "cookieWait"
  | "cookieEchoed"
  | "established"
  /** Ended by either side; nothing comes any more. */
  | "ended";

export type AssociationEvent =
  | { readonly kind: "packet"; readonly bytes: Uint8Array }
  | { readonly kind: "established" }
  /** The peer reset its side of these streams; none: all. Ours are reset in turn. */
  | { readonly kind: "streamsReset"; readonly streams: readonly number[] }
  | { readonly kind: "ended"; readonly reason: string };

interface PeerInit {
  readonly tag: number;
  readonly window: number;
  readonly initialTsn: number;
}

interface Established {
  readonly peerTag: number;
  readonly receiver: SctpReceiver;
  readonly sender: SctpSender;
  readonly reset: SctpReset;
}

export class SctpAssociation {
  readonly #random: Random;
  readonly #events: AssociationEvent[] = [];
  readonly #localTag: number;
  readonly #localTsn: number;
  readonly #rto = new RetransmissionTimeout();
  #state: AssociationState = "closed";
  /** What the peer's INIT said and the cookie it was answered with. */
  #offered: { readonly peer: PeerInit; readonly cookie: Uint8Array } | undefined;
  #peer: Established | undefined;
  /** INIT or COOKIE-ECHO under way, with the tag it carries. */
  #handshake: { readonly chunk: Uint8Array; readonly tag: number; at: Millis } | undefined;

  received = 0;
  sent = 0;
  /** Packets that were no packet of this association. */
  dropped = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#localTag = 1 + random.int(0xffff_ffff);
    this.#localTsn = random.int(2 ** 32);
  }

  get state(): AssociationState {
    return this.#state;
  }

  /** Sends INIT (client role). */
  connect(now: Millis): void {
    if (this.#state !== "closed") return;
    this.#state = "cookieWait";
    this.#startHandshake(this.#init(ChunkType.init, undefined), 0, now);
  }

  /** Queues a reliable, ordered message; false when not established or the queue is full. */
  send(stream: number, ppid: number, bytes: Uint8Array, now: Millis): boolean {
    const peer = this.#peer;
    if (peer === undefined || this.#state !== "established" || bytes.length === 0) return false;
    if (peer.sender.queuedBytes + bytes.length > MAX_QUEUED_BYTES) return false;
    peer.sender.enqueue(stream, ppid, bytes);
    this.#flush(peer, [], now);
    return true;
  }

  /** One packet out of DTLS. */
  handlePacket(bytes: Uint8Array, now: Millis): void {
    this.received++;
    const packet = parsePacket(bytes);
    if (packet === undefined || this.#state === "ended" || !this.#tagFits(packet)) {
      this.dropped++;
      return;
    }
    const replies: Uint8Array[] = [];
    const sackNeeded = this.#handleChunks(packet, replies, now);
    const peer = this.#peer;
    if (peer === undefined || this.#ended) return;
    if (peer.receiver.overflow) {
      this.abort("message beyond the receive window");
      return;
    }
    if (sackNeeded) replies.unshift(peer.receiver.sack());
    this.#flush(peer, replies, now);
  }

  handleTimeout(now: Millis): void {
    const handshake = this.#handshake;
    if (handshake !== undefined && handshake.at <= now) {
      this.#rto.backOff();
      handshake.at = now + this.#rto.ms;
      this.#transmit([handshake.chunk], handshake.tag);
    }
    const peer = this.#peer;
    if (peer === undefined || this.#ended) return;
    peer.sender.handleTimeout(now);
    peer.reset.handleTimeout(now);
    this.#flush(peer, [], now);
  }

  pollTimeout(): Millis | undefined {
    if (this.#ended) return undefined;
    const at = Math.min(
      this.#handshake?.at ?? Number.POSITIVE_INFINITY,
      this.#peer?.sender.timeoutAt ?? Number.POSITIVE_INFINITY,
      this.#peer?.reset.timeoutAt ?? Number.POSITIVE_INFINITY,
    );
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  poll(): AssociationEvent | undefined {
    return this.#events.shift();
  }

  /**
   * The next message, whenever the reader has time for it: those it leaves narrow the window, so
   * that the peer waits. To be drained before `poll`, which may say that nothing comes any more.
   */
  takeMessage(now: Millis): SctpMessage | undefined {
    const peer = this.#peer;
    const message = this.#ended ? undefined : peer?.receiver.poll();
    if (peer !== undefined && message !== undefined && peer.receiver.wantsWindowUpdate) {
      this.#flush(peer, [peer.receiver.sack()], now);
    }
    return message;
  }

  /** Messages that the reader has left. */
  get waiting(): { readonly messages: number; readonly bytes: number } {
    return (this.#ended ? undefined : this.#peer?.receiver.waiting) ?? { messages: 0, bytes: 0 };
  }

  /** Numbers our side of the stream from 0 again, which closes the channel (RFC 8831 6.7). */
  resetStream(stream: number, now: Millis): void {
    const peer = this.#peer;
    if (peer === undefined || this.#state !== "established") return;
    peer.reset.request(stream);
    this.#flush(peer, [], now);
  }

  /** Tells the peer and ends. */
  abort(reason: string): void {
    if (this.#ended) return;
    const cause = buildParameter(12, Buffer.from(reason.slice(0, 64)));
    if (this.#peer !== undefined) {
      this.#transmit([buildChunk(ChunkType.abort, 0, cause)], this.#peer.peerTag);
    }
    this.#end(reason);
  }

  get #ended(): boolean {
    return this.#state === "ended";
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#state = "ended";
    this.#handshake = undefined;
    this.#events.push({ kind: "ended", reason });
  }

  // ---- incoming

  /** RFC 9260 8.5: INIT carries 0; ABORT and SHUTDOWN-COMPLETE may reflect our peer's tag. */
  #tagFits(packet: SctpPacket): boolean {
    const [first] = packet.chunks;
    if (first === undefined || packet.sourcePort !== SCTP_PORT) return false;
    if (packet.destinationPort !== SCTP_PORT) return false;
    if (first.type === ChunkType.init) {
      return packet.verificationTag === 0 && packet.chunks.length === 1;
    }
    if (packet.verificationTag === this.#localTag) return true;
    const reflects = first.type === ChunkType.abort || first.type === ChunkType.shutdownComplete;
    const peerTag = this.#peer?.peerTag;
    return reflects && (first.flags & 1) === 1 && packet.verificationTag === peerTag;
  }

  /** Whether a SACK is due. */
  #handleChunks(packet: SctpPacket, replies: Uint8Array[], now: Millis): boolean {
    let sackNeeded = false;
    for (const chunk of packet.chunks) {
      if (this.#ended) break;
      const peer = this.#peer;
      switch (chunk.type) {
        case ChunkType.init:
          this.#handleInit(chunk);
          break;
        case ChunkType.initAck:
          this.#handleInitAck(chunk, now);
          break;
        case ChunkType.cookieEcho:
          this.#handleCookieEcho(chunk, replies);
          break;
        case ChunkType.cookieAck:
          if (this.#state === "cookieEchoed") this.#establish();
          break;
        case ChunkType.abort:
          this.#end("aborted by the peer");
          break;
        case ChunkType.shutdownComplete:
          this.#end("shut down");
          break;
        default:
          if (peer !== undefined && this.#handlePeerChunk(peer, chunk, replies, now))
            sackNeeded = true;
      }
    }
    return sackNeeded;
  }

  /** Chunks that mean something once the peer is known; whether a SACK is due. */
  #handlePeerChunk(peer: Established, chunk: Chunk, replies: Uint8Array[], now: Millis): boolean {
    const { value } = chunk;
    switch (chunk.type) {
      case ChunkType.data:
        if (peer.receiver.handleData(chunk.flags, value)) return true;
        this.abort("DATA without data");
        return false;
      case ChunkType.forwardTsn:
        return peer.receiver.handleForwardTsn(value);
      case ChunkType.sack:
        if (!peer.sender.handleSack(value, now)) this.dropped++;
        return false;
      case ChunkType.heartbeat:
        if (replies.length < 2)
          replies.push(buildChunk(ChunkType.heartbeatAck, 0, value.slice(0, 512)));
        return false;
      case ChunkType.reconfig:
        this.#handleReconfig(peer, value, replies);
        return false;
      case ChunkType.shutdown:
        if (value.length >= 4) peer.sender.handleCumulative(viewOf(value).getUint32(0), now);
        this.#transmit([buildChunk(ChunkType.shutdownAck, 0, new Uint8Array(0))], peer.peerTag);
        this.#end("shut down by the peer");
        return false;
      default:
        return false;
    }
  }

  #handleReconfig(peer: Established, value: Uint8Array, replies: Uint8Array[]): void {
    const { response, streams } = peer.reset.handle(value, peer.receiver.cumulative);
    if (response !== undefined) replies.push(response);
    for (const stream of peer.reset.takeDone()) peer.sender.resetStream(stream);
    if (streams === undefined) return;
    peer.receiver.resetStreams(streams);
    this.#events.push({ kind: "streamsReset", streams });
  }

  // ---- handshake

  #readInit(value: Uint8Array): PeerInit | undefined {
    if (value.length < 16) return undefined;
    const view = viewOf(value);
    const tag = view.getUint32(0);
    if (tag === 0 || view.getUint16(8) === 0 || view.getUint16(10) === 0) return undefined;
    return { tag, window: view.getUint32(4), initialTsn: view.getUint32(12) };
  }

  /** Value of INIT and INIT-ACK: tag, window, streams, first TSN, what we support. */
  #init(type: number, cookie: Uint8Array | undefined): Uint8Array {
    const fixed = words(
      this.#localTag,
      new SctpReceiver(0).window,
      (MAX_STREAMS << 16) | MAX_STREAMS,
      this.#localTsn,
    );
    const extensions = Uint8Array.of(ChunkType.reconfig, ChunkType.forwardTsn);
    const parts = [
      fixed,
      buildParameter(Parameters.extensions, extensions),
      // An aligned one last: a chunk's length must not count padding behind its last parameter.
      buildParameter(Parameters.forwardTsn, new Uint8Array(0)),
    ];
    if (cookie !== undefined) parts.push(buildParameter(Parameters.stateCookie, cookie));
    return buildChunk(type, 0, concat(parts));
  }

  /**
   * Also answered while established, when our COOKIE-ACK or the peer's memory was lost. Inside DTLS
   * there is nobody to flood us with INITs, so the cookie is only a nonce for the state kept here.
   */
  #handleInit(chunk: Chunk): void {
    const peer = this.#readInit(chunk.value);
    if (peer === undefined) {
      this.dropped++;
      return;
    }
    if (this.#offered?.peer.tag !== peer.tag) {
      this.#offered = { peer, cookie: this.#random.bytes(COOKIE_BYTES) };
    }
    this.#transmit([this.#init(ChunkType.initAck, this.#offered.cookie)], peer.tag);
  }

  #handleInitAck(chunk: Chunk, now: Millis): void {
    if (this.#state !== "cookieWait") return;
    const peer = this.#readInit(chunk.value);
    const cookie = parseParameters(chunk.value.subarray(16)).find(
      (parameter) => parameter.type === Parameters.stateCookie,
    );
    if (peer === undefined || cookie === undefined || cookie.value.length > MAX_PACKET - 64) {
      this.dropped++;
      return;
    }
    this.#meet(peer);
    this.#state = "cookieEchoed";
    this.#startHandshake(buildChunk(ChunkType.cookieEcho, 0, cookie.value.slice()), peer.tag, now);
  }

  #handleCookieEcho(chunk: Chunk, replies: Uint8Array[]): void {
    const offered = this.#offered;
    if (offered === undefined || !sameBytes(offered.cookie, chunk.value)) {
      this.dropped++;
      return;
    }
    if (this.#state === "established" && this.#peer?.peerTag !== offered.peer.tag) {
      this.#end("restarted by the peer");
      return;
    }
    replies.push(buildChunk(ChunkType.cookieAck, 0, new Uint8Array(0)));
    if (this.#state === "established") return;
    this.#meet(offered.peer);
    this.#establish();
  }

  #meet(peer: PeerInit): void {
    if (this.#peer?.peerTag === peer.tag) return;
    this.#peer = {
      peerTag: peer.tag,
      receiver: new SctpReceiver(peer.initialTsn),
      sender: new SctpSender(this.#localTsn, peer.window, this.#rto),
      reset: new SctpReset(this.#localTsn, peer.initialTsn, this.#rto),
    };
  }

  #establish(): void {
    this.#state = "established";
    this.#handshake = undefined;
    this.#events.push({ kind: "established" });
  }

  #startHandshake(chunk: Uint8Array, tag: number, now: Millis): void {
    this.#handshake = { chunk, tag, at: now + this.#rto.ms };
    this.#transmit([chunk], tag);
  }

  // ---- outgoing

  /** Replies first, then requests and data, as many packets as the windows allow. */
  #flush(peer: Established, replies: readonly Uint8Array[], now: Millis): void {
    if (this.#ended) return;
    let chunks = [...replies];
    if (this.#state === "established") {
      const request = peer.reset.next(peer.sender.idle, peer.sender.lastTsn, now);
      if (request !== undefined) chunks.push(request);
    }
    for (;;) {
      let room = MAX_PACKET - COMMON_HEADER;
      for (const chunk of chunks) room -= chunk.length;
      if (this.#state === "established") chunks.push(...peer.sender.fill(room, now));
      if (chunks.length === 0) return;
      this.#transmit(chunks, peer.peerTag);
      chunks = [];
    }
  }

  #transmit(chunks: readonly Uint8Array[], tag: number): void {
    this.sent++;
    this.#events.push({ kind: "packet", bytes: buildPacket(SCTP_PORT, SCTP_PORT, tag, chunks) });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
