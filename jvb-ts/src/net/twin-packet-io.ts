/**
 * `PacketIo` over node:dgram and node:crypto: the addon's twin for the test tables. One worker,
 * which reads the sockets itself; written to be compared, not to be fast.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv4 } from "node:net";
import { Bug } from "#shared/runtime/bug";
import type { Clock } from "#shared/runtime/runtime";
import {
  type PacketCounters,
  type PacketIo,
  type SocketAddress,
  type SrtpKeys,
  zeroPacketCounters,
} from "../media/packet-io.ts";
import {
  BATCH,
  HEADROOM,
  Kind,
  MAX_DATAGRAM,
  NO_SESSION,
  REPEATABLE,
  type RxSlab,
  SLOT_BYTES,
  Status,
  type TxSlab,
} from "../media/slab.ts";
import type { BindFailure, OpenedPacketIo, PacketIoOptions } from "./packet-io-options.ts";
import { TwinSrtp } from "./twin-srtp.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Waiting {
  readonly socket: number;
  readonly remote: RemoteInfo;
  readonly bytes: Uint8Array;
  readonly arrival: number;
}

/** Media kept of a session until its keys come: bytes, each packet with its overhead, and for how long. */
const MAX_EARLY_BYTES = 64 * 1024;
const EARLY_OVERHEAD = 64;
const MAX_EARLY_AGE_MS = 2000;

interface Session {
  srtp: TwinSrtp | undefined;
  readonly early: Waiting[];
  earlyBytes: number;
  profileKeys: SrtpKeys | undefined;
  destination: { readonly socket: number; readonly remote: SocketAddress } | undefined;
  readonly bound: Map<string, readonly [socket: number, remote: SocketAddress]>;
}

const keyOf = (socket: number, { ip, port }: SocketAddress): string => `${socket} ${port} ${ip}`;

/** RFC 7983 by the first byte, RFC 5761 between RTP and RTCP. */
export function classify(bytes: Uint8Array): number {
  const [first = 255, second = 0] = bytes;
  if (first < 4) {
    const cookie = bytes.length >= 20 && bytes[4] === 0x21 && bytes[5] === 0x12;
    return cookie && bytes[6] === 0xa4 && bytes[7] === 0x42 ? Kind.stun : Kind.other;
  }
  if (first >= 20 && first < 64) return Kind.dtls;
  if (first < 128 || first > 191 || bytes.length < 8) return Kind.other;
  if (second >= 192 && second <= 223) return Kind.rtcp;
  return bytes.length >= 12 ? Kind.rtp : Kind.other;
}

/** The part of USERNAME before the colon of a Binding Request. */
export function stunLocalUfrag(bytes: Uint8Array): string | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < 20 || view.readUInt16BE(0) !== 0x0001) return undefined;
  for (let at = 20; at + 4 <= view.length; ) {
    const size = view.readUInt16BE(at + 2);
    if (at + 4 + size > view.length) return undefined;
    if (view.readUInt16BE(at) === 0x0006)
      return view.toString("latin1", at + 4, at + 4 + size).split(":", 1)[0];
    at += 4 + ((size + 3) & ~3);
  }
  return undefined;
}

/** Binds the sockets. `workers` and `group` are ignored: there is one worker. */
export async function openTwinPacketIo(options: PacketIoOptions): Promise<OpenedPacketIo> {
  const sockets: Socket[] = [];
  const failures: BindFailure[] = [];
  for (const address of options.addresses) {
    const type = isIPv4(address.ip) ? "udp4" : "udp6";
    const socket = createSocket({ type, ipv6Only: type === "udp6" });
    try {
      socket.bind(address.port, address.ip);
      await once(socket, "listening");
      socket.setRecvBufferSize(options.receiveBufferBytes);
      sockets.push(socket);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
      failures.push({ address, code });
    }
  }
  const io = sockets.length > 0 ? new TwinPacketIo(sockets, options.clock) : undefined;
  return { io, failures };
}

class TwinPacketIo implements PacketIo {
  readonly localAddresses: readonly SocketAddress[];
  onReadable: (() => void) | undefined = undefined;
  readonly #sockets: readonly Socket[];
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  readonly #sessions = new Map<number, Session>();
  readonly #addresses = new Map<string, number>();
  readonly #ufrags = new Map<string, number>();
  readonly #transactions = new Set<string>();
  readonly #counters: Mutable<PacketCounters> = zeroPacketCounters();
  #nextSession = 0;
  #closed = false;

  constructor(sockets: readonly Socket[], clock: Clock) {
    this.#sockets = sockets;
    this.#clock = clock;
    this.localAddresses = sockets.map((socket) => {
      const { address, port } = socket.address();
      return { ip: address, port };
    });
    sockets.forEach((socket, index) => {
      // An ICMP error about an earlier datagram.
      socket.on("error", () => undefined);
      socket.on("message", (bytes, remote) => {
        this.#waiting.push({ socket: index, remote, bytes, arrival: this.#clock.now() });
        this.onReadable?.();
      });
    });
  }

