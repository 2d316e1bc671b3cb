/** Which local addresses become host candidates (jvb-control 3.3, `ice4j.harvest`). */
import { BlockList, isIPv6 } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";

export interface HarvestRules {
  readonly useIpv6: boolean;
  readonly useLinkLocal: boolean;
  readonly allowedAddresses: readonly string[];
  readonly blockedAddresses: readonly string[];
  readonly allowedInterfaces: readonly string[];
  readonly blockedInterfaces: readonly string[];
}

/** `os.networkInterfaces()` */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

const linkLocal = new BlockList();
linkLocal.addSubnet("169.254.0.0", 16);
linkLocal.addSubnet("fe80::", 10, "ipv6");

const nonPublic = new BlockList();
for (const [net, prefix] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
] as const) {
  nonPublic.addSubnet(net, prefix);
}
for (const [net, prefix] of [
  ["fc00::", 7],
  ["fec0::", 10],
  ["fe80::", 10],
  ["::1", 128],
] as const) {
  nonPublic.addSubnet(net, prefix, "ipv6");
}

function within(list: BlockList, ip: string): boolean {
  return list.check(ip, isIPv6(ip) ? "ipv6" : "ipv4");
}

/** Whether the address can be reached from the Internet, as far as the address alone tells. */
export function isPublicAddress(ip: string): boolean {
  return !within(nonPublic, ip);
}

/** Host addresses in the order of the system, IPv4 before IPv6. */
export function localAddresses(interfaces: Interfaces, rules: HarvestRules): string[] {
  const found: string[] = [];
  for (const [name, addresses] of Object.entries(interfaces)) {
    if (rules.allowedInterfaces.length > 0 && !rules.allowedInterfaces.includes(name)) continue;
    if (rules.blockedInterfaces.includes(name)) continue;
    for (const { address, internal } of addresses ?? []) {
      // An operator who names a loopback address or interface means it.
      const named =
        rules.allowedAddresses.includes(address) || rules.allowedInterfaces.includes(name);
      if (internal && !named) continue;
      if (!rules.useIpv6 && isIPv6(address)) continue;
      if (!rules.useLinkLocal && within(linkLocal, address)) continue;
      if (rules.allowedAddresses.length > 0 && !rules.allowedAddresses.includes(address)) continue;
      if (rules.blockedAddresses.includes(address)) continue;
      found.push(address);
    }
  }
  return [...found.filter((ip) => !isIPv6(ip)), ...found.filter((ip) => isIPv6(ip))];
}
