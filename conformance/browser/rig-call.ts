/**
 * Runs inside the rig's network namespace (`rig in node rig-call.ts`): serves the call page in
 * front of the rig's Prosody and plays a call of three pages on whatever focus and bridge are up.
 * Prints a line for each step and ends with status 0 when all held.
 */
import { join } from "node:path";
import { serve } from "../../shared/demo/web.ts";
import { CallPage, expectMedia, launchBrowser } from "./pages.ts";

const upstream = process.env["JITSI_UPSTREAM"];
if (upstream === undefined) throw new Error("JITSI_UPSTREAM is not set");

const close = await serve({
  host: "127.0.0.1",
  port: 8000,
  tls: undefined,
  client: join(upstream, "client/lib-jitsi-meet.min.js"),
  domain: "meet.rig",
  xmppHttpPort: 5280,
  focusPort: 8888,
  bridges: [{ name: "jvb1", publicPort: 9090, privatePort: 8080 }],
});
const browser = await launchBrowser();
const flow = { mediaPorts: [10_000] };
const pages: CallPage[] = [];
const open = async (number: number) => {
  const page = await CallPage.open(browser, {
    url: "http://127.0.0.1:8000/",
    room: "mixed",
    number,
  });
  pages.push(page);
  return page;
};

try {
  const first = await open(1);
  const second = await open(2);
  console.log(`two pages: media after ${Math.round(await expectMedia([first, second], flow))} ms`);
  let third = await open(3);
  console.log(
    `a third page: media after ${Math.round(await expectMedia([first, second, third], flow))} ms`,
  );
  await third.close();
  await Promise.all([first.forget(third), second.forget(third)]);
  await expectMedia([first, second], flow);
  third = await open(3);
  console.log(
    `it left and returned: media after ${Math.round(await expectMedia([first, second, third], flow))} ms`,
  );
  await second.click("mute");
  await expectMedia([first, second, third], { ...flow, sources: { p2: ["video"] } });
  await second.click("mute");
  await expectMedia([first, second, third], flow);
  console.log("mute and unmute");
  await first.click("share");
  await expectMedia([first, second, third], {
    ...flow,
    sources: { p1: ["audio", "video", "screen"] },
  });
  console.log("a shared screen");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  for (const page of pages) console.error(page.report());
  process.exitCode = 1;
} finally {
  await browser.close();
  await close();
}
process.exit();
