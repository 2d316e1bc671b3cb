import { expect } from "chai";
import { PayloadStamps, STAMP_BYTES } from "./payload.ts";

function written(length: number, stream = 3, index = 70_000, scheduled = 1234.567) {
  const buffer = Buffer.alloc(2000);
  const view = new DataView(buffer.buffer, buffer.byteOffset);
  const stamps = new PayloadStamps(1);
  stamps.write(buffer, view, 100, length, stream, index, scheduled);
  return { buffer, view, stamps, end: 100 + length };
}

describe("PayloadStamps", () => {
  for (const length of [STAMP_BYTES, STAMP_BYTES + 1, 100, 1200]) {
    it(`reads what it wrote, of ${length} bytes`, () => {
      const { buffer, view, end } = written(length);
      const reader = new PayloadStamps(1);
      expect(reader.read(buffer, view, 100, end)).to.equal(true);
      expect([reader.stream, reader.index, reader.scheduled]).to.deep.equal([3, 70_000, 1234.567]);
    });
  }

  it("lets a codec's header stand before the noise", () => {
    const { buffer, view, stamps, end } = written(500);
    expect(stamps.read(buffer, view, 90, end)).to.equal(true);
    expect(stamps.read(buffer, view, 101, end)).to.equal(false);
  });

  it("finds every flipped bit", () => {
    const { buffer, view, stamps, end } = written(160);
    for (let at = 100; at < end; at++) {
      for (let bit = 0; bit < 8; bit++) {
        buffer[at] = buffer[at]! ^ (1 << bit);
        // A stamp to the microsecond: bits of the time below that may differ.
        const isFraction = at >= end - 9 && at < end - 4;
        if (!isFraction)
          expect(stamps.read(buffer, view, 100, end), `${at}.${bit}`).to.equal(false);
        buffer[at] = buffer[at]! ^ (1 << bit);
      }
    }
    expect(stamps.read(buffer, view, 100, end)).to.equal(true);
  });

  it("takes nothing that is too short, cut or of another seed", () => {
    const { buffer, view, stamps, end } = written(160);
    expect(stamps.read(buffer, view, end - STAMP_BYTES + 1, end)).to.equal(false);
    expect(stamps.read(buffer, view, 100, end - 1)).to.equal(false);
    expect(new PayloadStamps(2).read(buffer, view, 100, end)).to.equal(false);
  });
});
