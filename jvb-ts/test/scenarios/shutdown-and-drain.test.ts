/** Graceful and forced shutdown, drain mode, as the focus and an operator see them. */
import { expect } from "chai";
import { endpointRequest, modify, said } from "./requests.ts";
import { Stage } from "./stage.ts";

describe("shutdown and drain", () => {
  it("B-004 B-134 B-135 graceful: no new conferences, existing ones grow, ends a minute after the last left", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    stage.bridge.shutDown(true);
    expect(said(await stage.ask(modify({ meetingId: "m2", create: true })))).to.equal(
      "graceful_shutdown: In graceful shutdown",
    );
    await stage.join("bbbb2222");
    await stage.run(6000);
    const last = stage.presences.at(-1);
    expect(last?.get("graceful_shutdown")).to.equal("true");
    expect(last?.get("shutting_down")).to.equal("false");
    await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { expire: true })] }));
    await stage.ask(modify({ endpoints: [endpointRequest("bbbb2222", { expire: true })] }));
    await stage.run(6000);
    expect(stage.presences.at(-1)?.get("shutting_down")).to.equal("true");
    await stage.run(53_000);
    expect(stage.finished).to.equal(false);
    await stage.run(2000);
    expect(stage.finished).to.equal(true);
  });

  it("B-134 forced: says so at once and ends after a minute, whoever is there", async () => {
    const stage = new Stage();
    await stage.join("aaaa1111");
    stage.bridge.shutDown(false);
    expect(await stage.stats()).to.include({ shutting_down: true, graceful_shutdown: false });
    await stage.run(60_000);
    expect(stage.finished).to.equal(true);
  });

  it("B-005 B-146 drain is told and taken back, and refuses nothing", async () => {
    const stage = new Stage();
    stage.bridge.setDrain(true);
    expect(await stage.stats()).to.include({ drain: true });
    expect(said(await stage.ask(modify({ create: true })))).to.equal("ok");
    await stage.run(5000);
    expect(stage.presences.at(-1)?.get("drain")).to.equal("true");
    stage.bridge.setDrain(false);
    expect(await stage.stats()).to.include({ drain: false });
  });
});
