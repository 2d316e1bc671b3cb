import { expect } from "chai";
import {
  type HarvestRules,
  isPublicAddress,
  localAddresses,
  whyNoAddress,
} from "./local-addresses.ts";

const one = (address: string, internal = false) => ({
  address,
  internal,
  netmask: "",
  mac: "",
  cidr: null,
  ...(address.includes(":")
    ? { family: "IPv6" as const, scopeid: 0 }
    : { family: "IPv4" as const }),
});
const interfaces = {
  lo: [one("127.0.0.1", true), one("::1", true)],
  eth0: [one("2001:db8::1"), one("192.0.2.10"), one("fe80::1")],
  eth1: [one("10.0.0.5"), one("169.254.1.1")],
};
const rules: HarvestRules = {
  useIpv6: true,
  useLinkLocal: false,
  allowedAddresses: [],
  blockedAddresses: [],
  allowedInterfaces: [],
  blockedInterfaces: [],
};

describe("local addresses (B-070)", () => {
  const cases: { name: string; over: Partial<HarvestRules>; expected: string[] }[] = [
    { name: "all", over: {}, expected: ["192.0.2.10", "10.0.0.5", "2001:db8::1"] },
    { name: "no IPv6", over: { useIpv6: false }, expected: ["192.0.2.10", "10.0.0.5"] },
    {
      name: "link-local",
      over: { useLinkLocal: true, useIpv6: false },
      expected: ["192.0.2.10", "10.0.0.5", "169.254.1.1"],
    },
    { name: "one interface", over: { allowedInterfaces: ["eth1"] }, expected: ["10.0.0.5"] },
    {
      name: "a blocked interface",
      over: { blockedInterfaces: ["eth0"] },
      expected: ["10.0.0.5"],
    },
    {
      name: "an allowed address",
      over: { allowedAddresses: ["10.0.0.5"] },
      expected: ["10.0.0.5"],
    },
    {
      name: "a blocked address",
      over: { blockedAddresses: ["10.0.0.5"], useIpv6: false },
      expected: ["192.0.2.10"],
    },
    {
      name: "loopback only when named",
      over: { allowedAddresses: ["127.0.0.1"] },
      expected: ["127.0.0.1"],
    },
  ];
  for (const { name, over, expected } of cases) {
    it(name, () => {
      expect(localAddresses(interfaces, { ...rules, ...over })).to.deep.equal(expected);
    });
  }

  it("knows what is public", () => {
    const shown = ["192.0.2.10", "10.1.1.1", "172.20.0.1", "fd00::1", "2001:db8::1", "fe80::1"];
    expect(shown.map(isPublicAddress)).to.deep.equal([true, false, false, false, true, false]);
  });
});

describe("why there is no local address", () => {
  const cases: [over: Partial<HarvestRules>, key: string | undefined, message: RegExp][] = [
    [{ allowedInterfaces: ["wlan9"] }, "allowed-interfaces", /^\[wlan9\] leaves no address/],
    [{ allowedAddresses: ["10.9.9.9"] }, "allowed-addresses", /^\[10\.9\.9\.9\]/],
    [
      { allowedInterfaces: ["eth1"], blockedAddresses: ["10.0.0.5"] },
      "allowed-interfaces",
      /^\[eth1\]/,
    ],
    [{ blockedInterfaces: ["eth0", "eth1"] }, "blocked-interfaces", /^\[eth0, eth1\]/],
  ];
  for (const [over, key, message] of cases) {
    it(JSON.stringify(over), () => {
      expect(localAddresses(interfaces, { ...rules, ...over })).to.deep.equal([]);
      const why = whyNoAddress(interfaces, { ...rules, ...over });
      expect(why.key).to.equal(key);
      expect(why.message).to.match(message);
      expect(why.remedy).to.contain("eth1 (10.0.0.5 169.254.1.1)");
    });
  }

  it("blames no filter where there is none", () => {
    expect(whyNoAddress({ lo: interfaces.lo }, rules).key).to.equal(undefined);
  });
});
