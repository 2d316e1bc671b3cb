/** What tests of failures share: which bridge carries a page, and how long its media was away. */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "#shared/testing/until";
import type { Calls } from "./calls.ts";
import { type CallPage, longestGaps, untilMedia } from "./pages.ts";

export type Bridge = Calls["stack"]["bridges"][number];

/** The bridge at whose port the media of a page begins. */
export async function bridgeOf(calls: Calls, page: CallPage): Promise<Bridge | undefined> {
  const ports = (await page.seen()).pairs.map(({ port }) => port);
  return calls.stack.bridges.find(({ mediaPort }) => ports.includes(mediaPort));
}

/** The bridge that carries all of `pages`, and the other one of two. */
export async function usedAndOther(
  calls: Calls,
  pages: readonly CallPage[],
): Promise<{ readonly used: Bridge; readonly other: Bridge }> {
  const [used, ...more] = new Set(await Promise.all(pages.map((page) => bridgeOf(calls, page))));
  const other = calls.stack.bridges.find((bridge) => bridge !== used);
  if (used === undefined || more.length > 0 || other === undefined)
    throw new Error("the pages are not on one bridge of two");
  return { used, other };
}

/** Waits until the media of all `pages` comes from `bridge`. */
export function allOn(
  calls: Calls,
  pages: readonly CallPage[],
  bridge: Bridge,
  withinMs?: number,
): Promise<void> {
  const there = async () =>
    (await Promise.all(pages.map((page) => bridgeOf(calls, page)))).every((one) => one === bridge);
  return until(`everybody is on ${bridge.name}`, there, withinMs);
}

/** Ids of the pages' sessions with the focus: they change when somebody is invited anew. */
export function sessions(pages: readonly CallPage[]): Promise<string[]> {
  return Promise.all(
    pages.map(
      (page) =>
        page.page.evaluate("call.conference.jvbJingleSession?.sid ?? ''") as Promise<string>,
    ),
  );
}

/**
 * Runs `fault` and waits until all media between `pages` flows again; prints and returns the
 * longest time that any of them was without some source, in ms.
 */
export async function longestGap(
  pages: readonly CallPage[],
  fault: () => Promise<unknown>,
  withinMs = 20_000,
): Promise<number> {
  await Promise.all(pages.map((page) => page.mark()));
  await fault();
  await untilMedia(pages, withinMs);
  // A source that comes back only to stop again is not back.
  await sleep(1000);
  const gaps = await longestGaps(pages);
  console.log(
    `      longest media gap: ${[...gaps].map(([name, gap]) => `${name} ${Math.round(gap)} ms`).join(", ")}`,
  );
  return Math.max(...gaps.values());
}

export async function restart({ program }: Bridge): Promise<void> {
  await program.stop();
  await program.start();
}

/** Posts JSON to the private HTTP server of a bridge. */
export async function post(
  { privatePort }: Pick<Bridge, "privatePort">,
  path: string,
  body = {},
): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${privatePort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
}

/** Bridges that the focus with its HTTP server at that port may select. */
export async function bridgesOfFocus(focusPort: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${focusPort}/stats`);
  const stats = (await response.json()) as {
    bridge_selector: { operational_bridge_count: number };
  };
  return stats.bridge_selector.operational_bridge_count;
}
