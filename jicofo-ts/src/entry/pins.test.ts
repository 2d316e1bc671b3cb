import { expect } from "chai";
import { Pins } from "./pins.ts";

describe("Pins", () => {
  it("holds a room to a version until the pin expires", () => {
    const pins = new Pins();
    pins.set("r@c", "2.3-1", 10, 0);
    expect(pins.versionFor("r@c", 599_999)).to.equal("2.3-1");
    expect(pins.versionFor("r@c", 600_000)).to.equal(undefined);
    expect(pins.all(600_000)).to.deep.equal([]);
  });

  it("replaces and removes", () => {
    const pins = new Pins();
    pins.set("r@c", "1", 10, 0);
    pins.set("r@c", "2", 1, 0);
    expect(pins.all(0)).to.deep.equal([
      { conferenceId: "r@c", jvbVersion: "2", expiresAt: 60_000 },
    ]);
    pins.remove("r@c");
    pins.remove("other@c");
    expect(pins.all(0)).to.deep.equal([]);
  });
});
