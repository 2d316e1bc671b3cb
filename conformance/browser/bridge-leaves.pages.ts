/** A bridge goes while people are on it: they go on over the other one, and after how long. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { eventually } from "./call-story.ts";
import { type Calls, npmClient, startCalls } from "./calls.ts";
import { type CallPage, expectMedia, longestGaps } from "./pages.ts";

type Bridge = Calls["stack"]["bridges"][number];

const ways: readonly {
  readonly name: string;
  go(bridge: Bridge): Promise<unknown>;
  /** Makes it an ordinary bridge again. */
  restore(bridge: Bridge): Promise<unknown>;
}[] = [
  {
    name: "is told to drain over HTTP",
    go: (bridge) => post(bridge, "/colibri/drain/enable"),
    restore: (bridge) => post(bridge, "/colibri/drain/disable"),
  },
  {
    name: "is told to shut down gracefully over HTTP",
    go: (bridge) => post(bridge, "/colibri/shutdown", { "graceful-shutdown": "true" }),
    restore: restart,
  },
  { name: "gets SIGTERM", go: ({ program }) => program.stop(), restore: restart },
];

async function restart({ program }: Bridge): Promise<void> {
  await program.stop();
  await program.start();
}

async function post({ privatePort }: Bridge, path: string, body = {}): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${privatePort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.ok, `${path} answered ${response.status}`).to.equal(true);
}

describe("a bridge that goes", () => {
  let calls: Calls;

  const properties = process.env["JAVA_SYS_PROPS"];

  before(async () => {
    // Off by default, and not in the configuration that every stack gets.
    process.env["JAVA_SYS_PROPS"] = "-Dvideobridge.rest.shutdown.enabled=true";
    calls = await startCalls({ client: npmClient, bridges: 2 });
  });
  after(async () => {
    if (properties === undefined) delete process.env["JAVA_SYS_PROPS"];
    else process.env["JAVA_SYS_PROPS"] = properties;
    await calls?.stop();
  });
  /** Makes the bridge of the last case an ordinary one again. */
  let restored: () => Promise<unknown> = async () => undefined;
  afterEach(async () => {
    await calls.closePages();
    await restored();
  });

  /** The bridge at whose port the media of a page begins. */
  async function bridgeOf(page: CallPage): Promise<Bridge | undefined> {
    const ports = (await page.seen()).pairs.map(({ port }) => port);
    return calls.stack.bridges.find(({ mediaPort }) => ports.includes(mediaPort));
  }

  for (const [at, { name, go, restore }] of ways.entries()) {
    it(`${name}: the call goes on over the other bridge`, async () => {
      const pages = await Promise.all([1, 2].map((number) => calls.open(`leaves${at}`, number)));
      await expectMedia(pages, { mediaPorts: calls.mediaPorts });
      const [first] = pages;
      const used = first && (await bridgeOf(first));
      const other = calls.stack.bridges.find((bridge) => bridge !== used);
      if (used === undefined || other === undefined) throw new Error("no bridge to leave");
      await Promise.all(pages.map((page) => page.mark()));
      restored = () => restore(used);
      await go(used);
      await eventually("everybody is on the other bridge", async () =>
        (await Promise.all(pages.map(bridgeOf))).every((bridge) => bridge === other),
      );
      // Long enough for a gap to end; one that has not is counted as far as it got.
      await sleep(1500);
      const gaps = [...(await longestGaps(pages)).values()];
      console.log(`      longest gaps: ${gaps.map((gap) => `${Math.round(gap)} ms`).join(", ")}`);
      await expectMedia(pages, { mediaPorts: [other.mediaPort] });
      expect(Math.max(...gaps)).to.be.below(3000);
    });
  }
});
