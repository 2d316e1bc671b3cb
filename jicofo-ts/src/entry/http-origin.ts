import { BlockList, isIP } from "node:net";
import type { HttpOrigin } from "../focus/request.ts";

/** Entries of the header that are looked at: nobody has more proxies, and anybody may write more. */
const mostProxies = 10;

/**
 * Who sent an HTTP request. `peer`: the address of the connection, `forwarded`: `X-Forwarded-For`.
 * A proxy in front of us has a local address, and what it says counts: its own entry is the last,
 * those before it are what it was told. A header of anybody else is ignored.
 */
export function httpOrigin(peer: string, forwarded: string | string[] | undefined): HttpOrigin {
  const direct = plain(peer);
  if (direct !== undefined && !isLocal(direct)) return { address: sender(direct), proxied: false };
  const named = [forwarded ?? []].flat().join(",").split(",").slice(-mostProxies).reverse();
  for (const entry of named) {
    const address = plain(entry);
    if (address === undefined) break;
    // One proxy behind another, or a network of people: nobody can tell.
    if (!isLocal(address)) return { address: sender(address), proxied: true };
  }
  return { address: undefined, proxied: true };
}

/** The address without port, brackets, zone and prefix of IPv4 in IPv6; `undefined`: it is none. */
function plain(text: string): string | undefined {
  const entry = text.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? entry.replace(/^([\d.]+):\d+$/, "$1");
  const address = bare.replace(/%.*$/, "").replace(/^::ffff:(?=[\d.]+$)/i, "");
  return isIP(address) === 0 ? undefined : address;
}

/** What one sender has to itself: an IPv4 address, but 2^64 addresses of IPv6. */
function sender(address: string): string {
  if (isIP(address) === 4) return address;
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end takes the place of two groups.
  const given = first.length + last.length + Number(address.includes("."));
  const groups = [...first, ...Array<string>(Math.max(0, 8 - given)).fill("0"), ...last];
  const net = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${net.join(":")}::/64`;
}

const local = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const) {
  local.addSubnet(net, bits, "ipv4");
}
local.addSubnet("::", 127, "ipv6");
local.addSubnet("fc00::", 7, "ipv6");
local.addSubnet("fe80::", 10, "ipv6");

function isLocal(address: string): boolean {
  return local.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
