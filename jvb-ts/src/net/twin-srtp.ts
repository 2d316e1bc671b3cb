/**
 * SRTP and SRTCP in TypeScript (RFC 3711, RFC 7714): the addon's twin for the test tables. Written
 * to be read beside the RFCs, not to be fast.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { type SrtpKeys, SrtpProfile, type SrtpProfileId } from "../media/packet-io.ts";
import { Status } from "../media/slab.ts";
import type { SrtpTransform } from "./srtp-transform.ts";

const GCM_TAG = 16;
const HMAC_TAG = 10;
/** Packets a receiver may lag behind the newest and still pass. */
const WINDOW = 128n;
const WINDOW_MASK = (1n << WINDOW) - 1n;
/** Packets behind the newest that still may go out, and those of them that may go out again. */
const HISTORY = 2048;
const REPEATABLE_PACKETS = 512;
/** SSRCs remembered per session and direction. */
const MAX_RX_STREAMS = 1024;
const MAX_TX_STREAMS = 8192;

/** Label numbers of RFC 3711 4.3.2, for RTP and for RTCP. */
const LABELS = { rtp: 0, rtcp: 3 } as const;

interface StreamKeys {
  readonly key: Uint8Array;
  readonly auth: Uint8Array;
  /** 12 bytes for GCM, else 14 and two of zero. */
  readonly salt: Uint8Array;
}

/** Key derivation with rate 0 (RFC 3711 4.3; RFC 7714 11 for 12-byte salts). */
export function deriveKey(
  key: Uint8Array,
  salt: Uint8Array,
  label: number,
  length: number,
): Uint8Array {
  const iv = new Uint8Array(16);
  iv.set(salt);
  iv[7] = (iv[7] ?? 0) ^ label;
  return new Uint8Array(createCipheriv("aes-128-ctr", key, iv).update(new Uint8Array(length)));
}

function streamKeys(key: Uint8Array, salt: Uint8Array, label: number): StreamKeys {
  const padded = new Uint8Array(16);
  padded.set(deriveKey(key, salt, label + 2, salt.length));
  return {
    key: deriveKey(key, salt, label, 16),
    auth: deriveKey(key, salt, label + 1, 20),
    salt: padded,
  };
}

/** Which indices were seen: the highest and the 128 up to it. */
class ReplayWindow {
  highest = -1;
  #bits = 0n;

