import { expect } from "chai";
import { httpOrigin } from "./http-origin.ts";

describe("httpOrigin", () => {
  for (const [name, peer, forwarded, address, proxied] of [
    ["a public address", "203.0.113.7", undefined, "203.0.113.7", false],
    ["IPv4 in IPv6", "::ffff:203.0.113.7", undefined, "203.0.113.7", false],
    ["who is no proxy is not believed", "203.0.113.7", "198.51.100.1", "203.0.113.7", false],
    ["a /64 is one sender", "2001:db8:0:7:1:2:3:4", undefined, "2001:db8:0:7::/64", false],
    ["however it is written", "2001:DB8::7:0:0:0:4", undefined, "2001:db8:0:7::/64", false],
    ["the shortest form", "2001:db8::", undefined, "2001:db8:0:0::/64", false],
    ["translated IPv4", "64:ff9b::203.0.113.7", undefined, "64:ff9b:0:0::/64", false],
    ["a proxy that says nothing", "127.0.0.1", undefined, undefined, true],
    ["a proxy that says it", "::1", "203.0.113.7", "203.0.113.7", true],
    ["with a port", "10.1.2.3", "203.0.113.7:4711", "203.0.113.7", true],
    ["in brackets", "10.1.2.3", "[2001:db8:0:7::1]:80", "2001:db8:0:7::/64", true],
    ["what the client wrote first", "127.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7", true],
    ["a second proxy", "127.0.0.1", "203.0.113.7, 172.18.0.5", "203.0.113.7", true],
    ["a header twice", "fe80::1%eth0", ["1.1.1.1", "203.0.113.7"], "203.0.113.7", true],
    ["people of a local network", "127.0.0.1", "192.168.1.4", undefined, true],
    ["no address", "127.0.0.1", "203.0.113.7, unknown", undefined, true],
    ["an empty header", "127.0.0.1", "", undefined, true],
    ["a unix socket", "", "203.0.113.7", "203.0.113.7", true],
    [
      "more proxies than there are",
      "127.0.0.1",
      `203.0.113.7${", ::1".repeat(10)}`,
      undefined,
      true,
    ],
  ] as const)
    it(name, () => {
      const header = typeof forwarded === "object" ? [...forwarded] : forwarded;
      expect(httpOrigin(peer, header)).to.deep.equal({ address, proxied });
    });
});
