import { expect } from "chai";
import { ExtensionIterator } from "./header-extensions.ts";
import { RtpHeader } from "./rtp-header.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function elements(profile: number, bytes: Uint8Array): [number, number[]][] {
  const iterator = new ExtensionIterator();
  iterator.start(bytes, 0, bytes.length, profile);
  const all: [number, number[]][] = [];
  while (iterator.next()) {
    const at = iterator.dataOffset;
    all.push([iterator.id, [...bytes.subarray(at, at + iterator.dataLength)]]);
  }
  return all;
}

describe("RTP header", () => {
  it("reads every field", () => {
    const header = new RtpHeader();
    const bytes = hex(
      "00 b2 e4 fffe 00000010 ffffffff 00000001 00000002 bede 0001 10aa0000 0102 000003",
    );
    expect(header.parse(bytes, 1, bytes.length - 1)).to.equal(true);
    expect(header.marker).to.equal(true);
    expect(header.payloadType).to.equal(100);
    expect(header.seq).to.equal(0xfffe);
    expect(header.timestamp).to.equal(16);
    expect(header.ssrc).to.equal(-1);
    expect(header.csrcCount).to.equal(2);
    expect(header.extensionProfile).to.equal(0xbede);
    expect(header.extensionLength).to.equal(4);
    expect(header.payloadLength).to.equal(2);
    expect(header.paddingLength).to.equal(3);
  });

  const broken: [name: string, bytes: string][] = [
    ["too short", "80640001000000000000"],
    ["version 1", "406400010000000000000001"],
    ["CSRCs past the end", "816400010000000000000001"],
    ["extension header past the end", "906400010000000000000001"],
    ["extension block past the end", "906400010000000000000001bede0001"],
    ["padding larger than the payload", "a06400010000000000000001aa05"],
    ["padding of zero", "a06400010000000000000001aa00"],
    ["padding without a payload", "a06400010000000000000001"],
  ];
  for (const [name, bytes] of broken)
    it(`refuses a packet: ${name}`, () => {
      expect(new RtpHeader().parse(hex(bytes), 0, hex(bytes).length)).to.equal(false);
    });
});

describe("header extensions", () => {
  it("iterates the one-byte form, skipping padding, ending at id 15", () => {
    expect(elements(0xbede, hex("10aa 00 00 51bbcc 00 f0dd 10ee"))).to.deep.equal([
      [1, [0xaa]],
      [5, [0xbb, 0xcc]],
    ]);
  });
  it("iterates the two-byte form with a zero-length element (M-057)", () => {
    expect(elements(0x1000, hex("0100 6302abcd 00"))).to.deep.equal([
      [1, []],
      [99, [0xab, 0xcd]],
    ]);
  });
  it("keeps what precedes a malformed length", () => {
    expect(elements(0xbede, hex("10aa 5fbb"))).to.deep.equal([[1, [0xaa]]]);
  });
  it("knows no other profile", () => {
    expect(elements(0x1234, hex("10aa0000"))).to.deep.equal([]);
  });
});
