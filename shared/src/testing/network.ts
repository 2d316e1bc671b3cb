/**
 * A datagram network in memory on a virtual clock: delay, jitter, loss, duplication, reordering and
 * a rate limit per link, repeatable from a seed. For transport and media scenarios.
 */
import type { Millis, Random, Timers } from "../runtime/runtime.ts";

/** How datagrams in one direction fare. All default to a perfect link. */
export interface LinkConditions {
  readonly delayMs?: Millis;
  /** Added to the delay, evenly from 0 up to this. Later datagrams may overtake earlier ones. */
  readonly jitterMs?: Millis;
  /** Share lost, 0 to 1. */
  readonly loss?: number;
  /** Share sent twice, 0 to 1. */
  readonly duplicate?: number;
  /** Share held back by `reorderMs`, 0 to 1. */
  readonly reorder?: number;
  readonly reorderMs?: Millis;
  /** Bits per second through a queue; beyond `queueBytes` datagrams are dropped. */
  readonly rateBps?: number;
  readonly queueBytes?: number;
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
  readonly #links = new Map<string, LinkConditions>();
  /** When the queue of a link with a rate is empty again. */
  readonly #busyUntil = new Map<string, Millis>();
  #conditions: LinkConditions;
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
    conditions: LinkConditions = {},
  ) {
    this.#timers = runtime.timers;
    this.#now = () => runtime.clock.now();
    this.#random = runtime.random;
    this.#conditions = conditions;
  }

  /** Conditions of all links without their own; applies to datagrams sent from now on. */
  setConditions(conditions: LinkConditions): void {
    this.#conditions = conditions;
  }

  /** Conditions from one IP address to another, in this direction. */
  setLink(fromIp: string, toIp: string, conditions: LinkConditions): void {
    this.#links.set(`${fromIp}>${toIp}`, conditions);
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
    const link = `${from.ip}>${to.ip}`;
    const conditions = this.#links.get(link) ?? this.#conditions;
    if (this.#random.float() < (conditions.loss ?? 0)) {
      this.#counters.lost++;
      return;
    }
    const queued = this.#queue(link, conditions, data.length);
    if (queued === undefined) {
      this.#counters.overflowed++;
      return;
    }
    const copy = data.slice();
    this.#timers.after(queued + this.#delay(conditions), () => this.#deliver(from, to, copy));
    if (this.#random.float() < (conditions.duplicate ?? 0)) {
      this.#counters.duplicated++;
      const again = data.slice();
      this.#timers.after(queued + this.#delay(conditions), () => this.#deliver(from, to, again));
    }
  }

  #delay(conditions: LinkConditions): Millis {
    const jitter = this.#random.float() * (conditions.jitterMs ?? 0);
    const held =
      this.#random.float() < (conditions.reorder ?? 0) ? (conditions.reorderMs ?? 20) : 0;
    return (conditions.delayMs ?? 0) + jitter + held;
  }

  /** Waiting and sending time in the queue, or `undefined` when it is full. */
  #queue(link: string, conditions: LinkConditions, bytes: number): Millis | undefined {
    const { rateBps } = conditions;
    if (rateBps === undefined) return 0;
    const now = this.#now();
    const start = Math.max(now, this.#busyUntil.get(link) ?? 0);
    const waitingBytes = ((start - now) * rateBps) / 8000;
    if (waitingBytes + bytes > (conditions.queueBytes ?? 64_000)) return undefined;
    const end = start + (bytes * 8000) / rateBps;
    this.#busyUntil.set(link, end);
    return end - now;
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
