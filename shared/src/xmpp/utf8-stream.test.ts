import { expect } from "chai";
import { Utf8Stream } from "./utf8-stream.ts";

const text = "a \u00e9 \u20ac \u{1f600} \ufffd \ufeff z";

describe("Utf8Stream", () => {
  it("reads text as it is, wherever it is cut", () => {
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const stream = new Utf8Stream();
      let out = "";
      for (let at = 0; at < bytes.length; at += size)
        out += stream.decode(bytes.subarray(at, at + size));
      expect(out, `pieces of ${size}`).to.equal(text);
    }
  });

  for (const [name, bytes] of Object.entries({
    "a byte that never is": [0xff],
    "a lone continuation": [0x80],
    "an over-long '/'": [0xc0, 0xaf],
    "an over-long '<' of three bytes": [0xe0, 0x80, 0xbc],
    "half a surrogate pair": [0xed, 0xa0, 0x80],
    "beyond the last plane": [0xf4, 0x90, 0x80, 0x80],
    "a sequence that is broken off": [0xe2, 0x82],
  })) {
    it(`marks ${name}, and nothing around it`, () => {
      const all = Buffer.concat([Buffer.from("<a>é"), Buffer.from(bytes), Buffer.from("€</a>")]);
      for (let size = 1; size <= all.length; size++) {
        const stream = new Utf8Stream();
        let out = "";
        for (let at = 0; at < all.length; at += size)
          out += stream.decode(all.subarray(at, at + size));
        expect(out, `pieces of ${size}`).to.equal(`<a>é${"\uffff".repeat(bytes.length)}€</a>`);
      }
    });
  }
});
