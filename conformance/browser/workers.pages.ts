/** One bridge with two media threads on its one UDP port, and what happens to it in mid-call. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type Calls, explainFailures, npmClient, startCalls } from "./calls.ts";
import { type CallPage, expectMedia } from "./pages.ts";

describe("a bridge of two media workers", () => {
  let calls: Calls;
  let red: CallPage[] = [];
  let blue: CallPage[] = [];
  const flow = () => ({ bridges: calls.stack.bridges });
  const bridge = () => {
    const [only] = calls.stack.bridges;
    if (only === undefined) throw new Error("no bridge");
    return only.program;
  };
  const stat = async (name: string) => Number((await calls.bridgeStats())[name]);
  /** Lines the bridge wrote since `from`, without its time stamps. */
  const linesSince = (from: number): string[] => bridge().log().slice(from).trim().split("\n");

  before(async () => {
    calls = await startCalls({
      client: npmClient,
      hibernationSeconds: 2,
      bridgeConfig: "videobridge.ts.workers = 2",
      // The only bridge is taken from a call.
      expectedError: /Conference: No bridge can take participants$/,
    });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);
  afterEach(() => expect(bridge().log()).not.to.match(/SEVERE|Uncaught|Bug/));

  it("carries two conferences at once, each on its own thread", async () => {
    red = [await calls.open("red", 1), await calls.open("red", 2)];
    blue = [await calls.open("blue", 3), await calls.open("blue", 4)];
    await Promise.all([expectMedia(red, flow()), expectMedia(blue, flow())]);
    expect(await stat("conferences")).to.equal(2);
    expect(await stat("endpoints")).to.equal(4);
    expect(
      bridge()
        .log()
        .match(/Media worker ready/g)?.length,
    ).to.equal(2);
  });

  it("one ends, the other goes on, a new one takes its place", async () => {
    await Promise.all(red.map((page) => page.close()));
    await expectMedia(blue, flow());
    await until("the first conference is gone", async () => (await stat("conferences")) === 1);
    red = [await calls.open("green", 5), await calls.open("green", 6)];
    await Promise.all([expectMedia(red, flow()), expectMedia(blue, flow())]);
  });

  it("is back in the brewery after the XMPP server restarted, with few words", async () => {
    const from = bridge().log().length;
    await calls.stack.prosody.kill();
    await until("it noticed", async () => (await stat("muc_clients_connected")) === 0);
    await sleep(3000);
    await calls.stack.prosody.start();
    await until("it has joined again", async () => (await stat("mucs_joined")) === 1, 20_000);
    expect(linesSince(from).length, linesSince(from).join("\n")).to.be.below(12);
    await calls.closePages();
  });

  it("crashes, starts again on the same port, and carries a call", async () => {
    await bridge().kill();
    await bridge().start();
    await until("it has joined again", async () => (await stat("mucs_joined")) === 1, 20_000);
    await sleep(3000);
    red = [await calls.open("yellow", 1), await calls.open("yellow", 2)];
    await expectMedia(red, { ...flow(), withinMs: 30_000 });
  });

  it("ends in order on SIGTERM in mid-call", async () => {
    const from = bridge().log().length;
    const began = performance.now();
    await bridge().stop();
    expect(performance.now() - began).to.be.below(2500);
    expect(linesSince(from).filter((line) => line.includes("Stopping: SIGTERM")).length).to.equal(
      1,
    );
  });
});
