/** What every combination of client and channel must be able to do: one story, told by tests. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { type CallOptions, type Calls, explainFailures, startCalls } from "./calls.ts";
import { type CallPage, expectMedia, expectSilence } from "./pages.ts";

/**
 * Two pages, a third, one that leaves and returns, mute, camera off and on, a shared screen.
 * `query` goes into each page's address; `transport` is what the bridge must have used for its
 * channel.
 */
export function tellStory(
  title: string,
  options: () => CallOptions,
  query: Readonly<Record<string, string>>,
  transport: "websocket" | "data channel",
): void {
  describe(title, () => {
    let calls: Calls;
    let first: CallPage;
    let second: CallPage;
    let third: CallPage;
    const flow = () => ({ bridges: calls.stack.bridges });

    before(async () => {
      calls = await startCalls(options());
    });
    after(() => calls?.stop());
    explainFailures(() => calls);

    it("two pages see and hear each other through the bridge", async () => {
      await calls.closePages();
      first = await calls.open("story", 1, query);
      second = await calls.open("story", 2, query);
      await expectMedia([first, second], flow());
      const before = await calls.bridgeStats();
      await sleep(1000);
      const after = await calls.bridgeStats();
      for (const key of ["total_packets_received", "total_packets_sent"]) {
        expect(Number(after[key]), key).to.be.greaterThan(Number(before[key]));
      }
    });

    it(`the bridge channel is a ${transport}`, async () => {
      const stats = await calls.bridgeStats();
      const count = Number(
        stats[
          transport === "websocket"
            ? "total_colibri_web_socket_messages_received"
            : "total_data_channel_messages_received"
        ],
      );
      expect(count).to.be.greaterThan(0);
    });

    it("the first page is moderator", async () => {
      expect(
        await first.evaluate((window) => window.call.conference?.isModerator() ?? false),
      ).to.equal(true);
    });

    it("a third page joins", async () => {
      await third?.close();
      third = await calls.open("story", 3, query);
      await expectMedia([first, second, third], flow());
    });

    it("the third leaves and returns", async () => {
      await third.close();
      await until(
        "the others see it leave",
        async () => (await first.page.locator('.tile[data-person]:has-text("p3")').count()) === 0,
      );
      await Promise.all([first.forget(third), second.forget(third)]);
      await expectMedia([first, second], flow());
      third = await calls.open("story", 3, query);
      await expectMedia([first, second, third], flow());
    });

    it("mute stops the sound of one page only, unmute brings it back", async () => {
      await second.switchOff("mute");
      await second.click("mute");
      await until(
        "the others show it muted",
        async () => (await first.page.locator('.label:has-text("muted")').count()) === 1,
      );
      await expectSilence([first, third], "p2/audio");
      await expectMedia([first, second, third], { ...flow(), sources: { p2: ["video"] } });
      await second.click("mute");
      await expectMedia([first, second, third], flow());
    });

    it("camera off stops the picture of one page only, camera on brings it back", async () => {
      await second.switchOff("camera");
      await second.click("camera");
      await until(
        "the others see no picture",
        async () =>
          !(await first.page.locator('.tile:has(.label:has-text("p2")) video').first().isVisible()),
      );
      await expectSilence([first, third], "p2/video");
      await expectMedia([first, second, third], { ...flow(), sources: { p2: ["audio"] } });
      await second.click("camera");
      await expectMedia([first, second, third], flow());
    });

    it("a shared screen arrives as a second source, and goes", async () => {
      await first.switchOff("share");
      await first.click("share");
      await expectMedia([first, second, third], {
        ...flow(),
        sources: { p1: ["audio", "video", "screen"] },
      });
      await first.click("share");
      await until(
        "the others see it go",
        async () =>
          !(await second.page.locator('.label:has-text("p1: screen")').first().isVisible()),
      );
      await expectSilence([second, third], "p1/screen");
      await expectMedia([first, second, third], flow());
    });
  });
}
