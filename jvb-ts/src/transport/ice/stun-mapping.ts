/**
 * Asks one STUN server how one local address is seen from outside (spec jvb-control 3.3): found
 * once at start, it adds a server-reflexive candidate to every endpoint. I/O-free; the driver sends
 * from a socket on the local address.
 */
import type { Millis, Random } from "#shared/runtime/runtime";
import { BINDING, parseStun, StunWriter } from "../stun/stun-message.ts";
import type { AddressMapping } from "./address-mapping.ts";

/** RFC 8489 6.2.1 with upstream's timers: 100 ms doubling to 1600 ms, six repeats. */
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 1600;
const REPEATS = 6;

export class StunMappingQuery {
  readonly #localIp: string;
  readonly #transactionId: Uint8Array;
  readonly #request: Uint8Array;
  #left = REPEATS;
  #wait = FIRST_WAIT_MS;
  #nextAt: Millis | undefined;
  /** Undefined while it is not known; `none` when the server is silent or sees no difference. */
  result: AddressMapping | "none" | undefined;

  constructor(localIp: string, random: Random) {
    this.#localIp = localIp;
    this.#transactionId = random.bytes(12);
    this.#request = new StunWriter("request", BINDING, this.#transactionId).finish(undefined);
  }

  /** The datagram for the server. */
  start(now: Millis): Uint8Array {
    this.#nextAt = now + this.#wait;
    return this.#request;
  }

  /** A datagram from the server; anything but our answer is ignored. */
  handleDatagram(bytes: Uint8Array): void {
    const message = parseStun(bytes);
    if (message?.messageClass !== "success" || this.result !== undefined) return;
    if (!this.#transactionId.every((byte, i) => byte === message.bytes[8 + i])) return;
    const publicIp = message.mapped?.ip;
    this.#nextAt = undefined;
    if (publicIp === undefined || publicIp === this.#localIp) {
      this.result = "none";
      return;
    }
    // Without ports: the query's own socket is not the media socket.
    this.result = {
      localIp: this.#localIp,
      publicIp,
      localPort: undefined,
      publicPort: undefined,
    };
  }

  /** The request again, when one is due. */
  handleTimeout(now: Millis): Uint8Array | undefined {
    if (this.#nextAt === undefined || this.#nextAt > now) return undefined;
    if (this.#left === 0) {
      this.#nextAt = undefined;
      this.result = "none";
      return undefined;
    }
    this.#left--;
    this.#wait = Math.min(MAX_WAIT_MS, this.#wait * 2);
    this.#nextAt = now + this.#wait;
    return this.#request;
  }

  pollTimeout(): Millis | undefined {
    return this.#nextAt;
  }
}
