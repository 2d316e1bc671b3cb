import { expect } from "chai";
import { dropsIn } from "./kernel-drops.ts";

describe("dropsIn", () => {
  it("reads the kernel's table", () => {
    const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  451: 0100007F:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1823 2 0000000000000000 17
 1206: 01004D0A:D431 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1824 2 0000000000000000 0
`;
    expect(dropsIn(table)).to.deep.equal([
      [10_000, 17],
      [54_321, 0],
    ]);
  });
});
