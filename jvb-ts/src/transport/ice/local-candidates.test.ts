import { expect } from "chai";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { newCredentials } from "./ice-credentials.ts";
import { localCandidates } from "./local-candidates.ts";

const A = { ip: "10.0.0.1", port: 10_000 };
const B = { ip: "192.0.2.7", port: 10_000 };
const V6 = { ip: "2001:db8::1", port: 10_000 };
const mapping = (publicPort?: number, localPort?: number) => ({
  localIp: "10.0.0.1",
  publicIp: "198.51.100.9",
  localPort,
  publicPort,
});
const make = (
  sockets: (typeof A)[],
  mappings: ReturnType<typeof mapping>[] = [],
  privateAddresses = true,
) =>
  localCandidates({ sockets, mappings, privateAddresses }, new SeededRandom(1)).map(
    ({ type, ip, port, priority, relAddr, relPort, foundation }) =>
      `${type} ${ip} ${port} ${priority} ${relAddr} ${relPort} ${foundation}`,
  );

describe("local candidates", () => {
  const single = (126 << 24) + (65_535 << 8) + 255;
  const srflx = (100 << 24) + (65_535 << 8) + 255;
  it("one address", () =>
    expect(make([A])).to.deep.equal([`host 10.0.0.1 10000 ${single} undefined undefined 1`]));
  it("several addresses, IPv6 first", () =>
    expect(make([A, V6, B])).to.deep.equal([
      `host 2001:db8::1 10000 ${(126 << 24) + (40 << 8) + 255} undefined undefined 2`,
      `host 10.0.0.1 10000 ${(126 << 24) + (10 << 8) + 255} undefined undefined 1`,
      `host 192.0.2.7 10000 ${(126 << 24) + (10 << 8) + 255} undefined undefined 3`,
    ]));
  it("a mapping without ports", () =>
    expect(make([A], [mapping()])[1]).to.equal(
      `srflx 198.51.100.9 10000 ${srflx} 10.0.0.1 10000 2`,
    ));
  it("B-069 a mapping with ports, for its local port only", () => {
    expect(make([A], [mapping(4443, 10_000)])[1]).to.include("srflx 198.51.100.9 4443");
    expect(make([A], [mapping(4443, 10_001)])).to.have.length(1);
  });
  it("the same mapping twice adds one candidate", () =>
    expect(make([A], [mapping(), mapping(10_000)])).to.have.length(2));
  it("B-076 hides private addresses, also as base", () =>
    expect(make([A, B], [mapping()], false)).to.deep.equal([
      `host 192.0.2.7 10000 ${(126 << 24) + (10 << 8) + 255} undefined undefined 1`,
      `srflx 198.51.100.9 10000 ${(100 << 24) + (10 << 8) + 255} 0.0.0.0 9 2`,
    ]));
});

describe("ICE credentials", () => {
  it("B-067 carry the prefix and have upstream's shape", () => {
    const { ufrag, pwd } = newCredentials(new SeededRandom(3), 1_795_000_000_123, "jvb-");
    expect(ufrag).to.match(/^jvb-[0-9a-v]{10,14}$/);
    expect(ufrag.endsWith((1_795_000_000_123).toString(32))).to.equal(true);
    expect(pwd).to.match(/^[0-9a-v]{26}$/);
  });
});
