// Whom the focus takes for a bridge where the room hides accounts, as a real Prosody hides them.
import { expect } from "chai";
import { Prosody } from "#shared/testing/prosody";
import { until } from "#shared/testing/until";
import { LiveBridge } from "./live/live-bridge.ts";
import { LiveFocus } from "./live/live-focus.ts";

const hides = /The brewery hides accounts/g;

describe("A7: a brewery that hides accounts", function () {
  this.timeout(30_000);
  let prosody: Prosody;
  let focus: LiveFocus | undefined;
  let bridge: LiveBridge;

  beforeEach(async () => {
    prosody = await Prosody.start({ hiddenBrewery: true });
    bridge = new LiveBridge(prosody, "jvb1");
  });
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(focus?.output);
    await bridge.stop();
    await focus?.stop();
    focus = undefined;
    await prosody.stop();
  });

  it("has no bridge for the focus, and one log line says what to do", async () => {
    await bridge.start();
    const started = await LiveFocus.start(prosody);
    focus = started;
    await until(() => started.output.match(hides) !== null);
    for (let n = 0; n < 3; n++) bridge.say({ stress_level: `0.${n}` });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await started.bridges()).to.deep.equal([]);
    expect(started.output.match(hides)).to.have.length(1);
  });

  it("has one where the operator says that the room is safe", async () => {
    await bridge.start();
    const started = await LiveFocus.start(prosody, "jicofo.ts.bridge.trust-hidden = true");
    focus = started;
    await until(async () => (await started.bridges()).includes("jvb1"));
    expect(started.output.match(hides)).to.equal(null);
  });

  it("has one where the focus owns the room: the server shows accounts to an owner", async () => {
    const started = await LiveFocus.start(prosody);
    focus = started;
    await bridge.start();
    await until(async () => (await started.bridges()).includes("jvb1"));
    expect(started.output.match(hides)).to.equal(null);
  });
});