  receive(slab: RxSlab): number {
    let rows = 0;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#accept(slab, rows, next)) rows++;
      if (rows === BATCH) break;
    }
    this.#counters.received += rows;
    return rows;
  }

  #accept(slab: RxSlab, row: number, datagram: Waiting): boolean {
    const { socket, remote, bytes, arrival } = datagram;
    const counters = this.#counters;
    if (bytes.length === 0 || bytes.length > MAX_DATAGRAM) {
      counters.malformed++;
      return false;
    }
    const kind = classify(bytes);
    const from = { ip: remote.address, port: remote.port };
    const session = this.#addresses.get(keyOf(socket, from)) ?? NO_SESSION;
    if (session === NO_SESSION && !this.#mayEnter(bytes, kind)) return false;
    const offset = row * SLOT_BYTES + HEADROOM;
    slab.bytes.set(bytes, offset);
    let length = bytes.length;
    let status: number = kind === Kind.other ? Status.malformed : Status.ok;
    if (kind === Kind.rtp || kind === Kind.rtcp) {
      const state = this.#sessions.get(session);
      const srtp = state?.srtp;
      if (state !== undefined && srtp === undefined && this.#keepEarly(state, datagram)) {
        return false;
      }
      const result =
        srtp === undefined
          ? -Status.noKeys
          : kind === Kind.rtp
            ? srtp.unprotectRtp(slab.bytes, offset, length)
            : srtp.unprotectRtcp(slab.bytes, offset, length);
      if (result > 0) length = result;
      else status = -result;
    }
    if (status === Status.noKeys) counters.noKeys++;
    if (status === Status.authFailed) counters.authFailed++;
    if (status === Status.replayed) counters.replayed++;
    if (status === Status.malformed) counters.malformed++;
    counters.receivedBytes += bytes.length;
    slab.offset[row] = offset;
    slab.length[row] = length;
    slab.session[row] = session;
    slab.kind[row] = kind;
    slab.status[row] = status;
    slab.socket[row] = socket;
    slab.family[row] = remote.family === "IPv4" ? 4 : 6;
    slab.address.fill(0, row * 16, row * 16 + 16);
    slab.address.set(addressBytes(remote.address), row * 16);
    slab.port[row] = remote.port;
    slab.arrival[row] = arrival;
    return true;
  }

  #keepEarly(session: Session, datagram: Waiting): boolean {
    this.#dropEarly(session, datagram.arrival - MAX_EARLY_AGE_MS);
    const cost = datagram.bytes.length + EARLY_OVERHEAD;
    if (session.earlyBytes + cost > MAX_EARLY_BYTES) return false;
    session.early.push(datagram);
    session.earlyBytes += cost;
    return true;
  }

  /** Drops what came before that time. */
  #dropEarly(session: Session, before: number): void {
    for (let oldest = session.early[0]; oldest !== undefined; oldest = session.early[0]) {
      if (oldest.arrival >= before) return;
      session.early.shift();
      session.earlyBytes -= oldest.bytes.length + EARLY_OVERHEAD;
      this.#counters.noKeys++;
    }
  }

  /** Of an unbound address: our ufrags' Binding Requests and responses to our own. */
  #mayEnter(bytes: Uint8Array, kind: number): boolean {
    if (kind === Kind.stun && bytes[0] === 1) {
      const id = Buffer.from(bytes.subarray(8, 20)).toString("hex");
      if ((bytes[1] === 1 || bytes[1] === 0x11) && this.#transactions.has(id)) return true;
      if (bytes[1] === 1 || bytes[1] === 0x11) {
        this.#counters.unknownAddress++;
        return false;
      }
    }
    if (kind !== Kind.stun) {
      this.#counters.unknownAddress++;
      return false;
    }
    const ufrag = stunLocalUfrag(bytes);
    if (ufrag !== undefined && this.#ufrags.has(ufrag)) return true;
    this.#counters.unknownUfrag++;
    return false;
  }

  send(slab: TxSlab): number {
    const count = this.#closed ? 0 : slab.count;
    let sent = 0;
    slab.count = 0;
    for (let row = 0; row < count; row++) {
      const result = this.#sendRow(slab, row);
      slab.result[row] = result;
      if (result === 0) sent++;
    }
    return sent;
  }

  #sendRow(slab: TxSlab, row: number): number {
    const session = this.#sessions.get(slab.session[row] ?? NO_SESSION);
    const repeatable = ((slab.kind[row] ?? 0) & REPEATABLE) !== 0;
    const kind = (slab.kind[row] ?? 0) & ~REPEATABLE;
    const offset = slab.offset[row] ?? 0;
    const length = slab.length[row] ?? 0;
    const encrypted = kind === Kind.rtp || kind === Kind.rtcp;
    const destination = session?.destination;
    const srtp = session?.srtp;
    if (destination === undefined || length <= 0 || (encrypted && srtp === undefined)) {
      this.#counters.sendUnready++;
      return 1;
    }
    let wire = length;
    if (srtp !== undefined && encrypted) {
      if (kind === Kind.rtcp) wire = srtp.protectRtcp(slab.bytes, offset, length);
      else if (repeatable) wire = srtp.protectRepeatable(slab.bytes, offset, length);
      else wire = srtp.protectRtp(slab.bytes, offset, length);
      this.#counters.repeatedIndex += srtp.repeated;
      this.#counters.refusedRepeat += srtp.refused;
      srtp.repeated = 0;
      srtp.refused = 0;
    }
    if (wire <= 0) {
      this.#counters.sendUnready++;
      return 1;
    }
    slab.length[row] = wire;
    const { socket, remote } = destination;
    this.#sockets[socket]?.send(slab.bytes.slice(offset, offset + wire), remote.port, remote.ip);
    this.#counters.sent++;
    this.#counters.sentBytes += wire;
    return 0;
  }

  sendTo(socket: number, remote: SocketAddress, bytes: Uint8Array): void {
    const local = this.localAddresses[socket];
    if (this.#closed || local === undefined || isIPv4(local.ip) !== isIPv4(remote.ip)) {
      this.#counters.sendRefused++;
      return;
    }
    if (classify(bytes) === Kind.stun && bytes[0] === 0 && bytes[1] === 1)
      this.#transactions.add(Buffer.from(bytes.subarray(8, 20)).toString("hex"));
    this.#sockets[socket]?.send(Uint8Array.from(bytes), remote.port, remote.ip);
    this.#counters.sent++;
    this.#counters.sentBytes += bytes.length;
  }

  openSession(): number {
    const number = this.#nextSession++;
    this.#sessions.set(number, {
      srtp: undefined,
      early: [],
      earlyBytes: 0,
      profileKeys: undefined,
      destination: undefined,
      bound: new Map(),
    });
    return number;
  }

  closeSession(session: number): void {
    for (const [socket, remote] of this.#sessions.get(session)?.bound.values() ?? [])
      this.unbindAddress(session, socket, remote);
    for (const [ufrag, owner] of this.#ufrags) if (owner === session) this.#ufrags.delete(ufrag);
    this.#counters.noKeys += this.#sessions.get(session)?.early.length ?? 0;
    this.#sessions.delete(session);
  }

  bindAddress(session: number, socket: number, remote: SocketAddress): void {
    const owner = this.#addresses.get(keyOf(socket, remote));
    if (owner !== undefined) this.unbindAddress(owner, socket, remote);
    this.#session(session).bound.set(keyOf(socket, remote), [socket, remote]);
    this.#addresses.set(keyOf(socket, remote), session);
  }

  unbindAddress(session: number, socket: number, remote: SocketAddress): void {
    const key = keyOf(socket, remote);
    if (this.#sessions.get(session)?.bound.delete(key)) this.#addresses.delete(key);
  }

  selectAddress(session: number, socket: number, remote: SocketAddress): void {
    this.#session(session).destination = { socket, remote };
  }

  setKeys(session: number, keys: SrtpKeys): void {
    const state = this.#session(session);
    if (state.profileKeys !== undefined && sameKeys(state.profileKeys, keys)) return;
    state.profileKeys = keys;
    state.srtp = new TwinSrtp(keys);
    this.#dropEarly(state, this.#clock.now() - MAX_EARLY_AGE_MS);
    if (state.early.length === 0) return;
    state.earlyBytes = 0;
    this.#waiting.unshift(...state.early.splice(0));
    queueMicrotask(() => this.onReadable?.());
  }

  registerUfrag(ufrag: string, session: number): void {
    this.#ufrags.set(ufrag, session);
  }

  unregisterUfrag(ufrag: string): void {
    this.#ufrags.delete(ufrag);
  }

  counters(): PacketCounters {
    return { ...this.#counters };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onReadable = undefined;
    for (const socket of this.#sockets) socket.close();
  }

  #session(number: number): Session {
    const session = this.#sessions.get(number);
    if (session === undefined) throw new Bug("no such session", { event: { number } });
    return session;
  }
}

function sameKeys(one: SrtpKeys, other: SrtpKeys): boolean {
  const flat = (keys: SrtpKeys) =>
    [keys.profile, keys.localKey, keys.localSalt, keys.remoteKey, keys.remoteSalt].join();
  return flat(one) === flat(other);
}

/** Four bytes of an IPv4 literal, sixteen of an IPv6 one. */
function addressBytes(ip: string): Uint8Array {
  if (isIPv4(ip)) return Uint8Array.from(ip.split("."), Number);
  const [head = "", tail] = ip.split("%", 1)[0]!.split("::");
  const words = (part: string) =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  const front = words(head);
  const back = words(tail ?? "");
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}
