/**
 * Finds the owner of a STUN datagram on the single port: a Binding request by the local ufrag in its
 * USERNAME (also when the remote address is bound to somebody else: [REPL] of spec jvb-control 3.4),
 * a response by the tag in its transaction id. Everything else has no owner and is dropped.
 *
 * Also remembers who bound a remote address last, so that the one who lost it to another endpoint
 * does not unbind it under the new owner's feet.
 */
import type { Random } from "#shared/runtime/runtime";
import { Attribute, HEADER_BYTES, looksLikeStun } from "../stun/stun-message.ts";

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;

export class IceDemux<T> {
  readonly #byUfrag = new Map<string, T>();
  readonly #byTag = new Map<number, T>();
  readonly #byAddress = new Map<string, T>();

  /** Datagrams without an owner. */
  unroutable = 0;

  /** A 32-bit number no other agent uses; the first four bytes of its transaction ids. */
  newTag(random: Random): number {
    for (;;) {
      const tag = random.int(2 ** 32);
      if (!this.#byTag.has(tag)) return tag;
    }
  }

  hasUfrag(ufrag: string): boolean {
    return this.#byUfrag.has(ufrag);
  }

  register(ufrag: string, tag: number, owner: T): void {
    this.#byUfrag.set(ufrag, owner);
    this.#byTag.set(tag, owner);
  }

  unregister(ufrag: string, tag: number): void {
    this.#byUfrag.delete(ufrag);
    this.#byTag.delete(tag);
  }

  /** `key`: `addressKey(socket, remote)`. The last to bind it owns it; returns who loses it. */
  bind(key: string, owner: T): T | undefined {
    const previous = this.#byAddress.get(key);
    this.#byAddress.set(key, owner);
    return previous === owner ? undefined : previous;
  }

  /** Whether the address is `owner`'s now. */
  owns(key: string, owner: T): boolean {
    return this.#byAddress.get(key) === owner;
  }

  /** Whether the address was still `owner`'s; only then may it be unbound in the socket table. */
  unbind(key: string, owner: T): boolean {
    if (this.#byAddress.get(key) !== owner) return false;
    this.#byAddress.delete(key);
    return true;
  }

  /** Owner of the datagram at `bytes[offset, offset+length)`, or undefined: drop it silently. */
  route(bytes: Uint8Array, offset: number, length: number): T | undefined {
    const owner = this.#find(bytes, offset, length);
    if (owner === undefined) this.unroutable++;
    return owner;
  }

  #find(bytes: Uint8Array, offset: number, length: number): T | undefined {
    if (!looksLikeStun(bytes, offset, length)) return undefined;
    switch (uint16(bytes, offset)) {
      case BINDING_REQUEST: {
        const ufrag = localUfrag(bytes, offset, offset + length);
        return ufrag === undefined ? undefined : this.#byUfrag.get(ufrag);
      }
      case BINDING_SUCCESS:
      case BINDING_ERROR: {
        const tag = uint16(bytes, offset + 8) * 65_536 + uint16(bytes, offset + 10);
        return this.#byTag.get(tag);
      }
      default:
        return undefined;
    }
  }
}

/** The part of USERNAME before the colon: the ufrag of whom the request is for. */
function localUfrag(bytes: Uint8Array, offset: number, end: number): string | undefined {
  let at = offset + HEADER_BYTES;
  while (at + 4 <= end) {
    const size = uint16(bytes, at + 2);
    if (uint16(bytes, at) === Attribute.username) {
      const last = Math.min(at + 4 + size, end);
      const colon = bytes.indexOf(0x3a, at + 4);
      if (colon < 0 || colon >= last) return undefined;
      return Buffer.from(bytes.buffer, bytes.byteOffset + at + 4, colon - at - 4).toString();
    }
    at += 4 + ((size + 3) & ~3);
  }
  return undefined;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
