/**
 * Runs inside the rig's network namespace (`rig in node rig-call.ts PART...`): serves the call page
 * in front of the rig's Prosody and plays a call of three pages on the focus and the two bridges
 * named, which are up. Prints a line for each step and ends with status 0 when all held.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { until } from "#shared/testing/until";
import { serve } from "../../shared/demo/web.ts";
import { bridgesOfFocus, longestGap, post } from "./faults.ts";
import { CallPage, expectMedia, expectSilence, launchBrowser, untilMedia } from "./pages.ts";

const run = promisify(execFile);
const upstream = process.env["JITSI_UPSTREAM"];
if (upstream === undefined) throw new Error("JITSI_UPSTREAM is not set");
const rig = join(upstream, "rig");
const state = process.env["RIG_DIR"] ?? `/tmp/${process.env["RIG_NS"] ?? "jitsi-rig"}`;
const [focus = "", ...bridgeParts] = process.argv.slice(2);

const java = bridgeParts.includes("jvb1");
const bridges = bridgeParts.map((part, at) => ({
  part,
  name: `jvb${at + 1}`,
  mediaPort: 10_000 + at,
  totalsAtExpiry: java,
  publicPort: 9090 + at,
  privatePort: 8080 + at,
}));
type RigBridge = (typeof bridges)[number];

const close = await serve({
  host: "127.0.0.1",
  port: 8000,
  tls: undefined,
  client: join(upstream, "client/lib-jitsi-meet.min.js"),
  domain: "meet.rig",
  xmppHttpPort: 5280,
  focusPort: 8888,
  bridges,
});
const browser = await launchBrowser();
const flow = { bridges };
const opened: CallPage[] = [];
const open = async (number: number) => {
  const url = "http://127.0.0.1:8000/";
  const page = await CallPage.open(browser, { url, room: "mixed", number });
  opened.push(page);
  return page;
};

/** The bridge at whose port the media of all `pages` begins, when it is one. */
async function carrier(pages: readonly CallPage[]): Promise<RigBridge | undefined> {
  const looks = await Promise.all(pages.map((page) => page.seen()));
  return bridges.find(({ mediaPort }) =>
    looks.every(({ pairs }) => pairs.some(({ port }) => port === mediaPort)),
  );
}

/**
 * COMPAT(jvb): a bridge in Java takes some seconds to load what its first call needs. The call goes
 * to the other bridge and back, so that both are like bridges of a service in use.
 */
async function warmUp(
  pages: readonly CallPage[],
  used: RigBridge,
  other: RigBridge,
): Promise<void> {
  for (const [from, to] of [
    [used, other],
    [other, used],
  ] as const) {
    await post(from, "/colibri/drain/enable");
    const moved = async () => (await carrier(pages)) === to;
    await until(`everybody is on ${to.name}`, moved, 40_000);
    await untilMedia(pages, 30_000);
    await post(from, "/colibri/drain/disable");
    // A bridge says so with its next presence.
    await sleep(6000);
  }
}

/**
 * Takes the bridge of the call away; prints and returns the longest gap until the other has it, which
 * is cold unless it is to be warmed up.
 */
async function lose(pages: readonly CallPage[], signal: "SIGTERM" | "SIGKILL", warm = false) {
  const used = await carrier(pages);
  const other = bridges.find((bridge) => bridge !== used);
  if (used === undefined || other === undefined) throw new Error("not all are on one bridge");
  if (warm) await warmUp(pages, used, other);
  const gap = await longestGap(pages, async () => {
    process.kill(-Number(readFileSync(join(state, `${used.name}.pid`), "utf8")), signal);
    const moved = async () => (await carrier(pages)) === other;
    await until(`everybody is on ${other.name}`, moved, 30_000);
  });
  await expectMedia(pages, { bridges: [other] });
  await run(rig, ["up", used.part]);
  // Both are asked: one that is up need not be in the brewery yet.
  await twoBridges();
  return gap;
}

const twoBridges = () =>
  until("the focus sees two bridges", async () => (await bridgesOfFocus(8888)) === 2);

function limit(what: string, gap: number, most: number): void {
  console.log(`${what}: longest gap ${Math.round(gap)} ms`);
  if (gap > most) throw new Error(`${what}: a gap of ${Math.round(gap)} ms, at most ${most}`);
}

try {
  await twoBridges();
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
  const all = [first, second, third];
  console.log(`it left and returned: media after ${Math.round(await expectMedia(all, flow))} ms`);
  await second.click("mute");
  await expectSilence([first, third], "p2/audio");
  await expectMedia(all, { ...flow, sources: { p2: ["video"] } });
  await second.click("mute");
  await expectMedia(all, flow);
  console.log("mute and unmute");
  await first.click("share");
  await expectMedia(all, { ...flow, sources: { p1: ["audio", "video", "screen"] } });
  await first.click("share");
  await expectSilence([second, third], "p1/screen");
  await expectMedia(all, flow);
  console.log("a shared screen");
  // Upstream's focus waits until the server gives the session of a killed bridge up. A bridge in Java
  // says no farewell on SIGTERM, so that a restart is a death to us as well.
  const killed = focus !== "our-jicofo" ? 25_000 : java ? 8000 : 4000;
  // One that was just started needs up to 5 s of that by itself, to load what a call needs.
  const cold = java ? Math.max(killed, 13_000) : killed;
  const restarted = java ? 8000 : 4000;
  limit("a bridge restarted", await lose(all, "SIGTERM"), restarted);
  limit("the other restarted, the call back on the first", await lose(all, "SIGTERM"), restarted);
  limit("R1 a bridge killed, the other one cold", await lose(all, "SIGKILL"), cold);
  if (java) limit("R1 a bridge killed, both warm", await lose(all, "SIGKILL", true), killed);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  for (const page of opened) console.error(page.report());
  process.exitCode = 1;
} finally {
  await browser.close();
  await close();
}
process.exit();
