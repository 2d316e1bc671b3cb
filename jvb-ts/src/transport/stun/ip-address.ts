/**
 * IP addresses as text and as bytes. Addresses are compared as text all over the transport, so every
 * text made here is canonical (RFC 5952, without zone).
 */
import { isIP } from "node:net";
import type { SocketAddress } from "../../media/packet-io.ts";

/** 4 or 16 bytes of a literal address, or undefined for anything else (host names, zones). */
export function parseIp(text: string): Uint8Array | undefined {
  const version = isIP(text);
  if (version === 4) return Uint8Array.from(text.split("."), Number);
  if (version !== 6 || text.includes("%")) return undefined;
  return parseIpv6(text);
}

/** `text` passed `isIP` before, so the shape is known to be right. */
function parseIpv6(text: string): Uint8Array {
  let source = text;
  const dot = source.indexOf(".");
  if (dot >= 0) {
    const colon = source.lastIndexOf(":");
    const [a = 0, b = 0, c = 0, d = 0] = source
      .slice(colon + 1)
      .split(".")
      .map(Number);
    const high = ((a << 8) | b).toString(16);
    const low = ((c << 8) | d).toString(16);
    source = `${source.slice(0, colon + 1)}${high}:${low}`;
  }
  const [head = "", tail] = source.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const bytes = new Uint8Array(16);
  const put = (groups: string[], at: number) => {
    groups.forEach((group, i) => {
      const value = Number.parseInt(group, 16);
      bytes[at + 2 * i] = value >> 8;
      bytes[at + 2 * i + 1] = value & 0xff;
    });
  };
  put(front, 0);
  put(back, 16 - 2 * back.length);
  return bytes;
}

/** Canonical text of `length` (4 or 16) bytes at `offset`. */
export function formatIp(bytes: Uint8Array, offset: number, length: 4 | 16): string {
  if (length === 4) {
    return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 8; i++) {
    groups.push(((bytes[offset + 2 * i] ?? 0) << 8) | (bytes[offset + 2 * i + 1] ?? 0));
  }
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(":");
  const front = hex.slice(0, run.start).join(":");
  const back = hex.slice(run.start + run.length).join(":");
  return `${front}::${back}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, i) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  });
  return best;
}

/** The canonical text of a literal address, or undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  if (bytes === undefined) return undefined;
  return formatIp(bytes, 0, bytes.length === 4 ? 4 : 16);
}

/** Key of a remote address as seen by one local socket. */
export function addressKey(socket: number, remote: SocketAddress): string {
  return `${socket}|${remote.port}|${remote.ip}`;
}

export type AddressScope = "loopback" | "linkLocal" | "private" | "global";

/** Scope of a literal address: RFC 1918, `fc00::/7` and `fec0::/10` are private. */
export function addressScope(ip: string): AddressScope {
  const bytes = parseIp(ip);
  if (bytes === undefined) return "global";
  const [a = 0, b = 0] = bytes;
  if (bytes.length === 4) {
    if (a === 127) return "loopback";
    if (a === 169 && b === 254) return "linkLocal";
    if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
    return "global";
  }
  if (bytes[15] === 1 && bytes.every((byte, i) => i === 15 || byte === 0)) return "loopback";
  if (a === 0xfe && (b & 0xc0) === 0x80) return "linkLocal";
  if ((a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0xc0)) return "private";
  return "global";
}
