import { expect } from "chai";
import { addressScope, canonicalIp } from "./ip-address.ts";
import { integrityHolds, parseStun, StunWriter, transactionKey } from "./stun-message.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

/** RFC 5769 2.1 and 2.2/2.3; password `VOkJxbRl1RmTxUk/WvJxBt`. */
const password = "VOkJxbRl1RmTxUk/WvJxBt";
const sampleRequest = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`);
const sampleIpv4 = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  80280004 c07d4c96`);
const sampleIpv6 = hex(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1
  1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`);

describe("STUN messages", () => {
  it("reads the request of RFC 5769", () => {
    const message = parseStun(sampleRequest);
    expect(message?.messageClass).to.equal("request");
    expect(message?.method).to.equal(1);
    expect(message?.username).to.equal("evtj:h6vY");
    expect(message?.priority).to.equal(0x6e0001ff);
    expect(message?.role).to.deep.equal({ controlling: false, tieBreaker: 0x932ff9b151263b36n });
    expect(message && integrityHolds(message, password)).to.equal(true);
    expect(message && integrityHolds(message, `${password}x`)).to.equal(false);
    expect(transactionKey(sampleRequest)).to.equal("b7e7a701bc34d686fa87dfae");
  });

  it("reads the responses of RFC 5769", () => {
    const v4 = parseStun(sampleIpv4);
    expect(v4?.mapped).to.deep.equal({ ip: "192.0.2.1", port: 32853 });
    expect(v4 && integrityHolds(v4, password)).to.equal(true);
    const v6 = parseStun(sampleIpv6);
    expect(v6?.mapped).to.deep.equal({ ip: "2001:db8:1234:5678:11:2233:4455:6677", port: 32853 });
    expect(v6 && integrityHolds(v6, password)).to.equal(true);
  });

  it("leaves its input alone, also when it is a Buffer", () => {
    const buffer = Buffer.from(sampleIpv4);
    expect(parseStun(buffer)?.mapped?.ip).to.equal("192.0.2.1");
    expect(buffer.equals(sampleIpv4)).to.equal(true);
  });

  it("reads what it writes", () => {
    const id = new Uint8Array(12).fill(9);
    for (const ip of ["10.1.2.3", "fe80::1", "2001:db8::ff:0:0:1"]) {
      const bytes = new StunWriter("success", 1, id).xorMapped({ ip, port: 40000 }).finish("pw");
      const message = parseStun(bytes);
      expect(message?.messageClass).to.equal("success");
      expect(message?.mapped).to.deep.equal({ ip, port: 40000 });
      expect(message && integrityHolds(message, "pw")).to.equal(true);
    }
    const error = parseStun(new StunWriter("error", 1, id).error(487, "Role").finish("pw"));
    expect(error?.errorCode).to.equal(487);
    expect(error?.messageClass).to.equal("error");
  });

  it("takes nothing from behind the integrity attribute", () => {
    const id = new Uint8Array(12).fill(9);
    const signed = new StunWriter("request", 1, id).string(0x0006, "a:b").finish("pw");
    const cut = signed.subarray(0, signed.length - 8);
    const forged = new Uint8Array(cut.length + 4);
    forged.set(cut);
    forged.set([0x00, 0x25, 0x00, 0x00], cut.length);
    new DataView(forged.buffer).setUint16(2, forged.length - 20);
    const message = parseStun(forged);
    expect(message?.useCandidate).to.equal(false);
  });

  it("lists unknown attributes that must be understood", () => {
    const id = new Uint8Array(12);
    const bytes = new StunWriter("request", 1, id).uint32(0x0030, 1).uint32(0xc057, 2).finish("pw");
    expect(parseStun(bytes)?.unknownRequired).to.deep.equal([0x0030]);
  });

  it("refuses every truncation and every flipped bit of a fingerprinted message", () => {
    for (let length = 0; length < sampleRequest.length; length++) {
      expect(parseStun(sampleRequest.subarray(0, length))).to.equal(undefined);
    }
    for (let at = 0; at < sampleRequest.length; at++) {
      const flipped = sampleRequest.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const message = parseStun(flipped);
      // The type of the FINGERPRINT attribute itself may turn into another optional attribute.
      if (message !== undefined)
        expect(at).to.be.within(sampleRequest.length - 8, sampleRequest.length - 7);
    }
  });
});

describe("IP addresses", () => {
  for (const [text, canonical] of [
    ["192.168.0.1", "192.168.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:1.2.3.4", "::ffff:102:304"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["fe80::1%eth0", undefined],
    ["host.local", undefined],
    ["256.1.1.1", undefined],
  ] as const) {
    it(`canonical text of ${text}`, () => expect(canonicalIp(text)).to.equal(canonical));
  }
  for (const [ip, scope] of [
    ["127.0.0.1", "loopback"],
    ["::1", "loopback"],
    ["10.0.0.1", "private"],
    ["172.31.0.1", "private"],
    ["172.32.0.1", "global"],
    ["192.168.9.9", "private"],
    ["fd00::1", "private"],
    ["fec0::1", "private"],
    ["fe80::1", "linkLocal"],
    ["2001:db8::1", "global"],
  ] as const) {
    it(`scope of ${ip}`, () => expect(addressScope(ip)).to.equal(scope));
  }
});
