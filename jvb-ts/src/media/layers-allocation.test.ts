import { expect } from "chai";
import { LayersAllocation } from "./layers-allocation.ts";

function parse(hex: string): LayersAllocation | undefined {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const vla = new LayersAllocation();
  return vla.parse(bytes, 0, bytes.length) ? vla : undefined;
}

const kbps = (vla: LayersAllocation, stream: number, sid: number) => {
  const at = (stream * 4 + sid) * 4;
  return [...vla.bitrateBps.subarray(at, at + vla.temporalLayers[stream * 4 + sid]!)].map(
    (bps) => bps / 1000,
  );
};

describe("video layers allocation", () => {
  it("one zero byte: nothing is sent (M-045)", () => {
    expect(parse("00")?.streams).to.equal(0);
  });

  it("one stream with its size (M-045)", () => {
    const vla = parse("01 80 50 78 C8 01 01 3F 00 B3 21")!;
    expect(vla.streams).to.equal(1);
    expect(kbps(vla, 0, 0)).to.deep.equal([80, 120, 200]);
    expect([vla.hasResolutions, vla.width[0], vla.height[0], vla.frameRate[0]]).to.deep.equal([
      true,
      320,
      180,
      33,
    ]);
  });

  it("simulcast of three streams with one spatial layer each (M-045)", () => {
    const vla = parse("21 A8 32 46 5A C8 01 2C 90 03 E8 07 80 0A A0 1F")!;
    expect(vla.streams).to.equal(3);
    expect([0, 1, 2].map((stream) => kbps(vla, stream, 0).length)).to.deep.equal([3, 3, 3]);
    expect(kbps(vla, 0, 0)).to.deep.equal([50, 70, 90]);
    expect(kbps(vla, 1, 0)).to.deep.equal([200, 44, 400]);
    expect(kbps(vla, 2, 0)).to.deep.equal([1000, 1280, 4000]);
    expect(vla.hasResolutions).to.equal(false);
  });

  it("scalable stream, and streams that differ in their layers (M-045)", () => {
    const svc = parse("07 00 0A 14 1E")!;
    expect([0, 1, 2, 3].map((sid) => svc.has(0, sid))).to.deep.equal([true, true, true, false]);
    expect([0, 1, 2].map((sid) => kbps(svc, 0, sid)[0])).to.deep.equal([10, 20, 30]);
    // Three streams: none, the second spatial layer alone, the first; half a byte of padding.
    const mixed = parse("20 02 10 40 05 06 07")!;
    expect([...mixed.spatialMask.subarray(0, 3)]).to.deep.equal([0, 2, 1]);
    expect([kbps(mixed, 1, 1), kbps(mixed, 2, 0)]).to.deep.equal([[5, 6], [7]]);
  });

  it("what ends too soon is refused", () => {
    const whole = Buffer.from("0180507 8C801013F00B321".replaceAll(" ", ""), "hex");
    for (let length = 0; length < whole.length; length++) {
      const accepted = new LayersAllocation().parse(whole, 0, length);
      expect(accepted, `${length}`).to.equal(length === 6);
    }
    expect(parse("01 00 FF FF FF FF FF FF")).to.equal(undefined);
  });
});
