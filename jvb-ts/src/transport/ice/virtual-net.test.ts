/**
 * Test kit: hosts joined by a seeded, lossy network on virtual time, with NATs. Not a test itself.
 */
import type { Millis } from "#shared/runtime/runtime";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { SocketAddress } from "../../media/packet-io.ts";

/** What the network steps: anything with the shape of a core that sends datagrams. */
export interface NetPeer {
  receive(socket: number, remote: SocketAddress, bytes: Uint8Array, now: Millis): void;
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
  /** Datagrams to send, drained after each step. */
  drain(now: Millis): { socket: number; remote: SocketAddress; bytes: Uint8Array }[];
}

interface Host {
  readonly peer: NetPeer;
  readonly sockets: readonly SocketAddress[];
}

export interface NetOptions {
  readonly seed?: number;
  readonly lossRate?: number;
  readonly delayMs?: Millis;
  readonly jitterMs?: Millis;
}

export class VirtualNet {
  readonly runtime: VirtualRuntime;
  readonly #options: Required<Omit<NetOptions, "seed">>;
  readonly #hosts: Host[] = [];
  #queue: { at: Millis; from: SocketAddress; to: SocketAddress; bytes: Uint8Array }[] = [];
  now: Millis = 0;
  /** Rewrites the source of a packet (NAT); undefined drops it. The reverse is `inward`. */
  outward: (from: SocketAddress, to: SocketAddress) => SocketAddress | undefined = (from) => from;
  inward: (to: SocketAddress, from: SocketAddress) => SocketAddress | undefined = (to) => to;
  delivered = 0;

  constructor(options: NetOptions = {}) {
    this.runtime = new VirtualRuntime({ seed: options.seed ?? 1 });
    this.#options = { lossRate: 0, delayMs: 5, jitterMs: 0, ...options };
  }

  add(peer: NetPeer, sockets: readonly SocketAddress[]): void {
    this.#hosts.push({ peer, sockets });
  }

  /** Runs until `at`, or until `done` says so. */
  run(at: Millis, done: () => boolean = () => false): void {
    let steps = 0;
    for (;;) {
      this.#collect();
      if (done()) return;
      if (++steps > 200_000) throw new Error("the network never rests");
      const next = this.#nextEvent();
      if (next === undefined || next > at) break;
      this.now = Math.max(this.now, next);
      this.#deliver();
      for (const { peer } of this.#hosts) {
        const due = peer.pollTimeout();
        if (due !== undefined && due <= this.now) peer.handleTimeout(this.now);
      }
    }
    this.now = at;
  }

  #nextEvent(): Millis | undefined {
    const times = this.#queue.map((packet) => packet.at);
    for (const { peer } of this.#hosts) {
      const due = peer.pollTimeout();
      if (due !== undefined) times.push(due);
    }
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #deliver(): void {
    const due = this.#queue.filter((packet) => packet.at <= this.now).sort((a, b) => a.at - b.at);
    this.#queue = this.#queue.filter((packet) => packet.at > this.now);
    for (const { from, to, bytes } of due) {
      for (const { peer, sockets } of this.#hosts) {
        const socket = sockets.findIndex(({ ip, port }) => ip === to.ip && port === to.port);
        if (socket < 0) continue;
        this.delivered++;
        peer.receive(socket, from, bytes, this.now);
      }
    }
  }

  #collect(): void {
    const { lossRate, delayMs, jitterMs } = this.#options;
    for (const { peer, sockets } of this.#hosts) {
      for (const { socket, remote, bytes } of peer.drain(this.now)) {
        const local = sockets[socket];
        if (local === undefined) throw new Error("sent from a socket that does not exist");
        const from = this.outward(local, remote);
        const to = this.inward(remote, local);
        const lost = this.runtime.random.float() < lossRate;
        if (from === undefined || to === undefined || lost) continue;
        const at = this.now + delayMs + jitterMs * this.runtime.random.float();
        this.#queue.push({ at, from, to, bytes });
      }
    }
  }
}
