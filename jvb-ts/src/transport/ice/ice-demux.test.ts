import { expect } from "chai";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { StunWriter } from "../stun/stun-message.ts";
import { targets } from "./ice-demux.fuzz.ts";
import { IceDemux } from "./ice-demux.ts";

const id = (tag: number) => {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setUint32(0, tag);
  return bytes;
};
const request = (username: string) =>
  new StunWriter("request", 1, id(0)).string(0x8022, "x").string(6, username).finish("pw");

describe("ICE demultiplexer", () => {
  const demux = new IceDemux<string>();
  demux.register("abcd", 0xfedc_ba98, "first");
  demux.register("efgh", 7, "second");
  const find = (bytes: Uint8Array) => demux.route(bytes, 0, bytes.length);

  for (const [name, bytes, owner] of [
    ["a request by ufrag", request("abcd:x"), "first"],
    ["another one", request("efgh:"), "second"],
    ["an unknown ufrag", request("abc:x"), undefined],
    ["a username without colon", request("abcd"), undefined],
    ["a response by its tag", new StunWriter("success", 1, id(0xfedc_ba98)).finish("pw"), "first"],
    ["an error by its tag", new StunWriter("error", 1, id(7)).finish("pw"), "second"],
    ["an unknown transaction", new StunWriter("success", 1, id(8)).finish("pw"), undefined],
    ["an indication", new StunWriter("indication", 1, id(7)).finish("pw"), undefined],
    ["a request without username", new StunWriter("request", 1, id(7)).finish("pw"), undefined],
    ["junk", new Uint8Array(20), undefined],
    ["nothing", new Uint8Array(0), undefined],
  ] as const) {
    it(name, () => expect(find(bytes)).to.equal(owner));
  }

  it("reads in the middle of a slab", () => {
    const bytes = request("efgh:x");
    const slab = new Uint8Array(4096).fill(0xff);
    slab.set(bytes, 2000);
    expect(demux.route(slab, 2000, bytes.length)).to.equal("second");
  });

  it("lets only the present owner unbind an address", () => {
    demux.bind("0|1|x", "first");
    demux.bind("0|1|x", "second");
    expect(demux.unbind("0|1|x", "first")).to.equal(false);
    expect(demux.unbind("0|1|x", "second")).to.equal(true);
    expect(demux.unbind("0|1|x", "second")).to.equal(false);
  });

  it("forgets what is unregistered", () => {
    const own = new IceDemux<string>();
    own.register("u", 1, "x");
    own.unregister("u", 1);
    expect(own.route(request("u:v"), 0, request("u:v").length)).to.equal(undefined);
    expect(own.unroutable).to.equal(1);
  });

  it("stands any bytes", () => {
    const random = new SeededRandom(5);
    const seed = request("abcd:x");
    for (let round = 0; round < 2000; round++) {
      const bytes = seed.slice(0, random.int(seed.length + 1));
      if (bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256);
      for (const target of Object.values(targets)) target(bytes);
    }
  });
});
