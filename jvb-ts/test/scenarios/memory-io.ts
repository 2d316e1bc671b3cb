import type { PacketCounters, PacketIo, SocketAddress } from "../../src/media/packet-io.ts";
import {
  BATCH,
  HEADROOM,
  Kind,
  NO_SESSION,
  type RxSlab,
  SLOT_BYTES,
  Status,
} from "../../src/media/slab.ts";
import { parseIp } from "../../src/transport/stun/ip-address.ts";
import { noPacketIo } from "../../src/worker/no-packet-io.ts";

/** Where the bridge is. */
export const bridgeAddress: SocketAddress = { ip: "192.0.2.1", port: 10_000 };

/** How addresses are told apart. */
export const addressKey = ({ ip, port }: SocketAddress): string => `${ip} ${port}`;

/** A socket table without sockets; SRTP is left out, so rows carry plain RTP. */
export class MemoryIo implements PacketIo {
  localAddresses: readonly SocketAddress[] = [bridgeAddress];
  onReadable: (() => void) | undefined;
  /** The process is stopped: datagrams wait in its socket. */
  stopped = false;
  /** Called once, in the next `receive`. */
  inReceive: (() => void) | undefined;
  readonly #queue: { readonly from: SocketAddress; readonly bytes: Uint8Array }[] = [];
  readonly #bound = new Map<string, number>();
  readonly #selected = new Map<number, SocketAddress>();
  readonly #keyed = new Set<number>();
  readonly #send: (to: SocketAddress, bytes: Uint8Array) => void;
  readonly #now: () => number;
  readonly open = new Set<number>();
  readonly ufrags = new Set<string>();
  /** Media rows of known senders handed to the bridge, and rows that it sent. */
  readonly rows = { received: 0, sent: 0 };
  #sessions = 0;

  constructor(send: (to: SocketAddress, bytes: Uint8Array) => void, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  deliver(from: SocketAddress, bytes: Uint8Array): void {
    this.#queue.push({ from, bytes });
    if (!this.stopped) this.onReadable?.();
  }

  /** The process goes on. */
  resume(): void {
    this.stopped = false;
    if (this.#queue.length > 0) this.onReadable?.();
  }

  receive(slab: RxSlab): number {
    const { inReceive } = this;
    this.inReceive = undefined;
    inReceive?.();
    let rows = 0;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#fill(slab, rows++, next.from, next.bytes);
      if (rows === BATCH) break;
    }
    return rows;
  }

  #fill(slab: RxSlab, row: number, from: SocketAddress, bytes: Uint8Array): void {
    const first = bytes[0] ?? 0;
    const second = bytes[1] ?? 0;
    const session = this.#bound.get(addressKey(from)) ?? NO_SESSION;
    const isRtcp = second >= 192 && second <= 223;
    const kind = first < 4 ? Kind.stun : first < 64 ? Kind.dtls : isRtcp ? Kind.rtcp : Kind.rtp;
    const media = kind === Kind.rtp || kind === Kind.rtcp;
    const offset = row * SLOT_BYTES + HEADROOM;
    slab.bytes.set(bytes, offset);
    slab.offset[row] = offset;
    slab.length[row] = bytes.length;
    slab.session[row] = session;
    slab.kind[row] = kind;
    slab.status[row] = media && !this.#keyed.has(session) ? Status.noKeys : Status.ok;
    if (media && this.#keyed.has(session)) this.rows.received++;
    slab.socket[row] = 0;
    slab.family[row] = 4;
    slab.address.set(parseIp(from.ip) ?? [], row * 16);
    slab.port[row] = from.port;
    slab.arrival[row] = this.#now();
  }

  send(slab: Parameters<PacketIo["send"]>[0]): number {
    const { count } = slab;
    for (let row = 0; row < count; row++) {
      const to = this.#selected.get(slab.session[row] ?? -1);
      const offset = slab.offset[row] ?? 0;
      if (to !== undefined)
        this.#send(to, slab.bytes.slice(offset, offset + (slab.length[row] ?? 0)));
    }
    slab.count = 0;
    this.rows.sent += count;
    return count;
  }

  sendTo(_socket: number, remote: SocketAddress, bytes: Uint8Array): void {
    this.#send(remote, bytes.slice());
  }

  openSession(): number {
    const session = this.#sessions++;
    this.open.add(session);
    return session;
  }

  closeSession(session: number): void {
    this.open.delete(session);
    this.#selected.delete(session);
    this.#keyed.delete(session);
    for (const [address, owner] of this.#bound) {
      if (owner === session) this.#bound.delete(address);
    }
  }

  bindAddress(session: number, _socket: number, remote: SocketAddress): void {
    this.#bound.set(addressKey(remote), session);
  }

  unbindAddress(_session: number, _socket: number, remote: SocketAddress): void {
    this.#bound.delete(addressKey(remote));
  }

  selectAddress(session: number, _socket: number, remote: SocketAddress): void {
    this.#selected.set(session, remote);
  }

  setKeys(session: number): void {
    this.#keyed.add(session);
  }

  registerUfrag(ufrag: string): void {
    this.ufrags.add(ufrag);
  }

  unregisterUfrag(ufrag: string): void {
    this.ufrags.delete(ufrag);
  }

  counters(): PacketCounters {
    return noPacketIo().counters();
  }

  close(): void {
    this.onReadable = undefined;
  }
}
