/** Test kit: an SCTP core on the virtual network whose packets go to one fixed peer. Not a test. */
import type { Millis } from "#shared/runtime/runtime";
import type { NetPeer, VirtualNet } from "../ice/virtual-net.test.ts";

export const A = { ip: "10.0.0.1", port: 1 };
export const B = { ip: "10.0.0.2", port: 2 };

interface Core<E> {
  handlePacket(bytes: Uint8Array, now: Millis): void;
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
  poll(): E | { readonly kind: "packet"; readonly bytes: Uint8Array } | undefined;
}

/** A core on the network whose packets go to one fixed peer. */
export class Peer<E extends { readonly kind: string }> implements NetPeer {
  readonly core: Core<E>;
  readonly events: E[] = [];
  readonly #remote: typeof A;
  constructor(net: VirtualNet, core: Core<E>, local: typeof A, remote: typeof A) {
    this.core = core;
    this.#remote = remote;
    net.add(this, [local]);
  }
  receive(_socket: number, _remote: unknown, bytes: Uint8Array, now: Millis): void {
    this.core.handlePacket(bytes, now);
  }
  handleTimeout(now: Millis): void {
    this.core.handleTimeout(now);
  }
  pollTimeout(): Millis | undefined {
    return this.core.pollTimeout();
  }
  drain() {
    const sends: { socket: number; remote: typeof A; bytes: Uint8Array }[] = [];
    for (let event = this.core.poll(); event !== undefined; event = this.core.poll()) {
      if (isPacket(event)) sends.push({ socket: 0, remote: this.#remote, bytes: event.bytes });
      else this.events.push(event as E);
    }
    return sends;
  }
}

function isPacket(event: { kind: string }): event is { kind: "packet"; bytes: Uint8Array } {
  return event.kind === "packet";
}
