import { expect } from "chai";
import { roomRules } from "./room-rules.ts";

const breweries = ["jvbbrewery@internal.auth.x", "jibribrewery@recorders.x"];
const usualServices = ["conference.x", "breakout.x"];

describe("roomRules", () => {
  const anywhere = roomRules({ breweries, service: undefined, usualServices });

  for (const room of [
    "jvbbrewery@internal.auth.x",
    "JvbBrewery@Internal.Auth.X",
    "jvbbrewery@internal.auth.x.",
    "jvb\u00adbrewery@internal.auth.x",
    "jvbbrewery@internal\u3002auth.x",
    "jvbbrewery@internal.\u200bauth.x",
    "\uff4avbbrewery@internal.auth.x",
    "jibribrewery@recorders.x",
  ])
    it(`refuses a brewery however it is written: ${JSON.stringify(room)}`, () => {
      expect(anywhere(room, undefined)).to.equal("a brewery");
    });

  it("refuses every room of a brewery's service", () => {
    expect(anywhere("other@internal.auth.x", undefined)).to.equal("beside a brewery");
    expect(anywhere("other@recorders.x.", undefined)).to.equal("beside a brewery");
  });

  it("takes rooms of any other service where none is configured, as upstream", () => {
    for (const room of ["a@conference.x", "a@breakout.x", "a@elsewhere.y", "jvbbrewery@y"])
      expect(anywhere(room, undefined)).to.equal(undefined);
  });

  it("refuses the brewery alone where it shares the conferences' service", () => {
    const shared = roomRules({
      breweries: ["jvbbrewery@conference.x"],
      service: undefined,
      usualServices,
    });
    expect(shared("jvbbrewery@conference.x", undefined)).to.equal("a brewery");
    expect(shared("a@conference.x", undefined)).to.equal(undefined);
  });

  it("takes rooms of the configured service and breakout rooms alone", () => {
    const rules = roomRules({ breweries, service: "conference.x", usualServices });
    expect(rules("a@conference.x", undefined)).to.equal(undefined);
    expect(rules("a@breakout.x", undefined)).to.equal(undefined);
    expect(rules("a@rooms.x", "rooms.x")).to.equal(undefined);
    for (const room of ["a@rooms.x", "a@elsewhere.y", "a@x"])
      expect(rules(room, undefined)).to.match(/outside .*conference-muc-jid/);
  });
});
