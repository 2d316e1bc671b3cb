/** What opening the UDP sockets takes and gives (`native-packet-io.ts`, `twin-packet-io.ts`). */
import type { Clock } from "#shared/runtime/runtime";
import type { PacketIo, SocketAddress } from "../media/packet-io.ts";

export interface PacketIoOptions {
  /** Local addresses to bind; port 0 takes any. */
  readonly addresses: readonly SocketAddress[];
  /** SO_RCVBUF in bytes (`ice4j.harvest.udp.receive-buffer-size`); the kernel may grant less. */
  readonly receiveBufferBytes: number;
  /** This worker, 0 .. workers − 1. All workers of a process pass the same other options. */
  readonly worker: number;
  /** One: the worker reads the sockets itself. More: a native thread reads and distributes. */
  readonly workers: number;
  /** Workers with the same name share sockets; by default the name is made of the addresses. */
  readonly group?: string;
  /** `arrival` is on this clock. */
  readonly clock: Clock;
}

/** An address that could not be bound, and why. */
export interface BindFailure {
  readonly address: SocketAddress;
  /** errno name: `EADDRINUSE`, `EADDRNOTAVAIL`, … */
  readonly code: string;
}

/** `io` is undefined when no address at all could be bound (health: `Failed to bind single-port`). */
export interface OpenedPacketIo {
  readonly io: PacketIo | undefined;
  readonly failures: readonly BindFailure[];
}
