/**
 * STUN (RFC 8489) as far as ICE (RFC 8445) speaks it: parse, check, build.
 *
 * Own codec: werift's takes attributes behind MESSAGE-INTEGRITY for good (an on-path attacker could
 * append USE-CANDIDATE to a signed request) and ignores the length field. Peer input never throws.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import type { SocketAddress } from "../../media/packet-io.ts";
import { formatIp, parseIp } from "./ip-address.ts";

export type StunClass = "request" | "indication" | "success" | "error";

export const BINDING = 0x001;
export const HEADER_BYTES = 20;
export const MAGIC_COOKIE = 0x2112a442;
/** `FINGERPRINT` is the CRC-32 XORed with this ("STUN"). */
const FINGERPRINT_XOR = 0x5354554e;

/** Attributes known here; of others only the comprehension-required ones matter. */
export const Attribute = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  software: 0x8022,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
} as const;

/** A parsed message. Attributes behind MESSAGE-INTEGRITY are not looked at. */
export interface StunMessage {
  readonly messageClass: StunClass;
  readonly method: number;
  /** The message itself; `transactionId` and the integrity check refer to it. */
  readonly bytes: Uint8Array;
  readonly username: string | undefined;
  readonly priority: number | undefined;
  readonly useCandidate: boolean;
  /** Role and tie-breaker of the sender. */
  readonly role: IceRoleAttribute | undefined;
  /** XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS. */
  readonly mapped: SocketAddress | undefined;
  readonly errorCode: number | undefined;
  /** Comprehension-required attributes that we do not know. */
  readonly unknownRequired: readonly number[];
  /** Offset of MESSAGE-INTEGRITY, -1 without. */
  readonly integrityAt: number;
}

export interface IceRoleAttribute {
  readonly controlling: boolean;
  readonly tieBreaker: bigint;
}

interface Fields {
  username: string | undefined;
  priority: number | undefined;
  useCandidate: boolean;
  role: IceRoleAttribute | undefined;
  mapped: SocketAddress | undefined;
  errorCode: number | undefined;
  unknownRequired: number[];
  integrityAt: number;
}

const classes = ["request", "indication", "success", "error"] as const;
const text = new TextDecoder("utf-8");

/** First bytes only: two zero bits, magic cookie, plausible length. For demultiplexing. */
export function looksLikeStun(bytes: Uint8Array, offset: number, length: number): boolean {
  return (
    length >= HEADER_BYTES &&
    ((bytes[offset] ?? 0xff) & 0xc0) === 0 &&
    bytes[offset + 4] === 0x21 &&
    bytes[offset + 5] === 0x12 &&
    bytes[offset + 6] === 0xa4 &&
    bytes[offset + 7] === 0x42
  );
}

/** Parses one datagram; undefined for anything that is not one whole, well-formed STUN message. */
export function parseStun(bytes: Uint8Array): StunMessage | undefined {
  if (!looksLikeStun(bytes, 0, bytes.length)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint16(2);
  if (length % 4 !== 0 || HEADER_BYTES + length !== bytes.length) return undefined;
  const type = view.getUint16(0);
  const fields: Fields = {
    username: undefined,
    priority: undefined,
    useCandidate: false,
    role: undefined,
    mapped: undefined,
    errorCode: undefined,
    unknownRequired: [],
    integrityAt: -1,
  };
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined;
    const attribute = view.getUint16(at);
    const size = view.getUint16(at + 2);
    const next = at + 4 + ((size + 3) & ~3);
    if (next > bytes.length) return undefined;
    if (attribute === Attribute.fingerprint) {
      // The last attribute, and right: what shares a port with STUN must not pass for it.
      if (size !== 4 || next !== bytes.length) return undefined;
      if (view.getUint32(at + 4) !== fingerprintOf(bytes.subarray(0, at))) return undefined;
    } else if (fields.integrityAt < 0) {
      if (!readAttribute(fields, bytes, view, attribute, at + 4, size)) return undefined;
      if (attribute === Attribute.messageIntegrity) fields.integrityAt = at;
    }
    at = next;
  }
  const messageClass = classes[((type >> 7) & 2) | ((type >> 4) & 1)] ?? "request";
  const method = (type & 0x000f) | ((type & 0x00e0) >> 1) | ((type & 0x3e00) >> 2);
  return { messageClass, method, bytes, ...fields };
}

function readAttribute(
  fields: Fields,
  bytes: Uint8Array,
  view: DataView,
  attribute: number,
  at: number,
  size: number,
): boolean {
  switch (attribute) {
    case Attribute.username:
      if (size > 513) return false;
      fields.username ??= text.decode(bytes.subarray(at, at + size));
      return true;
    case Attribute.priority:
      if (size !== 4) return false;
      fields.priority ??= view.getUint32(at);
      return true;
    case Attribute.useCandidate:
      fields.useCandidate = true;
      return true;
    case Attribute.iceControlled:
    case Attribute.iceControlling:
      if (size !== 8) return false;
      fields.role ??= {
        controlling: attribute === Attribute.iceControlling,
        tieBreaker: view.getBigUint64(at),
      };
      return true;
    case Attribute.xorMappedAddress:
      fields.mapped = readAddress(bytes, at, size, true);
      return fields.mapped !== undefined;
    case Attribute.mappedAddress:
      fields.mapped ??= readAddress(bytes, at, size, false);
      return true;
    case Attribute.errorCode:
      if (size < 4) return false;
      fields.errorCode ??= ((bytes[at + 2] ?? 0) & 7) * 100 + (bytes[at + 3] ?? 0);
      return true;
    case Attribute.messageIntegrity:
      return size === 20;
    case Attribute.unknownAttributes:
      return true;
    default:
      if (attribute < 0x8000 && fields.unknownRequired.length < 8) {
        fields.unknownRequired.push(attribute);
      }
      return true;
  }
}

