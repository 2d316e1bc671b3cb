import { expect } from "chai";
import { parseChannelAddress } from "./channel-address.ts";

const password = "0123456789abcdefghijABCD";
const path = "jvb1/c0ffee/aaaa1111";

describe("address of a bridge channel", () => {
  for (const [name, rest, query, expected] of [
    ["complete", path, `pwd=${password}`, password],
    ["with what a proxy added", path, `x=1&pwd=${password}&y`, password],
    ["with more of a path", `${path}/more`, `pwd=${password}`, password],
    ["the first password counts", path, `pwd=x&pwd=${password}`, undefined],
    ["no query", path, undefined, undefined],
    ["an impossible password", path, `pwd=${password}x`, undefined],
    ["a line break behind it", path, `pwd=${password}%0a`, undefined],
    ["half an escape", path, "pwd=%", undefined],
  ] as const) {
    it(`A3 ${name}`, () => {
      const url = `/colibri-ws/${rest}${query === undefined ? "" : `?${query}`}`;
      const address = parseChannelAddress(rest, url);
      expect(address).to.deep.equal({
        serverId: "jvb1",
        conference: "c0ffee",
        endpoint: "aaaa1111",
        password: expected,
      });
    });
  }

  for (const rest of ["", "/", "jvb1", "jvb1/c0ffee", "jvb1//aaaa1111", "/c0ffee/aaaa1111"]) {
    it(`is none: ${JSON.stringify(rest)}`, () => {
      expect(parseChannelAddress(rest, `/colibri-ws/${rest}?pwd=${password}`)).to.equal(undefined);
    });
  }
});
