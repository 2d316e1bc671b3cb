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

/** Why `localAddresses` found nothing. */
export interface NoAddress {
  /** Below `ice4j.harvest`; `undefined` when no filter is to blame. */
  readonly key: string | undefined;
  readonly message: string;
  readonly remedy: string;
}

/** For the operator of a bridge that has no address for media. */
export function whyNoAddress(interfaces: Interfaces, rules: HarvestRules): NoAddress {
  const there = Object.entries(interfaces).map(([name, addresses]) => {
    const all = (addresses ?? []).map(({ address }) => address).join(" ");
    return `${name} (${all === "" ? "no address" : all})`;
  });
  const remedy = `there are ${there.length === 0 ? "no interfaces" : there.join(", ")}`;
  const lists = [
    ["allowed-interfaces", "allowedInterfaces"],
    ["allowed-addresses", "allowedAddresses"],
    ["blocked-interfaces", "blockedInterfaces"],
    ["blocked-addresses", "blockedAddresses"],
  ] as const;
  const used = lists.filter(([, rule]) => rules[rule].length > 0);
  // The filter without which there would be addresses, else the first that is used at all.
  const guilty =
    used.find(([, rule]) => localAddresses(interfaces, { ...rules, [rule]: [] }).length > 0) ??
    used[0];
  if (guilty === undefined) {
    return { key: undefined, message: "no interface has an address for media", remedy };
  }
  const [key, rule] = guilty;
  return { key, message: `[${rules[rule].join(", ")}] leaves no address for media`, remedy };
}
