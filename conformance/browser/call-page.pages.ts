/** What people see on the call page: a screen shared without a camera, and that everything fits. */
import { expect } from "chai";
import { type Calls, explainFailures, newestClientInFull, npmClient, startCalls } from "./calls.ts";
import { type CallPage, expectMedia, expectSilence } from "./pages.ts";

const newest = newestClientInFull();
for (const [name, client, reason] of [
  ["the client library from npm", npmClient, ""],
  ["the newest client library", newest.path, newest.reason],
] as const)
  describe(`the call page with ${name}`, () => {
    let calls: Calls | undefined;
    before(async function () {
      if (client === undefined) {
        console.log(`      ${reason}`);
        this.skip();
      }
      calls = await startCalls({ client });
    });
    after(() => calls?.stop());
    explainFailures(() => calls);

    it("shows a screen shared while the camera is off to who is there and who comes; the camera comes and goes beside it", async () => {
      if (calls === undefined) return;
      await calls.closePages();
      const flow = { bridges: calls.stack.bridges, forMs: 1000 };
      const first = await calls.open("screen", 1);
      const second = await calls.open("screen", 2);
      await expectMedia([first, second], flow);
      const pictures = async (page: CallPage, screen: boolean, camera: boolean) => {
        const shown = (label: string) =>
          page.page
            .locator(`.tile:has(.label:text-is("${label}")) video`)
            .waitFor({ state: "visible", timeout: 5000 });
        const gone = (label: string) =>
          page.page
            .locator(`.tile:has(.label:text-is("${label}")) video`)
            .waitFor({ state: "hidden", timeout: 5000 });
        await (screen ? shown : gone)("p1: screen");
        await (camera ? shown : gone)("p1");
      };

      await first.click("camera");
      await expectSilence([second], "p1/video");
      await first.click("share");
      const screenOnly = { ...flow, sources: { p1: ["audio", "screen"] } };
      await expectMedia([first, second], screenOnly);
      await pictures(second, true, false);

      const third = await calls.open("screen", 3);
      await expectMedia([first, second, third], screenOnly);
      await pictures(third, true, false);

      await first.click("camera");
      const both = { ...flow, sources: { p1: ["audio", "video", "screen"] } };
      await expectMedia([first, second, third], both);
      for (const page of [second, third]) await pictures(page, true, true);

      await first.click("camera");
      await expectSilence([second, third], "p1/video");
      await expectMedia([first, second, third], screenOnly);
      for (const page of [second, third]) await pictures(page, true, false);

      await first.click("share");
      for (const page of [second, third]) await pictures(page, false, false);
      await first.click("camera");
      await expectMedia([first, second, third], flow);
      for (const page of [second, third]) await pictures(page, false, true);

      // The servers' view fits a phone, and names people as their tiles do.
      const { page: view } = first;
      const id = await second.id();
      await view.waitForSelector(`.tile:has(.label:text-is("p2")) .figures:has-text("${id}")`);
      await view.setViewportSize({ width: 390, height: 700 });
      await view.goto(`${calls.url}servers`);
      await view.waitForSelector(`td:text-is("${id}")`);
      expect(await view.evaluate("document.documentElement.scrollWidth")).to.equal(390);
      // Nor does the page to join by scroll.
      await view.setViewportSize({ width: 1000, height: 700 });
      await view.goto(calls.url);
      await view.waitForSelector("#join");
      expect(await view.evaluate("document.documentElement.scrollHeight")).to.equal(700);
    });
  });
