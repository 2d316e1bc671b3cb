/** Calls of real pages on our own focus and bridge, by client library and bridge channel. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { tellStory } from "./call-story.ts";
import {
  type Calls,
  explainFailures,
  newestClient,
  newestClientInFull,
  npmClient,
  startCalls,
} from "./calls.ts";
import { expectMedia } from "./pages.ts";

tellStory(
  "npm client, bridge channel over WebSocket",
  () => ({ client: npmClient }),
  { channel: "websocket" },
  "websocket",
);
tellStory(
  "npm client, bridge channel over SCTP",
  () => ({ client: npmClient, webSocket: false }),
  {},
  "data channel",
);

/** The one test with direct calls on; everything else runs through the bridge from the start. */
function tellDirect(title: string, client: string): void {
  describe(title, () => {
    let calls: Calls;
    before(async () => {
      calls = await startCalls({ client });
    });
    after(() => calls?.stop());
    explainFailures(() => calls);
    afterEach(() => calls.closePages());
    let room = 0;

    it("two talk directly, a third moves all to the bridge, direct again when it leaves", async () => {
      const direct = (active: boolean) => async () =>
        (
          await Promise.all(
            [first, second].map((page) => page.page.evaluate("call.conference.isP2PActive()")),
          )
        ).every((is) => is === active);
      const name = `direct${++room}`;
      /** The page says "direct" when it begins to switch; the media follows within the second. */
      const switched = () => sleep(1500);
      const first = await calls.open(name, 1, { p2p: "1" });
      const second = await calls.open(name, 2, { p2p: "1" });
      await until("both talk directly", direct(true), 20_000);
      await switched();
      await expectMedia([first, second]);
      const third = await calls.open(name, 3, { p2p: "1" });
      await until("all are on the bridge", direct(false));
      await expectMedia([first, second, third], { bridges: calls.stack.bridges });
      await third.close();
      await until("both talk directly again", direct(true), 20_000);
      await switched();
      await expectMedia([first, second]);
    });
  });
}

tellDirect("npm client, direct calls of two", npmClient);

const newest = newestClient();
if (newest.path === undefined) {
  describe("newest client", () => {
    before(() => console.log(`      skipped: ${newest.reason}`));
    it.skip(`SCTP by preference and conference request by HTTP (${newest.reason})`);
  });
} else {
  const client = newest.path;
  tellStory(
    "newest client, SCTP by preference, conference request by HTTP",
    () => ({ client }),
    { http: "1" },
    "data channel",
  );
}

const inFull = newestClientInFull();
if (inFull.path === undefined) {
  describe("newest client, further", () => {
    before(() => console.log(`      skipped: ${inFull.reason}`));
    it.skip(`direct calls of two; WebSocket and conference request by IQ (${inFull.reason})`);
  });
} else {
  const client = inFull.path;
  tellDirect("newest client, direct calls of two", client);
  tellStory(
    "newest client, WebSocket, conference request by IQ",
    () => ({ client }),
    { channel: "websocket" },
    "websocket",
  );
}

describe("conference request by HTTP", () => {
  let calls: Calls;
  before(async () => {
    calls = await startCalls({ client: npmClient });
  });
  after(() => calls?.stop());
  explainFailures(() => calls);

  it("answers ready with the focus' address, and the room exists", async () => {
    const response = await fetch(`${calls.url}conference-request/v1`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room: `byhttp@conference.${calls.stack.domain}`, properties: {} }),
    });
    expect(response.status).to.equal(200);
    const answer = (await response.json()) as Record<string, unknown>;
    expect(answer["ready"]).to.equal(true);
    expect(answer["focusJid"]).to.equal(`focus@auth.${calls.stack.domain}`);
    expect(answer["properties"]).to.be.an("object");
    const rooms = (await (
      await fetch(`http://127.0.0.1:${calls.stack.focusPort}/debug/conferences`)
    ).json()) as string[];
    expect(rooms).to.include(`byhttp@conference.${calls.stack.domain}`);
  });
});