function readAddress(
  bytes: Uint8Array,
  at: number,
  size: number,
  xored: boolean,
): SocketAddress | undefined {
  const family = bytes[at + 1];
  const length = family === 1 ? 4 : family === 2 ? 16 : 0;
  if (length === 0 || size !== 4 + length) return undefined;
  // Not `slice`, which is a view when the input is a Buffer.
  const raw = new Uint8Array(bytes.subarray(at + 2, at + 4 + length));
  // The XOR mask is the cookie (twice for the port) followed by the transaction id: bytes 4..19.
  if (xored) {
    for (let i = 0; i < raw.length; i++) {
      const mask = bytes[i < 2 ? 4 + i : 2 + i] ?? 0;
      raw[i] = (raw[i] ?? 0) ^ mask;
    }
  }
  const port = ((raw[0] ?? 0) << 8) | (raw[1] ?? 0);
  return { ip: formatIp(raw, 2, length === 4 ? 4 : 16), port };
}

/** The 12 bytes of a message's transaction id as lower-case hex. */
export function transactionKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + 8, 12).toString("hex");
}

/** Whether MESSAGE-INTEGRITY is there and right for the short-term password `key`. */
export function integrityHolds(message: StunMessage, key: string): boolean {
  if (message.integrityAt < 0) return false;
  const { bytes, integrityAt } = message;
  const expected = integrityOf(bytes.subarray(0, integrityAt), key);
  return timingSafeEqual(expected, bytes.subarray(integrityAt + 4, integrityAt + 24));
}

/** HMAC-SHA1 over the message so far, its length field counting the attribute to come. */
function integrityOf(prefix: Uint8Array, key: string): Uint8Array {
  return createHmac("sha1", key).update(withLength(prefix, 24)).update(prefix.subarray(4)).digest();
}

function fingerprintOf(prefix: Uint8Array): number {
  const head = crc32(withLength(prefix, 8));
  return (crc32(prefix.subarray(4), head) ^ FINGERPRINT_XOR) >>> 0;
}

/** The first four bytes with the length as it is after another `extra` bytes. */
function withLength(prefix: Uint8Array, extra: number): Uint8Array {
  const length = prefix.length - HEADER_BYTES + extra;
  return Uint8Array.of(prefix[0] ?? 0, prefix[1] ?? 0, length >> 8, length & 0xff);
}

/** Builds one message; `finish` closes it. */
export class StunWriter {
  readonly #bytes = new Uint8Array(1024);
  readonly #view = new DataView(this.#bytes.buffer);
  #at = HEADER_BYTES;

  /** `transactionId`: 12 bytes. */
  constructor(messageClass: StunClass, method: number, transactionId: Uint8Array) {
    const at = classes.indexOf(messageClass);
    const type =
      (method & 0x000f) |
      ((method & 0x0070) << 1) |
      ((method & 0x0f80) << 2) |
      ((at & 1) << 4) |
      ((at & 2) << 7);
    this.#view.setUint16(0, type);
    this.#view.setUint32(4, MAGIC_COOKIE);
    this.#bytes.set(transactionId.subarray(0, 12), 8);
  }

  attribute(type: number, value: Uint8Array): this {
    this.#view.setUint16(this.#at, type);
    this.#view.setUint16(this.#at + 2, value.length);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + ((value.length + 3) & ~3);
    return this;
  }

  string(type: number, value: string): this {
    return this.attribute(type, Buffer.from(value, "utf8"));
  }

  uint32(type: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.attribute(type, bytes);
  }

  role(role: IceRoleAttribute): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, role.tieBreaker);
    return this.attribute(
      role.controlling ? Attribute.iceControlling : Attribute.iceControlled,
      bytes,
    );
  }

  error(code: number, reason: string): this {
    const words = Buffer.from(reason, "utf8");
    const bytes = new Uint8Array(4 + words.length);
    bytes[2] = Math.floor(code / 100);
    bytes[3] = code % 100;
    bytes.set(words, 4);
    return this.attribute(Attribute.errorCode, bytes);
  }

  /** XOR-MAPPED-ADDRESS. `address.ip` is a literal. */
  xorMapped(address: SocketAddress): this {
    const ip = parseIp(address.ip);
    if (ip === undefined) return this;
    const bytes = new Uint8Array(4 + ip.length);
    bytes[1] = ip.length === 4 ? 1 : 2;
    bytes[2] = (address.port >> 8) ^ 0x21;
    bytes[3] = (address.port & 0xff) ^ 0x12;
    for (let i = 0; i < ip.length; i++) {
      bytes[4 + i] = (ip[i] ?? 0) ^ (this.#bytes[4 + i] ?? 0);
    }
    return this.attribute(Attribute.xorMappedAddress, bytes);
  }

  /** Adds MESSAGE-INTEGRITY (when a key is given) and FINGERPRINT. */
  finish(key: string | undefined): Uint8Array {
    if (key !== undefined) {
      const prefix = this.#bytes.subarray(0, this.#at);
      this.attribute(Attribute.messageIntegrity, integrityOf(prefix, key));
    }
    this.uint32(Attribute.fingerprint, fingerprintOf(this.#bytes.subarray(0, this.#at)));
    this.#view.setUint16(2, this.#at - HEADER_BYTES);
    return this.#bytes.slice(0, this.#at);
  }
}
