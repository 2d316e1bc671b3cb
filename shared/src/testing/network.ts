/**
 * A datagram network in memory on a virtual clock: sockets joined by emulated links, repeatable from a
 * seed. For transport and media scenarios.
 */
import type { Millis, Random, Timers } from "../runtime/runtime.ts";
import type { LinkConditions } from "./network-emulator.ts";
import { EmulatedLink, LOST } from "./network-emulator.ts";

/** How datagrams in one direction fare, duplicates included. */
export interface NetworkConditions extends LinkConditions {
  /** Share sent twice, 0 to 1. */
  readonly duplicate?: number;
}

/** A place datagrams come from and go to. */
export interface NetworkAddress {
  readonly ip: string;
  readonly port: number;
}

/** A bound address. */
export interface NetworkSocket {
  readonly address: NetworkAddress;
  /** Sends one datagram; the bytes are copied. */
  send(to: NetworkAddress, data: Uint8Array): void;
  close(): void;
}

/** What happened so far. */
export interface NetworkCounters {
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Dropped by a full queue. */
  readonly overflowed: number;
  /** Addressed to nobody. */
  readonly unreachable: number;
}

type Receiver = (data: Uint8Array, from: NetworkAddress) => void;

/** Joins sockets. `runtime` is normally a `VirtualRuntime`, whose seed decides every fate. */
export class VirtualNetwork {
  readonly #timers: Timers;
  readonly #now: () => Millis;
  readonly #random: Random;
  readonly #sockets = new Map<string, Receiver>();
  readonly #conditions = new Map<string, NetworkConditions>();
  #usual: NetworkConditions;
  /** By direction, made with its first datagram. */
  readonly #links = new Map<string, EmulatedLink>();
  readonly #counters = {
    sent: 0,
    delivered: 0,
    lost: 0,
    duplicated: 0,
    overflowed: 0,
    unreachable: 0,
  };

  constructor(
    runtime: {
      readonly clock: { now(): Millis };
      readonly timers: Timers;
      readonly random: Random;
    },
    conditions: NetworkConditions = {},
  ) {
    this.#timers = runtime.timers;
    this.#now = () => runtime.clock.now();
    this.#random = runtime.random;
    this.#usual = conditions;
  }

  /** Conditions of all links without their own; their queues begin empty. */
  setConditions(conditions: NetworkConditions): void {
    this.#usual = conditions;
    for (const direction of this.#links.keys())
      if (!this.#conditions.has(direction)) this.#links.delete(direction);
  }

  /** Conditions from one IP address to another, in this direction; its queue begins empty. */
  setLink(fromIp: string, toIp: string, conditions: NetworkConditions): void {
    const direction = `${fromIp}>${toIp}`;
    this.#conditions.set(direction, conditions);
    this.#links.delete(direction);
  }

  /** Binds an address. `receive` is called from timers of the runtime. */
  bind(address: NetworkAddress, receive: Receiver): NetworkSocket {
    const key = keyOf(address);
    if (this.#sockets.has(key)) throw new Error(`${key} is bound already`);
    this.#sockets.set(key, receive);
    return {
      address,
      send: (to, data) => this.#send(address, to, data),
      close: () => void this.#sockets.delete(key),
    };
  }

  get counters(): NetworkCounters {
    return { ...this.#counters };
  }

  #send(from: NetworkAddress, to: NetworkAddress, data: Uint8Array): void {
    this.#counters.sent++;
    const direction = `${from.ip}>${to.ip}`;
    const conditions = this.#conditions.get(direction) ?? this.#usual;
    let link = this.#links.get(direction);
    if (link === undefined) {
      link = new EmulatedLink(this.#random, conditions);
      this.#links.set(direction, link);
    }
    if (!this.#pass(link, from, to, data)) return;
    if (this.#random.float() >= (conditions.duplicate ?? 0)) return;
    if (this.#pass(link, from, to, data)) this.#counters.duplicated++;
  }

  /** Sends along `link`; false when it does not arrive. */
  #pass(link: EmulatedLink, from: NetworkAddress, to: NetworkAddress, data: Uint8Array): boolean {
    const now = this.#now();
    const { lost, overflowed } = link;
    const arrival = link.offer(data.length, now);
    this.#counters.lost += link.lost - lost;
    this.#counters.overflowed += link.overflowed - overflowed;
    if (arrival === LOST) return false;
    const copy = data.slice();
    this.#timers.after(arrival - now, () => this.#deliver(from, to, copy));
    return true;
  }

  #deliver(from: NetworkAddress, to: NetworkAddress, data: Uint8Array): void {
    const receive = this.#sockets.get(keyOf(to));
    if (receive === undefined) {
      this.#counters.unreachable++;
      return;
    }
    this.#counters.delivered++;
    receive(data, from);
  }
}

function keyOf({ ip, port }: NetworkAddress): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