  seen(index: number): boolean {
    if (index > this.highest) return false;
    const back = BigInt(this.highest - index);
    return back >= WINDOW || ((this.#bits >> back) & 1n) !== 0n;
  }

  mark(index: number): void {
    if (index > this.highest) {
      this.#bits = ((this.#bits << BigInt(index - this.highest)) | 1n) & WINDOW_MASK;
      this.highest = index;
    } else {
      const back = BigInt(this.highest - index);
      if (back < WINDOW) this.#bits |= 1n << back;
    }
  }

  /** The 48-bit index of `seq` (RFC 3711 3.3.1), or undefined outside of the key's index space. */
  estimate(seq: number): number | undefined {
    if (this.highest < 0) return seq;
    let roc = Math.floor(this.highest / 0x10000);
    const last = this.highest % 0x10000;
    if (last < 0x8000) {
      if (seq - last > 0x8000) roc--;
    } else if (last - 0x8000 > seq) {
      roc++;
    }
    return roc < 0 || roc > 0xffffffff ? undefined : roc * 0x10000 + seq;
  }
}

/** Indices that went out, and the first eight bytes of the tags of packets that may go out again. */
class SentIndices {
  readonly #sent = new Set<number>();
  /** By index modulo `REPEATABLE`; undefined while no packet of the stream may be repeated. */
  #tags: string[] | undefined = undefined;

  /** Whether `index` was used; what is older than the history, was. */
  has(index: number, highest: number): boolean {
    return index <= highest && (highest - index >= HISTORY || this.#sent.has(index));
  }

  mayRepeat(index: number, highest: number): boolean {
    return this.#tags !== undefined && highest - index < REPEATABLE_PACKETS;
  }

  isSame(index: number, tag: Uint8Array): boolean {
    return this.#tags?.[index % REPEATABLE_PACKETS] === tagText(tag);
  }

  add(index: number, repeatable: boolean, tag: Uint8Array): void {
    this.#sent.add(index);
    if (repeatable) this.#tags ??= [];
    if (this.#tags !== undefined) this.#tags[index % REPEATABLE_PACKETS] = tagText(tag);
  }
}

const tagText = (tag: Uint8Array): string => Buffer.from(tag.subarray(0, 8)).toString("hex");

interface Stream {
  readonly rtp: ReplayWindow;
  readonly rtcp: ReplayWindow;
  /** Sending only. */
  readonly sent: SentIndices;
}

const newStream = (): Stream => ({
  rtp: new ReplayWindow(),
  rtcp: new ReplayWindow(),
  sent: new SentIndices(),
});

class Direction {
  readonly rtp: StreamKeys;
  readonly rtcp: StreamKeys;
  readonly streams = new Map<number, Stream>();

  constructor(key: Uint8Array, salt: Uint8Array) {
    this.rtp = streamKeys(key, salt, LABELS.rtp);
    this.rtcp = streamKeys(key, salt, LABELS.rtcp);
  }
}

const read16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const read32 = (bytes: Uint8Array, at: number): number =>
  (read16(bytes, at) * 0x10000 + read16(bytes, at + 2)) >>> 0;

function write32(bytes: Uint8Array, at: number, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value);
}

/** Bytes before the payload, or undefined when they do not fit. */
function rtpHeaderLength(packet: Uint8Array): number | undefined {
  const first = packet[0] ?? 0;
  if (packet.length < 12 || first >> 6 !== 2) return undefined;
  let header = 12 + 4 * (first & 15);
  if ((first & 0x10) !== 0) {
    if (header + 4 > packet.length) return undefined;
    header += 4 + 4 * read16(packet, header + 2);
  }
  return header <= packet.length ? header : undefined;
}

/** Cryptex (RFC 9335): everything behind the first words of header and extension is encrypted. */
const CRYPTEX_CLEAR = 16;
const CRYPTEX_PROFILES: Readonly<Record<number, number>> = { 49374: 0xbede, 49886: 0x1000 };

/** The header must have been measured. */
function isCryptex(packet: Uint8Array): boolean {
  const first = packet[0] ?? 0;
  return (first & 0x10) !== 0 && read16(packet, 12 + 4 * (first & 15)) in CRYPTEX_PROFILES;
}

/**
 * Exchanges the `first` bytes behind the fixed header with the `second` that follow: for the cipher
 * the CSRCs stand behind the first word of the extension.
 */
function exchange(packet: Uint8Array, first: number, second: number): void {
  const [a, b] = [packet.slice(12, 12 + first), packet.slice(12 + first, 12 + first + second)];
  packet.set(b, 12);
  packet.set(a, 12 + second);
}

/**
 * The packet in the form of Cryptex, as the cipher takes it: CSRCs without an extension get an empty one.
 * Undefined when it has nothing to hide, or an extension of no form of RFC 8285.
 */
function cryptexForm(packet: Uint8Array): Uint8Array | undefined {
  const csrcs = 4 * ((packet[0] ?? 0) & 15);
  const at = 12 + csrcs;
  let form = packet.slice();
  if (((packet[0] ?? 0) & 0x10) === 0) {
    if (csrcs === 0) return undefined;
    form = Uint8Array.of(...packet.subarray(0, at), 0xbe, 0xde, 0, 0, ...packet.subarray(at));
    form[0] = (form[0] ?? 0) | 0x10;
  }
  const profile = Object.entries(CRYPTEX_PROFILES).find(([, clear]) => clear === read16(form, at));
  if (profile === undefined) return undefined;
  form[at] = Number(profile[0]) >> 8;
  form[at + 1] = Number(profile[0]);
  exchange(form, csrcs, 4);
  return form;
}

/** Back in order and with the profile of RFC 8285, as what follows reads it. */
function endCryptex(packet: Uint8Array): void {
  const csrcs = 4 * ((packet[0] ?? 0) & 15);
  exchange(packet, 4, csrcs);
  const profile = CRYPTEX_PROFILES[read16(packet, 12 + csrcs)] ?? 0;
  packet[12 + csrcs] = profile >> 8;
  packet[13 + csrcs] = profile;
}

/** SSRC and 48-bit index laid over the salt, from byte `at`. */
function ivOf(salt: Uint8Array, length: number, at: number, ssrc: number, index: number) {
  const iv = salt.slice(0, length);
  const value = new Uint8Array(10);
  write32(value, 0, ssrc);
  value[4] = Math.floor(index / 2 ** 40);
  value[5] = Math.floor(index / 2 ** 32);
  write32(value, 6, index % 2 ** 32);
  for (let i = 0; i < 10; i++) iv[at + i] = (iv[at + i] ?? 0) ^ (value[i] ?? 0);
  return iv;
}

/** RFC 7714 8.1 (`index` = ROC and sequence number) and 9.1 (`index` = SRTCP index). */
export function gcmIv(salt: Uint8Array, ssrc: number, index: number): Uint8Array {
  return ivOf(salt, 12, 2, ssrc, index);
}

function counterMode(keys: StreamKeys, ssrc: number, index: number, data: Uint8Array): void {
  data.set(
    createCipheriv("aes-128-ctr", keys.key, ivOf(keys.salt, 16, 4, ssrc, index)).update(data),
  );
}

function hmac(keys: StreamKeys, data: Uint8Array, roc?: number): Uint8Array {
  const mac = createHmac("sha1", keys.auth).update(data);
  if (roc !== undefined) {
    const word = new Uint8Array(4);
    write32(word, 0, roc);
    mac.update(word);
  }
  return mac.digest().subarray(0, HMAC_TAG);
}

/** Encrypts `data` in place and returns the tag. */
export function seal(
  key: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv("aes-128-gcm", key, iv).setAAD(aad);
  data.set(cipher.update(data));
  cipher.final();
  return cipher.getAuthTag();
}

function open(
  keys: StreamKeys,
  iv: Uint8Array,
  aad: Uint8Array,
  data: Uint8Array,
  tag: Uint8Array,
): boolean {
  const cipher = createDecipheriv("aes-128-gcm", keys.key, iv, { authTagLength: GCM_TAG });
  cipher.setAAD(aad).setAuthTag(tag);
  data.set(cipher.update(data));
  try {
    cipher.final();
    return true;
  } catch {
    return false;
  }
}

/** `SrtpTransform` over node:crypto. */
export class TwinSrtp implements SrtpTransform {
  /** Packets protected, and refused, under an index used before. */
  repeated = 0;
  refused = 0;
  readonly #gcm: boolean;
  readonly #sendsCryptex: boolean;
  readonly #tx: Direction;
  readonly #rx: Direction;

  constructor(keys: SrtpKeys) {
    const profile: SrtpProfileId = keys.profile;
    this.#gcm = profile === SrtpProfile.AEAD_AES_128_GCM;
    this.#sendsCryptex = keys.cryptex ?? false;
    this.#tx = new Direction(keys.localKey, keys.localSalt);
    this.#rx = new Direction(keys.remoteKey, keys.remoteSalt);
  }

  protectRtp(bytes: Uint8Array, offset: number, length: number): number {
    return this.#protect(bytes, offset, length, false);
  }

  protectRepeatable(bytes: Uint8Array, offset: number, length: number): number {
    return this.#protect(bytes, offset, length, true);
  }

  #protect(bytes: Uint8Array, offset: number, length: number, repeatable: boolean): number {
    let packet = bytes.subarray(offset, offset + length);
    let header = rtpHeaderLength(packet);
    if (header === undefined) return -Status.malformed;
    const ssrc = read32(packet, 8);
    const stream = this.#sending(ssrc);
    if (stream === undefined) return -Status.malformed;
    const index = stream.rtp.estimate(read16(packet, 2));
    if (index === undefined) return -Status.replayed;
    const { sent, rtp } = stream;
    const isRepeat = sent.has(index, rtp.highest);
    if (isRepeat && !sent.mayRepeat(index, rtp.highest)) {
      this.refused++;
      return -Status.replayed;
    }
    const form = this.#sendsCryptex ? cryptexForm(packet) : undefined;
    if (form !== undefined) {
      bytes.set(form, offset);
      packet = bytes.subarray(offset, offset + form.length);
      header = CRYPTEX_CLEAR;
    }
    const tag = this.#sealRtp(packet, header, ssrc, index, form !== undefined);
    if (isRepeat && !sent.isSame(index, tag)) {
      this.refused++;
      return -Status.replayed;
    }
    if (isRepeat) this.repeated++;
    else sent.add(index, repeatable, tag);
    rtp.mark(index);
    bytes.set(tag, offset + packet.length);
    return packet.length + tag.length;
  }

  /** Encrypts from `clear` on, in place, and returns the tag. */
  #sealRtp(
    packet: Uint8Array,
    clear: number,
    ssrc: number,
    index: number,
    cryptex: boolean,
  ): Uint8Array {
    const keys = this.#tx.rtp;
    const payload = packet.subarray(clear);
    const csrcs = 4 * ((packet[0] ?? 0) & 15);
    if (this.#gcm) {
      const iv = gcmIv(keys.salt, ssrc, index);
      const tag = seal(keys.key, iv, packet.subarray(0, clear), payload);
      if (cryptex) exchange(packet, 4, csrcs);
      return tag;
    }
    counterMode(keys, ssrc, index, payload);
    if (cryptex) exchange(packet, 4, csrcs);
    return hmac(keys, packet, Math.floor(index / 0x10000));
  }

  protectRtcp(bytes: Uint8Array, offset: number, length: number): number {
    const packet = bytes.subarray(offset, offset + length);
    if (length < 8 || (packet[0] ?? 0) >> 6 !== 2) return -Status.malformed;
    const ssrc = read32(packet, 4);
    const stream = this.#sending(ssrc);
    if (stream === undefined) return -Status.malformed;
    const index = stream.rtcp.highest + 1;
    if (index > 0x7fffffff) return -Status.replayed;
    stream.rtcp.mark(index);
    const keys = this.#tx.rtcp;
    const payload = packet.subarray(8);
    const word = new Uint8Array(4);
    write32(word, 0, 0x80000000 + index);
    if (this.#gcm) {
      const aad = Buffer.concat([packet.subarray(0, 8), word]);
      const tag = seal(keys.key, gcmIv(keys.salt, ssrc, index), aad, payload);
      bytes.set(tag, offset + length);
      bytes.set(word, offset + length + GCM_TAG);
      return length + GCM_TAG + 4;
    }
    counterMode(keys, ssrc, index, payload);
    bytes.set(word, offset + length);
    bytes.set(hmac(keys, bytes.subarray(offset, offset + length + 4)), offset + length + 4);
    return length + 4 + HMAC_TAG;
  }

  unprotectRtp(bytes: Uint8Array, offset: number, length: number): number {
    const plain = length - (this.#gcm ? GCM_TAG : HMAC_TAG);
    const packet = bytes.subarray(offset, offset + Math.max(plain, 0));
    const header = rtpHeaderLength(packet);
    if (header === undefined) return -Status.malformed;
    const ssrc = read32(packet, 8);
    const stream = this.#receiving(ssrc);
    if (stream === undefined) return -Status.malformed;
    const index = stream.rtp.estimate(read16(packet, 2));
    if (index === undefined || stream.rtp.seen(index)) return -Status.replayed;
    const keys = this.#rx.rtp;
    const cryptex = isCryptex(packet);
    const csrcs = 4 * ((packet[0] ?? 0) & 15);
    const clear = cryptex ? CRYPTEX_CLEAR : header;
    const payload = packet.subarray(clear);
    const tag = bytes.slice(offset + plain, offset + length);
    if (this.#gcm) {
      const iv = gcmIv(keys.salt, ssrc, index);
      if (cryptex) exchange(packet, csrcs, 4);
      if (!open(keys, iv, packet.subarray(0, clear), payload, tag)) return -Status.authFailed;
    } else {
      if (!timingSafeEqual(hmac(keys, packet, Math.floor(index / 0x10000)), tag))
        return -Status.authFailed;
      if (cryptex) exchange(packet, csrcs, 4);
      counterMode(keys, ssrc, index, payload);
    }
    if (cryptex) endCryptex(packet);
    stream.rtp.mark(index);
    this.#rx.streams.set(ssrc, stream);
    return plain;
  }

  unprotectRtcp(bytes: Uint8Array, offset: number, length: number): number {
    const tagLength = this.#gcm ? GCM_TAG : HMAC_TAG;
    const plain = length - tagLength - 4;
    if (plain < 8 || (bytes[offset] ?? 0) >> 6 !== 2) return -Status.malformed;
    const packet = bytes.subarray(offset, offset + plain);
    const ssrc = read32(packet, 4);
    const wordAt = offset + plain + (this.#gcm ? GCM_TAG : 0);
    const tagAt = offset + plain + (this.#gcm ? 0 : 4);
    const word = bytes.slice(wordAt, wordAt + 4);
    const tag = bytes.slice(tagAt, tagAt + tagLength);
    const encrypted = ((word[0] ?? 0) & 0x80) !== 0;
    const index = read32(word, 0) % 0x80000000;
    const stream = this.#receiving(ssrc);
    if (stream === undefined) return -Status.malformed;
    if (stream.rtcp.seen(index)) return -Status.replayed;
    const keys = this.#rx.rtcp;
    if (this.#gcm) {
      // Unencrypted SRTCP is authenticated whole (RFC 7714 9.3).
      const split = encrypted ? 8 : plain;
      const aad = Buffer.concat([packet.subarray(0, split), word]);
      const iv = gcmIv(keys.salt, ssrc, index);
      if (!open(keys, iv, aad, packet.subarray(split), tag)) return -Status.authFailed;
    } else {
      const covered = bytes.subarray(offset, offset + plain + 4);
      if (!timingSafeEqual(hmac(keys, covered), tag)) return -Status.authFailed;
      if (encrypted) counterMode(keys, ssrc, index, packet.subarray(8));
    }
    stream.rtcp.mark(index);
    this.#rx.streams.set(ssrc, stream);
    return plain;
  }

  /** An SSRC is never forgotten while sending: it would start again at index 0 under these keys. */
  #sending(ssrc: number): Stream | undefined {
    const known = this.#tx.streams.get(ssrc);
    if (known !== undefined) return known;
    if (this.#tx.streams.size >= MAX_TX_STREAMS) return undefined;
    const fresh = newStream();
    this.#tx.streams.set(ssrc, fresh);
    return fresh;
  }

  /** A stream that the caller keeps only after the packet has proven authentic. */
  #receiving(ssrc: number): Stream | undefined {
    const known = this.#rx.streams.get(ssrc);
    if (known !== undefined) return known;
    return this.#rx.streams.size >= MAX_RX_STREAMS ? undefined : newStream();
  }
}
