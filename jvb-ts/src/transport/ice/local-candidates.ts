/**
 * The bridge's own candidates: a host candidate per socket and a server-reflexive one per NAT
 * mapping (spec jvb-control 3.2, 3.3). Nothing is gathered per endpoint.
 */
import type { Random } from "#shared/runtime/runtime";
import type { Candidate } from "#shared/stanza/media";
import type { SocketAddress } from "../../media/packet-io.ts";
import { addressScope, canonicalIp } from "../stun/ip-address.ts";
import type { AddressMapping } from "./address-mapping.ts";

/** RFC 8445 5.1.2.2 */
const typePreference = { host: 126, prflx: 110, srflx: 100, relay: 0 } as const;

/** RFC 8445 5.1.2.1 for component 1. */
export function candidatePriority(
  type: keyof typeof typePreference,
  localPreference: number,
): number {
  return typePreference[type] * 2 ** 24 + localPreference * 2 ** 8 + 255;
}

/** Upstream's order of preference between several host addresses; alone, an address has 65535. */
export function localPreference(ip: string, hostCount: number): number {
  if (hostCount === 1) return 65_535;
  if (!ip.includes(":")) return 10;
  return addressScope(ip) === "linkLocal" ? 30 : 40;
}

export interface LocalCandidateOptions {
  readonly sockets: readonly SocketAddress[];
  readonly mappings: readonly AddressMapping[];
  /** False: RFC 1918 and unique local addresses are not told. */
  readonly privateAddresses: boolean;
}

/**
 * The candidates to describe, best first. Ids are random, all else depends on the input only; a base
 * address that must not be told reads `0.0.0.0` port 9.
 */
export function localCandidates(options: LocalCandidateOptions, random: Random): Candidate[] {
  const { sockets, mappings, privateAddresses } = options;
  const hidden = (ip: string) => !privateAddresses && addressScope(ip) === "private";
  const foundations = new Map<string, string>();
  const foundation = (type: string, base: string) => {
    const key = `${type} ${base}`;
    const known = foundations.get(key) ?? String(foundations.size + 1);
    foundations.set(key, known);
    return known;
  };
  const make = (
    type: "host" | "srflx",
    base: SocketAddress,
    address: SocketAddress,
  ): Candidate => ({
    component: 1,
    foundation: foundation(type, base.ip),
    generation: 0,
    id: Buffer.from(random.bytes(12)).toString("hex"),
    network: 0,
    ip: address.ip,
    port: address.port,
    priority: candidatePriority(type, localPreference(base.ip, sockets.length)),
    protocol: "udp",
    type,
    relAddr: type === "host" ? undefined : hidden(base.ip) ? "0.0.0.0" : base.ip,
    relPort: type === "host" ? undefined : hidden(base.ip) ? 9 : base.port,
    tcpType: undefined,
  });

  const told = new Set<string>();
  const fresh = (address: SocketAddress) => {
    const key = `${address.ip} ${address.port}`;
    if (told.has(key)) return false;
    told.add(key);
    return true;
  };
  const hosts = sockets.filter((base) => !hidden(base.ip) && fresh(base));
  const candidates = hosts.map((base) => make("host", base, base));
  for (const base of sockets) {
    for (const mapping of mappings) {
      const address = mappedAddress(mapping, base);
      if (address !== undefined && !hidden(address.ip) && fresh(address)) {
        candidates.push(make("srflx", base, address));
      }
    }
  }
  return candidates.sort((a, b) => b.priority - a.priority);
}

/** Where `base` is seen from outside by this mapping, or undefined when it is not about `base`. */
function mappedAddress(mapping: AddressMapping, base: SocketAddress): SocketAddress | undefined {
  if (canonicalIp(mapping.localIp) !== canonicalIp(base.ip)) return undefined;
  if (mapping.localPort !== undefined && mapping.localPort !== base.port) return undefined;
  const ip = canonicalIp(mapping.publicIp);
  return ip === undefined ? undefined : { ip, port: mapping.publicPort ?? base.port };
}
