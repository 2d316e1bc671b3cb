/** Thousands of conferences that nobody comes to. */
import { expect } from "chai";
import { creation, modify } from "./requests.ts";
import { Stage } from "./stage.ts";

/** More in `npm run test:full`. */
const COUNT = 1000 * Math.min(5, Number(process.env["ABUSE_SCALE"] ?? "1"));

describe("E10 conferences that nobody comes to", () => {
  it("E10 empty ones are gone after a minute", async function () {
    this.timeout(20_000);
    const stage = new Stage();
    for (let at = 0; at < COUNT; at++) {
      void stage.bridge.colibri(modify({ meetingId: `m${at}`, create: true }));
    }
    await stage.run(1000);
    expect(await stage.stats()).to.include({ conferences: COUNT });
    await stage.run(60_000);
    expect(await stage.stats()).to.include({ conferences: 0, total_conferences_completed: COUNT });
  });

  it("E10 endpoints that never connect are gone within a minute of their two", async function () {
    this.timeout(30_000);
    const stage = new Stage();
    for (let at = 0; at < COUNT; at++) {
      const endpoints = [creation("aaaa1111")];
      void stage.bridge.colibri(modify({ meetingId: `m${at}`, create: true, endpoints }));
    }
    await stage.run(119_000);
    expect(await stage.stats()).to.include({ conferences: COUNT, endpoints: COUNT });
    await stage.run(62_000);
    expect(await stage.stats()).to.include({ conferences: 0, endpoints: 0 });
    expect(stage.io.open.size).to.equal(0);
    expect(stage.io.ufrags.size).to.equal(0);
  });
});
